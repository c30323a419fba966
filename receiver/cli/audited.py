"""Which commands are on record, with which of their words; and the recording, around whatever
command is called.
"""

from collections.abc import Callable, Mapping
from typing import Any

from receiver.access import audit
from receiver.cli import catalogue, show
from receiver.cli.call import Call
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.audit import Line, shortened
from receiver.model.errors import ShipError
from receiver.model.names import is_config_name

_INTERRUPTED = 130
_FAULT = 1
_TOLD: Mapping[str, tuple[str, ...]] = {
    "access:add": ("key", "grant", "wide"),
    "access:remove": ("key", "wide"),
    "access:update": ("key", "grant", "wide"),
    "apps:clone": ("new", "storage"),
    "apps:create": ("name",),
    "apps:lock": ("reason",),
    "apps:rename": ("new",),
    "builds:cancel": ("build",),
    "buildpacks:add": ("name",),
    "buildpacks:remove": ("name",),
    "buildpacks:set": ("name",),
    "checks:set": ("words",),
    "checks:unset": ("names",),
    "config:get": ("names",),
    "config:unset": ("names",),
    "cron:resume": ("names", "everything"),
    "cron:run": ("name",),
    "cron:suspend": ("names", "everything"),
    "keys:add": ("name", "token", "admin", "grants"),
    "keys:remove": ("name",),
    "keys:rename": ("name", "new"),
    "limits:set": ("words",),
    "limits:unset": ("words",),
    "ps:restart": ("process",),
    "ps:scale": ("wishes",),
    "ps:start": ("process_type",),
    "ps:stop": ("process_type",),
    "releases:info": ("release",),
    "releases:rollback": ("release",),
    "run": ("command",),
    "run:detached": ("command",),
    "run:stop": ("names", "everything"),
}
"""By command, the parameters that are recorded.

Of all others none: whatever may hold a value of a config var is not here.
"""

_NAMES_ALONE = frozenset({"config:get", "config:unset"})
"""Commands that take names of config vars; a word that is none, such as NAME=VALUE by mistake,
is not recorded."""


def perform(call: Call, name: str, params: Mapping[str, Any], do: Callable[[], Any]) -> Any:
    """Have a command done, on record from its beginning to its end."""
    entry = audit.Entry(call.layout, SYSTEM_CLOCK, _line(call, name, params), _tell_trouble)
    call.entry = entry.begin()
    try:
        status = do()
    except ShipError as error:
        entry.end(error.exit_code, reason=error.reason)
        raise
    except SystemExit as ending:
        entry.end(ending.code if isinstance(ending.code, int) else _FAULT)
        raise
    except KeyboardInterrupt:
        entry.end(_INTERRUPTED)
        raise
    except BaseException:
        entry.end(_FAULT, reason="internal/unexpected")
        raise
    entry.end(status if isinstance(status, int) else 0)
    return status


def refused(call: Call, name: str, params: Mapping[str, Any], error: ShipError) -> None:
    """Record that a key wanted more than it may."""
    line = _line(call, name, params, event="refused", status=error.exit_code, reason=error.reason)
    audit.note(call.layout, line, _tell_trouble)


def _line(call: Call, name: str, params: Mapping[str, Any], **more: Any) -> Line:
    words: list[str] = []
    for param in _TOLD.get(name, ()):
        words += _words(param, params.get(param))
    if name in _NAMES_ALONE:
        words = [word if is_config_name(word) else "..." for word in words]
    command = f"git {params.get('call_')}" if name == catalogue.GIT_REFUSED else name
    return Line(
        at=SYSTEM_CLOCK.stamp(),
        id=audit.new_id(),
        command=command,
        key=call.key,
        user="" if call.key else call.by,
        address=call.environment.address,
        app=_app(call, name, params),
        words=shortened(words),
        **{"event": "began", **more},
    )


def _app(call: Call, name: str, params: Mapping[str, Any]) -> str | None:
    """The app that is meant, as far as it was said."""
    if name == "apps:create":
        return str(params.get("name"))
    if params.get("wide") or "app" not in params:
        return None
    try:
        return call.app
    except ShipError:
        return None


def _words(param: str, value: object) -> list[str]:
    if value is True:
        return ["--all-apps" if param == "wide" else f"--{param}"]
    if isinstance(value, tuple):
        return [str(word) for word in value]
    return [str(value)] if value else []


def _tell_trouble(text: str) -> None:
    show.progress(f" !     {text}")
