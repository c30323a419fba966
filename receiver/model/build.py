"""What a buildpack says of a tree: values only, so that a build can be shown before it is run."""

import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import date
from types import MappingProxyType
from typing import BinaryIO, Self

import msgspec
from msgspec.structs import replace

from receiver.model.errors import BuildError
from receiver.model.weight import TreeLimits, too_many

_LINK_DEPTH = 8
_READ_LIMIT_BYTES = 4 * 1024 * 1024
_NO_MEMBER = "end of file header"
"""What tarfile says of an archive that ends behind its global header."""


class Interpreter(msgspec.Struct, frozen=True):
    """A Python found on this machine."""

    path: str
    version: str
    """Two or three numbers: `3.11`, or `3.11.2` where it was asked."""

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


class BuildFacts(msgspec.Struct, frozen=True):
    """What a buildpack may know besides the tree."""

    interpreters: tuple[Interpreter, ...]
    config: Mapping[str, str]
    commit: str
    today: date
    fetchable: tuple[Interpreter, ...] = ()
    """Pythons that are not here and can be fetched, with the paths that they will have."""
    python_before: str = ""
    """The version that the live release runs on."""
    pip: Mapping[str, str] = msgspec.field(default_factory=dict)
    """pip's settings that decide what is installed, and the texts of files that they name."""
    packages: str = ""
    """The file that names the packages, where the app's ship.toml chooses it."""


class Command(msgspec.Struct, frozen=True):
    """One command of a build; runs in the sandbox, as the app's account, in the unpacked tree.

    `{venv}` in an argument or a value stands for the virtualenv's absolute path, `{uv}` for that of
    ship's own uv; `filled` puts them in.
    """

    argv: tuple[str, ...]
    title: str = ""
    """Line for the push log, printed before it runs; nothing when empty."""
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    explain: str = ""
    """Name of the failure, the slug of `build/SLUG`; its text is found by the buildpack's
    `explain`."""
    quiet: bool = False
    """Keep the output back unless it fails."""
    stdin: str = ""
    """What it reads."""
    secrets: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Variables that other accounts must not see."""
    noise: str = ""
    """Lines of its output that tell the one who pushed nothing, as a pattern for whole lines."""
    only_looks: bool = False
    """Whether it leaves the tree as it is, and is no part of what a person would type."""
    locked: bool = False
    """Whether a lock file says the versions that it installs."""
    instead: "Command | None" = None
    """What is run where it fails; then its own output is not shown."""

    def filled(self, *, venv: str, uv: str) -> "Command":
        """The command with both paths put in. Not `format`: other braces are the app's own text."""

        def fill(text: str) -> str:
            return text.replace("{venv}", venv).replace("{uv}", uv)

        env = {name: fill(value) for name, value in self.env.items()}
        return replace(self, argv=tuple(map(fill, self.argv)), env=env)


class Virtualenv(msgspec.Struct, frozen=True):
    """The virtualenv a tree needs: equal digests mean equal contents, so it is made once."""

    interpreter: Interpreter
    digest: str
    """Hexadecimal, of everything that decides what is in it."""
    make: Command
    """Makes an empty one."""
    install: tuple[Command, ...]
    """Make it hold these packages and no others, whatever it held before."""
    finish: Command | None = None
    """Adds to it what every virtualenv has, whatever is installed."""
    opened: bool = False
    """Whether the app's own scripts install into it; then it is of one commit alone."""
    others: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Minor versions of Python that the app may ask for instead, newest first, each with the line
    that does."""


class BuildPlan(msgspec.Struct, frozen=True):
    """Everything a buildpack decided about a tree."""

    buildpack: str
    """`python`, `static`, `procfile`."""
    title: str
    """`Python app detected`."""
    notices: tuple[str, ...]
    """Sentences for the push log: what was chosen, and why."""
    virtualenv: Virtualenv | None
    commands: tuple[Command, ...]
    """What runs in the tree after the virtualenv stands; such a build's tree is packed again."""
    processes: Mapping[str, str]
    """Command lines by process type: the Procfile's, or what was found without one."""
    static: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Folders that nginx serves, by URL prefix."""
    before: tuple[Command, ...] = ()
    """What runs in the tree before the virtualenv is made."""
    warnings: tuple[str, ...] = ()
    """What nobody may overlook in the push log."""
    unfetched: "BuildPlan | None" = None
    """What is done where the interpreter cannot be fetched: with one that is here."""

    fixed_port: bool = False
    """Whether neither the web line nor the code asks for the port that it is given."""

    @property
    def changes_tree(self) -> bool:
        """Whether what is served may be another tree than the one that was pushed."""
        return bool(self.before) or any(not command.only_looks for command in self.commands)


class Learnt(msgspec.Struct, frozen=True):
    """What a build that worked has shown of the app."""

    static: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Further folders that nginx serves, by URL prefix."""
    remarks: tuple[str, ...] = ()
    """What is worth a look once it is live; lines to type are indented."""
    notices: tuple[str, ...] = ()
    """Sentences for the push log, at once."""


