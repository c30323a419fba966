"""The one door for git: whether a key may use it on an app, over ssh and HTTP alike.

It also builds the variables that the hooks of a push need. Importing it is part of every push.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from receiver.access import grants
from receiver.model.errors import NotFoundError, ServerError
from receiver.model.grant import FOR_GIT, suffices
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.push import programs

RECEIVE, UPLOAD = "git-receive-pack", "git-upload-pack"
_CALLS = {RECEIVE: "push", UPLOAD: "fetch"}
SERVICES = frozenset(_CALLS)
"""What git asks for, by the names of its own programs."""
OWNER = "SHIP_OWNER"
"""Set for hooks where the owner of an embedded server asks, by no key."""
_FOR_HOOKS = ("HOME", "SHIP_ROOT", "SSH_CLIENT")


class Caller(NamedTuple):
    """A key that calls git on a server."""

    layout: Layout
    key: str
    environment: Mapping[str, str]
    """For the programs that are started; SSH_CLIENT in it is the address that is recorded."""
    to_make: Callable[[AppName], str]
    """What an admin types to make an app, from where the call comes."""
    tell: Callable[[bytes], object] = len
    """Shows something to whoever pushes, where that is possible before the push begins."""


def admit(caller: Caller, app: AppName, service: str) -> None:
    """Let a call pass, or have its refusal recorded and explain it.

    Raises:
        NotFoundError: there is no such app, or the key may not see it: the same words for both
        ShipError: the key sees the app, and may not do this
    """
    held = grants.held(caller.layout, caller.key, app)
    exists = caller.layout.repo(app).is_dir()
    if exists and suffices(held, FOR_GIT):
        return
    if not exists and service == RECEIVE and _makes_apps(caller):
        _make(caller, app)
        return
    _record(caller, app, service)
    if held is None or not exists:
        raise _no_such_app(caller, app)
    raise grants.not_granted(caller.key, app, held, FOR_GIT)


def for_hooks(key: str, app: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What hooks/post-receive needs to hand the pushed tree to the deploy."""
    variables = {"SHIP_APP": app, "SHIP_KEY": key, "SHIP_DEPLOY": programs.path_of("ship-deploy")}
    variables["SHIP_PUSH"] = os.urandom(8).hex()  # tells this push from every other
    variables |= {name: environment[name] for name in _FOR_HOOKS if name in environment}
    if programs.needs_sudo(environment):
        variables["SHIP_SUDO"] = "1"
    return variables


def to_settle(variables: Mapping[str, str]) -> tuple[str, ...]:
    """What tells how the deploy of a push ended, by what its hooks were told; nothing where they
    were told of no deploy.
    """
    asks = _asks(variables, "settle")
    return (*asks, "--push", variables.get("SHIP_PUSH", "")) if asks else ()


def to_clear_up(variables: Mapping[str, str]) -> tuple[str, ...]:
    """What puts right what an earlier push left that was killed; nothing as above."""
    return _asks(variables, "clear-up")


def _asks(variables: Mapping[str, str], command: str) -> tuple[str, ...]:
    if "SHIP_DEPLOY" not in variables:
        return ()
    sudo = ("sudo", "-n", "--") if variables.get("SHIP_SUDO") == "1" else ()
    words = ["--app", variables["SHIP_APP"], "--key", variables["SHIP_KEY"]]
    if OWNER in variables:
        words.append("--owner")
    return (*sudo, variables["SHIP_DEPLOY"], command, *words)


def _makes_apps(caller: Caller) -> bool:
    """Whether the first push of this key makes its app: an admin's, where the server has it so."""
    import tomllib  # noqa: PLC0415 - only a push to no app needs it

    try:
        text = caller.layout.server_settings.read_text(encoding="utf-8")
        allowed = tomllib.loads(text).get("create_on_push") is True
    except (OSError, ValueError):
        return False
    return allowed and grants.everywhere(caller.layout, caller.key) == "admin"


def _make(caller: Caller, app: AppName) -> None:
    """Have root make an app, as if this key had typed it.

    Raises:
        ServerError: it could not be made
    """
    from receiver.machine import shell  # noqa: PLC0415 - as above

    argv = programs.ship_by(caller.key, caller.environment, "--", "apps:create", app)
    done = shell.run(argv, env=caller.environment)
    if done.status and not caller.layout.repo(app).is_dir():  # another push may have been faster
        told = done.errors.decode("utf-8", "replace")
        said = "\n".join(line.removeprefix(" !").strip() for line in told.splitlines())
        raise ServerError(
            f"The app {app} could not be made at its first push.",
            detail=said.strip(),
            advice=f"Make it by itself, then push again: {caller.to_make(app)}",
            reason="server/not-created",
        )
    line = f"-----> {app} is a new app on this server, made by its first push\n"
    caller.tell(line.encode())


def _record(caller: Caller, app: AppName, service: str) -> None:
    """Have root record a refusal: the account that decides here cannot write the audit.

    `ship`, asked for the same, refuses it as well and records that. Silent, whatever comes of it.
    """
    from receiver.machine import shell  # noqa: PLC0415 - slow, and only for a refusal

    words = ("--", "git:refused", _CALLS[service], "--app", app)
    argv = programs.ship_by(caller.key, caller.environment, *words)
    with suppress(shell.CommandError):
        shell.run(argv, env=caller.environment)


def _no_such_app(caller: Caller, app: AppName) -> NotFoundError:
    from receiver.state import records  # noqa: PLC0415 - slow, and only for this error

    layout, key, to_make = caller.layout, caller.key, caller.to_make
    known = [AppName(path.stem) for path in layout.repos.glob("*.git")]
    error = records.no_such_app(app, grants.visible(layout, key, known))
    error.advice = grants.advice_for(layout, key, app) or f"Make it with: {to_make(app)}"
    return error
