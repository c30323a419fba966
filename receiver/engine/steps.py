"""Does the steps of this machine: slots, held sockets, units and nginx's files; knows their
opposites.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import assert_never

import msgspec
from msgspec.structs import replace

from receiver.changes.app_state import state_of
from receiver.engine import background
from receiver.engine.slots import await_slot
from receiver.engine.stopping import stop_slot
from receiver.health import workers
from receiver.health.answers import (
    Question,
    needs_https,
    notice,
    to_https,
    wrong_port,
    wrong_socket,
)
from receiver.machine import files, proc, sockets
from receiver.model import plan as steps
from receiver.model.check import Check
from receiver.model.errors import CheckError, NotFoundError, ServerError, ShipError, SwapError
from receiver.model.layout import SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import OfEngine, Plan
from receiver.model.process_limits import Limit
from receiver.model.web_servers import here_advice
from receiver.nginx import program as nginx
from receiver.nginx.sites import SITE_MODE
from receiver.server import Server
from receiver.state import check_keys, records, release_times

_UNDO_LIMIT_S = 60.0


class MachineSteps:
    """The steps of one machine; `say` is told what is seen on the way, `warn` what is late."""

    def __init__(
        self, server: Server, say: Callable[[str], object], warn: Callable[[str], object]
    ) -> None:
        self._server = server
        self._say = say
        self._warn = warn

    def opposite(self, step: OfEngine) -> Plan:  # noqa: C901, PLR0912 - one case a step, as in `do`
        """The steps that bring back what is there now, looked up before `step` changes it."""
        match step:
            case steps.ChangeUnits(app=app, files=changed):
                texts = {path: files.read_text(Path(path)) for path in changed}
                return (steps.ChangeUnits(app, texts),)
            case steps.ChangeSite(app=app, path=path, link=link):
                return (steps.ChangeSite(app, path, link, files.read_text(Path(path))),)
            case steps.ApplyLimits(app=app, limits=changed_limits):
                return (steps.ApplyLimits(app, self._limits_of(app, changed_limits)),)
            case steps.HoldSocket(app=app):
                return (steps.ReleaseSocket(app),)
            case steps.ReleaseSocket(app=app):
                return (steps.HoldSocket(app),)
            case steps.AimSlot():
                return self._aim_back(step)
            case steps.StartSlot(app=app, slot=slot):
                return (steps.StopSlot(app, slot),)
            case steps.StopSlot():
                return self._start_back(step)
            case steps.EnableSlot(app=app):
                live = records.read_live(self._server.layout.app(AppName(app)))
                return (steps.EnableSlot(app, live.slot if live else None),)
            case steps.SetFormation(app=app) | steps.RestartProcesses(app=app):
                before = records.read_formation(self._server.layout.app(AppName(app)))
                return (steps.SetFormation(app, before),)
            case steps.SetTimers(app=app):
                timers = records.read_timers(self._server.layout.app(AppName(app)))
                return (steps.SetTimers(app, timers),)
            case steps.AwaitRelease() | steps.AwaitAnswer() | steps.AskThroughNginx():
                return ()
            case _:
                assert_never(step)

    def do(self, step: OfEngine) -> None:  # noqa: C901, PLR0912, PLR0915 - one case a step, a line or two each
        """Do one step.

        Raises:
            ShipError: it could not be done
        """
        host = self._server.host
        match step:
            case steps.ChangeUnits(files=changed):
                self._change_files(changed)
                host.refresh()
            case steps.ChangeSite():
                self._change_site(step)
            case steps.ApplyLimits(app=app, limits=limits):
                host.limits.apply(AppName(app), limits)
            case steps.HoldSocket(app=app):
                host.hold_socket(AppName(app))
            case steps.ReleaseSocket(app=app):
                host.release_socket(AppName(app))
            case steps.AimSlot():
                self._aim_slot(step)
            case steps.StartSlot(app=app, slot=slot):
                host.start(AppName(app), slot)
            case steps.StopSlot(app=app, slot=slot):
                stop_slot(self._server, AppName(app), slot, self._warn)
            case steps.EnableSlot(app=app, slot=enabled):
                host.enable(AppName(app), enabled)
            case steps.SetTimers(app=app, timers=timers):
                records.write_timers(self._server.layout.app(AppName(app)), timers)
                host.set_timers(AppName(app), timers)
            case steps.AwaitRelease():
                self._await_release(step)
            case steps.AwaitAnswer():
                self._await_answer(step)
            case steps.AskThroughNginx(app=app, check=check):
                self._ask_through_nginx(AppName(app), check)
            case steps.SetFormation(app=app, formation=formation):
                background.set_formation(self._server, AppName(app), formation, self._warn)
            case steps.RestartProcesses(app=app, names=names):
                background.restart(self._server, AppName(app), names, self._warn)
            case _:
                assert_never(step)

    def _limits_of(self, app: str, names: Iterable[str]) -> dict[str, Limit]:
        """The limits that hold now, of these process types."""
        known = records.read_app(self._server.layout.app(AppName(app))).limits
        return {name: known.get(name, Limit()) for name in names}

    def _change_site(self, step: steps.ChangeSite) -> None:
        path, link = Path(step.path), Path(step.link)
        if step.text is None:
            files.remove(link)
            files.remove(path)
        else:
            files.write_atomically(path, step.text, mode=SITE_MODE)
            if not link.is_symlink() or link.readlink() != path:
                files.link_atomically(link, str(path))
        try:
            nginx.test(self._server.layout, AppName(step.app))
            self._server.host.reload_nginx()
        except ShipError as error:
            if step.text is not None:
                raise
            # what somebody else broke keeps no app from being removed: nginx reads this with its
            # next change
            self._say(f"nginx goes on with what it has read before. {error.title}")

    def _aim_slot(self, step: steps.AimSlot) -> None:
        app = AppName(step.app)
        link = self._server.layout.app(app).slot(step.slot)
        if step.version is None:
            files.remove(link)
            return
        files.link_atomically(link, f"../releases/v{step.version}")
        release_times.note(self._server.layout.app(app), f"web.{step.slot}", step.version)
        if step.reload and self._server.host.main_pid(app, step.slot) is not None:
            workers.begin_swap(self._server.layout.app(app).slot_run(step.slot))
            self._server.host.reload(app, step.slot)

    def _aim_back(self, step: steps.AimSlot) -> Plan:
        was = self._server.layout.app(AppName(step.app)).aim(step.slot)
        back = steps.AimSlot(step.app, step.slot, was, step.reload)
        if was is None or not step.reload:
            return (back,)
        return (back, steps.AwaitRelease(step.app, step.slot, was, _UNDO_LIMIT_S))

    def _start_back(self, step: steps.StopSlot) -> Plan:
        """The steps that have a slot run again, and serve where it has a process that could."""
        app = AppName(step.app)
        running = self._server.host.running(app)
        if step.slot not in running:
            return ()
        start = steps.StartSlot(app, step.slot)
        try:
            state = state_of(self._server, app)
        except (NotFoundError, ServerError):  # its record is gone: what runs can only be started
            return (start,)
        serves = running[step.slot] and state.release is not None and state.slot == step.slot
        if not serves or state.release is None:
            return (start,)
        return (start, await_slot(state.release, state.settings, step.slot))

    def _await_release(self, step: steps.AwaitRelease) -> None:
        app = AppName(step.app)
        master = self._server.host.main_pid(app, step.slot)
        if master is None:
            raise SwapError(
                f"The web process of slot {step.slot} does not run.",
                advice="Look at what it wrote: `ship logs`.",
                reason="swap/not-running",
            )
        run = self._server.layout.app(app).slot_run(step.slot)
        label, clock = f"v{step.version}", self._server.clock
        served = workers.ready_workers(run).keys()
        workers.wait_for_release(run, label, master_pid=master, limit_s=step.limit_s, clock=clock)
        self._check_listener(app, step.slot, master)
        answer = workers.last_answer(run)
        if answer is not None:
            self._say(f"Asked before anybody else, it answered {answer.status}.")
        self._say(f"Every worker is of {label}.")
        self._tell_leaving(app, len(workers.leaving(run, served, master)))

    def _tell_leaving(self, app: AppName, left: int) -> None:
        """Tell of workers that take no request any more, and are still at one."""
        if not left:
            return
        limit_s = records.read_app(self._server.layout.app(app)).graceful_limit_s
        ends = "old worker finishes its last request" if left == 1 else "old workers finish theirs"
        self._say(f"{left} {ends}: {limit_s} s at most.")

    def _check_listener(self, app: AppName, slot: SlotLetter, master: int) -> None:
        """See that nginx sends visitors to what serves: whoever else has the port gets them all."""
        port = records.read_app(self._server.layout.app(app)).port
        if sockets.is_answered_by(port, (master,)):
            return
        raise SwapError(
            f"Slot {slot} does not listen on port {port}, where nginx sends visitors.",
            detail=f"{sockets.port_holder(port) or 'Nobody'} listens there.",
            advice="`ship doctor` says why, and `ship doctor --fix` holds the port again.",
            reason="swap/other-listener",
        )

    def _await_answer(self, step: steps.AwaitAnswer) -> None:
        from receiver.health import ask as health  # noqa: PLC0415 - slow, and few steps ask

        app = AppName(step.app)
        # an address is no identity: another app's process may have the port
        if taken := self._taken(step):
            raise taken
        try:
            health.ask(
                ("127.0.0.1", step.port),
                Question.by(step.check, self._server.address(app)),
                limit_s=step.limit_s,
                clock=self._server.clock,
                still_running=lambda: self._server.host.main_pid(app, step.slot) is not None,
                elsewhere=self._watched_port(step),
            )
        except CheckError as error:
            raise self._wrong_port(step) or self._taken(step) or error from error
        if taken := self._taken(step):
            raise taken
        if step.port in sockets.open_ports(self._session(step)):
            self._say(
                "The app is reachable from outside, bypassing nginx. To listen on this machine"
                f" alone: {here_advice(step.line)}."
            )

    def _taken(self, step: steps.AwaitAnswer) -> ServerError | None:
        """The error for a port on which somebody else than the slot listens."""
        port = step.port
        if sockets.is_answered_by(port, self._session(step)) or not sockets.is_listened_on(port):
            return None
        if sockets.is_answered_by(port, self._unit(step)):
            return None
        return sockets.port_in_use(port, f"the app {step.app}")

    def _wrong_port(self, step: steps.AwaitAnswer) -> CheckError | None:
        """The better error, when the process listens where nobody asks."""
        pids = self._session(step)
        found, paths = sockets.listening_ports(pids), sockets.listening_paths(pids)
        if found or not paths:
            wrong = bool(found) and step.port not in found
            return wrong_port(step.port, found, step.line) if wrong else None
        return wrong_socket(step.port, paths, step.line)

    def _watched_port(self, step: steps.AwaitAnswer) -> Callable[[], CheckError | None] | None:
        """What looks for a port of the process's own choice while it is waited for; None where it
        asks for the one that it is given, and may open others on the way.
        """
        return (lambda: self._wrong_port(step)) if step.fixed_port else None

    def _session(self, step: steps.AwaitAnswer) -> tuple[int, ...]:
        """All processes of the slot."""
        main = self._server.host.main_pid(AppName(step.app), step.slot)
        return proc.session(main) if main is not None else ()

    def _unit(self, step: steps.AwaitAnswer) -> tuple[int, ...]:
        """Those too that left the session of the first."""
        main = self._server.host.main_pid(AppName(step.app), step.slot)
        return proc.together(main) if main is not None else ()

    def _ask_through_nginx(self, app: AppName, check: Check) -> None:
        from receiver.health import ask as health  # noqa: PLC0415 - as above

        address = self._server.address(app)
        # nginx finds the app by its name alone
        question = Question.by(msgspec.structs.replace(check, host=None), address)
        by_https = self._server.has_certificate(address)
        question = replace(question, through_nginx=not by_https)
        paths = self._server.layout.app(app)
        question = replace(question, key=check_keys.shown(paths, records.read_app(paths)))
        answer = health.ask(
            self._server.way_in(address),
            question,
            limit_s=_UNDO_LIMIT_S,
            clock=self._server.clock,
        )
        self._say(f"GET {check.path} through nginx answered {answer.status}.")
        if told := notice(answer, question):
            self._say(told)
        if to_https(answer, question.host) and not by_https:
            wanted = self._server.settings
            calm = bool(wanted.trusted_proxies or wanted.tls_port)
            told = needs_https(proxies=bool(wanted.trusted_proxies), https=bool(wanted.tls_port))
            (self._say if calm else self._warn)(told)

    def _change_files(self, texts: dict[str, str | None]) -> None:
        for name, text in texts.items():
            if text is None:
                files.remove(Path(name))
                _remove_empty(Path(name).parent)
            else:
                Path(name).parent.mkdir(exist_ok=True)  # of a drop-in file of systemd's
                files.write_atomically(Path(name), text, mode=0o644)


def _remove_empty(folder: Path) -> None:
    """Take away the folder of a unit's drop-in files, unless somebody else's are in it."""
    if folder.suffix == ".d" and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