class Tree:
    """The pushed tree, read from the tar file that git made; links are followed inside it only.

    Reading the archive instead of the unpacked folder means that nobody can change a file, or put a
    link in its place, between the look and the use.
    """

    texts: Mapping[str, bytes] = MappingProxyType({})
    """What files say here, where that is not what they hold."""

    def __init__(self, archive: BinaryIO, limits: TreeLimits | None = None) -> None:
        """Read which members there are.

        Raises:
            BuildError: there are more than `limits` allow
        """
        self._tar = _open(archive)
        # a tree that was packed again after its build has names such as ./app.py
        self.members: dict[str, tarfile.TarInfo] = {
            member.name.rstrip("/").removeprefix("./"): member
            for member in _counted(self._tar or (), limits)
            if member.name != "."
        }

    def below(
        self, folder: str, lent: Iterable[str] = (), texts: Mapping[str, bytes] | None = None
    ) -> Self:
        """One of its folders as a tree of its own, with the files `lent` from the top; `texts` are
        what some of them say there.
        """
        found = copy(self)
        found.texts = texts or {}
        start = f"{folder}/"
        found.members = {name: self.members[name] for name in lent}
        found.members |= {
            name.removeprefix(start): member
            for name, member in self.members.items()
            if name.startswith(start)
        }
        return found

    def names(self) -> list[str]:
        """Names in the top folder, sorted; folders end with a slash."""
        top = {name for name in self.members if "/" not in name}
        return sorted(f"{name}/" if self.members[name].isdir() else name for name in top)

    def files(self) -> list[str]:
        """Paths of all regular files, as they stand in the archive."""
        return [name for name, it in self.members.items() if it.type in tarfile.REGULAR_TYPES]

    def has(self, path: str) -> bool:
        """Whether a file (or a link to one) is there."""
        member = self._resolve(path)
        return member is not None and member.isfile()

    def has_folder(self, path: str) -> bool:
        member = self._resolve(path)
        return member is not None and member.isdir()

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises:
            BuildError: there is no such file, or it is larger than 4 MiB.
        """
        if path in self.texts:
            return self.texts[path]
        member = self._resolve(path)
        if member is None or not member.isfile():
            raise BuildError(
                f"There is no file {path} in this push.",
                advice="Commit it, and push again.",
                reason="build/missing-file",
            )
        if member.size > _READ_LIMIT_BYTES:
            raise BuildError(
                f"{path} is too large to be read.",
                detail=f"It holds {member.size} bytes; the limit is {_READ_LIMIT_BYTES}.",
                advice="Check that the right file was committed under this name.",
                reason="build/file-too-large",
            )
        return self._bytes(member)

    def peek(self, path: str, most_bytes: int) -> bytes | None:
        """The bytes of a file; None where there is no such file, or it is larger."""
        if path in self.texts:
            return self.texts[path]
        member = self._resolve(path)
        if member is None or not member.isfile() or member.size > most_bytes:
            return None
        return self._bytes(member)

    def chunks(self, path: str, chunk_bytes: int) -> Iterator[bytes]:
        """The bytes of a regular file of any size, in pieces; none where there is no such file."""
        member = self.members.get(path)
        handle = self._tar.extractfile(member) if member and member.isfile() and self._tar else None
        while handle is not None and (chunk := handle.read(chunk_bytes)):
            yield chunk

    def _bytes(self, member: tarfile.TarInfo) -> bytes:
        handle = self._tar.extractfile(member) if self._tar is not None else None
        return b"" if handle is None else handle.read()

    def _resolve(self, path: str) -> tarfile.TarInfo | None:
        for _ in range(_LINK_DEPTH):
            member = self.members.get(path)
            if member is None or not member.issym():
                return member
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname))
        return None


def _counted(
    members: Iterable[tarfile.TarInfo], limits: TreeLimits | None
) -> Iterator[tarfile.TarInfo]:
    for count, member in enumerate(members, start=1):
        if limits is not None and count > limits.entries:
            raise too_many(limits)
        yield member


def _open(archive: BinaryIO) -> tarfile.TarFile | None:
    """The archive; None for a commit without any file, of which git writes the id and no member."""
    try:
        return tarfile.open(fileobj=archive, mode="r:")
    except tarfile.ReadError as error:
        if str(error) != _NO_MEMBER:
            raise
        return None
