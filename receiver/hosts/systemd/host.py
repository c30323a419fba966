"""The host of a VPS: systemd holds sockets, runs slots and jobs, and journald keeps what they
write.

PID 1 is talked to through `systemctl`, which goes to it directly; each call takes about 8 ms.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.hosts import Job, JobMemoryError, Owner, last_text
from receiver.hosts.systemd import accounts as systemd_accounts
from receiver.hosts.systemd import timers as systemd_timers
from receiver.hosts.systemd.background import SystemdBackground
from receiver.hosts.systemd.boot import BootLinks
from receiver.hosts.systemd.jobs import (
    BackgroundJob,
    believed,
    deploy_job_units,
    job_argv,
    job_unit,
    kept_to_memory,
    killed_for_memory,
    lasting_job_units,
    own_unit,
    stop_units,
    stopped_at_the_end,
)
from receiver.hosts.systemd.limit_files import limit_files, limited_units
from receiver.hosts.systemd.timer_units import timer_files
from receiver.hosts.systemd.units import (
    RECOVERY_UNIT,
    SlotKind,
    app_units,
    placeholder_unit,
    slot_unit,
    slot_units,
    socket_unit,
)
from receiver.machine import files, shell
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.cron import Timer
from receiver.model.errors import ServerError, SwapError
from receiver.model.layout import Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import Limit
from receiver.model.program import RUNTIME
from receiver.model.settings import App
from receiver.nginx import program as nginx
from receiver.state import records

if TYPE_CHECKING:
    from receiver.hosts.systemd.journal import JournalLog

_APPLIED_LIMITS = Path("/run/systemd/system.control")
"""Where systemd keeps what `systemctl set-property --runtime` said."""
_UNBOUNDED_S = 90_000.0
"""For commands that the unit's own time limits end."""
_DETACH_LIMIT_S = 5.0
_SHOWN_LINES = 20
_LOOK_AGAIN_S = 0.002


