"""What serves the web process: which gunicorn worker, and which packages have to be added for
it.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from buildpacks.python.entry import Entry
from buildpacks.python.versions import numbers, satisfies
from receiver.model.build import Interpreter

GUNICORN = "gunicorn==27.0.1"
GUNICORN_OLD = "gunicorn==23.0.0"
"""The last one that runs on a Python older than 3.10."""
UVICORN_WORKER = ("uvicorn", "uvicorn-worker>=0.2")
_NEW_PYTHON = (3, 10)
_FIRST_WITH_ASGI = "25.0.0"
_LIMIT = re.compile(r"(==|===|~=|<=|<)\s*([0-9][0-9.]*)")


@dataclass(frozen=True, slots=True)
class Server:
    """The web process and what it needs besides the app's own packages."""

    command: str
    added: tuple[str, ...]


def serve_entry(entry: Entry, specifiers: Mapping[str, str], python: Interpreter) -> Server:
    """The command for an entry that was found: gunicorn, with the worker that its interface needs.

    gunicorn's own ASGI worker lost no request in swaps; the one of uvicorn did, so it is only taken
    where gunicorn is older than the former.
    """
    added = _gunicorn(specifiers, python)
    if entry.interface == "wsgi":
        return Server(_command("", entry), added)
    if _is_new(python) and _allows_asgi_worker(specifiers.get("gunicorn", "")):
        return Server(_command("-k asgi ", entry), added)
    worker = tuple(one for one in UVICORN_WORKER if re.split("[>=]", one)[0] not in specifiers)
    return Server(_command("-k uvicorn_worker.UvicornWorker ", entry), (*added, *worker))


def serve_command(command: str, specifiers: Mapping[str, str], python: Interpreter) -> Server:
    """The Procfile's own command; gunicorn is added when it is called and nothing brings it."""
    called = any(word.rpartition("/")[2] == "gunicorn" for word in _words(command))
    return Server(command, _gunicorn(specifiers, python) if called else ())


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


def _allows_asgi_worker(own: str) -> bool:
    """Whether the app's own range of gunicorns, empty when it names none, leads to a new one."""
    limit = _LIMIT.search(own)
    # Without an upper limit the installer takes the newest gunicorn.
    return (
        limit is None
        or numbers(limit[2]) >= numbers(_FIRST_WITH_ASGI)
        or (limit[1] == "~=" and satisfies(_FIRST_WITH_ASGI, limit[0]))
    )


def _command(worker: str, entry: Entry) -> str:
    chdir = f"--chdir {shlex.quote(entry.folder)} " if entry.folder else ""
    return f"gunicorn {worker}{chdir}{shlex.quote(entry.target)}"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
