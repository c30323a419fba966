"""What serves the web process: which gunicorn worker, and which packages have to be added for
it.
"""

import re
import shlex
from collections.abc import Mapping, Sequence

import msgspec

from buildpacks.python.entry import Entry
from buildpacks.python.sessions import OneProcess
from buildpacks.python.versions import numbers, satisfies
from receiver.model.build import Interpreter
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

GUNICORN = "gunicorn==27.0.1"
GUNICORN_OLD = "gunicorn==23.0.0"
"""The last one that runs on a Python older than 3.10."""
UVICORN_WORKER = ("uvicorn", "uvicorn-worker>=0.2")
_NEW_PYTHON = (3, 10)
_FIRST_WITH_ASGI = "25.0.0"
OLD_GUNICORN = "gunicorn<26"
"""The last ones that have an eventlet worker."""
_CALLABLE_DASH = "4.0"
_FIRST_WITHOUT_EVENTLET = "26"
_EVENTLET = frozenset({"eventlet", "gunicorn.workers.geventlet.EventletWorker"})
_GREEN = ("eventlet", "gevent")
_LOWEST = regex(r"(==|===|~=|>=|>)\s*([0-9][0-9.]*)")
_WORKERS = (
    ("aiohttp.", ("aiohttp",)),
    ("eventlet", ("eventlet", "packaging")),
    ("geventwebsocket", ("gevent", "gevent-websocket", "packaging")),
    ("gevent", ("gevent", "packaging")),
    ("gunicorn.workers.geventlet", ("eventlet", "packaging")),
    ("gunicorn.workers.ggevent", ("gevent", "packaging")),
    ("gunicorn.workers.gtornado", ("tornado",)),
    ("tornado", ("tornado",)),
    ("uvicorn.workers", ("uvicorn",)),
    ("uvicorn_worker", UVICORN_WORKER),
)
"""Packages that a worker class imports, by how its name starts. gunicorn itself brings none, and
from 27 on not even `packaging`."""
_PACKAGES = {
    "chainlit": "chainlit",
    "daphne": "daphne",
    "granian": "granian",
    "hypercorn": "hypercorn",
    "panel": "panel",
    "streamlit": "streamlit",
    "uvicorn": "uvicorn",
    "waitress-serve": "waitress",
}
"""Servers by the program that a web line calls."""
_LIMIT = regex(r"(==|===|~=|<=|<)\s*([0-9][0-9.]*)")


class Server(msgspec.Struct, frozen=True):
    """The web process and what it needs besides the app's own packages."""

    command: str
    added: tuple[str, ...]


def serve_entry(
    entry: Entry,
    specifiers: Mapping[str, str],
    python: Interpreter,
    alone: OneProcess | None = None,
) -> Server:
    """The command for an entry that was found: gunicorn, with the worker that its interface needs.

    gunicorn's own ASGI worker lost no request in swaps; the one of uvicorn did, so it is only taken
    where gunicorn is older than the former. `alone` is why there is to be one worker.

    Raises:
        BuildError: the version that it asks for cannot be served so
    """
    _refuse_old_dash(entry, specifiers)
    kind = _kind(entry, specifiers, python, alone)
    one = ["-w 1"] if alone else []
    threads = [f"--threads {alone.threads}"] if alone and not kind else []
    options = [*([f"-k {kind}"] if kind else []), *one, *threads]
    return Server(_command(options, entry), _brought(kind, specifiers, python))


def _kind(
    entry: Entry, specifiers: Mapping[str, str], python: Interpreter, alone: OneProcess | None
) -> str:
    """The worker class; empty for gunicorn's usual one."""
    if entry.interface == "aiohttp":
        return "aiohttp.GunicornWebWorker"
    if entry.interface == "wsgi":
        # Flask-SocketIO takes these where they are installed, and needs their worker then
        green = (name for name in _GREEN if alone and "SocketIO" in alone.because)
        return next((name for name in green if name in specifiers), "")
    if _is_new(python) and _allows(specifiers.get("gunicorn", ""), _FIRST_WITH_ASGI):
        return "asgi"
    return "uvicorn_worker.UvicornWorker"


