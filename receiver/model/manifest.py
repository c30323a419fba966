"""ship.toml in an app's tree: read into a `Manifest`, or an error that names the line and the
likely name.
"""

import re
import tomllib
from typing import get_type_hints

import msgspec
from msgspec.structs import replace

from receiver.model.check import Check
from receiver.model.cron import parse_jobs
from receiver.model.errors import BuildError
from receiver.model.formation import NOT_IN_BACKGROUND
from receiver.model.mismatch import in_plain_words, place_of
from receiver.model.patterns import regex
from receiver.model.routing import Routing
from receiver.model.settings import (
    OF_STORAGE,
    BuildRules,
    Manifest,
    ProcessRule,
    ReleasePhase,
    Takeover,
)
from receiver.model.system_packages import refusal

FILE_NAME = "ship.toml"
_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "build": BuildRules,
    "check": Check,
    "deploy": Takeover,
    "nginx": Routing,
    "release": ReleasePhase,
    "process": ProcessRule,
}
_UNKNOWN = regex(r"unknown field `([^`]*)`")
# Both end up in nginx's file and in paths that nginx opens, hence no blank, quote, `;` or `..`.
_NAME = r"[A-Za-z0-9_~@+-][A-Za-z0-9._~@+-]*"
_ADDRESS = regex(rf"/(?:{_NAME}(?:/{_NAME})*/?)?")
_FOLDER = regex(rf"\.|{_NAME}(?:/{_NAME})*/?")
_AT_LINE = regex(r" \(at line (\d+), column \d+\)")


def parse_manifest(data: bytes) -> Manifest:
    """The app's own settings.

    Raises:
        BuildError: it is not TOML, or holds a setting that does not exist or cannot be.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(f"Byte {error.start} of it is not UTF-8.", "Save it as UTF-8.") from error
    try:
        tables = tomllib.loads(text)
        jobs = parse_jobs(tables.pop("cron", {}), FILE_NAME)
        manifest = replace(msgspec.convert(tables, Manifest), cron=jobs)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error)) from error
    except msgspec.ValidationError as error:
        raise _mismatch(str(error), text) from error
    for address, folder in manifest.static.items():
        _refuse_strange_static(address, folder, text)
    for name in manifest.build.apt:
        if why := refusal(name):
            seen = f"{_line_of('apt', text)}`build.apt`, {name!r}: {why}"
            raise _invalid(seen, 'List names of packages, such as `apt = ["libmagic1"]`.')
    for name in NOT_IN_BACKGROUND & manifest.process.keys():
        raise _invalid(
            f"{_line_of(name, text)}`process.{name}`: how {name} ends is not for this file to say.",
            "Name a process type besides web and release. The time that web's requests have "
            "when it is"
            " stopped is graceful_limit_s in the server's app.toml.",
        )
    return manifest


def can_be_served(address: str, folder: str) -> bool:
    """Whether a folder of the repository can be shown to visitors, below an address."""
    return bool(_ADDRESS.fullmatch(address) and _FOLDER.fullmatch(folder))


def _refuse_strange_static(address: str, folder: str, text: str) -> None:
    shown = f"{_line_of(address, text)}`{address}` = `{folder}`"
    if not _ADDRESS.fullmatch(address):
        raise _invalid(
            f"{shown}: this is no address below the app's own.",
            "An address starts with a slash and is made of letters, digits and . _ ~ @ + - "
            "as in `/static/`.",
        )
    if folder.startswith(OF_STORAGE):
        _refuse_strange_storage(address, folder.removeprefix(OF_STORAGE), shown)
    elif not _FOLDER.fullmatch(folder):
        raise _invalid(
            f"{shown}: this is no folder that can be shown to visitors.",
            "Name a folder of the repository by its path from the top, without `..` and "
            "without names"
            " that start with a dot.",
        )


def _refuse_strange_storage(address: str, folder: str, shown: str) -> None:
    if folder == "." or not _FOLDER.fullmatch(folder):
        raise _invalid(
            f"{shown}: this is no folder of the app's storage that can be shown to visitors.",
            f"Name one, such as `{OF_STORAGE}media`. All of the storage is shown to nobody: there"
            " may be a database in it.",
        )
    if address == "/":
        raise _invalid(
            f"{shown}: the storage cannot be the whole site.",
            'Name an address below it, such as `"/media/"`.',
        )


def _syntax(said: str) -> BuildError:
    found = _AT_LINE.search(said)
    line = f"Line {found[1]}" if found else "The end of the file"
    seen = _AT_LINE.sub("", said).removesuffix(" (at end of document)")
    return _invalid(f"{line} is not valid TOML: {seen}.", "Text values stand in quotes.")


def _mismatch(said: str, text: str) -> BuildError:
    path = place_of(said).replace("process[...]", "process.TYPE")
    unknown = _UNKNOWN.search(said)
    if unknown is None:
        seen = f"{_line_of(path, text)}`{path}`: {in_plain_words(said)}"
        return _invalid(seen, f"{_meaning(path)} {_known(path)}".strip())
    name = f"{path}.{unknown[1]}" if path else unknown[1]
    return _invalid(f"{_line_of(name, text)}There is no setting `{name}`.", _meant(name, path))


def _meant(name: str, path: str) -> str:
    import difflib  # noqa: PLC0415 - only this error needs it

    known = _settings(path)
    close = difflib.get_close_matches(name.rpartition(".")[2], known, n=1)
    return f"Did you mean `{close[0]}`? {_known(path)}" if close else _known(path)


def _known(path: str) -> str:
    section = path.partition(".")[0]
    shown = "process.TYPE" if section == "process" else section
    there = f"In [{shown}] there" if section in _SECTIONS else "There"
    return f"{there} can be: {', '.join(_settings(path))}."


def _settings(path: str) -> tuple[str, ...]:
    return _section(path).__struct_fields__


def _section(path: str) -> type[msgspec.Struct]:
    return _SECTIONS.get(path.partition(".")[0].partition("[")[0], Manifest)


def _meaning(path: str) -> str:
    """The sentence that belongs to a setting; nothing where it has none."""
    name = path.rpartition(".")[2].partition("[")[0]
    hint = get_type_hints(_section(path), include_extras=True).get(name)
    notes = [note.description for note in getattr(hint, "__metadata__", ())]
    return next((note for note in notes if note), "")


def _line_of(path: str, text: str) -> str:
    """`Line 3: `, where the last name of the path is set; nothing when it is not to be found."""
    name = re.escape(path.rpartition(".")[2].partition("[")[0])
    setting = re.compile(rf"""\s*(\[\s*)?(\w+\.)*["']?{name}["']?\s*[\]=.]""")
    lines = text.splitlines()
    return next((f"Line {n}: " for n, line in enumerate(lines, 1) if setting.match(line)), "")


def _invalid(detail: str, advice: str) -> BuildError:
    return BuildError(
        f"{FILE_NAME} cannot be read.",
        detail=detail,
        advice=advice,
        reason="build/manifest-invalid",
    )
