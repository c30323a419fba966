"""Hands a command to the machine it is meant for: over ssh, or to root by sudo.

Streams stay the caller's own.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

from receiver.cli.checkout import Destination
from receiver.cli.context import Environment
from receiver.cli.place import Place
from receiver.model.errors import AccessError


def ssh_argv(place: Destination, words: Sequence[str], *, terminal: bool) -> list[str]:
    """The command line that types these words on the server."""
    port = ("-p", place.port) if place.port else ()
    # `--` stands before the address, so that nothing after it can be an option of ssh's
    return ["ssh", "-t" if terminal else "-T", *port, "--", place.address, shlex.join(words)]


def become_ssh(
    place: Destination, words: Sequence[str], environment: Environment, *, terminal: bool
) -> NoReturn:
    """Go on as ssh: input, output, interruptions and exit code are those of the command over
    there.
    """
    _become(ssh_argv(place, words, terminal=terminal), environment)


def become_git(words: Sequence[str], environment: Environment) -> NoReturn:
    """Go on as git, the user's own."""
    _become(["git", *words], environment)


def become_root(words: Sequence[str], environment: Environment) -> NoReturn:
    """Go on as root, by sudo."""
    _become(root_argv(words, environment), environment)


def root_argv(words: Sequence[str], environment: Environment) -> list[str]:
    """The command line that gives these words to `ship` as root."""
    return ["sudo", "--", str(environment.program / "ship"), *words]


def become(argv: Sequence[str], variables: Mapping[str, str], folder: Path) -> NoReturn:
    """Go on as a program in another folder, with other variables; OSError where it cannot be
    run.
    """
    os.chdir(folder)
    os.execvpe(argv[0], list(argv), dict(variables))  # noqa: S606 - no shell is wanted


def ask_over_ssh(
    place: Destination,
    words: Sequence[str],
    environment: Environment,
    *,
    given: bytes | None = None,
) -> tuple[int, bytes]:
    """Run words on the server for what they print; progress and questions go past us.

    Their input is `given`, or our own.
    """
    from receiver.machine import shell

    argv = ssh_argv(place, words, terminal=False)
    return shell.read(argv, env=environment.variables, given=given)


def hand_over(
    place: Place, words: Sequence[str], environment: Environment, given: bytes
) -> tuple[int, bytes]:
    """Run words on the server, or as root here, with `given` as input: what is in it shows in no
    list of processes.
    """
    from receiver.machine import shell

    if isinstance(place, Destination):
        return ask_over_ssh(place, words, environment, given=given)
    return shell.read(root_argv(words, environment), env=environment.variables, given=given)


def attach_ssh(
    place: Destination,
    words: Sequence[str],
    environment: Environment,
    *,
    stdin: IO[bytes] | None = None,
) -> int:
    """Run words on the server, on our own streams or with a file as input; returns the exit code,
    255 where ssh itself failed.
    """
    from receiver.machine import shell

    argv = ssh_argv(place, words, terminal=False)
    return shell.attach(argv, env=environment.variables, stdin=stdin)


def ssh_says(place: Destination, environment: Environment) -> str:
    """What ssh says of an attempt to reach the server at which nobody is asked anything."""
    from receiver.machine import shell

    said = bytearray()
    program, *rest = ssh_argv(place, ["version"], terminal=False)
    argv = (program, "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", *rest)
    shell.pump(shell.start(argv, env=environment.variables), said.extend)
    return said.decode("utf-8", "replace")


def _become(argv: list[str], environment: Environment) -> NoReturn:
    try:
        os.execvpe(argv[0], argv, dict(environment.variables))  # noqa: S606 - no shell is wanted
    except FileNotFoundError as error:
        raise AccessError(
            f"The program {argv[0]} is missing on this machine.",
            advice="Install the package openssh-client."
            if argv[0] == "ssh"
            else f"Become root yourself, and type: {shlex.join(argv[2:])}",
            reason="access/no-ssh" if argv[0] == "ssh" else "access/not-root",
        ) from error
