"""What Ship makes of Piku's files ENV and SCALING, and of the kinds of processes that only Piku
has. Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from receiver.importing.values import Fate, Finding, Imported, together
from receiver.model.errors import ShipError
from receiver.model.names import parse_config_name, parse_process_type
from receiver.model.patterns import regex

ENV, SCALING, PROCFILE = "ENV", "SCALING", "Procfile"
_REFERENCE = regex(r"\$(\w+|\{([^}]*)\})")
_OWN = regex(r"(PIKU|UWSGI|NGINX|ACME)_\w+")
_CRON = regex(r"((?:\S+\s+){4}\S+)\s+(.+)")
_STATIC_PATH = regex(r"(/[^:]*):(.+)")
_GUNICORN = "GUNICORN_CMD_ARGS"
_UNKNOWN = "It is a setting of Piku's that Ship does not know."
_NO_CACHE = "nginx keeps no answers here. Have the app send Cache-Control, so that browsers do."

_LOST: Mapping[str, str] = {
    "ACME_ROOT_CA": "Ship sets up no certificates by these settings.",
    "BIND_ADDRESS": "Ship listens for the app, and hands it the connections.",
    "DISABLE_IPV6": "nginx listens on IPv6 where the server has it.",
    "NGINX_ALLOW_GIT_FOLDERS": "Nothing of a repository is ever shown to visitors.",
    "NGINX_CLOUDFLARE_ACL": "Let only Cloudflare's addresses in at the server's firewall.",
    "NGINX_HTTPS_ONLY": (
        "Send visitors on to https in the app, or in the proxy in front of the server."
    ),
    "NGINX_INCLUDE_FILE": (
        "nginx's files are Ship's own: a part of them written by an app could open what others "
        "serve."
    ),
    "NODE_PACKAGE_MANAGER": (
        "Ship has no buildpack for Node; the administrator can let one of others in."
    ),
    "NODE_VERSION": "Ship has no buildpack for Node; the administrator can let one of others in.",
    "PIKU_AUTO_RESTART": "A deploy always replaces the processes, and loses no request.",
    "PORT": "The web process is given a port in PORT; a number of your own is not needed.",
    "UWSGI_ENABLE_THREADS": "Threads need no setting with gunicorn.",
    "UWSGI_IDLE": "Workers stay. `ship ps:stop` ends them, `ship ps:scale` has fewer of them.",
    "UWSGI_LISTEN": "2048 connections can wait for the app.",
    "UWSGI_LOG_MAXSIZE": "The server keeps logs by size and age for all apps alike.",
    "UWSGI_LOG_X_FORWARDED_FOR": "nginx logs the address of the visitor.",
}
_BY_HAND: Mapping[str, str] = {
    "PYTHON_VERSION": (
        "Write the version, such as 3.12, into a file named .python-version; without one, the "
        "newest is taken."
    ),
    "UWSGI_ASYNCIO": (
        "An ASGI app, such as FastAPI's, is found by itself. Else: `web: gunicorn -k CLASS "
        "app:app` in the Procfile."
    ),
    "UWSGI_GEVENT": (
        "Write `web: gunicorn -k gevent app:app` into the Procfile, and gevent into "
        "requirements.txt."
    ),
    "UWSGI_INCLUDE_FILE": (
        "Settings of the server belong into a file gunicorn.conf.py, which is read where it "
        "lies at the top."
    ),
}


def import_env(text: str) -> Imported:
    """Each line of ENV: config vars, and settings of Piku's."""
    values: dict[str, str] = {}
    parts = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = (piece.strip() for piece in line.partition("="))
        if not equals:
            parts.append(_found(f"{number}: ...", "lost", "It is no NAME=VALUE."))
            continue
        values[name] = _expanded(value, values)
        parts.append(_variable(number, name, values[name]))
    return together(parts)


def import_scaling(text: str) -> Imported:
    """Each line of SCALING, such as `worker=2`."""
    parts = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, count = (piece.strip() for piece in line.replace(":", "=").partition("="))
        seen = f"{number}: {line.strip()}"
        if not count.isdecimal() or not _is(parse_process_type, name):
            parts.append(_found(seen, "lost", "It is no TYPE=NUMBER.", SCALING))
            continue
        name = "web" if name == "wsgi" else name
        if name.startswith("cron"):
            parts.append(_found(seen, "lost", "A cron job runs once at its time.", SCALING))
        else:
            parts.append(_scale(seen, name, int(count), SCALING))
    return together(parts)


def numbers(text: str) -> dict[str, int]:
    """How many processes of each type SCALING asks for."""
    wanted = (words[1].partition("=") for words in import_scaling(text).commands)
    return {name: int(count) for name, _, count in wanted}


