"""An app's cron jobs and runs as parts of it."""

import json

from receiver.changes.app_state import AppState
from receiver.changes.part import Copying, Do, Part
from receiver.changes.steps import timer_steps
from receiver.machine import files
from receiver.model.layout import AppPaths
from receiver.model.plan import SetTimers
from receiver.runs import records as run_records
from receiver.runs import running
from receiver.server import Server
from receiver.state import records


class Timers(Part):
    """The cron jobs that are waited for; those of a clone are suspended."""

    def start(self, app: AppState, do: Do, *, booting: bool) -> None:
        if app.release:
            do(timer_steps(app, app.release.cron))

    def stop(self, server: Server, paths: AppPaths, do: Do) -> None:
        if records.read_timers(paths):
            do((SetTimers(paths.name, {}),))

    def copy(self, copying: Copying) -> None:
        release = copying.original.release
        jobs = sorted(release.cron) if release else []
        if jobs:
            text = json.dumps(jobs) + "\n"
            files.write_atomically(copying.paths.suspended, text, mode=0o644)
            copying.out.say(
                f"Cron jobs are suspended: {', '.join(jobs)}. To start them: ship cron:resume -a "
                f"{copying.paths.name} --all"
            )


class Runs(Part):
    """Commands that run once, and builds: none goes on once the app is stopped."""

    def stop(self, server: Server, paths: AppPaths, do: Do) -> None:
        running.stop(server, paths.name, run_records.going_on(paths))
        server.host.jobs.stop(paths.name)
