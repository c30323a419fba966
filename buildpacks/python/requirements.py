"""requirements.txt with the files it includes, as far as they decide what is installed."""

import codecs
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from receiver.model.build import Tree
from receiver.model.errors import BuildError

FILE_NAME = "requirements.txt"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OPTION = re.compile(r"(-[a-z]|--[a-z-]+)(?:\s+|=|(?=[^-\s]))(.*)")
_INCLUDING = {"-r": True, "--requirement": True, "-c": False, "--constraint": False}
"""Options that name another file; true when its requirements are installed."""
_EDITABLE = ("-e", "--editable")
_NAMED = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*(@.*|[=<>!~(][^;]*|)(?:;.*|--.*)?"
)
"""A package by its name, then a place or a range, then markers and hashes."""
_COMMENT = re.compile(r"(^|\s)#.*$")
_CONTINUED = re.compile(r"\\\r?\n")
_PINNED_GIT = re.compile(r"git\+.*@[0-9a-f]{40}([#\s]|$)")
_MAX_FILES = 50


@dataclass(frozen=True, slots=True)
class Requirements:
    """What the files say together."""

    texts: Mapping[str, str]
    """Every file that was read, by its path in the tree."""
    specifiers: Mapping[str, str]
    """The range that is asked for, by normalised name of the package; may be empty."""
    from_tree: tuple[str, ...]
    """Requirements that are built from the pushed tree: `.`, `-e .`, `./lib`."""
    moving: tuple[str, ...]
    """Requirements whose contents can change while their text stays: a git branch, an included
    URL."""
    has_editable: bool
    asks: bool
    """Whether any line says anything."""


def read_requirements(tree: Tree) -> Requirements:
    """requirements.txt and all that it includes.

    Raises:
        BuildError: a file is missing, or is no text in UTF-8.
    """
    reader = _Reader(tree)
    reader.read(FILE_NAME, installs=True)
    return Requirements(
        reader.texts,
        reader.specifiers,
        tuple(reader.from_tree),
        tuple(reader.moving),
        reader.has_editable,
        any(any(_lines(text)) for text in reader.texts.values()),
    )


class _Reader:
    """Collects from one file after the other; each is read once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.texts: dict[str, str] = {}
        self.specifiers: dict[str, str] = {}
        self.from_tree: list[str] = []
        self.moving: list[str] = []
        self.has_editable = False

    def read(self, path: str, *, installs: bool) -> None:
        if path in self.texts or len(self.texts) >= _MAX_FILES:
            return
        self.texts[path] = decode_requirements(path, self._tree.read(path))
        for line in _lines(self.texts[path]):
            self._line(path, line, installs=installs)

    def _line(self, path: str, line: str, *, installs: bool) -> None:
        option = _OPTION.fullmatch(line)
        if option and option[1] in _INCLUDING:
            self._include(
                path, option[2].strip(" \"'"), installs=installs and _INCLUDING[option[1]]
            )
        elif option and option[1] in _EDITABLE:
            self.has_editable = True
            self._source(option[2].strip(" \"'"))
        elif not option and installs:
            self._requirement(line)

    def _include(self, path: str, target: str, *, installs: bool) -> None:
        if "://" in target:
            self.moving.append(target)
            return
        included = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not self._tree.has(included):
            raise BuildError(
                f"{path} includes a file that was not pushed: {target}.",
                detail=f"There is no {included} in the commit.",
                advice="Commit the file, or take the line out.",
                reason="build/requirements-include-missing",
            )
        self.read(included, installs=installs)

    def _requirement(self, line: str) -> None:
        named = _NAMED.fullmatch(line)
        if named is None or self._is_path(line):
            self._source(line)
            return
        name = re.sub(r"[-_.]+", "-", named[1]).lower()
        self.specifiers[name] = named[2].partition(" --")[0].strip("() ")
        if named[2].startswith("@"):
            self._source(named[2].removeprefix("@").strip())

    def _source(self, place: str) -> None:
        """A place that a package comes from, other than an index."""
        if self._is_path(place):
            self.from_tree.append(place)
        elif place.startswith("git+") and not _PINNED_GIT.match(place):
            self.moving.append(place)

    def _is_path(self, text: str) -> bool:
        place = text.partition("[")[0].partition(" ")[0]
        if place.startswith(("file:", ".", "/")):
            return True
        in_tree = self._tree.has_folder(place) or self._tree.has(place)
        return in_tree and ("/" in place or place.endswith((".whl", ".tar.gz", ".zip")))


def decode_requirements(path: str, data: bytes) -> str:
    """The text of a requirements file; a UTF-8 mark at its start is accepted.

    Raises:
        BuildError: it is in another encoding.
    """
    if data.startswith(_UTF16) or b"\0" in data:
        raise _encoding_error(
            path, "It is in UTF-16, as PowerShell's `pip freeze > FILE` writes it."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _encoding_error(path, f"Line {line} holds bytes that are not UTF-8.") from error


def _encoding_error(path: str, detail: str) -> BuildError:
    return BuildError(
        f"{path} is not a text in UTF-8.",
        detail=detail,
        advice=f"Save it as UTF-8 and commit it again. In PowerShell:"
        f" `(Get-Content {path}) | Set-Content -Encoding utf8 {path}`."
        f" Elsewhere: `iconv -f UTF-16 -t UTF-8 {path} > new && mv new {path}`.",
        reason="build/requirements-encoding",
    )


def _lines(text: str) -> Iterator[str]:
    for line in _CONTINUED.sub("", text).splitlines():
        if stripped := _COMMENT.sub("", line).strip():
            yield stripped
