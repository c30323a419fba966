"""Packages that a lock file names exactly, and the requirements that have them installed as they
are named.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec


class Index(msgspec.Struct, frozen=True):
    """A package index that a lock file names besides the usual one."""

    name: str
    url: str
    """Without a name and password."""
    user: str = ""
    password: str = ""
    verified: bool = True
    """Whether its certificate has to be right."""

    @property
    def label(self) -> str:
        """Its name as uv takes it, on the command line and in the names of variables."""
        return re.sub(r"[^A-Za-z0-9]+", "_", self.name).strip("_").lower() or "index"

    @property
    def secrets(self) -> Mapping[str, str]:
        """Variables that tell uv the name and password."""
        prefix = f"UV_INDEX_{self.label.upper()}"
        given = {f"{prefix}_USERNAME": self.user, f"{prefix}_PASSWORD": self.password}
        return {name: value for name, value in given.items() if value}


class Pin(msgspec.Struct, frozen=True):
    """One package."""

    name: str
    """Normalised."""
    place: str
    """`flask==3.1.0`, or where it comes from: `blog @ git+https://…@COMMIT`, `./lib`."""
    version: str = ""
    hashes: tuple[str, ...] = ()
    index: Index | None = None
    """None for the one that this machine or the app's config vars name."""
    from_tree: str = ""
    """The path in the tree that it is built from."""
    linked: bool = False
    """Whether it stays in the tree, and is no copy of it."""
    moving: str = ""
    """What it comes from, if that can change while the lock file stays."""

    @property
    def line(self) -> str:
        """As a line of a requirements file."""
        place = f"-e {self.place}" if self.linked else self.place
        return " ".join((place, *(f"--hash={one}" for one in self.hashes)))


class Pinned(msgspec.Struct, frozen=True):
    """All that one lock file has installed."""

    source: str
    """Name of the lock file."""
    pins: tuple[Pin, ...]
    installs_project: bool = False
    notices: tuple[str, ...] = ()

    @property
    def specifiers(self) -> dict[str, str]:
        return {pin.name: f"=={pin.version}" if pin.version else "" for pin in self.pins}

    @property
    def linked(self) -> tuple[str, ...]:
        """Places in the tree that stay there."""
        return tuple(pin.from_tree for pin in self.pins if pin.linked)

    @property
    def copied(self) -> tuple[str, ...]:
        """Places in the tree that a copy of is installed."""
        return tuple(pin.from_tree for pin in self.pins if pin.from_tree and not pin.linked)

    @property
    def moving(self) -> str:
        """Why each commit needs a virtualenv of its own; nothing when it does not."""
        moving = next((pin.moving for pin in self.pins if pin.moving), "")
        return f"what `{moving}` leads to can change" if moving else ""

    def batches(self) -> list["Batch"]:
        """What is installed at once: the packages of one index after those of another."""
        by_index: dict[Index | None, list[str]] = {}
        for pin in self.pins:
            by_index.setdefault(pin.index, []).append(pin.line)
        return [Batch(index, _text(lines)) for index, lines in by_index.items()]


class Batch(msgspec.Struct, frozen=True):
    """Requirements that are installed from one index."""

    index: Index | None
    requirements: str

    @property
    def options(self) -> tuple[str, ...]:
        """What tells uv of the index; the name and password go another way."""
        if self.index is None:
            return ()
        host = re.sub(r"^[a-z]+://([^/]+).*$", r"\1", self.index.url)
        insecure = () if self.index.verified else ("--allow-insecure-host", host)
        return ("--default-index", f"{self.index.label}={self.index.url}", *insecure)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def is_usual(url: str) -> bool:
    """Whether the address is that of PyPI itself."""
    return urlsplit(url).hostname == "pypi.org"


def git_url(url: str) -> str:
    """An address that `git clone` takes, as a URL: the short form of ssh is none."""
    plain = url.removeprefix("git+")
    short = re.fullmatch(r"([\w.-]+@[\w.-]+):(?!//)(.+)", plain)
    return f"ssh://{short[1]}/{short[2]}" if short else plain


def in_tree(path: str) -> str:
    """A path in the tree as a requirement: it has to begin with a dot to be one."""
    plain = path.removeprefix("file:").removeprefix("./").rstrip("/")
    return f"./{plain}" if plain not in ("", ".") else "."


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in sorted(lines))
