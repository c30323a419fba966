"""Why visitors do not get the app's page: the way from nginx to the app, walked with evidence at
each step.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
from msgspec.structs import replace

from receiver.deploy.stages import canary as checking
from receiver.doctor import failed_requests, front_door
from receiver.doctor.seen import AppSeen, Seen
from receiver.health import answers, workers
from receiver.health import ask as health
from receiver.health.answers import Answer, Question
from receiver.hosts.examiner import State
from receiver.machine import log_parts, proc, sockets
from receiver.model.errors import CheckError, ShipError, SwapError
from receiver.model.finding import Finding, Steps
from receiver.model.output import mask, secrets_of
from receiver.model.patterns import regex
from receiver.model.plan import RemoveTree
from receiver.model.release import Live, Release
from receiver.nginx import program as nginx
from receiver.nginx.sites import web_port
from receiver.processes import look as processes
from receiver.server import Server
from receiver.state import check_keys, records

_PATIENCE_S = 5.0
_SHOWN_LINES = 12
_NOBODYS = "There is nothing here."
_SERVER_ERROR = 500
_UNTOLD = "check/ended"
_MOST_LOOKS = 5
_LOOK_AGAIN_S = 0.7
_RECENT = timedelta(minutes=5)
_MANAGERS = regex(r"(?:Start|Stopp)(?:ing|ed) ship-|During handling of the above exception")


def look(seen: Seen, app: AppSeen, others: Iterable[Finding]) -> Iterator[Finding]:
    """What a visitor of the app gets now, or got lately; `others` is what was found of it
    already.
    """
    if app.serves is None or nginx.master_pid(seen.server.layout) is None:
        return  # without nginx, no app is reached: that is told once
    live, release = app.serves
    question = _question(app, release)
    asked = replace(question, through_nginx=not seen.server.has_certificate(question.host))
    answer = _ask(seen.server.way_in(question.host), asked)
    wrong = _what_is_wrong(answer, asked)
    if wrong:
        yield _explained(_walk(seen, app, live, release), wrong, list(others))
    else:
        yield from failed_requests.look(seen, app)


def _question(app: AppSeen, release: Release) -> Question:
    check = msgspec.structs.replace(release.checked_by(app.settings), host=None)
    asked = Question.by(check, app.address)
    return replace(asked, key=check_keys.shown(app.paths, app.settings))


def _ask(address: health.Address, question: Question) -> Answer | CheckError:
    try:
        return health.try_out(address, question, limit_s=_PATIENCE_S)[0]
    except CheckError as error:
        return error


def _what_is_wrong(answer: Answer | CheckError, question: Question) -> str:
    if isinstance(answer, CheckError):
        return f"no answer within {_PATIENCE_S:g} s"
    bad = answers.verdict(answer, question)
    if _NOBODYS in answer.body or (bad is not None and answer.status >= _SERVER_ERROR):
        return f"{answer.status}"
    return ""


class _Way(msgspec.Struct, frozen=True):
    """The way from nginx to one app, with what was seen on it."""

    seen: Seen
    app: AppSeen
    live: Live
    release: Release
    question: Question
    port: int
    master: int | None
    direct: Answer | CheckError | None
    """What the app answered past nginx; None where it was not asked."""

    @property
    def ready(self) -> frozenset[int]:
        """The workers that serve."""
        if self.master is None:
            return frozenset()
        told = workers.ready_workers(self.app.paths.slot_run(self.live.slot))
        return proc.children(self.master) & told.keys()

    @property
    def starts(self) -> bool:
        """Whether no worker of gunicorn's is ready: a fresh process would not be either."""
        return self.release.gunicorn is not None and not self.ready

    @property
    def hangs(self) -> bool:
        """Whether it runs and takes connections, and gave no answer in time."""
        return isinstance(self.direct, CheckError) and not self.starts

    @property
    def answers(self) -> bool:
        """Whether the app answers as it should, asked past nginx."""
        return (
            isinstance(self.direct, Answer) and answers.verdict(self.direct, self.question) is None
        )


def _walk(seen: Seen, app: AppSeen, live: Live, release: Release) -> _Way:
    question = _question(app, release)
    port = web_port(app.settings, release, live.slot)
    master = seen.server.host.main_pid(app.name, live.slot)
    direct = _ask(("127.0.0.1", port), question) if master is not None else None
    return _Way(seen, app, live, release, question, port, master, direct)


def _explained(way: _Way, got: str, others: list[Finding]) -> Finding:
    app = way.app
    line = f"GET http://{way.question.host}{way.question.path} through nginx: {got}."
    if way.answers:
        return _nginx_alone(way, line, others)
    cause = _cause(way, others)
    if cause is not None:
        return Finding(
            name="web.no-answer",
            app=app.name,
            severity="broken",
            title=f"Visitors of {app.name} get {got}.",
            seen=(
                line,
                *_process(way),
                f"Most likely because of what is told below: {cause.title}",
            ),
            means="The site is down.",
            advice="`ship doctor --fix` mends that first.",
        )
    why = _why(way)
    plan = app.server.engine.web.restart(app) if way.hangs else ()
    return Finding(
        name="web.no-answer",
        app=app.name,
        severity="broken",
        title=f"Visitors of {app.name} get {got}: {why.title}",
        seen=(line, *_process(way), *_told(why)),
        means="The site is down.",
        does="replace the web process by a fresh one, which has to answer first" if plan else "",
        repair=(Steps(app.name, plan),) if plan else (),
        advice=why.advice,
    )