def _refuse_old_dash(entry: Entry, specifiers: Mapping[str, str]) -> None:
    if entry.constructor != "dash.Dash" or _allows(specifiers.get("dash", ""), _CALLABLE_DASH):
        return
    module, _, name = entry.target.partition(":")
    raise BuildError(
        f"The Dash app {name} cannot be served as it is: only Dash 4 is a WSGI application itself.",
        detail=f"{entry.because}, and the app asks for dash{specifiers['dash']}.",
        advice=f"Add this line below it in {entry.path}, commit and push again:\n"
        f"  server = {name}.server\n"
        f"A Procfile would say `web: gunicorn {module}:server`.",
        reason="build/dash-server",
    )


def serve_command(
    command: str, specifiers: Mapping[str, str], python: Interpreter, kind: str = ""
) -> Server:
    """The Procfile's own command; what it calls is added where nothing brings it.

    `kind` is the class of gunicorn's workers.

    Raises:
        BuildError: the gunicorn that the app asks for has no such worker
    """
    called = {word.rpartition("/")[2] for word in _words(command)}
    if "gunicorn" in called:
        return Server(command, _brought(kind, specifiers, python))
    missing = (name for word, name in _PACKAGES.items() if word in called)
    return Server(command, tuple(name for name in missing if name not in specifiers))


def _brought(kind: str, specifiers: Mapping[str, str], python: Interpreter) -> tuple[str, ...]:
    """gunicorn, and what its worker needs."""
    needs = next((names for start, names in _WORKERS if kind.startswith(start)), ())
    own = tuple(one for one in needs if re.split("[>=]", one)[0] not in specifiers)
    if kind not in _EVENTLET:
        return (*_gunicorn(specifiers, python), *own)
    asked = specifiers.get("gunicorn")
    if asked is not None and not _allows_below(asked, _FIRST_WITHOUT_EVENTLET):
        raise BuildError(
            "gunicorn has no eventlet worker any more; it left with version 26.",
            detail=f"The web process asks for `{kind}`, and the app for gunicorn{asked}.",
            advice="Use threads, `gunicorn -w 1 --threads 100 ...`, or `-k gevent`; or"
            " ask for `gunicorn<26` where the app's packages are named. Then push again.",
            reason="build/no-such-worker",
        )
    return (*((OLD_GUNICORN,) if asked is None or not _LIMIT.search(asked) else ()), *own)


def is_for_development(command: str) -> bool:
    """Whether a web command starts a framework's own server, which nobody meant for visitors."""
    words = [word.rpartition("/")[2] for word in _words(command)]
    return ("runserver" in words and "manage.py" in words) or words[:2] == ["flask", "run"]


def _gunicorn(specifiers: Mapping[str, str], python: Interpreter) -> tuple[str, ...]:
    if "gunicorn" in specifiers:
        return ()
    return (GUNICORN,) if _is_new(python) else (GUNICORN_OLD,)


def _is_new(python: Interpreter) -> bool:
    return numbers(python.version)[:2] >= _NEW_PYTHON


def _allows(own: str, version: str) -> bool:
    """Whether the app's own range, empty when it names none, leads to this version or later."""
    limit = _LIMIT.search(own)
    if limit is None:
        return True  # the installer takes the newest one
    last, wanted = _whole(limit[2]), _whole(version)
    reaches = last > wanted if limit[1] == "<" else last >= wanted
    return reaches or (limit[1] == "~=" and satisfies(version, limit[0]))


def _allows_below(own: str, version: str) -> bool:
    """Whether the range has a version before this one."""
    lowest = _LOWEST.search(own)
    return lowest is None or _whole(lowest[2]) < _whole(version)


def _whole(version: str) -> tuple[int, ...]:
    """A version with all of its parts, so that 26 and 26.0 are one."""
    return (*numbers(version), 0, 0, 0)[:3]


def _command(options: Sequence[str], entry: Entry) -> str:
    chdir = [f"--chdir {shlex.quote(entry.folder)}"] if entry.folder else []
    return " ".join(("gunicorn", *options, *chdir, shlex.quote(entry.target)))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
