"""The stories of an app's check: what holds and who said so, change it, ask the live release
now.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from receiver.changes.app_state import AppState, state_of
from receiver.changes.change import configure
from receiver.health import ask as health
from receiver.health.answers import Answer, Question
from receiver.model.check import NAMES, Check, overlaid
from receiver.model.errors import CheckError, NotFoundError
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.nginx.sites import web_port
from receiver.server import Server
from receiver.state import check_keys

_LOOPBACK = "127.0.0.1"
Source = Literal["checks:set", "the code", "default"]


class Setting(msgspec.Struct, frozen=True):
    """One setting of a check, and who said so."""

    value: Any
    source: Source


def report(server: Server, name: AppName) -> dict[str, Setting]:
    """What holds for the next release, by name."""
    app = state_of(server, name)
    code = (app.release.code_check or app.release.check) if app.release else Check()
    found = msgspec.to_builtins(overlaid(code, app.settings.check))
    found["host"] = found["host"] or app.address
    return {each: Setting(found[each], _source(each, app.settings, code)) for each in NAMES}


def change(
    server: Server, app: AppName, values: dict[str, Any], removed: tuple[str, ...] = ()
) -> None:
    """Set and remove settings of the app's check; they hold from its next release or restart on."""

    def changed(settings: App) -> App:
        kept = {name: value for name, value in settings.check.items() if name not in removed}
        return replace(settings, check={**kept, **values})

    configure(server, app, changed, "change of its check")


def ask(server: Server, name: AppName) -> tuple[Question, Answer, CheckError | None]:
    """Ask the live release what a deploy would ask it; says what is wrong with the answer, if so.

    Raises:
        CheckError: nothing answered
        NotFoundError: nothing of it runs
    """
    app = state_of(server, name)
    if app.release is None or app.release.served == "nothing" or app.settings.stopped:
        raise _nothing_runs(app)
    address, host = _place(app, app.release)
    check = replace(app.release.checked_by(app.settings), host=host)
    question = Question.by(check, app.address)
    if app.release.served == "files":
        question = replace(question, key=check_keys.shown(app.paths, app.settings))
    limit_s = float(question.timeout_s or app.settings.check_limit_s)
    return question, *health.try_out(address, question, limit_s=limit_s, clock=server.clock)


def _place(app: AppState, release: Release) -> tuple[tuple[str, int], str | None]:
    """Where the release listens, and the host name it is asked by there; None for its own."""
    if release.served == "files":
        return (_LOOPBACK, app.server.settings.http_port), None
    port = web_port(app.settings, release, app.slot)
    return (_LOOPBACK, port), release.checked_by(app.settings).host


def _source(name: str, settings: App, code: Check) -> Source:
    if name in settings.check:
        return "checks:set"
    return "default" if getattr(code, name) == getattr(Check(), name) else "the code"


def _nothing_runs(app: AppState) -> NotFoundError:
    seen = "It is stopped." if app.settings.stopped else "Its Procfile names no web process."
    return NotFoundError(
        f"{app.name} serves nothing that could be asked.",
        detail="It has no release yet." if app.release is None else seen,
        advice="`ship ps:start` starts what was stopped; else push some code: `git push prod "
        "main`.",
        reason="not-found/process",
    )
