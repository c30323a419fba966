"""Facts: the Pythons of this machine that an app can be built for.

Each one is asked; names can lie.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from receiver.machine import shell
from receiver.model.build import Interpreter
from receiver.model.patterns import regex

SYSTEM_FOLDERS = (Path("/usr/local/bin"), Path("/usr/bin"))
"""Where every account can run what it finds."""
_SYSTEM_PATTERNS = ("/opt/python*/bin",)
_HOME_PATTERNS = (".pyenv/versions/*/bin", ".local/share/uv/python/cpython-*/bin", ".local/bin")
_PROGRAM = regex(r"python3\.\d+")
_ASK_LIMIT_S = 10
# A pre-release and another implementation than CPython print nothing.
_QUESTION = (
    "import sys; v = sys.version_info; "
    "print(*v[:3], sep='.') if v[3] == 'final' and sys.implementation.name == 'cpython' else None"
)


def folders(fetched: Path, home: Path | None = None) -> tuple[Path, ...]:
    """Where to look: the system's places, ship's own, and those below `home` where apps run as
    its owner.
    """
    system = [found for pattern in _SYSTEM_PATTERNS for found in _sorted_glob(Path("/"), pattern)]
    own = [found for pattern in _HOME_PATTERNS for found in _sorted_glob(home, pattern)]
    # uv makes a link for each minor version too, which moves on to a later patch
    ours = [found for found in _sorted_glob(fetched, "*/bin") if not found.parent.is_symlink()]
    return (*SYSTEM_FOLDERS, *ours, *system, *own)


def find(places: Iterable[Path]) -> tuple[Interpreter, ...]:
    """One interpreter for each version, newest first; of equal ones, the one found first."""
    found: dict[str, Interpreter] = {}
    for program in _programs(places):
        if version := _ask(program):
            found.setdefault(version, Interpreter(str(program), version))
    return tuple(sorted(found.values(), key=lambda one: _numbers(one.version), reverse=True))


def _programs(places: Iterable[Path]) -> list[Path]:
    """Programs named like a Python, each file once, however many links lead to it; no
    virtualenv's.
    """
    seen: dict[Path, Path] = {}
    for place in places:
        if (place.parent / "pyvenv.cfg").exists():
            continue
        for program in _sorted_glob(place, "python3.*"):
            if _PROGRAM.fullmatch(program.name):
                seen.setdefault(program.resolve(), program)
    return list(seen.values())


def _ask(program: Path) -> str | None:
    """Its version; None when it does not run, or is no Python to build upon."""
    try:
        said = shell.capture((str(program), "-I", "-S", "-c", _QUESTION), limit_s=_ASK_LIMIT_S)
    except (shell.CommandError, OSError):
        return None
    return said.decode(errors="replace").strip() or None


def _sorted_glob(place: Path | None, pattern: str) -> Sequence[Path]:
    if place is None:
        return ()
    return sorted(place.glob(pattern.lstrip("/")))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
