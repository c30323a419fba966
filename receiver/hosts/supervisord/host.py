"""The embedded host: supervisord runs the slots; everything belongs to the user who started it."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.health import workers
from receiver.hosts import last_text
from receiver.hosts.supervisord import logs as supervisor_logs
from receiver.hosts.supervisord import programs
from receiver.hosts.supervisord.background import SupervisorBackground
from receiver.hosts.supervisord.limits import NoLimits
from receiver.hosts.supervisord.request_logs import LogsOfApps
from receiver.hosts.supervisord.rpc import NO_SUCH_PROCESS, RefusedError, Supervisor, control_socket
from receiver.machine import files, proc, sockets
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.machine.interpreter import PYTHON, program
from receiver.machine.log_files import FileLogs
from receiver.model.cron import Timer
from receiver.model.errors import NotFoundError, SwapError
from receiver.model.layout import SLOTS, AppPaths, Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.program import KILLED_WORKERS, RUNTIME
from receiver.model.release import Release
from receiver.model.settings import STOP_MARGIN_S, App, Server
from receiver.nginx import program as nginx
from receiver.state import records

if TYPE_CHECKING:
    from receiver.hosts.examiner import Subject
    from receiver.hosts.supervisord.accounts import OneAccount
    from receiver.hosts.supervisord.drains import SupervisorDrains
    from receiver.hosts.supervisord.examiner import SupervisorExaminer
    from receiver.hosts.supervisord.jobs import PlainJobs
    from receiver.hosts.supervisord.network import OneNetwork
    from receiver.hosts.supervisord.outside_mounts import NoMounts
    from receiver.hosts.supervisord.services import NoServices
    from receiver.hosts.supervisord.system_packages import OthersPackages

LAUNCHER = programs.Launcher(PYTHON, RUNTIME / "launch.py")
SHIP = program("ship")
_POLL_S = 0.02
_SHOWN_LINES = 20
_SLOW = "without a worker that serves"


class SupervisordHost:
    """A machine without root or systemd."""

    def __init__(self, layout: Layout, clock: Clock = SYSTEM_CLOCK) -> None:
        self._layout = layout
        self._clock = clock
        self._supervisor = Supervisor(control_socket(layout), clock)
        self.background = SupervisorBackground(layout, self._supervisor, LAUNCHER, clock)
        self.limits = NoLimits()
        self.request_logs = LogsOfApps(layout)

    @cached_property
    def jobs(self) -> "PlainJobs":
        """Processes that end."""
        from receiver.hosts.supervisord.jobs import PlainJobs  # noqa: PLC0415 - few commands need it

        return PlainJobs(self._layout, self._clock)

    @cached_property
    def accounts(self) -> "OneAccount":
        """Everything is the user's who started the server."""
        from receiver.hosts.supervisord.accounts import OneAccount  # noqa: PLC0415 - as above

        return OneAccount(self.jobs)

    @property
    def drains(self) -> "SupervisorDrains":
        """What sends logs on."""
        from receiver.hosts.supervisord.drains import SupervisorDrains  # noqa: PLC0415 - few commands need it

        return SupervisorDrains(self._layout)

    @property
    def outside_mounts(self) -> "NoMounts":
        """Where storage can appear outside of a release's tree."""
        from receiver.hosts.supervisord.outside_mounts import NoMounts  # noqa: PLC0415 - as above

        return NoMounts()

    @property
    def network(self) -> "OneNetwork":
        """Nothing keeps apps apart."""
        from receiver.hosts.supervisord.network import OneNetwork  # noqa: PLC0415 - as above

        return OneNetwork()

    @property
    def services(self) -> "NoServices":
        """Programs of ship's own that the machine starts."""
        from receiver.hosts.supervisord.services import NoServices  # noqa: PLC0415 - as above

        return NoServices()

    @property
    def system_packages(self) -> "OthersPackages":
        """Packages that others install."""
        from receiver.hosts.supervisord.system_packages import OthersPackages  # noqa: PLC0415 - as above

        return OthersPackages()

    def examiner(self, settings: Server, apps: "tuple[Subject, ...]") -> "SupervisorExaminer":
        """What `ship doctor` asks."""
        from receiver.hosts.supervisord.examiner import SupervisorExaminer  # noqa: PLC0415 - as above

        del settings, apps
        return SupervisorExaminer(self._layout, self._supervisor, self._clock)

    def git_remote(self, settings: Server, app: AppName) -> str:
        """Over HTTP, since there is no sshd of ours."""
        return f"http://127.0.0.1:{settings.http_port}/git/{app}.git"

    def unit_files(self, app: AppName, settings: App) -> tuple[WriteFile, ...]:
        """The program file of the app."""
        return (programs.program_file(self._layout, app, settings, LAUNCHER),)

    def refresh(self) -> None:
        """Read the program files again; a server that is down reads them when it starts."""
        if self._supervisor.pid() is not None:
            # of two at once, both would be told to take the same programs out
            with files.locked_file(self._layout.run / "supervisor.lock"):
                self._supervisor.update()

    def hold_socket(self, app: AppName) -> None:
        """Start the process that keeps the socket open."""
        self._start(app, programs.holder_process(app))

    def release_socket(self, app: AppName) -> None:
        """Stop it; the socket closes with the last process that has it."""
        if self._supervisor.pid() is not None:
            self._supervisor.stop(programs.holder_process(app))

    def start(self, app: AppName, slot: SlotLetter) -> None:
        """Start a slot; returns when a worker of gunicorn's serves, or a command has lived for a
        second.
        """
        process = self._process_for(app, slot)
        paths = self._layout.app(app)
        for folder in (paths.slot_run(slot), paths.work, paths.logs, paths.down):
            folder.mkdir(parents=True, exist_ok=True)
        workers.forget_last_swap(paths.slot_run(slot))
        self._start(app, process)
        state = self._await_start(app, slot, process)
        if state != "RUNNING":
            self._supervisor.stop(process)
            raise self._did_not_start(app, slot, state)

    def stop(self, app: AppName, slot: SlotLetter) -> bool:
        """Stop a slot, whichever kind of process runs in it."""
        if self._supervisor.pid() is None:
            return False
        held, own = (self._stop(app, process) for process in _processes(app, slot))
        return held or own

    def _stop(self, app: AppName, process: str) -> bool:
        began = self._clock.now()
        self._supervisor.stop_for_good(process)
        took_s = self._clock.now() - began
        if took_s < 1:  # no time limit is shorter
            return False
        settings = records.read_app(self._layout.app(app))
        late = took_s >= settings.graceful_limit_s + STOP_MARGIN_S
        return late or self._supervisor.exit_status(process) == KILLED_WORKERS

    def reload(self, app: AppName, slot: SlotLetter) -> None:
        """Send HUP to the slot's main process."""
        for process in _processes(app, slot):
            if self._supervisor.state(process).pid:
                self._supervisor.signal(process, "HUP")

    def running(self, app: AppName) -> dict[SlotLetter, int]:
        """Slots that run, or are about to be started again; none when the server is down."""
        if self._supervisor.pid() is None:
            return {}
        states = {
            slot: [self._supervisor.state(process) for process in _processes(app, slot)]
            for slot in SLOTS
        }
        return {
            slot: next((state.pid for state in found if state.pid), 0)
            for slot, found in states.items()
            if any(state.comes_back for state in found)
        }

    def main_pid(self, app: AppName, slot: SlotLetter) -> int | None:
        """Process id of the slot's main process; none when the server is down."""
        if self._supervisor.pid() is None:
            return None
        pids = (self._supervisor.state(process).pid for process in _processes(app, slot))
        return next((pid for pid in pids if pid), None)

    def is_outdated(self, app: AppName, slot: SlotLetter) -> bool:
        """Never: supervisord starts anew what another file describes."""
        del app, slot
        return False

    def enable(self, app: AppName, slot: SlotLetter | None) -> None:
        """Note on disk which slot `server:start` starts."""
        link = enabled_link(self._layout.app(app))
        if slot is None:
            files.remove(link)
        else:
            files.link_atomically(link, f"slots/{slot}")

    def timer_files(self, app: AppName, timers: Mapping[str, Timer]) -> tuple[WriteFile, ...]:
        """The program that starts the app's cron jobs, where it has any."""
        return (programs.scheduler_file(self._layout, app, SHIP),) if timers else ()

    def set_timers(self, app: AppName, timers: Mapping[str, Timer]) -> None:
        """Have the app's scheduler run, and read again what it has to start; or have none."""
        path = programs.scheduler_path(self._layout, app)
        wanted = next((file.text for file in self.timer_files(app, timers)), None)
        if wanted == files.read_text(path):
            if wanted is not None and self._supervisor.pid() is not None:
                self._supervisor.signal(programs.scheduler_process(app), "HUP")
            return
        if wanted is None:
            files.remove(path)
        else:
            files.write_atomically(path, wanted, mode=0o644)
        self.refresh()

    def reload_nginx(self) -> None:
        """Have the embedded server's nginx read its files again."""
        nginx.reload(self._layout, clock=self._clock)

    def app_log(self, app: AppName, slot: SlotLetter | None = None) -> FileLogs:
        """What the app's processes wrote; or its web processes in one slot."""
        return supervisor_logs.app_log(self._layout.app(app), slot)

    def _start(self, app: AppName, process: str) -> None:
        try:
            self._supervisor.start(process)
        except RefusedError as refused:
            port = records.read_app(self._layout.app(app)).port
            if refused.code == NO_SUCH_PROCESS and sockets.port_holder(port) is not None:
                raise sockets.port_in_use(port, f"the app {app}") from refused
            raise

    def _await_start(self, app: AppName, slot: SlotLetter, process: str) -> str:
        """The state a slot reached: RUNNING, or what supervisord says of one that did not come
        up.
        """
        run = self._layout.app(app).slot_run(slot)
        ends_at = self._clock.now() + records.read_app(self._layout.app(app)).check_limit_s
        first = state = self._supervisor.state(process)
        while state.alive and self._clock.now() < ends_at:
            if state.pid != first.pid:
                return "EXITED"  # it had ended, and supervisord is trying again
            # ready files of an earlier run lie there until the new one has begun
            if proc.children(state.pid) & workers.ready_workers(run).keys():
                return "RUNNING"
            if state.name == "RUNNING" and process == programs.own_port_process(app, slot):
                return "RUNNING"
            self._clock.sleep(_POLL_S)
            state = self._supervisor.state(process)
        return _SLOW if state.alive else state.name

    def _process_for(self, app: AppName, slot: SlotLetter) -> str:
        if self._release(app, slot).binds_itself:
            return programs.own_port_process(app, slot)
        return programs.held_process(app, slot)

    def _release(self, app: AppName, slot: SlotLetter) -> Release:
        paths = self._layout.app(app)
        version = paths.aim(slot)
        if version is None:
            raise NotFoundError(
                f"Slot {slot} of {app} has no release.",
                advice="Push the app first.",
                reason="not-found/release",
            )
        return records.read_release(paths, version)

    def _did_not_start(self, app: AppName, slot: SlotLetter, state: str) -> SwapError:
        told = workers.boot_error(self._layout.app(app).slot_run(slot))
        said = "\n".join((told or "").splitlines()[-_SHOWN_LINES:])
        said = said or last_text(self.app_log(app, slot), _SHOWN_LINES)
        return SwapError(
            f"The web process of {app} did not start in slot {slot}.",
            detail=f"The process is {state}. It said:\n{said}".rstrip(),
            advice="Correct the app and push again.",
            reason="swap/not-in-time" if state == _SLOW else "swap/did-not-start",
        )


def enabled_link(paths: AppPaths) -> Path:
    """Link to the slot that the server starts when it starts."""
    return paths.home / "enabled"


def enabled_slot(paths: AppPaths) -> SlotLetter | None:
    """The slot that the server starts when it starts."""
    link = enabled_link(paths)
    name = link.readlink().name if link.is_symlink() else ""
    return next((slot for slot in SLOTS if slot == name), None)


def _processes(app: AppName, slot: SlotLetter) -> tuple[str, str]:
    return programs.held_process(app, slot), programs.own_port_process(app, slot)
