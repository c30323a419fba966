"""Gunicorn's command line: which options take a value, which ones ship decides, and how they are
written.
"""

import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from receiver.model.commandline import Word
from receiver.model.patterns import regex

_SHORT = {
    "-b": "--bind",
    "-c": "--config",
    "-e": "--env",
    "-g": "--group",
    "-k": "--worker-class",
    "-m": "--umask",
    "-n": "--name",
    "-p": "--pid",
    "-t": "--timeout",
    "-u": "--user",
    "-w": "--workers",
    "-D": "--daemon",
    "-R": "--enable-stdio-inheritance",
}
_FLAG_NAMES = """
    --capture-output --casefold-http-method --check-config --daemon
    --disable-redirect-access-to-syslog --do-handshake-on-connect --enable-backlog-metric
    --enable-stdio-inheritance --initgroups --log-syslog --no-control-socket --no-sendfile
    --permit-obsolete-folding --permit-unconventional-http-method
    --permit-unconventional-http-version --preload --print-config --proxy-protocol --reload
    --reuse-port --spew --strip-header-spaces --suppress-ragged-eofs
"""
_VALUE_NAMES = """
    --access-logfile --access-logformat --asgi-disconnect-grace-period --asgi-lifespan --asgi-loop
    --backlog --bind --ca-certs --cert-reqs --certfile --chdir --ciphers --config --control-socket
    --control-socket-mode --dirty-app --dirty-graceful-timeout --dirty-threads --dirty-timeout
    --dirty-workers --dogstatsd-tags --env --error-logfile --forwarded-allow-ips --forwarder-headers
    --graceful-timeout --group --header-map --http2-cleartext --http2-initial-window-size
    --http2-max-concurrent-streams --http2-max-frame-size --http2-max-header-list-size --http-parser
    --http-protocols --keep-alive --keyfile --limit-request-field_size --limit-request-fields
    --limit-request-line --log-config --log-config-json --log-file --log-level --log-syslog-facility
    --log-syslog-prefix --log-syslog-to --logger-class --max-requests --max-requests-jitter --name
    --paste --paste-global --paster --pid --protocol --proxy-allow-from --pythonpath --reload-engine
    --reload-extra-file --root-path --ssl-version --statsd-host --statsd-prefix --threads --timeout
    --umask --user --uwsgi-allow-from --websocket-max-message-size --worker-class
    --worker-connections --worker-tmp-dir --workers
"""
_FLAGS = frozenset(_FLAG_NAMES.split())
_VALUES = frozenset(_VALUE_NAMES.split())
_KNOWN = _FLAGS | _VALUES
_WORDS = {"--proxy-protocol": frozenset({"auto", "false", "none", "off", "true", "v1", "v2"})}
"""Flags whose value may follow as a word, of these: older gunicorns have them as mere flags."""
_DROPPED = {
    "--bind": "ship chooses where the app listens",
    "--control-socket": "ship keeps gunicorn's control socket closed",
    "--control-socket-mode": "ship keeps gunicorn's control socket closed",
    "--daemon": "ship keeps the process in the foreground and starts it again when it ends",
    "--group": "the app runs as its own account",
    "--initgroups": "the app runs as its own account",
    "--pid": "ship knows the process without a pid file",
    "--preload": "with preloading, gunicorn would go on serving the old code after a swap",
    "--reload": "code changes by a push only",
    "--reload-engine": "code changes by a push only",
    "--reload-extra-file": "code changes by a push only",
    "--reuse-port": "ship holds the app's socket, and no request is lost in a swap",
    "--user": "the app runs as its own account",
}
DROPPED_SETTINGS = {
    name.removeprefix("--").replace("-", "_"): why for name, why in _DROPPED.items()
} | {"pidfile": _DROPPED["--pid"], "preload_app": _DROPPED["--preload"]}
"""The same by the names that a gunicorn file has for them."""
_ASKS_ONLY = frozenset({"--check-config", "--print-config", "--paste", "--paster"})
"""Options that make a program of another kind: one that ends, or that reads a file we cannot
follow."""
_APP = regex(r"[\w./]+(:.+)?", re.DOTALL)


class Line(msgspec.Struct, frozen=True):
    """A gunicorn command line, read."""

    app: str = ""
    arguments: list[str] = msgspec.field(default_factory=list)
    workers: int | None = None
    chdir: str | None = None
    config: str | None = None
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    pythonpath: list[str] = msgspec.field(default_factory=list)
    notices: list[str] = msgspec.field(default_factory=list)

    def above(self, below: "Line") -> "Line":
        """This line with what only `below` says added."""
        return replace(
            below,
            app=self.app or below.app,
            arguments=below.arguments + self.arguments,
            workers=below.workers if self.workers is None else self.workers,
            chdir=self.chdir or below.chdir,
            config=self.config or below.config,
            environment=self.environment or below.environment,
            pythonpath=self.pythonpath or below.pythonpath,
            notices=[*below.notices, *(n for n in self.notices if n not in below.notices)],
        )