def import_process(seen: str, name: str, command: str) -> Imported | None:
    """A line of the Procfile that means something to Piku alone; None for all others."""
    if name in {"wsgi", "jwsgi", "rwsgi", "php"}:
        told = (
            f"Write `web: gunicorn {command}` in its place."
            if name == "wsgi"
            else "Ship serves no apps of this kind."
        )
        return _found(seen, "hand" if name == "wsgi" else "lost", told, PROCFILE)
    if name == "static":
        folder = command.split(maxsplit=1)[0].strip("/") or "."
        table = {"/": folder}
        return _toml(seen, {"static": table}, f"[static] '/' = '{folder}'. Delete the line.")
    if name == "preflight":
        told = (
            "Move it to a file bin/pre_compile, which runs before packages are installed, and "
            "delete the line."
        )
        return _found(seen, "hand", told, PROCFILE)
    found = _CRON.fullmatch(command) if re.fullmatch(r"cron[\w-]*", name) else None
    if found is None:
        return None
    job = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    table = {"schedule": " ".join(found[1].split()), "command": found[2]}
    told = f"[cron.{job}] with its schedule and command; times are UTC. Delete the line."
    return _toml(seen, {f"cron.{job}": table}, told)


def _variable(number: int, name: str, value: str) -> Imported:
    open_, seen = f"{number}: {name}={value}", f"{number}: {name}=..."
    if name == "NGINX_SERVER_NAME":
        return _names(open_, value)
    if name in _MEANT:
        return _MEANT[name](open_, value)
    if name in _BY_HAND:
        return _found(open_, "hand", _BY_HAND[name])
    if name in _LOST or _OWN.fullmatch(name):
        unknown = _NO_CACHE if name.startswith("NGINX_CACHE_") else _UNKNOWN
        return _found(open_, "lost", _LOST.get(name, unknown))
    if not _is(parse_config_name, name):
        return _found(seen, "lost", "No config var can have this name.")
    lies = "/.piku/" in value or value.startswith("/home/piku")
    told = (
        (
            "Its value lies in Piku's folders: here, the app's own files belong where "
            "SHIP_STORAGE says."
        )
        if lies
        else ""
    )
    finding = Finding(ENV, seen, "config", told or f"ship config:set {name}=...")
    return Imported(findings=(finding,), config={name: value})


def _names(seen: str, value: str) -> Imported:
    names = [name for name in re.split(r"[\s,]+", value) if name and name != "_"]
    if not names:
        return _found(seen, "hand", "Every app answers at its own name.")
    return _typed(seen, [("domains:add", name) for name in names], ENV)


def _static_paths(seen: str, value: str) -> Imported:
    pairs = [_STATIC_PATH.fullmatch(part.strip()) for part in value.split(",")]
    table = {
        f"{pair[1].rstrip('/')}/": pair[2].strip().strip("/") for pair in pairs if pair is not None
    }
    if None in pairs or not table:
        return _found(seen, "hand", "Write [static] of ship.toml by hand: '/static/' = 'static'.")
    shown = ", ".join(f"'{address}' = '{folder}'" for address, folder in table.items())
    return _toml(seen, {"static": table}, f"[static] {shown}", ENV)


def _processes(seen: str, value: str) -> Imported:
    if not value.isdecimal() or int(value) == 0:
        return _found(seen, "lost", "Without a number, web has 2 workers.")
    return _scale(seen, "web", int(value), ENV)


def _max_requests(seen: str, value: str) -> Imported:
    if not value.isdecimal():
        return _found(seen, "lost", "It is no number.")
    argument = f"--max-requests={value}"
    finding = Finding(ENV, seen, "config", f"ship config:set {_GUNICORN}={argument}")
    return Imported(findings=(finding,), config={_GUNICORN: argument})


_MEANT: Mapping[str, Callable[[str, str], Imported]] = {
    "NGINX_STATIC_PATHS": _static_paths,
    "UWSGI_MAX_REQUESTS": _max_requests,
    "UWSGI_PROCESSES": _processes,
}


def _scale(seen: str, name: str, count: int, file: str) -> Imported:
    return _typed(seen, [("ps:scale", f"{name}={count}")], file)


def _typed(seen: str, commands: list[tuple[str, ...]], file: str) -> Imported:
    told = "; ".join(f"ship {' '.join(words)}" for words in commands)
    return Imported(findings=(Finding(file, seen, "command", told),), commands=tuple(commands))


def _toml(
    seen: str, tables: dict[str, dict[str, Any]], told: str, file: str = PROCFILE
) -> Imported:
    return Imported(findings=(Finding(file, seen, "toml", told),), manifest=tables)


def _found(seen: str, fate: Fate, told: str, file: str = ENV) -> Imported:
    return Imported(findings=(Finding(file, seen, fate, told),))


def _expanded(value: str, values: Mapping[str, str]) -> str:
    """With `$NAME` and `${NAME}` put in, as far as lines above have given them: quotation marks
    mean nothing there.
    """
    return _REFERENCE.sub(lambda it: values.get(it[2] or it[1], it[0]), value)


def _is(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ShipError:
        return False
    return True
