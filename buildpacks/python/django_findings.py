"""What the settings of a Django project are worth a look for, from what
receiver/runtime/django_project.py found in them during the build. Pure.
"""

from collections.abc import Iterator

import msgspec

from receiver.model.build import Learnt
from receiver.model.manifest import can_be_served
from receiver.model.patterns import regex

FOUND = "ship: found "
"""How that program begins its line."""
NOISE = FOUND + r"\{.*"
_LOCAL = frozenset({"localhost", ".localhost", "127.0.0.1", "0.0.0.0", "::1", "[::1]"})  # noqa: S104 - names
_READ_FROM = regex(r"""=[^"']*(?:environ|env|config)\b[^"']*["']([A-Z][A-Z0-9_]*)["']""")
_LONGEST_LINE = 200
"""The app's code makes it, and a long one could keep root looking through it for hours."""
_PLAIN_TEXT = regex(r"\b(?:os\.)?(?:environ|getenv)\b")
_MADE_OF_IT = regex(r"==|\bin\b|\bint\(|\bloads\(|literal_eval|strtobool|\.lower\(")
"""What makes more of a text than whether it is empty."""


class Found(msgspec.Struct, frozen=True):
    """The line."""

    settings: str = ""
    """The file of the settings, from the top of the tree."""
    host: str = ""
    """The app's own name for visitors."""
    debug: bool = False
    debug_line: str = ""
    hosts: tuple[str, ...] = ("*",)
    static_url: str = ""
    static_root: str = ""
    """The folder below the tree that static files were collected into."""
    static_root_was: str = ""
    static_filled: bool = False
    """Whether the settings name no such folder that can be written."""
    serves_itself: bool = False
    """Whether the project has WhiteNoise or its like."""
    database: str = ""
    """An SQLite file below the tree."""
    migrates: bool = False
    """Whether a file that runs at a release names migrations."""
    unapplied: int | None = None
    """Migrations that the database lacks; None where that is not known."""


def learn(output: str) -> Learnt:
    """What follows from the last such line; nothing where there is none."""
    lines = [line for line in output.splitlines() if line.startswith(FOUND)]
    if not lines:
        return Learnt()
    try:
        found = msgspec.json.decode(lines[-1].removeprefix(FOUND), type=Found)
    except msgspec.DecodeError:
        return Learnt()  # the project has printed such a line itself
    return Learnt(
        static=_static(found),
        notices=tuple(_about_static(found)),
        remarks=tuple(_remarks(found)),
    )


def _static(found: Found) -> dict[str, str]:
    """What nginx serves: where the project does so itself, from its own folder, nothing. The whole
    tree is none that a project means to show: its settings are in it.
    """
    url, root = found.static_url, found.static_root
    if url == "/" or root == "." or not can_be_served(url, root):
        return {}
    if found.serves_itself and not found.static_filled:
        return {}
    return {url if url.endswith("/") else f"{url}/": root}


def _about_static(found: Found) -> Iterator[str]:
    if found.static_root and found.static_filled and found.static_root_was:
        yield (
            f"STATIC_ROOT {found.static_root_was} is not writable here;"
            f" files are collected into {found.static_root}/."
        )
    for url, root in _static(found).items():
        yield f"nginx serves {url} from {root}/."


def _remarks(found: Found) -> Iterator[str]:
    if found.debug:
        yield _debug(found)
    if not set(found.hosts) - _LOCAL:
        yield _hosts(found)
    if found.database:
        yield _database(found)
    elif found.unapplied and not found.migrates:
        yield _migrations(found.unapplied)


def _where(found: Found) -> str:
    return f"In {found.settings or 'your settings'}:"


def _debug(found: Found) -> str:
    what = "DEBUG is on: error pages show your code and settings to everyone."
    if name := _READ_FROM.search(found.debug_line[:_LONGEST_LINE]):
        return f"{what}\n  ship config:set {name[1]}={_off(found.debug_line)}"
    return f'{what} {_where(found)}\n  import os\n  DEBUG = "SHIP_HOST" not in os.environ'


def _off(line: str) -> str:
    """The value that a line of settings takes for off."""
    if "!=" in line or "not in" in line:
        return "False"
    is_text = _PLAIN_TEXT.search(line) and not _MADE_OF_IT.search(line)
    return "" if is_text else "0"


def _hosts(found: Found) -> str:
    named = "names no host of this app" if found.hosts else "is empty"
    return (
        f"ALLOWED_HOSTS {named}. Ship accepts the app's own host names,"
        f" and no others. To name them yourself: {_where(found).replace('In', 'in', 1)}\n"
        f'  ALLOWED_HOSTS = ["{found.host}", "localhost", "127.0.0.1"]'
    )


def _database(found: Found) -> str:
    name = found.database
    lost = f"{name} is part of the release: the next push starts without what was saved in it."
    lines = [f"  ship storage:mount {name}"]
    if found.unapplied and not found.migrates:
        lost += f" It lacks {_counted(found.unapplied)}."
        lines.append("  ship run python manage.py migrate")
    return "\n".join((f"{lost} To keep it{' and create its tables' * (len(lines) > 1)}:", *lines))


def _migrations(unapplied: int) -> str:
    return (
        f"The database lacks {_counted(unapplied)}. To apply them now, and with each push"
        " by a line of the Procfile:\n"
        "  ship run python manage.py migrate\n"
        "  release: python manage.py migrate --noinput"
    )


def _counted(number: int) -> str:
    return f"{number} migration{'s' * (number != 1)}"
