"""What pip and uv go by on this computer, and what of it a machine gets, with the files it names.

Nothing of it is ever written into the repository: it may hold addresses and passwords.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

ADDRESSES = ("index-url", "pypi-url", "extra-index-url", "find-links")
CONSTRAINTS = ("constraint", "build-constraint")
CERTIFICATES = ("cert", "client-cert")
LEFT_OUT = {
    **dict.fromkeys(
        (
            "cache-dir", "dest", "destination-dir", "destination-directory", "local-log", "log",
            "log-file", "output", "path", "prefix", "report", "root", "source", "source-dir",
            "source-directory", "src", "target", "wheel-dir",
        ),
        "a machine writes to its own places",
    ),
    **dict.fromkeys(
        ("editable", "group", "requirement", "requirements-from-script"),
        "a machine does not install this computer's packages",
    ),
    **dict.fromkeys(
        ("editor", "keyring-provider", "python"), "a machine has no such program of this computer"
    ),
}  # fmt: skip
"""pip's other options that name a file, a folder or a program, each with the reason."""
UV_KEYS = ("index-url", "extra-index-url", "find-links")
UV_VARIABLES = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX_URL": "index-url",
    "UV_INDEX": "extra-index-url",
    "UV_EXTRA_INDEX_URL": "extra-index-url",
    "UV_FIND_LINKS": "find-links",
    "SSL_CLIENT_CERT": "client-cert",
    "SSL_CERT_DIR": "cert",
}
READ_ALREADY = ("config-file", "UV_CONFIG_FILE")

_NAMED_IN_A_FILE = re.compile(
    r"^\s*(?:-[cr]\s*|--(?:constraint|requirement)[=\s]\s*)(\S+)|\b(file:\S+)", re.MULTILINE
)
_INDEX_NAME = re.compile(r"^[\w.-]+=(?=\w+:)")


@dataclass(frozen=True)
class Handed:
    """What a machine is given: settings by section and key, and what has to be there for them."""

    settings: Mapping[str, str]
    paths: tuple[Path, ...] = ()
    """To be seen in the machine at the same place."""
    certificates: tuple[Path, ...] = ()
    """Of authorities, to be trusted by the machine."""
    netrc: Path | None = None
    left_out: tuple[str, ...] = ()

    def first(self, *names: str) -> str:
        """The value of the first of these settings that there is."""
        return next((self.settings[name] for name in names if name in self.settings), "")


@cache
def handed() -> Handed:
    """What this computer's configuration gives; tells once on stderr what it does not."""
    file = _netrc_file()
    given = hand_on(pip_settings() | uv_settings(), file)
    for line in given.left_out:
        print(f"Machines do not get the setting {line}.", file=sys.stderr)
    return given


def hand_on(found: Mapping[str, str], netrc_file: Path | None = None) -> Handed:
    """Take what exists and a machine can use; say of each of the others why not."""
    logins, trouble = _logins(netrc_file)
    taking = _Taking(logins, left_out=list(trouble))
    for name, value in found.items():
        taking.take(name, value)
    return Handed(
        taking.settings,
        tuple(sorted(taking.paths)),
        tuple(taking.certificates),
        netrc_file,
        tuple(taking.left_out),
    )


@dataclass
class _Taking:
    """Settings as they are gone through, one by one."""

    logins: Mapping[str, str]
    settings: dict[str, str] = field(default_factory=dict)
    paths: set[Path] = field(default_factory=set)
    certificates: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, name: str, value: str) -> None:
        option = name.rpartition(".")[2]
        if why := _reason_against(name):
            self.left_out.append(f"{name}: {why}")
        elif option in (*ADDRESSES, *CONSTRAINTS, *CERTIFICATES):
            self._take_places(name, [value] if option in CERTIFICATES else value.split())
        else:
            self.settings[name] = value

    def _take_places(self, name: str, entries: list[str]) -> None:
        there = [_absolute(entry) for entry in entries if _reachable(entry)]
        gone = [entry for entry in entries if not _reachable(entry)]
        self.left_out += [f"{name}: nothing is at {entry}" for entry in gone]
        if there:
            self.settings[name] = " ".join(_with_login(entry, self.logins) for entry in there)
        self._need(name.rpartition(".")[2], there)

    def _need(self, option: str, entries: list[str]) -> None:
        if option == "cert":
            self.certificates += map(Path, entries)
        else:
            self.paths |= {path for entry in entries for path in _needed_for(option, entry)}


def pip_settings() -> dict[str, str]:
    """pip's files and its variables in one, by section and key."""
    argv = (sys.executable, "-m", "pip", "config", "list")
    listing = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return merge_pip_config(listing)


def merge_pip_config(listing: str) -> dict[str, str]:
    """The text of `pip config list`, with variables over every section as pip takes them."""
    settings: dict[str, str] = {}
    # It shows the key with its section but not its file; variables come as :env:.
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, text = line.partition("=")
        section, _, key = name.rpartition(".")
        if section == ":env:":
            settings = {n: v for n, v in settings.items() if n.rpartition(".")[2] != key}
            section = "global"
        if key not in READ_ALREADY:
            settings[f"{section}.{key}"] = str(ast.literal_eval(text))
    return settings


