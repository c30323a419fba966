"""Web servers other than gunicorn's own way: how their command line says where they listen.

A Procfile line that names a fixed port, or none, is given `$PORT`; advice names the option that
the server in question has.
"""

import re
from collections.abc import Sequence

import msgspec

from receiver.model.patterns import regex

_SEPARATOR = regex(r"(.*(?:&&|\|\||;)\s*)?(.*)", re.DOTALL)
_WORD = regex(r"'[^']*'|\"[^\"]*\"|[^\s'\"]+")
_ASSIGNMENT = regex(r"[A-Za-z_]\w*=")
_WRAPPERS = frozenset(
    {"exec", "env", "poetry", "pipenv", "uv", "pdm", "run", "newrelic-admin", "run-program",
     "ddtrace-run", "opentelemetry-instrument", "nohup", "time", "python", "python3", "-m", "-u"}
)  # fmt: skip
"""Words in front of a server that leave its own command line as it is."""
_PORT_WORD = regex(r"(\S+:)?\d+")
_REFERS = regex(r"\$\{?PORT\b")


_ELSEWHERE = (
    "--uds",
    "--fd",
    "-u",
    "--unix",
    "--unix-socket",
    "-e",
    "--endpoint",
    "--insecure-bind",
)
"""Options by which a server listens on something else than one port; its line is left alone."""


class WebServer(msgspec.Struct, frozen=True):
    """How one server is told where to listen."""

    name: str
    ports: tuple[str, ...]
    """Its options for the port, the one to write first; none where the port is a word by itself."""
    here: str
    """What has it listen on this machine alone."""
    joined: tuple[str, ...] = ()
    """Those of its options that have host and port in one, as `HOST:PORT`."""
    after: str = ""
    """The word that has to follow its name, such as `run` of flask."""
    bare: str = "127.0.0.1:$PORT"
    """The port, where it is a word by itself."""

    @property
    def on_port(self) -> str:
        """The words that have it listen where it should."""
        return f"{self.ports[0]} {self.value(self.ports[0])}" if self.ports else self.bare

    def value(self, option: str) -> str:
        """What stands behind one of its options."""
        return "127.0.0.1:$PORT" if option in self.joined else "$PORT"


_BIND = ("--bind", "-b")
_SERVERS = (
    WebServer("gunicorn", _BIND, "--bind 127.0.0.1:$PORT", joined=_BIND),
    WebServer("uvicorn", ("--port",), "--host 127.0.0.1"),
    WebServer("daphne", ("-p", "--port"), "-b 127.0.0.1"),
    WebServer("hypercorn", _BIND, "--bind 127.0.0.1:$PORT", joined=_BIND),
    WebServer("granian", ("--port",), "--host 127.0.0.1"),
    WebServer("waitress-serve", ("--port", "--listen"), "--host 127.0.0.1", joined=("--listen",)),
    WebServer("streamlit", ("--server.port",), "--server.address 127.0.0.1", after="run"),
    WebServer("panel", ("--port",), "--address 127.0.0.1", after="serve"),
    WebServer("bokeh", ("--port",), "--address 127.0.0.1", after="serve"),
    WebServer("chainlit", ("--port",), "--host 127.0.0.1", after="run"),
    WebServer("flask", ("--port", "-p"), "--host 127.0.0.1", after="run"),
    WebServer("fastapi", ("--port",), "--host 127.0.0.1", after="run"),
    WebServer("quart", ("--port", "-p"), "--host 127.0.0.1", after="run"),
    WebServer("sanic", ("--port", "-p"), "--host 127.0.0.1"),
    WebServer("manage.py", (), "127.0.0.1:$PORT", after="runserver"),
    WebServer("http.server", (), "--bind 127.0.0.1", bare="$PORT"),
)


class _Call(msgspec.Struct, frozen=True):
    """A server's call at the end of a line."""

    server: WebServer
    before: str
    """Other commands of the line."""
    head: str
    """The words up to its name, or to the one that has to follow."""
    words: tuple[str, ...]
    """What comes behind them."""


def server_of(line: str) -> WebServer | None:
    """The server that a line starts, where it is one of those known."""
    call = _call(line)
    return call.server if call else None


def refers_to_port(line: str) -> bool:
    """Whether a line says `$PORT`."""
    return _REFERS.search(line) is not None


def on_given_port(line: str) -> tuple[str, str]:
    """The line as it listens on `$PORT`, and a sentence about what was changed in it, if anything.

    gunicorn is left alone: what it is told of addresses is decided elsewhere, and by itself it
    goes by PORT.
    """
    call = _call(line)
    if call is None or refers_to_port(line) or call.server.name == "gunicorn":
        return line, ""
    if any(word.partition("=")[0] in _ELSEWHERE or "unix:" in word for word in call.words):
        return line, ""
    server = call.server
    words, fixed = _on_port(server, call.words) if server.ports else _bare(server, call.words)
    changed = f"{call.before}{' '.join((call.head, *words))}"
    if fixed:
        return changed, f"`{fixed}` is `{server.on_port}` here: every app has a port of its own."
    return changed, f"The web line names no port: `{server.on_port}` is added to it."


def port_advice(line: str) -> str:
    """What to do so that the web process of a line listens on $PORT."""
    if server := server_of(line):
        return f"Write `{server.on_port}` in the web line of the Procfile, and push again."
    return (
        'Make the code take its port from the environment, `int(os.environ["PORT"])` in Python,'
        " and push again."
    )


def here_advice(line: str) -> str:
    """What to write so that the web process of a line listens on this machine alone."""
    server = server_of(line)
    return f"`{server.here}`" if server else "`127.0.0.1` where it is started"


def _call(line: str) -> _Call | None:
    """The server's call that a line ends with; None where only a shell can tell."""
    found = _SEPARATOR.fullmatch(line.strip())
    before, last = (found[1] or "", found[2]) if found else ("", "|")
    words = _WORD.findall(last)
    if any(sign in last for sign in "|<>`&"):
        return None
    for place, word in enumerate(words):
        if _ASSIGNMENT.match(word) or word in _WRAPPERS:
            continue
        server = next((one for one in _SERVERS if one.name == word.rpartition("/")[2]), None)
        rest = words[place + 1 :]
        if server is None or (server.after and server.after not in rest):
            return None
        end = place + 1 + (rest.index(server.after) + 1 if server.after else 0)
        return _Call(server, before, " ".join(words[:end]), tuple(words[end:]))
    return None


def _on_port(server: WebServer, words: Sequence[str]) -> tuple[list[str], str]:
    """The words with `$PORT` for the port, and what named a fixed one."""
    kept, fixed, rest = list[str](), "", list(words)
    while rest:
        word = rest.pop(0)
        name, glued, _ = word.partition("=")
        short = word[:2] if word[2:].isdigit() and word[:2] in server.ports else ""
        option = name if name in server.ports else short
        if not option:
            kept.append(word)
            continue
        value = rest.pop(0) if rest and not glued and not short else ""
        fixed = fixed or f"{word} {value}".strip()
        kept += [option, server.value(option)]
    return (kept if fixed else [*kept, *server.on_port.split()]), fixed


def _bare(server: WebServer, words: Sequence[str]) -> tuple[list[str], str]:
    """The same where the port is a word by itself."""
    fixed = next((word for word in words if _PORT_WORD.fullmatch(word)), "")
    if not fixed:
        return [*words, server.bare], ""
    return [server.bare if word == fixed else word for word in words], fixed
