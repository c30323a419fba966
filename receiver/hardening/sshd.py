"""Doorway to sshd: what it goes by, where it listens, and who types over it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from receiver.machine import files, proc, shell

UNIT, _SOCKET = "ssh.service", "ssh.socket"
_PROGRAM = "/usr/sbin/sshd"
_RUN = Path("/run/sshd")
"""sshd asks for this folder even to look at its settings; systemd makes it with the service."""
_NAMES = frozenset({"sshd", "sshd-session"})
Settings = Mapping[str, tuple[str, ...]]
"""By name in lower case, the values, one for each line."""


def settings(user: str = "root") -> Settings:
    """What sshd goes by for an account.

    Raises:
        CommandError: there is no sshd, or its files have an error
    """
    _make_folder()
    who = f"user={user},host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
    return read(shell.capture((_PROGRAM, "-T", "-C", who)).decode("utf-8", "replace"))


def read(text: str) -> Settings:
    """What `sshd -T` prints."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        found[name] = (*found.get(name, ()), value)
    return found


def test() -> None:
    """Have sshd look for errors in its files.

    Raises:
        CommandError: there is one
    """
    _make_folder()
    shell.capture((_PROGRAM, "-t"))


def reload() -> None:
    """Have sshd go by its files from the next login on; who is logged in stays."""
    if shell.run(("systemctl", "is-active", "--quiet", UNIT)).status == 0:
        shell.capture(("systemctl", "reload", UNIT))


def ports() -> tuple[int, ...]:
    """Ports by which people come in over ssh: of its settings, of what listens, of this login."""
    found = {int(port) for port in settings().get("port", ()) if port.isdecimal()}
    found |= {_port(each) for each in settings().get("listenaddress", ())}
    return tuple(sorted({*found, *_listening(), *_of_this_login()} - {0}))


def login() -> tuple[int, float] | None:
    """The process of sshd that this is typed over, and when it began; None on a console."""
    for pid in _above():
        if proc.name(pid) in _NAMES:
            began = proc.began_at(pid)
            return None if began is None else (pid, began)
    return None


def _make_folder() -> None:
    with suppress(OSError):
        files.make_folder(_RUN, mode=0o755)


def _port(address: str) -> int:
    number = address.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def _listening() -> Iterator[int]:
    with suppress(shell.CommandError):
        for line in shell.capture(("ss", "-Hltnp")).decode("utf-8", "replace").splitlines():
            words = line.split()
            if '"sshd"' in line and len(words) > 3:  # noqa: PLR2004 - state, two counts, address
                yield _port(words[3])
    if shell.run(("systemctl", "is-active", "--quiet", _SOCKET)).status == 0:  # in its place
        said = shell.capture(("systemctl", "show", "--property=Listen", "--value", _SOCKET))
        for words in filter(None, map(str.split, said.decode("utf-8", "replace").splitlines())):
            yield _port(words[0])


def is_typed_over_ssh() -> bool:
    """Whether somebody types this over ssh, also in a terminal multiplexer that outlives logins."""
    return login() is not None or any(_of_this_login())


def _of_this_login() -> Iterator[int]:
    for pid in _above():
        for variable in proc.environment(pid):
            if variable.startswith(b"SSH_CONNECTION="):
                yield _port(":" + variable.decode("ascii", "replace").split()[-1])


def _above() -> Iterator[int]:
    pid = os.getpid()
    while pid > 1:
        yield pid
        found = proc.status(pid)
        pid = found.parent if found is not None else 0
