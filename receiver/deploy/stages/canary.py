"""The canary: one worker of a new release on a private socket, asked before anyone else is; and
why one that was tried does not serve.
"""

import os
from pathlib import Path
from tarfile import TarError

from msgspec.structs import replace

from buildpacks.python.discovery import find_entry
from receiver.building import system_packages
from receiver.changes.app_state import AppState
from receiver.diagnosis.app_log import of_last_start
from receiver.diagnosis.pushed import Pushed
from receiver.health import answers, workers
from receiver.health import ask as health
from receiver.health.answers import Question
from receiver.hosts import last_text
from receiver.hosts.jobs import Job
from receiver.machine import sockets
from receiver.model.build import Tree
from receiver.model.errors import BuildError, CheckError, ShipError
from receiver.model.layout import AppPaths, SlotLetter
from receiver.model.output import Output
from receiver.model.process_limits import WEB, Limit
from receiver.model.release import Release
from receiver.runs.jobs import launch_argv, launch_variables, make_run_folder
from receiver.runs.pushed import known_of, with_surroundings

_LOG_BYTES = 16 * 1024
_LOG_LINES = 200
_ENDED = frozenset(
    {"swap/boot-failed", "swap/server-ended", "swap/not-running", "swap/did-not-start"}
)
_SLOW = "swap/not-in-time"
_NEVER_ANSWERED = "check/never-answered"
_SIGNAL = " was sent SIG"
_WORD_LIMIT_S = 1.0
_LOOK_EVERY_S = 0.05
_ENDED_UNHEARD = " ended before it served."
_PORT_TAKEN = "Address already in use"


def check(app: AppState, release: Release, out: Output, *, port: int = 0) -> None:
    """Start a canary, ask it for the check path as nginx would, and end it.

    Args:
        app: the app
        release: the release that is tried
        out: the transcript
        port: a free port, for a server that binds $PORT itself

    Raises:
        CheckError: it ended, did not answer in time, or answered with an error
    """
    run = app.paths.run / "canary"
    make_run_folder(app, run)
    log = app.paths.release(release.version).home / "canary.log"
    log.unlink(missing_ok=True)
    socket = run / "web.sock"
    binds_itself = release.binds_itself
    address: health.Address = ("127.0.0.1", port) if binds_itself else socket
    question = Question.by(release.check, app.address)
    running = app.server.engine.jobs.spawn(_canary(app.paths, release, run, socket, port), log)
    try:
        answer = health.ask(
            address,
            question,
            limit_s=float(app.settings.check_limit_s),
            clock=app.server.clock,
            still_running=lambda: running.poll() is None,
            is_up=lambda: (
                binds_itself or question.timeout_s is None or bool(workers.ready_workers(run))
            ),
        )
    except CheckError as error:
        told, seen = of_last_start(_end_of(log)), error
        imports = not binds_itself and not workers.ready_workers(run)
        if imports and error.reason == _NEVER_ANSWERED:
            seen = answers.never_started(app.settings.check_limit_s)
        explained = _explained(seen, told, running.poll(), _pushed(app, release, told))
        explained.log = told
        raise explained from error
    finally:
        running.stop()
        log.unlink(missing_ok=True)
    out.say(f"GET {release.check.path} answered {answer.status} after {answer.seconds:.2f} s.")


def explain_slot(app: AppState, release: Release, slot: SlotLetter, error: ShipError) -> ShipError:
    """Why a slot did not take the release over: its own bad answer, or what it wrote before it
    ended.
    """
    run, log = app.paths.slot_run(slot), of_last_start(_last_lines(app, slot))
    whole = log
    port = app.settings.own_port(slot)
    if _PORT_TAKEN in log and sockets.port_holder(port) is not None:
        return sockets.port_in_use(port, f"the app {app.name}")
    if error.reason == _SLOW:
        # gunicorn starts a worker again that a signal ended, for as long as it is waited for
        ended = _SIGNAL in log
        limit_s = app.settings.check_limit_s
        error = answers.ended(release.check.path) if ended else answers.never_started(limit_s)
    elif error.reason in _ENDED:
        answer = workers.last_answer(run)
        question = Question.by(release.check, app.address)
        bad = answer and answers.verdict(answer, question)
        error = bad or answers.ended(release.check.path)
        said = "" if bad else workers.boot_error(run) or ""
        whole = log if said in log else f"{log}\n{said}"
        # of a worker that a signal ended, only the server's log knows more than that it ended
        if _ENDED_UNHEARD in said:
            log = whole = _signal_told(app, slot) or log
        else:
            log = said or log
    if isinstance(error, CheckError):
        error = _explained(error, log, None, _pushed(app, release, log))
    error.log = whole
    return error


def _explained(error: CheckError, log: str, status: int | None, pushed: Pushed) -> CheckError:
    from receiver.diagnosis import explain as diagnosis  # noqa: PLC0415 - only a release that fails needs it

    return diagnosis.explain(error, log, status, pushed)


def _pushed(app: AppState, release: Release, log: str) -> Pushed:
    """What the release's slug, which is root's own, can tell of why the app does not start."""
    served = release.gunicorn.app if release.gunicorn else ""
    try:
        with app.paths.release(release.version).slug.open("rb") as archive:
            limit = (app.settings.limits.get(WEB) or Limit()).memory or ""
            known = what_was_pushed(Tree(archive), served, limit)
            known = with_surroundings(known, app, release)
            install = system_packages.for_library(app.server, log)
            return replace(known, install=install, line=release.lines.get(WEB, ""))
    except (OSError, TarError, BuildError):
        return Pushed(app=served)  # the better explanation is not worth a failure of its own


def what_was_pushed(tree: Tree, app: str, memory_limit: str = "") -> Pushed:
    """What a tree can tell of why its app, such as `main:app`, does not start."""
    found = find_entry(tree).entry
    entry = found.target if found else ""
    return replace(known_of(tree), app=app, memory_limit=memory_limit, found=entry)


def has_canary(release: Release) -> bool:
    """Whether the web process has to be tried on a private socket first.

    Workers of a WSGI app ask themselves before they serve, and a server that binds $PORT by itself
    is asked in its slot, where nobody is sent to it before.
    """
    return release.gunicorn is not None and not release.checks_itself


def _canary(paths: AppPaths, release: Release, run: Path, socket: Path, port: int) -> Job:
    home = paths.release(release.version)
    return Job(
        app=paths.name,
        argv=launch_argv(
            home.home,
            "web",
            "--run",
            str(run),
            "--bind",
            f"unix:{socket}",
            "--workers",
            "1",
            "--app-dir",
            str(paths.home),
            "--port",
            str(port),
        ),
        cwd=paths.work,
        env=launch_variables(paths, run),
        writable=(run, home.source, paths.storage),
        name="canary",
    )


def _signal_told(app: AppState, slot: SlotLetter) -> str:
    """The log with the server's word on the signal that ended a worker; it comes a moment later."""
    clock = app.server.clock
    ends_at = clock.now() + _WORD_LIMIT_S
    while clock.now() < ends_at:
        log = of_last_start(_last_lines(app, slot))
        if _SIGNAL in log:
            return log
        clock.sleep(_LOOK_EVERY_S)
    return ""


def _last_lines(app: AppState, slot: SlotLetter) -> str:
    return last_text(app.server.engine.log(app.name, slot), _LOG_LINES)


def _end_of(log: Path) -> str:
    try:
        fd = os.open(log, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    with os.fdopen(fd, "rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(0, size - _LOG_BYTES))
        return handle.read().decode("utf-8", "replace")