class _NotOursError(Exception):
    """The line asks for something that only gunicorn itself, started as it stands, can do."""


def read_options(words: Sequence[Word]) -> Line | None:
    """The words behind `gunicorn`; None where ship cannot run what they ask for."""
    line, rest, positional = Line(), list(words), list[Word]()
    unknown = False
    try:
        while rest:
            word = rest.pop(0)
            if not word.text.startswith("-") or word.text == "-":
                positional.append(word)
            elif word.text == "--":
                positional += rest
                rest = []
            else:
                name, value = _next_option(word, rest)
                unknown |= name not in _KNOWN
                line = _take(line, name, value)
        return _with_app(line, positional, unknown=unknown)
    except _NotOursError:
        return None


def _next_option(word: Word, rest: list[Word]) -> tuple[str, str | None]:
    """The long name and value of an option; takes its value from `rest` where it stands there."""
    text = word.text
    if not text.startswith("--"):
        return _short_option(word, rest)
    name, glued, value = text.partition("=")
    if "$" in name:
        raise _NotOursError
    name = _full_name(name)
    if glued:
        return name, value
    if name in _VALUES:
        return name, _value_from(rest)
    if rest and rest[0].text.lower() in _WORDS.get(name, ()):
        return name, _value_from(rest)
    return name, None


def _short_option(word: Word, rest: list[Word]) -> tuple[str, str | None]:
    name, glued = _SHORT.get(word.text[:2], word.text[:2]), word.text[2:]
    if name in _VALUES:
        return name, glued.removeprefix("=") if glued else _value_from(rest)
    if glued and name in _FLAGS:
        rest.insert(0, Word("-" + glued, word.quoted))
        return name, None
    return word.text if name not in _FLAGS else name, None


def _value_from(rest: list[Word]) -> str:
    if not rest:
        raise _NotOursError
    return rest.pop(0).text


def _full_name(name: str) -> str:
    """What argparse makes of a shortened long option, where that is clear."""
    if name in _KNOWN:
        return name
    meant = [known for known in _KNOWN if known.startswith(name)]
    return meant[0] if len(meant) == 1 else name


def _take(line: Line, name: str, value: str | None) -> Line:
    if name in _ASKS_ONLY:
        raise _NotOursError
    if name in _DROPPED:
        return replace(line, notices=[*line.notices, *_notices(name, value)])
    if name in _FIELDS and value is not None:
        return _FIELDS[name](line, value)
    argument = name if value is None else f"{name}={value}"
    return replace(line, arguments=[*line.arguments, argument])


def _notices(name: str, value: str | None) -> list[str]:
    if name == "--bind" and re.search(r":\$\{?PORT\b", value or ""):
        return []  # meant is "where the platform says", and that is what happens
    shown = name if value is None else f"{name} {value}"
    return [f"The option {shown} of gunicorn is ignored: {_DROPPED[name]}."]


def _take_workers(line: Line, value: str) -> Line:
    if value.isascii() and value.isdigit():
        return replace(line, workers=int(value))
    return replace(line, arguments=[*line.arguments, f"--workers={value}"])


def _take_environment(line: Line, value: str) -> Line:
    name, _, text = _no_reference(value).partition("=")
    return replace(line, environment=line.environment | {name: text})


def _no_reference(value: str) -> str:
    """A value that is needed before the config vars are known."""
    if "$" in value:
        raise _NotOursError
    return value


_FIELDS: dict[str, Callable[[Line, str], Line]] = {
    "--workers": _take_workers,
    "--env": _take_environment,
    "--chdir": lambda line, value: replace(line, chdir=_no_reference(value)),
    "--config": lambda line, value: replace(line, config=_no_reference(value)),
    "--pythonpath": lambda line, value: replace(line, pythonpath=_no_reference(value).split(",")),
}


def _with_app(line: Line, positional: Sequence[Word], *, unknown: bool) -> Line:
    """The app, and the words that belong to options we do not know."""
    if any(word.refers for word in positional):
        raise _NotOursError
    texts = [word.text for word in positional]
    if not texts:
        return line
    app = next((text for text in texts if ":" in text), texts[-1]) if unknown else texts[0]
    if not _APP.fullmatch(app):
        raise _NotOursError
    extra = [text for text in texts if unknown and text != app]
    return replace(line, app=app, arguments=[*line.arguments, *extra])
