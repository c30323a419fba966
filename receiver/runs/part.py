"""An app's cron jobs and runs as parts of it."""

import json

from receiver.changes.app_state import AppState
from receiver.changes.part import Copying, Do, Part
from receiver.changes.steps import timer_steps
from receiver.machine import files
from receiver.model.plan import SetTimers
from receiver.runs import records as run_records
from receiver.runs import running


class Timers(Part):
    """The cron jobs that are waited for; those of a clone are suspended."""

    def start(self, app: AppState, do: Do, *, booting: bool) -> None:
        do(timer_steps(app, app.jobs))

    def stop(self, app: AppState, do: Do) -> None:
        if app.timers:
            do((SetTimers(app.name, {}),))

    def copy(self, copying: Copying) -> None:
        if jobs := sorted(copying.original.jobs):
            text = json.dumps(jobs) + "\n"
            files.write_atomically(copying.paths.suspended, text, mode=0o600)
            copying.out.say(
                f"Cron jobs are suspended: {', '.join(jobs)}. To start them: ship cron:resume -a "
                f"{copying.paths.name} --all"
            )


class Runs(Part):
    """Commands that run once, and builds: none goes on once the app is stopped."""

    def stop(self, app: AppState, do: Do) -> None:
        running.stop(app.server, app.name, run_records.going_on(app.paths))
        app.server.engine.jobs.stop(app.name)
