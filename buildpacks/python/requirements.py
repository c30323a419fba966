"""requirements.txt with the files it includes, as far as they decide what is installed, and what
their options mean.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping

import msgspec

from receiver.model.build import Tree
from receiver.model.encodings import as_utf8, is_utf16
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

FILE_NAME = "requirements.txt"
_OPTION = regex(r"(-[a-z]|--[a-z-]+)(?:\s+|=|(?=[^-\s])|$)(.*)")
_INCLUDING = {"-r": True, "--requirement": True, "-c": False, "--constraint": False}
"""Options that name another file; true when its requirements are installed."""
_EDITABLE = ("-e", "--editable")
_ALIASES = {"-i": "--index-url", "-f": "--find-links"}
_TOLD = frozenset(
    {"--pre", "--prefer-binary", "--trusted-host", "--index-url", "--extra-index-url"}
)
"""Options that uv has to be told of besides the file itself."""
_OF_A_LINE = regex(r"\s(--(?:global-option|install-option|config-settings?))\b")
_PROJECT = regex(r"(?:(?:-e|--editable)[\s=]*)?\.(?:\[[^]]*\])?/?(?:\s.*)?")
_EGG = regex(r"(?:^|&)egg=([^&]*)")
_NAMED = regex(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*(@.*|[=<>!~(][^;]*|)(?:;.*|--.*)?")
"""A package by its name, then a place or a range, then markers and hashes."""
_COMMENT = regex(r"(^|\s)#.*$")
_CONTINUED = regex(r"\\\r?\n")
_PINNED_GIT = regex(r"git\+.*@[0-9a-f]{40}([#\s]|$)")
_MAX_FILES = 50


class Requirements(msgspec.Struct, frozen=True):
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
    asks: bool
    """Whether any line says anything."""
    editable: tuple[str, ...] = ()
    """Those of `from_tree` that stay links to the tree."""
    options: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Options that uv does not take from the file itself, or takes otherwise than pip does."""
    text: str = ""
    """All in one, where uv cannot read the files as they are: else nothing."""


def read_requirements(tree: Tree, path: str = FILE_NAME) -> Requirements:
    """A file of requirements and all that it includes.

    Raises:
        BuildError: a file is missing, is no text in UTF-8, or has an option that cannot be followed
    """
    reader = _Reader(tree)
    reader.read(path, installs=True)
    return Requirements(
        texts=reader.texts,
        specifiers=reader.specifiers,
        from_tree=tuple(reader.from_tree),
        moving=tuple(reader.moving),
        asks=any(any(_lines(text)) for text in reader.texts.values()),
        editable=tuple(reader.editable),
        options={name: tuple(values) for name, values in reader.options.items()},
        text="".join(f"{line}\n" for line in reader.flat) if reader.rewritten else "",
    )


def installs_project(text: str) -> bool:
    """Whether a requirements file installs the project that it is in."""
    return any(_PROJECT.fullmatch(line) for line in _lines(text))


class _Reader:
    """Collects from one file after the other; each is read once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.texts: dict[str, str] = {}
        self.specifiers: dict[str, str] = {}
        self.from_tree: list[str] = []
        self.moving: list[str] = []
        self.editable: list[str] = []
        self.options: dict[str, list[str]] = {}
        self.flat: list[str] = []
        self.rewritten = False

    def read(self, path: str, *, installs: bool) -> None:
        if path in self.texts or len(self.texts) >= _MAX_FILES:
            return
        self.texts[path] = decode_requirements(path, self._tree.read(path))
        for line in _lines(self.texts[path]):
            self._line(path, line, installs=installs)

    def _line(self, path: str, line: str, *, installs: bool) -> None:
        option = _OPTION.fullmatch(line)
        name = _ALIASES.get(option[1], option[1]) if option else ""
        value = option[2].strip(" \"'") if option else ""
        if name in _INCLUDING:
            self._include(path, name, value, installs=installs and _INCLUDING[name])
        elif name in _EDITABLE:
            self._editable(value)
        elif option:
            if name in _TOLD:
                self.options.setdefault(name, []).append(value)
            self.flat.append(line)
        elif installs:
            self._refuse_option(path, line)
            if _PROJECT.fullmatch(line):
                # the app's own package: its templates and data are found in the tree alone
                self._editable(line)
                self.rewritten = True
                return
            self._requirement(line)
            self.flat.append(line)

    def _editable(self, place: str) -> None:
        if place.startswith("git+"):
            # a repository of others: a copy of it serves as well, and nothing of it is in the tree
            self._requirement(_without_egg(place))
            self.flat.append(_without_egg(place))
            self.rewritten = True
            return
        self.editable.append(place)
        self._source(place)
        self.flat.append(f"-e {place}")

    def _refuse_option(self, path: str, line: str) -> None:
        if found := _OF_A_LINE.search(line):
            raise BuildError(
                f"{path} gives a package the option {found[1]}, which is not followed here.",
                detail=f"The line is `{line}`.",
                advice="Take the option out. A package that needs it to be built can be put into an"
                " index as a wheel.",
                reason="build/requirements-option",
            )

    def _include(self, path: str, option: str, target: str, *, installs: bool) -> None:
        if "://" in target:
            self.moving.append(target)
            self.flat.append(f"{option} {target}")
            return
        included = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not self._tree.has(included):
            raise BuildError(
                f"{path} includes a file that was not pushed: {target}.",
                detail=f"There is no {included} in the commit.",
                advice="Commit the file, or take the line out.",
                reason="build/requirements-include-missing",
            )
        if not _INCLUDING[option]:
            self.flat.append(f"{option} {included}")
            constraints = _Reader(self._tree)
            constraints.texts = self.texts
            constraints.read(included, installs=False)
            self.moving += constraints.moving
            return
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


def _without_egg(place: str) -> str:
    """`git+URL@REF#egg=NAME` as a line that needs no `-e`."""
    address, _, fragment = place.partition("#")
    egg = _EGG.search(fragment)
    rest = "&".join(part for part in fragment.split("&") if part and not part.startswith("egg="))
    source = f"{address}#{rest}" if rest else address
    return f"{egg[1]} @ {source}" if egg and egg[1] else source


def decode_requirements(path: str, data: bytes) -> str:
    """The text of a requirements file; a UTF-8 mark at its start is accepted.

    Raises:
        BuildError: it is in another encoding.
    """
    if is_utf16(data):
        seen = "It is in UTF-16, as PowerShell's `pip freeze > FILE` writes it."
        raise _encoding_error(path, data, seen)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seen = f"Line {line} holds bytes that are not UTF-8."
        raise _encoding_error(path, data, seen) from error


def _encoding_error(path: str, data: bytes, detail: str) -> BuildError:
    return BuildError(
        f"{path} is not a text in UTF-8.",
        detail=detail,
        advice=as_utf8(path, data),
        reason="build/requirements-encoding",
    )


def _lines(text: str) -> Iterator[str]:
    for line in _CONTINUED.sub("", text).splitlines():
        if stripped := _COMMENT.sub("", line).strip():
            yield stripped
