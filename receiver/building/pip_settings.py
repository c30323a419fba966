"""Facts: the machine's pip settings, told to uv, which reads no pip.conf.

What an administrator wrote for pip (an index of the house, a folder of wheels, a certificate) holds
for apps too. An app's own PIP_* config vars come before it, its UV_* config vars before everything.
"""

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

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
_PLAIN = {
    "index-url": "UV_DEFAULT_INDEX",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "ALL_PROXY",
}
"""Options that uv knows by one variable of the same meaning."""
_LISTS = ("extra-index-url", "find-links", "trusted-host")
_FALSE = frozenset({"", "0", "false", "no", "off"})
_PASSWORD = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class PipSettings:
    """Environment variables for uv, and sentences for the push log."""

    env: Mapping[str, str]
    notices: tuple[str, ...] = ()


def standard_files(home: Path | None = None) -> tuple[Path, ...]:
    """Files that hold for all users, and those below `home` where apps run as its owner."""
    return (*STANDARD_FILES, *(home / name for name in _HOME_FILES if home))


def uv_settings(config: Mapping[str, str], files: Iterable[Path] = STANDARD_FILES) -> PipSettings:
    """The settings of this machine, with the PIP_* variables of `config` over them."""
    options: dict[str, str] = {}
    for file in files:
        options |= parse_pip_conf(_text(file))
    return to_uv(options | _from_variables(config))


def parse_pip_conf(text: str) -> dict[str, str]:
    """Options of `[global]`, then of `[install]` over them; nothing from a text that is no
    pip.conf.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    options: dict[str, str] = {}
    for section in _SECTIONS:
        if parser.has_section(section):
            options |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    return options


def to_uv(options: Mapping[str, str]) -> PipSettings:
    """The same in uv's variables; places on this machine that are not there are left out, and
    named.
    """
    kept, missing = _existing(options)
    env = dict(_ALWAYS)
    for option, variable in _PLAIN.items():
        if kept.get(option):
            env[variable] = kept[option]
    if env.get("UV_NO_INDEX", "0").lower() in _FALSE:
        env.pop("UV_NO_INDEX", None)
    if extra := kept.get("extra-index-url"):
        # pip takes the best version of all its indexes, uv by default the first index that has any.
        env |= {"UV_INDEX": extra, "UV_INDEX_STRATEGY": "unsafe-best-match"}
    if links := kept.get("find-links"):
        env["UV_FIND_LINKS"] = ",".join(links.split())
    return PipSettings(env, tuple(map(_notice, missing)))


def _existing(options: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    kept: dict[str, str] = {}
    missing: list[str] = []
    for option, value in options.items():
        entries = value.split() if option in (*_LISTS, "index-url", "cert") else [value.strip()]
        gone = [
            entry for entry in entries if option != "trusted-host" and _is_missing(option, entry)
        ]
        missing += [f"{option} {entry}" for entry in gone]
        kept[option] = " ".join(entry for entry in entries if entry not in gone)
    return kept, missing


def _is_missing(option: str, entry: str) -> bool:
    """Whether an entry names a place on this machine where nothing is; uv would end with an
    error.
    """
    if option not in ("index-url", "extra-index-url", "find-links", "cert"):
        return False
    parts = urlsplit(entry)
    if parts.scheme == "file":
        return not Path(unquote(parts.path)).exists()
    return not parts.scheme and not Path(entry).exists()


def without_passwords(text: str) -> str:
    """The text with addresses that do not tell how one gets in."""
    return _PASSWORD.sub("//***@", text)


def _notice(missing: str) -> str:
    shown = without_passwords(missing)
    return f"The pip setting `{shown}` is left out, because there is nothing at this place."


def _from_variables(config: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in config.items()
        if name.startswith("PIP_")
    }


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
