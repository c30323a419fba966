"""What each option of `pip install` becomes for uv: a row for each, none is missing.

A row is a translation; or a sentence that says why the option is not used, and what to do instead;
or None, where it changes nothing in what is installed.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

Scope = Literal["always", "install", "lookup", "choose", "sync"]
"""Which commands of uv's are told: all; `uv pip install`; the same where it asks the usual indexes;
where no lock file says the versions; `uv sync`."""


class ForUv(msgspec.Struct, frozen=True):
    """Variables and options of the command line that mean to uv what the option means to pip."""

    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    options: tuple[str, ...] = ()


Told = Mapping[Scope, ForUv]
Translation = Callable[[str], Told | str]
"""What to tell uv for a value, which may be nothing; or why it cannot be told."""

_OFF = frozenset({"", "0", "n", "no", "f", "false", "off"})
ALL, _NONE = ":all:", ":none:"


def _is_on(value: str) -> bool:
    return value.strip().lower() not in _OFF


def _variable(name: str, scope: Scope = "always") -> Translation:
    return lambda value: {scope: ForUv({name: value})}


def _number(name: str) -> Translation:
    """For pip a number may have a fraction, for uv not."""

    def tell(value: str) -> Told | str:
        try:
            return {"always": ForUv({name: str(math.ceil(float(value)))})}
        except (ValueError, OverflowError):
            return "its value is not a number."

    return tell


def _switch(scope: Scope, told: ForUv) -> Translation:
    return lambda value: {scope: told} if _is_on(value) else {}


def _extra_indexes(value: str) -> Told:
    # pip takes the best version of all its indexes, uv by default the first index that has any.
    return {"always": ForUv({"UV_INDEX": value, "UV_INDEX_STRATEGY": "unsafe-best-match"})}


def _find_links(value: str) -> Told:
    return {"always": ForUv({"UV_FIND_LINKS": ",".join(value.split())})}


def _keyring(value: str) -> Told | str:
    if value == "import":
        return "a build has no such keyring. Put the name and password into the index's address."
    return {} if value == "auto" else {"always": ForUv({"UV_KEYRING_PROVIDER": value})}


def _no_build_isolation(value: str) -> Told:
    """Off where the value is `no`: so pip reads options that switch something off."""
    told = ForUv({"UV_NO_BUILD_ISOLATION": "1"})
    return {} if _is_on(value) else {"install": told, "sync": told}


def _config_settings(value: str) -> Told:
    told = ForUv(options=(f"--config-setting={value}",))
    return {"install": told, "sync": told}


def _formats(option: str, variable: str) -> Translation:
    """Which packages come in one format: variables for `uv sync`, else the option."""

    def tell(value: str) -> Told:
        names = _names(value)
        if not names:
            return {}
        several = {f"{variable}_PACKAGE": " ".join(names)}
        return {
            "install": ForUv(options=(f"{option}={','.join(names)}",)),
            "sync": ForUv({variable: "1"} if ALL in names else several),
        }

    return tell


def _releases(mode: str) -> Translation:
    def tell(value: str) -> Told:
        names = _names(value)
        if ALL in names:
            return {"choose": ForUv({"UV_PRERELEASE": mode})}
        options = tuple(f"--prerelease-package={name}={mode}" for name in names)
        return {"choose": ForUv(options=options)} if options else {}

    return tell


def _names(value: str) -> tuple[str, ...]:
    """Packages of a list with commas; `:none:` takes back those before it, `:all:` is all."""
    names = [name.strip() for name in value.split(",") if name.strip()]
    if _NONE in names:
        names = names[len(names) - names[::-1].index(_NONE) :]
    return (ALL,) if ALL in names else tuple(names)


_OWN_FILES = "packages come from the app's own files. Name them there."
_OWN_PLACE = "packages go into the app's own virtualenv."
_OWN_PYTHON = "packages are for this machine and the app's Python. Choose that in .python-version."
_NO_SUCH_STEP = "uv builds packages without it. Use config-settings."

OPTIONS: Mapping[str, Translation | str | None] = {
    # where packages come from
    "index-url": _variable("UV_DEFAULT_INDEX"),
    "extra-index-url": _extra_indexes,
    "no-index": _switch("lookup", ForUv(options=("--no-index",))),
    "find-links": _find_links,
    "trusted-host": _variable("UV_INSECURE_HOST"),
    "cert": _variable("SSL_CERT_FILE"),
    "client-cert": _variable("SSL_CLIENT_CERT"),
    "keyring-provider": _keyring,
    "proxy": _variable("ALL_PROXY"),
    "timeout": _number("UV_HTTP_TIMEOUT"),
    "retries": _number("UV_HTTP_RETRIES"),
    # which versions
    "constraint": _variable("UV_CONSTRAINT", "choose"),
    "build-constraint": _variable("UV_BUILD_CONSTRAINT", "install"),
    "pre": _switch("choose", ForUv({"UV_PRERELEASE": "allow"})),
    "all-releases": _releases("allow"),
    "only-final": _releases("disallow"),
    "uploaded-prior-to": _variable("UV_EXCLUDE_NEWER", "choose"),
    "require-hashes": _switch("choose", ForUv({"UV_REQUIRE_HASHES": "1"})),
    "no-deps": _switch("choose", ForUv(options=("--no-deps",))),
    "prefer-binary": "uv takes the newest version in whatever format."
    " List packages in only-binary, or limit their versions.",
    "ignore-requires-python": "uv always heeds Requires-Python."
    " Choose a Python that the package supports.",
    # in which format, and built how
    "no-binary": _formats("--no-binary", "UV_NO_BINARY"),
    "only-binary": _formats("--only-binary", "UV_NO_BUILD"),
    "no-build-isolation": _no_build_isolation,
    "config-settings": _config_settings,
    # what the app decides, and where it goes
    "requirement": _OWN_FILES,
    "requirements-from-script": _OWN_FILES,
    "editable": _OWN_FILES,
    "group": _OWN_FILES,
    "only-deps": _OWN_FILES,
    "target": _OWN_PLACE,
    "prefix": _OWN_PLACE,
    "root": _OWN_PLACE,
    "user": _OWN_PLACE,
    "python": _OWN_PYTHON,
    "python-version": _OWN_PYTHON,
    "platform": _OWN_PYTHON,
    "implementation": _OWN_PYTHON,
    "abi": _OWN_PYTHON,
    "dry-run": "a push installs. `ship plan` shows what would be done.",
    "use-feature": "it switches on a part of pip, and ship installs with uv.",
    "use-deprecated": "it switches on a part of pip, and ship installs with uv.",
    # a new virtualenv with the newest versions that fit makes no difference of these
    "upgrade": None,
    "upgrade-strategy": None,
    "force-reinstall": None,
    "ignore-installed": None,
    "no-user": None,
    "require-virtualenv": None,
    "break-system-packages": None,
    "no-require-hashes": None,
    "use-pep517": None,
    "src": None,
    "compile": None,
    "no-compile": None,
    "cache-dir": None,
    "no-cache-dir": None,
    "refresh-package": None,
    # what pip shows, asks and checks
    "check-build-dependencies": None,
    "debug": None,
    "disable-pip-version-check": None,
    "exists-action": None,
    "help": None,
    "isolated": None,
    "log": None,
    "no-clean": None,
    "no-color": None,
    "no-input": None,
    "no-proxy-env": None,
    "no-python-version-warning": None,
    "no-warn-conflicts": None,
    "no-warn-script-location": None,
    "progress-bar": None,
    "quiet": None,
    "report": None,
    "resume-retries": None,
    "root-user-action": None,
    "verbose": None,
    # of older versions, and a variable that is no option
    "build-option": _NO_SUCH_STEP,
    "global-option": _NO_SUCH_STEP,
    "install-option": _NO_SUCH_STEP,
    "no-use-pep517": _NO_SUCH_STEP,
    "config-file": "only the machine's own files are read. Set PIP_* config vars.",
}
ALIASES = {
    "default-timeout": "timeout",
    "local-log": "log",
    "log-file": "log",
    "no-dependencies": "no-deps",
    "only-dependencies": "only-deps",
    "pypi-url": "index-url",
    "require-venv": "require-virtualenv",
    "source": "src",
    "source-dir": "src",
    "source-directory": "src",
}
"""Other names that pip knows for some of them."""


def translated(option: str, value: str) -> Told | str:
    """What to tell uv, which may be nothing; or why the option is not used."""
    row = OPTIONS.get(option)
    if row is None or _is_silent(option, value):
        return {}
    return row if isinstance(row, str) else row(value)


def _is_silent(option: str, value: str) -> bool:
    """Values that ask for nothing, or for what uv does anyway."""
    if option == "use-feature":
        return set(value.split()) <= {"truststore"}
    switches = ("prefer-binary", "ignore-requires-python", "only-deps", "dry-run", "user")
    return option in switches and not _is_on(value)