def uv_settings() -> dict[str, str]:
    """Where uv itself is told to get packages from, and what else of its settings names a path."""
    found: dict[str, list[str]] = {}
    for key, value in (*_uv_variables(), *_uv_file_settings()):
        # What wins comes first: variables, then the user's file, then the system's.
        if not (key == "index-url" and key in found):
            found.setdefault(key, []).append(value)
    return {f"uv.{key}": " ".join(values) for key, values in found.items()}


def _uv_variables() -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if key := UV_VARIABLES.get(name):
            for entry in value.replace(",", " ").split():
                yield key, _INDEX_NAME.sub("", entry)
        elif name.startswith("UV_") and name not in READ_ALREADY and _looks_like_a_path(value):
            yield name, value


def _uv_file_settings() -> Iterator[tuple[str, str]]:
    for file in _uv_files():
        settings = tomllib.loads(file.read_text())
        for table in (settings, settings.pop("pip", {})):
            for index in table.pop("index", ()):
                if not index.get("explicit"):
                    yield _index_key(index), str(index["url"])
            for key, value in table.items():
                values = [value] if isinstance(value, str) else value
                if isinstance(values, list):
                    yield from ((key, str(v)) for v in values if key in UV_KEYS or _is_path(v))


def _index_key(index: Mapping[str, object]) -> str:
    if index.get("format") == "flat":
        return "find-links"
    return "index-url" if index.get("default") else "extra-index-url"


def _uv_files() -> tuple[Path, ...]:
    """uv's files on this computer that it would read here, the one that wins first."""
    if own := os.environ.get("UV_CONFIG_FILE"):
        return (Path(own),)
    if os.environ.get("UV_NO_CONFIG"):
        return ()
    user = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    system = [Path(one) for one in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if one]
    of_system = [file for one in (*system, Path("/etc")) if (file := one / "uv/uv.toml").is_file()]
    return tuple(file for file in (user / "uv/uv.toml", *of_system[:1]) if file.is_file())


def _is_path(value: object) -> bool:
    return isinstance(value, str) and _looks_like_a_path(value)


def _looks_like_a_path(value: str) -> bool:
    return value.startswith(("/", "~", "./", "../", "file:"))


def _reason_against(name: str) -> str:
    section, _, option = name.rpartition(".")
    if section == "uv" and option not in (*UV_KEYS, *CERTIFICATES):
        return "uv of a machine has settings of its own"
    return LEFT_OUT.get(option, "")


def _reachable(place: str) -> bool:
    path = path_of(place)
    return path is None or path.exists()


def _absolute(place: str) -> str:
    path = path_of(place)
    return place if path is None or urlsplit(place).scheme else str(path)


def path_of(place: str) -> Path | None:
    """Where on this computer it is, unless it is an address of another."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme:
        return None
    return Path(os.path.abspath(Path(place).expanduser()))  # noqa: PTH100 - links stay as named


def _needed_for(option: str, entry: str) -> Iterator[Path]:
    path = path_of(entry)
    if path is None:
        return
    if option in CONSTRAINTS:
        yield from _with_named_files(path, set())
    # A file index links to `../../files`, so the folder above it belongs to it.
    elif option.endswith(("index-url", "pypi-url")) and len(path.parent.parts) > 2:
        yield path.parent
    else:
        yield path


def _with_named_files(file: Path, seen: set[Path]) -> Iterator[Path]:
    """The file, and those that its lines lead to."""
    if file in seen or not file.exists():
        return
    seen.add(file)
    yield file
    if file.suffix in (".whl", ".gz", ".zip") or file.is_dir():
        return
    for option, address in _NAMED_IN_A_FILE.findall(file.read_text(errors="replace")):
        named = path_of(address or (option if ":" in option else str(file.parent / option)))
        if named is not None:
            yield from _with_named_files(named, seen)


def _netrc_file() -> Path | None:
    names = (os.environ.get("NETRC"), Path.home() / ".netrc", Path.home() / "_netrc")
    return next((path for name in names if name and (path := Path(name)).is_file()), None)


def _logins(file: Path | None) -> tuple[dict[str, str], Iterable[str]]:
    """Name and password for each host of the file, as an address has them."""
    if file is None:
        return {}, ()
    try:
        hosts = netrc(file).hosts
    except (NetrcParseError, UnicodeDecodeError) as error:
        return {}, (f"netrc: it cannot be read ({type(error).__name__})",)
    return {
        host: f"{quote(login, safe='')}:{quote(password or '', safe='')}"
        for host, (login, _, password) in hosts.items()
    }, ()


def _with_login(address: str, logins: Mapping[str, str]) -> str:
    """The address with the login of its host, because accounts of apps do not read root's netrc."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return address
    login = logins.get(parts.hostname or "")
    return address.replace("://", f"://{login}@", 1) if login else address
