"""What apps write under supervisord: a file for each process, with the time before each line."""

from collections.abc import Callable, Mapping
from functools import partial

from receiver.hosts.supervisord.programs import web_log
from receiver.machine.log_files import FileLog, FileLogs
from receiver.model.formation import WEB
from receiver.model.layout import SLOTS, AppPaths, SlotLetter
from receiver.model.log_line import LogLine, unstamped
from receiver.state.release_times import ReleaseTimes


def app_log(paths: AppPaths, slot: SlotLetter | None) -> FileLogs:
    """The lines of all processes of an app, or of its web processes in one slot."""
    releases = ReleaseTimes(paths)
    find: Callable[[], Mapping[str, FileLog]] = partial(_logs, paths, releases)
    if slot is not None:
        find = partial(_web, paths, releases, slot)
    return FileLogs("app", find, (paths.logs,))


def _logs(paths: AppPaths, releases: ReleaseTimes) -> Mapping[str, FileLog]:
    found: dict[str, FileLog] = {}
    for slot in SLOTS:
        found |= _web(paths, releases, slot)
    for log in sorted(paths.logs.glob("ps.*.log*")):
        name = log.name.removeprefix("ps.").partition(".log")[0]
        parse = partial(_parse, releases, name, name.rpartition(".")[0])
        found[name] = FileLog(log.with_name(f"ps.{name}.log"), parse)
    return found


def _web(paths: AppPaths, releases: ReleaseTimes, slot: SlotLetter) -> Mapping[str, FileLog]:
    part = f"{WEB}.{slot}"
    return {part: FileLog(web_log(paths, slot), partial(_parse, releases, WEB, part))}


def _parse(releases: ReleaseTimes, process: str, part: str, _offset: int, raw: bytes) -> LogLine:
    at_us, text = unstamped(raw)
    return LogLine(at_us, "app", process, text, releases.at(part, at_us) if at_us else None)