def _cause(way: _Way, others: list[Finding]) -> Finding | None:
    """What else was found that explains it.

    That nothing runs does so only where somebody stopped it.
    """
    state = _state(way)
    stopped = state is not None and state.was_stopped
    aside = ("process.", "nginx.") if stopped else ("process.", "nginx.", "web.")
    known = (one for one in others if one.severity == "broken" and not one.name.startswith(aside))
    return next(known, None)


def _state(way: _Way) -> State | None:
    return way.seen.examiner.web(way.app.name, way.release, way.live.slot)


def _nginx_alone(way: _Way, line: str, others: list[Finding]) -> Finding:
    status = way.direct.status if isinstance(way.direct, Answer) else 0
    answered = f"Asked past nginx, on port {way.port}, the app answers {status}."
    if way.app.paths.down_mark.exists():
        return _marked(way, line, answered)
    if not any(one.name.startswith("nginx.") for one in others):
        return front_door.reload(way.app, f"{line} {answered}")
    return Finding(
        name="web.not-routed",
        app=way.app.name,
        severity="broken",
        title=f"nginx does not lead visitors to {way.app.name}.",
        seen=(line, answered),
        means="The site is down, although the app runs.",
        advice="It is nginx's file, told below: `ship doctor --fix`.",
    )


def _marked(way: _Way, line: str, answered: str) -> Finding:
    """The app says that it does not start, and it does."""
    mark = str(way.app.paths.down_mark)
    return Finding(
        name="web.marked-down",
        app=way.app.name,
        severity="broken",
        title=f"nginx answers in place of {way.app.name}, which answers itself.",
        seen=(line, answered, f"There is {mark}, from when it did not start."),
        means="The site is down, although the app runs.",
        does="remove that file",
        repair=(Steps(way.app.name, (RemoveTree(mark),)),),
    )


def _process(way: _Way) -> Iterator[str]:
    """What was seen from nginx on: its log, the port, the master, the workers, an answer past
    nginx.
    """
    seen, app, master = way.seen, way.app, way.master
    types = processes.look_at(app).types
    crashing = (each for kind in types for each in kind.running if each.state == "crashing")
    yield from (f"{each.name} is crashing ({each.crash})." for each in crashing)
    errors = log_parts.newest_first(seen.server.host.request_logs.of(app.name, "error"))
    # up to what was asked of whom: that stands above
    last = (line.decode("utf-8", "replace") for line in islice(errors, 1))
    lines = (line.partition(", client: ")[0] for line in last)
    yield from (f"nginx's error log: {line}" for line in lines if _is_recent(line, seen.server))
    yield f"Port {way.port}: {sockets.port_holder(way.port) or 'nobody'} listens."
    if (state := _state(way)) is not None:
        yield state.shown
    if master is None:
        yield f"No web process runs in slot {way.live.slot}."
    elif way.release.gunicorn:
        count = len(proc.children(master))
        yield f"Process {master} is the master; {len(way.ready)} of its {count} workers are ready."
    if isinstance(way.direct, Answer):
        yield f"Asked past nginx, on port {way.port}, it answers {way.direct.status}."
    elif way.direct is not None:
        yield f"Asked past nginx, on port {way.port}: {way.direct.detail or way.direct.title}"


def _why(way: _Way) -> ShipError:
    """The cause, as far as the app's log tells it."""
    app = way.app
    if isinstance(way.direct, Answer):
        error: ShipError = answers.verdict(way.direct, way.question) or SwapError("It answers.")
    elif way.master is None:
        error = SwapError("The web process does not run.", reason="swap/not-running")
    elif way.starts:
        error = SwapError("Its workers cannot start.", reason="swap/boot-failed")
    else:
        return CheckError(
            "it runs, and does not answer.",
            detail="It accepts connections and sends nothing: all workers are busy, or wait for "
            "something.",
            advice=f"Look in `ship logs -a {app.name}` for what it waits for, such as a database "
            "or another server."
            f" If requests are only slow: `ship ps:scale web=4 -a {app.name}` lets more of "
            "them in at once.",
        )
    asked = (app, way.release, way.live.slot, error)
    found, looks = checking.explain_slot(*asked), 1
    while found.reason == _UNTOLD and looks < _MOST_LOOKS:
        # it was started again just now, and has not failed yet
        app.server.clock.sleep(_LOOK_AGAIN_S)
        found, looks = checking.explain_slot(*asked), looks + 1
    config = records.read_config(app.paths.release(way.release.version).env)
    hidden = secrets_of(config, way.question.host)
    return ShipError(
        mask(found.title[:1].lower() + found.title[1:], hidden),
        detail=mask(found.detail, hidden),
        advice=mask(found.advice, hidden)
        or f"Read `ship logs -a {app.name}`, correct the app and push again.",
    )


def _told(why: ShipError) -> list[str]:
    """The end of what is known, each line once: a process that is started again and again
    repeats itself.
    """
    lines = [line for line in why.detail.splitlines() if not _MANAGERS.match(line)]
    return list(reversed(dict.fromkeys(reversed(lines))))[-_SHOWN_LINES:]


def _is_recent(line: str, server: Server) -> bool:
    """Whether a line of nginx's error log, which has the machine's own time, is of the last
    minutes.
    """
    try:
        at = datetime.strptime(line[:19], "%Y/%m/%d %H:%M:%S").astimezone(UTC)
    except ValueError:
        return False
    return datetime.fromisoformat(server.clock.stamp()) - at < _RECENT