class SystemdHost:
    """A machine whose process manager is systemd. Everything here needs root."""

    def __init__(
        self, layout: Layout, *, runtime: Path = RUNTIME, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._layout = layout
        self._runtime = runtime
        self._clock = clock
        self._boot = BootLinks(layout.units)
        self._background = SystemdBackground(layout, runtime, self._boot)

    @property
    def background(self) -> SystemdBackground:
        """The processes besides web."""
        return self._background

    def owner(self, app: AppName) -> Owner | None:
        """The app's account."""
        return systemd_accounts.owner(app)

    def create_account(self, app: AppName) -> None:
        """Make the app's account unless it is there."""
        systemd_accounts.create(app, self._layout.app(app).home)

    def remove_account(self, app: AppName) -> None:
        """Remove the app's account, after everything it runs was stopped."""
        from receiver.hosts.systemd import journal as systemd_journal  # noqa: PLC0415 - few commands need it

        stop_units(deploy_job_units(app), lasting_job_units(app))
        self._forget_applied_limits(app)
        systemd_journal.remove(app)
        systemd_accounts.remove(app)

    def rename_account(self, app: AppName, new: AppName) -> None:
        """Give the app's user and group another name; what has it already keeps it."""
        from receiver.hosts.systemd import journal as systemd_journal  # noqa: PLC0415 - few commands need it

        stop_units(deploy_job_units(app), lasting_job_units(app))
        self._forget_applied_limits(app)
        systemd_journal.rename(app, new)
        systemd_accounts.rename(app, new, self._layout.app(new).home)

    def run(
        self, job: Job, on_output: Callable[[bytes], object], *, stdin: int | None = None
    ) -> int:
        """Run to the end, handing on output (both streams) as it comes; returns the exit status.

        Raises:
            JobTimeoutError: `limit_s` passed.
            JobMemoryError: it used more than `most_memory_bytes`
        """
        unit = job_unit(job)
        argv = job_argv(self._layout, self._runtime, job, unit, "--pipe")
        since_s = self._clock.now()
        process = shell.start(argv, env=shell.PLAIN_ENVIRONMENT, stdin=stdin)
        with stopped_at_the_end(unit, job.limit_s), kept_to_memory(unit, job.most_memory_bytes):
            status = shell.pump(process, on_output)
        if status and job.most_memory_bytes is not None and killed_for_memory(unit):
            raise JobMemoryError
        return believed(status, since_s=since_s)

    def spawn(self, job: Job, log: Path) -> BackgroundJob:
        """Start in the background; its output goes into `log`.

        It is ended by SIGKILL: gunicorn takes 0.3 s to end politely, in every deploy, and a canary
        has no visitor whose request would be cut off.
        """
        unit = job_unit(job)
        ended_at_once = "--property=KillSignal=SIGKILL"
        argv = job_argv(self._layout, self._runtime, job, unit, "--pipe", ended_at_once)
        return BackgroundJob(argv, unit, log)

    def attach(self, job: Job, *, tty: bool) -> int:
        """Run with the caller's own stdin, stdout and stderr; returns the exit status."""
        unit = job_unit(job)
        mode = "--pty" if tty else "--pipe"
        argv = job_argv(self._layout, self._runtime, job, unit, mode)
        since_s = self._clock.now()
        with stopped_at_the_end(unit, job.limit_s):
            status = shell.attach(argv, env={**shell.PLAIN_ENVIRONMENT, **job.env})
        return believed(status, since_s=since_s)

    def stop_jobs(self, app: AppName) -> None:
        """Stop what `run` and `spawn` started for an app and nobody waits for any more."""
        stop_units(deploy_job_units(app))

    def unit_files(self, app: AppName, settings: App) -> tuple[WriteFile, ...]:
        """Files that describe the app's socket and slots to the process manager."""
        units = app_units(self._layout, app, settings, self._runtime)
        return (*units, *limit_files(self._layout, app, settings.limits))

    def apply_limits(self, app: AppName, limits: Mapping[str, Limit]) -> None:
        """Keep what runs of these process types to their limits from now on, until the next boot.

        The files of the units say the same for whatever starts later.
        """
        for name, limit in limits.items():
            values = [f"{key}={value}" for key, value in limit.properties]
            for unit in self._running(limited_units(app, name)):
                _systemctl("set-property", "--runtime", unit, *values)

    def _forget_applied_limits(self, app: AppName) -> None:
        """Until the next boot they would hold for another app that is given this name."""
        applied = list(_APPLIED_LIMITS.glob(f"ship-{app}.*.service.d"))
        for folder in applied:
            files.remove_tree(folder)
        if applied:
            self.refresh()

    def refresh(self) -> None:
        """Read unit files again."""
        _systemctl("daemon-reload")

    def hold_socket(self, app: AppName) -> None:
        """Listen on the app's port from now on, also while nothing serves it, and after a boot."""
        self._boot.enable_socket(app)
        _systemctl("start", socket_unit(app))

    def release_socket(self, app: AppName) -> None:
        """Stop listening on the app's port."""
        self._boot.disable_socket(app)
        stop_units(socket_unit(app), placeholder_unit(app))

    def start(self, app: AppName, slot: SlotLetter) -> None:
        """Start a slot; returns when its manager says it is up.

        While the machine boots, slots start when recovery has ended. Then nothing is waited for
        here.

        Raises:
            SwapError: it did not come up; it is stopped again
        """
        unit = slot_unit(app, self._kind(app, slot), slot)
        later = ("--no-block",) if own_unit() == RECOVERY_UNIT else ()
        try:
            _systemctl("start", *later, unit)
        except shell.CommandError as error:
            # told before it is stopped: what it failed by is forgotten then
            late = _systemctl("show", "--property=Result", "--value", unit).strip() == b"timeout"
            said = last_text(self.app_log(app, slot), _SHOWN_LINES)
            stop_units(unit)
            raise SwapError(
                f"The web process of {app} did not start in slot {slot}.",
                detail=f"Its log ends with:\n{said}",
                advice="Correct the app and push again.",
                reason="swap/not-in-time" if late else "swap/did-not-start",
            ) from error

    def stop(self, app: AppName, slot: SlotLetter) -> None:
        """Stop a slot gracefully; nothing happens when it is not running."""
        stop_units(*slot_units(app, slot))

    def reload(self, app: AppName, slot: SlotLetter) -> None:
        """Send HUP to the slot's main process, which is gunicorn's: no other slot is swapped in
        place.
        """
        _systemctl("kill", "--kill-whom=main", "--signal=HUP", slot_unit(app, "web", slot))

    def main_pid(self, app: AppName, slot: SlotLetter) -> int | None:
        """Process id of the slot's main process; None when it does not run.

        systemd makes a slot's run folder before its process and removes it after. Where there is
        none, PID 1 need not be asked, which for a unit at rest means that it reads the unit's file
        anew.
        """
        if not self._layout.app(app).slot_run(slot).exists():
            return None
        for unit in slot_units(app, slot):
            pid = int(_systemctl("show", "--property=MainPID", "--value", unit))
            if pid:
                return pid
        return None

    def enable(self, app: AppName, slot: SlotLetter | None) -> None:
        """Have this slot, and only this one, started at boot; none of the app's when None."""
        chosen = None if slot is None else (self._kind(app, slot), slot)
        self._boot.enable_slot(app, chosen)

    def timer_files(self, app: AppName, timers: Mapping[str, Timer]) -> tuple[WriteFile, ...]:
        """The units of the app's cron jobs."""
        return timer_files(self._layout, app, timers, systemd_timers.SHIP)

    def set_timers(self, app: AppName, timers: Mapping[str, Timer]) -> None:
        """Have exactly these timers wait, now and after a boot."""
        systemd_timers.set_timers(self._layout, app, timers)

    def detach(self, name: str, pid: int) -> None:
        """Put process `pid` in a scope of its own, so that it outlives the session that made it."""
        scope = f"{name}.scope"
        shell.capture(
            (
                *(
                    "busctl",
                    "--quiet",
                    "call",
                    "org.freedesktop.systemd1",
                    "/org/freedesktop/systemd1",
                ),
                *("org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"),
                *(scope, "fail", "3"),
                *("Description", "s", f"ship: {name}"),
                *("PIDs", "au", "1", str(pid)),
                *("CollectMode", "s", "inactive-or-failed"),
                "0",
            )
        )
        self._await_scope(scope, pid)

    def reload_nginx(self) -> None:
        """Have nginx read its files again; returns when nobody is answered by the old ones any
        more.
        """
        # `systemctl reload` returns before nginx has begun: a new site would answer 404 for a
        # moment
        nginx.reload(self._layout, clock=self._clock)

    def app_log(self, app: AppName, slot: SlotLetter | None = None) -> "JournalLog":
        """What the app's processes wrote, and systemd's words on them; or its web processes in
        one slot.
        """
        from receiver.hosts.systemd import journal as systemd_journal  # noqa: PLC0415 - no push needs it that goes well
        from receiver.state.release_times import ReleaseTimes  # noqa: PLC0415 - as above

        paths = self._layout.app(app)
        since_us = records.created_us(paths)
        matches = systemd_journal.app_matches(systemd_accounts.owner(app).uid)
        if slot is not None:
            matches = tuple(f"--unit={unit}" for unit in slot_units(app, slot))
        return systemd_journal.JournalLog(app, matches, since_us, ReleaseTimes(paths))

    def _running(self, templates: Iterable[str]) -> list[str]:
        """Units of these templates that run, or are being started or stopped."""
        patterns = (template.replace("@.", "@*.") for template in templates)
        shown = _systemctl("list-units", "--plain", "--no-legend", "--full", *patterns).decode()
        return [line.split()[0] for line in shown.splitlines() if line]

    def _await_scope(self, scope: str, pid: int) -> None:
        """PID 1 answers before it has moved the process."""
        deadline = self._clock.now() + _DETACH_LIMIT_S
        while scope not in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8"):
            if self._clock.now() > deadline:
                raise ServerError(
                    f"Process {pid} could not be put into {scope}.", reason="server/detach-failed"
                )
            self._clock.sleep(_LOOK_AGAIN_S)

    def _kind(self, app: AppName, slot: SlotLetter) -> SlotKind:
        """Which of the two templates the release that a slot points at needs."""
        record = self._layout.app(app).slot(slot) / "release.json"
        web = json.loads(record.read_bytes())["processes"]["web"]
        return "web" if web["kind"] == "gunicorn" else "port"


def _systemctl(*argv: str) -> bytes:
    return shell.capture(("systemctl", *argv), limit_s=_UNBOUNDED_S)
