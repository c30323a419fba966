"""What runs wrote, those of people and of cron jobs, as lines of the app's log."""

from collections.abc import Mapping
from functools import partial

from receiver.machine.log_files import FileLog, FileLogs
from receiver.model.layout import AppPaths
from receiver.model.log_line import LogLine, unstamped
from receiver.model.run import Run
from receiver.runs import records as run_records


def run_log(paths: AppPaths, *, of_people: bool) -> FileLogs:
    """The lines of all runs whose output is kept, those of people only where they are wanted."""
    return FileLogs("run", partial(_find, paths, of_people=of_people), (paths.runs,))


def _find(paths: AppPaths, *, of_people: bool) -> Mapping[str, FileLog]:
    return {
        str(run.number): FileLog(
            run_records.log(paths, run.number),
            partial(_parse, run),
            ended=run.status != "running",
        )
        for run in run_records.every(paths)
        if of_people or run.job is not None
    }


def _parse(run: Run, _offset: int, raw: bytes) -> LogLine:
    at_us, text = unstamped(raw)
    if run.job is not None:
        return LogLine(at_us, "cron", f"{run.job}.{run.number}", text, run.release)
    return LogLine(at_us, "app", run.name, text, run.release)
