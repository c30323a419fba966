"""The forced command of every ssh key: git's two commands are served, all else becomes a `ship`
command as root.

Its start is part of every push over ssh, so whatever is not needed to decide is imported later.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from receiver.model.patterns import regex
from receiver.push import programs

if TYPE_CHECKING:
    from receiver.model.errors import ShipError

_GIT = regex(r"git-[a-z-]+|git|git:from-archive")
_STDERR = 2
_NOBODY_READS = 141
_GREETING = """Hello {key}. This is a ship server. What can be typed, for example:

    ssh ship@HOST apps                      list the apps
    ssh ship@HOST apps:create blog          make one
    git push ship@HOST:blog main            put code live
    ssh ship@HOST logs --app blog           see what it writes
    ssh ship@HOST help                      all commands

"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one ssh connection; returns the exit status for sshd."""
    arguments = sys.argv[1:] if argv is None else argv
    key = _key(arguments)
    line = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    try:
        return _serve(key, line)
    except BrokenPipeError:
        return _NOBODY_READS
    except Exception as error:  # noqa: BLE001 - the edge: a fault of ship's own is told like any other
        from receiver.machine import full_disk  # noqa: PLC0415 - see above

        return _tell(full_disk.in_words(error))


def _serve(key: str, line: str) -> int:
    words = _words(line)
    if not words:
        os.write(_STDERR, _GREETING.format(key=key).encode())
        return 0
    if words[0] == "git" and len(words) > 1:  # `git receive-pack` is how some clients write it
        words = [f"git-{words[1]}", *words[2:]]
    if _GIT.fullmatch(words[0]):
        from receiver.push import ssh  # noqa: PLC0415 - see above

        return ssh.serve(key, words, os.environ)
    return _become_ship(key, words)


def _words(line: str) -> list[str]:
    """The words of a command line, as a shell would make them; nothing else of a shell's
    happens.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        from receiver.model.errors import UsageError  # noqa: PLC0415 - see above

        raise UsageError(
            "This command line has a quotation mark without its partner.",
            detail=line,
            reason="usage/bad-quoting",
        ) from error


def _become_ship(key: str, words: Sequence[str]) -> int:
    """Go on as `ship`, as root: streams, terminal and exit status are its own."""
    # `--` ends what the gate says: nobody can call themselves by another key's name
    shown = _without_values(words)
    argv = programs.ship_by(key, os.environ, "--as-sent", "--", *shown)
    os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted


def _without_values(words: Sequence[str]) -> list[str]:
    """A command line for the eyes of others: every account sees it in the list of processes, and
    sudo writes it down.

    `ship` reads what was sent from SSH_ORIGINAL_COMMAND, which only root sees of a process of
    root's.
    """
    from receiver.model import catalogue  # noqa: PLC0415 - see above

    if catalogue.may_be_secret(words):
        return [words[0], *(["..."] if words[1:] else [])]
    shown: list[str] = []
    for word in words:
        name, sign, _ = word.partition("=")
        # what follows may be more of the value: ssh drops the quotation marks of a laptop's shell
        if sign:
            return [*shown, f"{name}=..."]
        shown.append(word)
    return shown


def _key(arguments: Sequence[str]) -> str:
    """The name behind `--key`, which only authorized_keys gives."""
    if len(arguments) != len(("--key", "name")) or arguments[0] != "--key":
        sys.exit("usage: ship-gate --key NAME, as the forced command of an ssh key")
    return arguments[1]


def _tell(error: "ShipError") -> int:
    from receiver.model.output import Output  # noqa: PLC0415 - see above

    Output(lambda data: os.write(_STDERR, data)).error(error)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
