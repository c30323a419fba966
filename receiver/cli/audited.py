"""The recording of a command around whatever is called; its row says what of it is recorded."""

from collections.abc import Callable, Mapping
from typing import Any

from receiver.access import audit
from receiver.cli import show
from receiver.cli.call import Call
from receiver.machine.clock import SYSTEM_CLOCK
from receiver.model.audit import Line, shortened
from receiver.model.catalogue import COMMANDS, Row
from receiver.model.errors import ShipError
from receiver.model.names import is_config_name

_INTERRUPTED = 130
_FAULT = 1


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
    except Exception as error:
        from receiver.machine import full_disk

        told = full_disk.in_words(error)
        entry.end(told.exit_code, reason=told.reason)
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
    row = COMMANDS[name]
    return Line(
        at=SYSTEM_CLOCK.stamp(),
        id=audit.new_id(),
        command=row.recorded_as.format_map(params) or name,
        key=call.key,
        user="" if call.key else call.by,
        address=call.environment.address,
        app=_app(call, row, params),
        words=shortened(_words(row, params)),
        **{"event": "began", **more},
    )


def _app(call: Call, row: Row, params: Mapping[str, Any]) -> str | None:
    """The app that is meant, as far as it was said."""
    if row.makes:
        return str(params.get(row.makes))
    if params.get("wide") or "app" not in params:
        return None
    try:
        return call.app
    except ShipError:
        return None


def _words(row: Row, params: Mapping[str, Any]) -> list[str]:
    """What of a command is recorded; of one that may hold secrets, names of config vars alone."""
    words = [word for param in row.records for word in _words_of(param, params.get(param))]
    return [word if is_config_name(word) or not row.secret else "..." for word in words]


def _words_of(param: str, value: object) -> list[str]:
    if value is True:
        return ["--all-apps" if param == "wide" else f"--{param}"]
    if isinstance(value, tuple):
        return [str(word) for word in value]
    return [str(value)] if value else []


def _tell_trouble(text: str) -> None:
    show.progress(f" !     {text}")
