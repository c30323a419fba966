"""Facts: the machine's pip settings, told to uv, which reads no pip.conf.

What an administrator wrote for pip (an index of the house, a folder of wheels, a certificate) holds
for apps too. An app's own PIP_* config vars come before it, its UV_* config vars before everything.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec.structs import replace

from receiver.building.constraint_files import constrained
from receiver.building.pip_options import ALIASES, ForUv, Scope, Told, translated
from receiver.model.build import Command
from receiver.model.errors import ShipError
from receiver.model.patterns import regex

STANDARD_FILES = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))
"""Where pip looks for all users; a later file wins."""
_HOME_FILES = (".pip/pip.conf", ".config/pip/pip.conf")
_SECTIONS = ("global", "install")
_ALWAYS = {
    "UV_SYSTEM_CERTS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "UV_NO_MANAGED_PYTHON": "1",
}
CONSTRAINTS = ("constraint", "build-constraint")
_LISTS = ("index-url", "extra-index-url", "find-links", *CONSTRAINTS)
"""Options that name places, with blanks between them."""
_PLACES = (*_LISTS, "cert", "client-cert")
_CHECKED_ANYWAY = "require-hashes"
"""Of what a lock file names, hashes are checked without being asked for."""
_WORD = regex(r"[a-z0-9][a-z0-9.-]*[a-z0-9]|[a-z0-9]")
_PASSWORD = regex(r"//[^/@\s]*@")

Seen = Literal["there", "missing", "unreadable"]
See = Callable[[Path], Seen]
"""Looks for a place, as the app's build will; a relative one is below the pushed tree."""


