"""Scripts that start a server or a bot themselves: which framework's they are, and the line that
runs them.

Asked where no application is found that gunicorn could serve. The source is read, never run.
"""

import ast
import posixpath
from collections.abc import Iterable, Iterator

import msgspec

from buildpacks.python.modules import parse
from receiver.model.build import Tree

_MOST_FILES = 60
_FIRST = (
    "streamlit_app", "app", "main", "server", "web", "run", "wsgi", "index", "home", "bot",
)  # fmt: skip
"""Names of scripts that come before others."""
_TESTS = ("test_", "conftest")


class Start(msgspec.Struct, frozen=True):
    """A script, and how it is run."""

    process: str
    """`web` or `worker`."""
    command: str
    because: str
    """What was seen, as the end of a sentence."""
    sessions: str = ""
    """Why it is one process; empty where that says nothing to anyone."""


class _Kind(msgspec.Struct, frozen=True):
    """Scripts of one framework."""

    name: str
    module: str
    """What they import."""
    calls: tuple[str, ...]
    """How one of their calls ends; any script that imports the module, where there are none."""
    command: str
    """`{file}` is put in."""
    process: str = "web"
    keeps_sessions: bool = False


_PYTHON = "python {file}"
_ADDRESS = "--server.address 127.0.0.1 --server.port $PORT --server.headless true"
_KINDS = (
    _Kind(
        "Streamlit", "streamlit", (), f"streamlit run {{file}} {_ADDRESS}", keeps_sessions=True
    ),
    _Kind(
        "Gradio", "gradio", ("launch",),
        "GRADIO_SERVER_NAME=127.0.0.1 GRADIO_SERVER_PORT=$PORT python {file}", keeps_sessions=True,
    ),
    _Kind(
        "Panel", "panel", ("servable", "extension"),
        "panel serve {file} --address 127.0.0.1 --port $PORT --allow-websocket-origin '*'",
        keeps_sessions=True,
    ),
    _Kind(
        "Chainlit", "chainlit", (), "chainlit run {file} --host 127.0.0.1 --port $PORT --headless",
        keeps_sessions=True,
    ),
    _Kind("NiceGUI", "nicegui", ("ui.run",), _PYTHON, keeps_sessions=True),
    _Kind("aiohttp", "aiohttp", ("run_app",), _PYTHON),
    _Kind("Tornado", "tornado", ("listen", "bind"), _PYTHON),
    _Kind("Socket.IO", "flask_socketio", ("socketio.run",), _PYTHON, keeps_sessions=True),
    _Kind("uvicorn", "uvicorn", ("uvicorn.run", "serve"), _PYTHON),
    _Kind("hypercorn", "hypercorn", ("serve",), _PYTHON),
    _Kind("waitress", "waitress", ("serve",), _PYTHON),
    _Kind("cheroot", "cheroot", ("start",), _PYTHON),
    _Kind("CherryPy", "cherrypy", ("quickstart", "start"), _PYTHON),
    _Kind("Sanic", "sanic", ("run",), _PYTHON),
    _Kind("Bottle", "bottle", ("run",), _PYTHON),
    _Kind("Flask", "flask", ("run",), _PYTHON),
    _Kind("Quart", "quart", ("run",), _PYTHON),
    _Kind("the standard library", "http", ("serve_forever",), _PYTHON),
    _Kind("the standard library", "socketserver", ("serve_forever",), _PYTHON),
    _Kind("the standard library", "wsgiref", ("serve_forever",), _PYTHON),
)  # fmt: skip
_BOTS = {
    "aiogram": ("start_polling", "run_polling"),
    "discord": ("run", "start"),
    "disnake": ("run", "start"),
    "nextcord": ("run", "start"),
    "pyrogram": ("run", "start", "idle"),
    "slack_bolt": ("start",),
    "telebot": ("polling", "infinity_polling"),
    "telegram": ("run_polling", "start_polling"),
    "telethon": ("run_until_disconnected",),
}
"""What bots import, and how they begin."""


def find_start(tree: Tree) -> Start | None:
    """The script that starts a server, or else a bot."""
    scripts = list(_scripts(tree))
    for kind in _KINDS:
        for script in scripts:
            if script.is_of(kind.module, kind.calls):
                because = f"{script.path} is {_a(kind.name)} app"
                sessions = f"{kind.name} keeps its visitors' sessions in the process"
                command = kind.command.format(file=script.path)
                kept = sessions if kind.keeps_sessions else ""
                return Start(kind.process, command, because, kept)
    for module, calls in _BOTS.items():
        for script in scripts:
            if script.is_of(module, calls):
                because = f"{script.path} starts a bot with {module}"
                return Start("worker", _PYTHON.format(file=script.path), because)
    return None


def likely_script(tree: Tree) -> str | None:
    """The script that a person most likely starts, whatever it does."""
    return next((script.path for script in _scripts(tree) if script.runs), None)


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "Aaeiou" and name != "uvicorn" else f"a {name}"


class _Script(msgspec.Struct, frozen=True):
    """A Python file of the top folder."""

    path: str
    imports: frozenset[str]
    calls: tuple[str, ...]
    runs: bool
    """Whether running it does something: it calls something at its top, or has a main part."""

    def is_of(self, module: str, calls: Iterable[str]) -> bool:
        if module not in self.imports:
            return False
        ends = tuple(calls)
        return not ends or any(_ends(call, end) for call in self.calls for end in ends)


def _ends(call: str, end: str) -> bool:
    return call == end or call.endswith(f".{end}")


def _scripts(tree: Tree) -> Iterator[_Script]:
    names = [path for path in tree.files() if path.endswith(".py") and "/" not in path]
    own = [path for path in names if not path.startswith(_TESTS) and path != "setup.py"]
    for path in sorted(own, key=_rank)[:_MOST_FILES]:
        if code := parse(tree, path):
            yield _script(path, code)


def _rank(path: str) -> tuple[int, str]:
    name = posixpath.splitext(path)[0].lower()
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), path)


def _script(path: str, code: ast.Module) -> _Script:
    imports: set[str] = set()
    calls: list[str] = []
    for node in ast.walk(code):
        match node:
            case ast.Import(names=names):
                imports |= {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module), level=0):
                imports.add(module.partition(".")[0])
            case ast.Call(func=function):
                calls.append(_dotted(function))
    acts = (ast.Expr, ast.While, ast.For, ast.With, ast.If)
    runs = any(isinstance(node, acts) and _does_something(node) for node in code.body)
    return _Script(path, frozenset(imports), tuple(calls), runs)


def _dotted(node: ast.expr) -> str:
    """`web.run_app` of a call, as far as it is names; what is before them is left out."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names.append(node.id)
    return ".".join(reversed(names))


def _does_something(node: ast.stmt) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return not is_text
