"""Running a command behind a doorway (nsenter, chroot): environment, user, input and time limit."""

import os
import shlex
import subprocess
import time
from collections.abc import Sequence

from tests.vps import registries

Command = str | Sequence[str]
Completed = subprocess.CompletedProcess[str]

PATH_INSIDE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandFailedInsideError(AssertionError):
    """A command in the machine ended with an error; shows both of its streams."""

    def __init__(self, command: Command, done: Completed) -> None:
        super().__init__(
            f"{command!r} ended with {done.returncode}\n"
            f"--- stdout ---\n{done.stdout[-4000:]}\n--- stderr ---\n{done.stderr[-4000:]}"
        )


def run_inside(
    doorway: Sequence[str], command: Command, data: bytes, user: str | None, timeout_s: float
) -> Completed:
    """Run an argv, or a text by the shell, behind the doorway and return its text."""
    # nsenter's child would outlive a killed nsenter, so the limit is kept inside as well.
    limit = ("timeout", "--kill-after=5", f"{timeout_s:g}")
    started = time.monotonic()
    done = subprocess.run(
        (*doorway, *limit, *_as_user(user), *_argv(command)),
        input=data,
        capture_output=True,
        check=False,
        env=_environment(user),
        cwd="/",
        timeout=timeout_s + 30,
    )
    if done.returncode in {124, 137} and time.monotonic() - started >= timeout_s:
        raise subprocess.TimeoutExpired(shlex.join(done.args), timeout_s, done.stdout, done.stderr)
    out, err = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, out, err)


def _argv(command: Command) -> Sequence[str]:
    return ("/bin/sh", "-c", command) if isinstance(command, str) else command


def _as_user(user: str | None) -> Sequence[str]:
    return () if user is None else ("runuser", "-u", user, "--")


def _environment(user: str | None) -> dict[str, str]:
    home = {} if user else {"HOME": "/root", "USER": "root"}
    shell = {"PATH": PATH_INSIDE, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    return registries.environment() | shell | home | {"TERM": os.environ.get("TERM", "dumb")}