class PipSettings(msgspec.Struct, frozen=True):
    """What uv's commands are told, and sentences for the push log."""

    env: Mapping[str, str] = msgspec.field(default_factory=lambda: dict(_ALWAYS))
    """Variables for every command."""
    notices: tuple[str, ...] = ()
    told: Mapping[str, Told] = msgspec.field(default_factory=dict)
    """What the commands of a scope are told, by option."""
    options: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Those of pip that decide what is installed, as far as uv is told."""
    texts: Mapping[str, str] = msgspec.field(default_factory=dict)
    """What the files of constraints say, by path."""

    @property
    def deciding(self) -> Mapping[str, str]:
        """All that decides what is installed."""
        return {**self.options, **self.texts}

    def applied(self, command: Command) -> Command:
        """The command with what it is to be told."""
        scopes = _scopes(command)
        told = [one for option in self.told.values() for one in _within(option, scopes)]
        env = {name: value for one in told for name, value in one.env.items()}
        options = [word for one in told for word in one.options] if _is_uv(command) else []
        env = {**self.env, **env}
        own = {name: _both(env.get(name, ""), value, name) for name, value in command.env.items()}
        return replace(command, argv=(*command.argv, *options), env={**env, **own})

    def left_to_lock(self, command: Command) -> str:
        """A sentence on what does not count, because a lock file does; or nothing."""
        if not command.locked:
            return ""
        scopes = _scopes(command)
        names = [name for name, told in self.told.items() if told and not _within(told, scopes)]
        shown = [f"`{name}`" for name in names if name != _CHECKED_ANYWAY]
        if not shown:
            return ""
        settings = "settings" if len(shown) > 1 else "setting"
        return f"The lock file decides, not the pip {settings} {' and '.join(shown)}."

    def explained(self, error: ShipError) -> ShipError:
        """The error, with a word on a constraint of a package that it names."""
        named = {name for text in self.texts.values() for name in constrained(text)}
        words = set(_WORD.findall(error.detail.lower()))
        where = without_passwords(self.options.get("constraint", ""))
        if where and error.reason == "build/requirements-unresolvable" and named & words:
            error.advice += f" The pip setting `constraint {where}` limits versions too."
        return error


def _scopes(command: Command) -> tuple[Scope, ...]:
    if command.argv[:2] == ("{uv}", "sync"):
        return ("always", "sync")
    chosen: tuple[Scope, ...] = () if command.locked else ("choose",)
    usual: tuple[Scope, ...] = () if "--default-index" in command.argv else ("lookup",)
    return ("always", "install", *usual, *chosen)


def _is_uv(command: Command) -> bool:
    if "{uv}" not in command.argv:
        return False
    words = command.argv[command.argv.index("{uv}") + 1 :]
    return words[:1] == ("sync",) or words[:2] == ("pip", "install")


def _both(machines: str, apps: str, name: str) -> str:
    """What a command is told where this machine says something too: hosts are added to its own."""
    return f"{machines} {apps}" if name == "UV_INSECURE_HOST" and machines else apps


def _within(told: Told, scopes: Iterable[Scope]) -> list[ForUv]:
    return [told[scope] for scope in scopes if scope in told]


def standard_files(home: Path | None = None) -> tuple[Path, ...]:
    """Files that hold for all users, and those below `home` where apps run as its owner."""
    return (*STANDARD_FILES, *(home / name for name in _HOME_FILES if home))


def uv_settings(
    config: Mapping[str, str], files: Iterable[Path] = STANDARD_FILES, see: See | None = None
) -> PipSettings:
    """The settings of this machine, with the PIP_* variables of `config` over them."""
    options: dict[str, str] = {}
    for file in files:
        options |= parse_pip_conf(_text(file))
    return to_uv(options | _from_variables(config), see or on_this_machine)


def on_this_machine(path: Path) -> Seen:
    """Whether a place is here, for whoever asks."""
    try:
        return "there" if path.exists() else "missing"
    except PermissionError:
        return "unreadable"


def parse_pip_conf(text: str) -> dict[str, str]:
    """Options of `[global]`, then of `[install]` over them; nothing from a text that is no
    pip.conf.
    """
    import configparser  # noqa: PLC0415 - few servers have a pip.conf

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    options: dict[str, str] = {}
    for section in _SECTIONS:
        if parser.has_section(section):
            options |= {_option(name): value for name, value in parser.items(section)}
    return options


def to_uv(options: Mapping[str, str], see: See = on_this_machine) -> PipSettings:
    """The same for uv; what it cannot be told is left out, and named."""
    kept: dict[str, str] = {}
    notices: list[str] = []
    for option, value in options.items():
        kept[option], left_out = _existing(option, value, see)
        notices += left_out
    found = {option: translated(option, value) for option, value in kept.items() if value}
    if found.get("require-hashes") and "constraint" in found:
        found["constraint"] = "with require-hashes, each version is pinned anyway."
    notices += [_unused(option, why) for option, why in found.items() if isinstance(why, str)]
    told = {option: one for option, one in found.items() if not isinstance(one, str)}
    env = dict(_ALWAYS)
    for one in told.values():
        env |= one["always"].env if "always" in one else {}
    scoped = {option: one for option, one in told.items() if set(one) - {"always"}}
    return PipSettings(
        env=env,
        notices=tuple(notices),
        told=scoped,
        options={option: kept[option] for option in scoped},
    )


def _existing(option: str, value: str, see: See) -> tuple[str, list[str]]:
    """The value without places that a build cannot use, and a notice for each of those."""
    entries = value.split() if option in (*_LISTS, "trusted-host") else [value.strip()]
    seen = {entry: _seen(option, entry, see) for entry in entries}
    kept = " ".join(entry for entry in entries if seen[entry] == "there")
    return kept, [_notice(option, entry, one) for entry, one in seen.items() if one != "there"]


def _seen(option: str, entry: str, see: See) -> Seen:
    """Whether a build finds the place that an entry names; uv would end with an error."""
    path = local_path(entry) if option in _PLACES and entry else None
    return see(path) if path else "there"


def local_path(place: str) -> Path | None:
    """The file or folder that a place is, unless it is an address of another machine."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme else Path(place)


def without_passwords(text: str) -> str:
    """The text with addresses that do not tell how one gets in."""
    return _PASSWORD.sub("//***@", text)


def _notice(option: str, entry: str, seen: Seen) -> str:
    why = {
        "missing": "there is nothing at this place",
        "unreadable": "the app's account cannot read it",
    }[seen]
    shown = without_passwords(f"{option} {entry}")
    return f"The pip setting `{shown}` is left out, because {why}."


def _unused(option: str, why: str) -> str:
    return f"The pip setting `{option}` is not used: {why}"


def _from_variables(config: Mapping[str, str]) -> dict[str, str]:
    return {
        _option(name.removeprefix("PIP_")): value
        for name, value in config.items()
        if name.startswith("PIP_")
    }


def _option(name: str) -> str:
    """The name of an option as a file or a variable has it, the way pip shows it."""
    plain = name.lower().replace("_", "-")
    return ALIASES.get(plain, plain)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
