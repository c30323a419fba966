"""Buildpacks with the classic contract: what names them, where they come from, and what their
`bin/release` says.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from receiver.model.errors import AccessError, BuildError, ServerError, UsageError
from receiver.model.patterns import regex

BUILT_IN = ("python", "static", "procfile")
_OTHER_NAMES = {
    "heroku/python": "python",
    "https://github.com/heroku/heroku-buildpack-python": "python",
}
_NAME = regex(r"[a-z0-9][a-z0-9._/-]{0,62}")
_CREDENTIALS = regex(r"(?<=:)//[^/@]*@")
_COMMIT = regex(r"[0-9a-f]{40}")
_REF = regex(r"[A-Za-z0-9][A-Za-z0-9._/+-]*")
_KEY = regex(r"""(\s*)(?:([\w.-]+)|"([^"\\]*)"|'([^']*)')\s*:(?:\s+(.*))?""")
_PLAIN = regex(r"""[^\s\[\]{}&*!|>%@`"'#,][^#]*""")


class GitSource(msgspec.Struct, frozen=True):
    """A buildpack in a git repository, at one ref of it."""

    name: str
    url: str
    ref: str

    @property
    def address(self) -> str:
        """The URL without the name and password that it may hold."""
        return without_password(self.url)

    @property
    def credentials(self) -> str:
        """`name:password` of the URL; nothing where it has none."""
        return unquote(urlsplit(self.url).netloc.rpartition("@")[0])

    @property
    def pinned(self) -> bool:
        """Whether the ref is a commit, which nobody can change."""
        return _COMMIT.fullmatch(self.ref) is not None


class FolderSource(msgspec.Struct, frozen=True):
    """A buildpack that lies on the server."""

    name: str
    path: str


Source = GitSource | FolderSource


class Released(msgspec.Struct, frozen=True):
    """What `bin/release` asks for."""

    processes: Mapping[str, str]
    config: Mapping[str, str]


def without_password(place: str) -> str:
    """A place as everybody may see it."""
    return _CREDENTIALS.sub("//", place)


def parse_source(name: str, text: str) -> Source:
    """A line of [buildpacks] in the server's ship.toml.

    Raises:
        ServerError: the name or the place cannot be meant, or nothing says which version
    """
    if not _NAME.fullmatch(name) or name in BUILT_IN or name in _OTHER_NAMES:
        raise _bad_source(name, text, "A name is of a-z, 0-9 and . _ / -, and none of ship's own.")
    if text.startswith("/"):
        return FolderSource(name, text)
    url, _, ref = text.partition("#")
    if not url.startswith(("https://", "http://")) or any(c.isspace() for c in url):
        raise _bad_source(name, text, "It is an https address of git, or the path of a folder.")
    source = GitSource(name, url, ref)
    if not _REF.fullmatch(ref):
        raise _bad_source(name, text, "It ends with `#` and a tag or a commit: `https://...#v12`.")
    if url.startswith("http://") and not source.pinned:
        raise _bad_source(name, text, "Without https, it has to name a whole commit behind `#`.")
    return source


def canonical(text: str, allowed: Mapping[str, str]) -> str:
    """The name of the buildpack that somebody means by a name or an address.

    Raises:
        ShipError: it is not one of this server's
    """
    wanted = text.removesuffix(".git")
    if wanted in BUILT_IN or wanted in allowed:
        return wanted
    if wanted in _OTHER_NAMES:
        return _OTHER_NAMES[wanted]
    places = {
        without_password(place).partition("#")[0].removesuffix(".git"): name
        for name, place in allowed.items()
    }
    found = places.get(wanted.partition("#")[0].removesuffix(".git"))
    if found is None:
        raise not_allowed(text, allowed)
    return found


def not_allowed(name: str, allowed: Mapping[str, str]) -> AccessError:
    """The error for a buildpack that the administrator did not let in."""
    return AccessError(
        f"The buildpack {name} is not allowed on this server.",
        detail=f"There are: {', '.join((*BUILT_IN, *sorted(allowed)))}.",
        advice="A buildpack is a program of somebody else's, so the server's administrator lets it "
        "in, by a line below"
        ' [buildpacks] in the server\'s ship.toml: `name = "https://github.com/OWNER/NAME#v1"`.',
        reason="access/buildpack",
    )


def parse_release(name: str, text: str) -> Released:
    """The YAML of `bin/release`, of which two levels of names and texts are understood; JSON is
    YAML too.

    Raises:
        BuildError: it is something else
    """
    tables = _tables(name, text)
    unknown = [
        key for key in tables if key not in ("default_process_types", "config_vars", "addons")
    ]
    if unknown:
        raise _bad_release(name, f"It has the key {unknown[0]}, which means nothing.")
    return Released(tables.get("default_process_types", {}), tables.get("config_vars", {}))


def _tables(name: str, text: str) -> dict[str, dict[str, str]]:
    text = text.strip().removeprefix("---").strip()
    if text.startswith("{"):
        return _from_json(name, text)
    tables: dict[str, dict[str, str]] = {}
    table = ""
    for line in filter(_says_something, text.splitlines()):
        found = _KEY.fullmatch(line.rstrip())
        if found is None:
            raise _bad_release(name, f"This line is not understood: {line.strip()}")
        key = next(group for group in (found[2], found[3], found[4]) if group is not None)
        value = (found[5] or "").strip()
        if not found[1]:
            table = key
            tables[table] = {}
            if value not in ("", "{}", "[]"):
                raise _bad_release(name, f"This line is not understood: {line.strip()}")
        elif table:
            tables[table][key] = _value(name, value)
    return tables


def _says_something(line: str) -> bool:
    """Not a comment or a mark of YAML; nor an entry of a list, which only the add-ons are, and
    there are none here.
    """
    text = line.strip()
    return bool(text) and text != "..." and not text.startswith(("#", "-"))


def _from_json(name: str, text: str) -> dict[str, dict[str, str]]:
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise _bad_release(name, f"It is not JSON: {error}.") from error
    tables = {key: value for key, value in found.items() if key != "addons"}
    for table in tables.values():
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            raise _bad_release(name, "It is to hold tables of texts.")
    return tables


def _value(name: str, text: str) -> str:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError as error:
            raise _bad_release(name, f"This text is not understood: {text}") from error
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return text[1:-1].replace("''", "'")
    plain = re.split(r"\s#", text, maxsplit=1)[0].strip()
    if not _PLAIN.fullmatch(plain):
        raise _bad_release(name, f"This text is not understood: {text}")
    return plain


def _bad_release(name: str, detail: str) -> BuildError:
    return BuildError(
        f"What bin/release of the buildpack {name} says cannot be used.",
        detail=detail,
        advice="It has to print YAML such as:\n  default_process_types:\n    web: bin/serve",
        reason="build/buildpack-release",
    )


def _bad_source(name: str, text: str, advice: str) -> ServerError:
    return ServerError(
        f"The buildpack {name} cannot be used as the server's ship.toml names it: "
        f"{without_password(text)}",
        advice=advice,
        reason="server/bad-buildpack",
    )


def parse_index(text: str, count: int) -> int:
    """A place in the list of buildpacks, counted from 1.

    Raises:
        UsageError: there is no such place
    """
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= count:
        raise UsageError(
            f"{text!r} is not a place in the list of buildpacks.",
            advice=f"Write a number from 1 to {count}." if count > 1 else "Write 1.",
            reason="usage/bad-index",
        )
    return int(text)
