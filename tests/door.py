"""Every command of the catalogue at the door: a harmless line of each, and what becomes of it
with each grant.

A line that is let through may do something to an app that nobody needs, or fail for a reason of its
own. A new command has to have its line here.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import click

from receiver.cli.command import Command
from receiver.cli.main import program
from receiver.model.catalogue import COMMANDS
from receiver.model.grant import GRANTS, Grant, suffices

LINES: Mapping[str, str] = {
    "access": "",
    "access:add": "nobody-here view",
    "access:remove": "nobody-here",
    "access:update": "nobody-here view",
    "apps": "",
    "apps:clone": "Bad_Name",
    "apps:create": "Bad_Name",
    "apps:destroy": "",
    "apps:exists": "",
    "apps:info": "",
    "apps:open": "",
    "apps:lock": "",
    "apps:locked": "",
    "apps:rename": "Bad_Name",
    "apps:set": "nonsense",
    "apps:unlock": "",
    "apps:urls": "",
    "audit": "",
    "audit:verify": "",
    "buildpacks": "",
    "buildpacks:add": "no-such-one",
    "buildpacks:clear": "",
    "buildpacks:remove": "no-such-one",
    "buildpacks:set": "no-such-one",
    "builds": "",
    "builds:cancel": "",
    "builds:info": "",
    "builds:output": "",
    "capacity": "",
    "certs": "",
    "certs:add": "",
    "certs:auto": "",
    "certs:info": "",
    "certs:remove": "nowhere.example",
    "certs:settle": "",
    "check": "",
    "checks": "",
    "checks:run": "",
    "checks:set": "nonsense",
    "checks:unset": "path",
    "completion": "bash",
    "completion:words": "'ship ap'",
    "config": "",
    "config:clear": "",
    "config:edit": "",
    "config:export": "",
    "config:get": "NOTHING",
    "config:history": "",
    "config:import": "",
    "config:keys": "",
    "config:set": "nonsense",
    "config:unset": "NOTHING",
    "cron": "",
    "cron:fire": "nothing",
    "cron:history": "",
    "cron:output": "nothing",
    "cron:resume": "nothing",
    "cron:run": "nothing",
    "cron:schedule": "",
    "cron:suspend": "nothing",
    "deploy": "nothing",
    "disk": "",
    "doctor": "",
    "git:clone": "",
    "git:from-archive": "",
    "git:refused": "push",
    "domains": "",
    "domains:add": "nowhere.example",
    "domains:clear": "",
    "domains:info": "nowhere.example",
    "domains:remove": "nowhere.example",
    "domains:wait": "--limit 1",
    "drains": "",
    "drains:add": "nonsense",
    "drains:remove": "nothing",
    "drains:serve": "nothing",
    "drains:test": "nothing",
    "git:remote": "",
    "help": "",
    "import": "",
    "keys": "",
    "keys:add": "somebody nonsense",
    "keys:remove": "nobody-here",
    "keys:rename": "nobody-here somebody",
    "limits": "",
    "limits:set": "nonsense",
    "limits:unset": "web.memory",
    "local": "",
    "local:run": "true",
    "logs": "-n 1",
    "logs:failed": "",
    "maintenance": "",
    "maintenance:off": "",
    "maintenance:on": "--allow nonsense",
    "nginx:apply": "",
    "nginx:auth": "no:name",
    "nginx:auth:remove": "nobody",
    "nginx:set": "nonsense",
    "nginx:show": "",
    "nginx:unset": "gzip",
    "packages": "",
    "packages:add": "No-Such",
    "packages:remove": "no-such",
    "plan": "",
    "ps": "",
    "ps:restart": "",
    "ps:scale": "nonsense",
    "ps:start": "nothing",
    "ps:stop": "nothing",
    "ps:wait": "--timeout 1",
    "releases": "",
    "releases:info": "",
    "releases:output": "",
    "releases:retry": "",
    "releases:rollback": "",
    "run": "-- true",
    "run:detached": "-- true",
    "run:list": "",
    "run:output": "run.1",
    "run:stop": "run.1",
    "server:demo": "--root /nowhere --example /nowhere",
    "server:harden": "--check",
    "server:info": "",
    "server:install": "",
    "server:recover": "",
    "server:set": "http_port=1",
    "server:start": "",
    "server:rotate": "",
    "server:status": "",
    "server:stop": "",
    "server:uninstall": "",
    "server:unset": "http_port",
    "server:update": "",
    "storage": "",
    "storage:get": "no-such-file -",
    "storage:ls": "no-such-file",
    "storage:mount": "../nonsense",
    "storage:put": "no-such-file",
    "storage:quota": "nonsense",
    "storage:unmount": "nothing-there",
    "tokens": "",
    "tokens:add": "Bad_Name!",
    "tokens:remove": "nobody-here",
    "version": "",
    "whoami": "",
}
"""By command, what is typed behind its name and the option that names the app."""

KEYS: Mapping[str, Grant | None] = {
    "door-none": None, **{f"door-{grant}": grant for grant in GRANTS}
}  # fmt: skip
"""A key for each grant for the app, and one without; the admin's is for the server."""

# Run on the server: each line in a process of its own, forked from one that has imported all that
# commands import late.
DRIVER = """
import importlib, json, os, pkgutil, sys, tempfile
from contextlib import suppress
import receiver
from receiver.cli.main import main

for module in pkgutil.walk_packages(receiver.__path__, "receiver."):
    with suppress(ModuleNotFoundError):  # a VPS has no supervisor
        importlib.import_module(module.name)

def attempt(key, words):
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            status = 1
            try:
                status = main(["--by", key, "--", *words])
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(ended), said.read().decode("utf-8", "replace")

print(json.dumps([attempt(key, words) for key, words in json.load(sys.stdin)]))
"""


class Line(NamedTuple):
    """One line, typed by one key."""

    name: str
    key: str
    words: tuple[str, ...]
    passes: bool
    hides: bool
    """Whether the answer has to be that of an app which is not there."""


def lines(app: str) -> Iterator[Line]:
    """Every command with every grant."""
    import shlex

    for name, rest in LINES.items():
        needed = COMMANDS[name].needs
        command = program.get_command(click.Context(program), name)
        of_app = isinstance(command, Command) and command.of_app
        words = (name, *(("-a", app) if of_app else ()), *shlex.split(rest))
        for key, grant in KEYS.items():
            hides = grant is None and needed not in {"nothing", "admin"}
            yield Line(name, key, words, suffices(grant, needed), hides)


def complaints(tried: Sequence[tuple[Line, tuple[int, str]]]) -> list[str]:
    """What went through and should not have, or the other way round."""
    return [
        f"{line.key}: {' '.join(line.words)} ended with {status}:\n{text}"
        for line, (status, text) in tried
        if not _is_right(line, status, text)
    ]


def _is_right(line: Line, status: int, text: str) -> bool:
    reason = next(iter(re.findall(r"\(([a-z-]+/[a-z-]+)\)\n", text)), "")
    if line.passes:
        return reason not in {"access/not-granted", "not-found/app", "internal/unexpected"}
    wanted = (20, "not-found/app") if line.hides else (21, "access/not-granted")
    return (status, reason) == wanted and "Traceback" not in text


def as_input(tried: Sequence[Line]) -> str:
    """For the driver's standard input."""
    return json.dumps([(line.key, line.words) for line in tried])
