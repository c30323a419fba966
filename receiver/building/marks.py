"""The mark of a finished virtualenv, in a file beside it: of which interpreter it is, and how many
files it has. A virtualenv without one is torn.

The folder of marks is root's; the virtualenv itself is the app's account's. It is only counted, and
its list of packages is read.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from receiver.machine import files, trees
from receiver.model.build import Interpreter

_MOST_LIST_CHARACTERS = 256 * 1024
_COMPILED = ".pyc"
"""Files that Python makes of others as it likes."""


def place(venv: Path) -> Path:
    """The file that says a virtualenv is finished."""
    return venv.with_suffix(".ready")


def write(venv: Path, interpreter: Interpreter) -> None:
    """Mark a virtualenv as finished, as it is now."""
    text = f"{told(interpreter)}\n{_count(venv)} files\n"
    files.write_atomically(place(venv), text, mode=0o600)


def keep_list(venv: Path) -> None:
    """Keep the list of packages that a build left in a virtualenv, where no app can write."""
    with suppress(OSError):
        top = os.open(venv, trees.FOLDER)
        try:
            text = _plain_text(top)
        finally:
            os.close(top)
        files.write_atomically(_list(venv), text, mode=0o600)


def link_list(venv: Path, place: Path) -> None:
    """Have that list at another place too; nothing where there is none."""
    with suppress(OSError):
        files.link_file(_list(venv), place)


def remove(venv: Path) -> None:
    """Take away what is told of a virtualenv: from now on it is a torn one."""
    place(venv).unlink(missing_ok=True)
    _list(venv).unlink(missing_ok=True)


def _list(venv: Path) -> Path:
    return venv.with_suffix(".txt")


def _plain_text(folder: int) -> str:
    """The app's account writes there: what is no short plain file is not read."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open("packages.txt", flags, dir_fd=folder), errors="replace") as handle:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            return ""
        return handle.read(_MOST_LIST_CHARACTERS)


def told(interpreter: Interpreter) -> str:
    """What a mark says of an interpreter."""
    return f"{interpreter.version} {interpreter.path}"


def interpreter(venv: Path) -> str | None:
    """What its mark says of a virtualenv's interpreter; None for one that is torn."""
    text = files.read_text(place(venv))
    return None if text is None else text.partition("\n")[0]


def lost(venv: Path) -> int:
    """How many files a finished virtualenv has less than when it was; 0 where that is not known."""
    _, _, rest = (files.read_text(place(venv)) or "").partition("\n")
    number = rest.partition(" ")[0]
    return max(0, int(number) - _count(venv)) if number.isdecimal() else 0


def _count(venv: Path) -> int:
    try:
        top = os.open(venv, trees.FOLDER)
    except OSError:
        return 0
    try:
        return sum(
            not name.endswith(_COMPILED) for folder in trees.walk(top) for name in folder.files
        )
    finally:
        os.close(top)
