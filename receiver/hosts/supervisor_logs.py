"""What processes under supervisord wrote: the log files of an app, read and followed."""

import queue
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from receiver.model.formation import WEB
from receiver.model.layout import SLOTS, AppPaths, SlotLetter
from receiver.planner.supervisor_programs import web_log


def slot_lines(
    paths: AppPaths, lines: int, *, follow: bool, slot: SlotLetter | None
) -> Iterator[bytes]:
    """Lines of the slots' logs, the one last written to at the end; goes on when `follow`."""
    kept: deque[bytes] = deque(maxlen=lines)
    for log in _logs(paths, slot or "[ab]"):
        with log.open("rb") as handle:
            kept.extend(line.rstrip(b"\n") for line in handle)
    yield from kept
    if follow:
        yield from _follow({web_log(paths, slot): b"" for slot in SLOTS})


def told_lines(
    paths: AppPaths, lines: int, *, follow: bool, process: str | None
) -> Iterator[bytes]:
    """Lines of all logs with the name of their process; only of one type or process if asked."""
    heads = {log: f"app[{name}]: ".encode() for log, name in _names(paths, process).items()}
    kept: deque[bytes] = deque(maxlen=lines)
    for log, head in _oldest_first(heads):
        with log.open("rb") as handle:
            kept.extend(head + line.rstrip(b"\n") for line in handle)
    yield from kept
    if follow:
        yield from _follow(heads)


def _names(paths: AppPaths, process: str | None) -> dict[Path, str]:
    """The processes of an app that have a log, by the place of it; only of one type or process if asked."""
    names = {web_log(paths, slot): WEB for slot in SLOTS}
    names |= {log: log.stem.removeprefix("ps.") for log in sorted(paths.logs.glob("ps.*.log"))}
    return {
        log: name
        for log, name in names.items()
        if process is None or process in {name, name.rpartition(".")[0]}
    }


def _logs(paths: AppPaths, slots: str) -> list[Path]:
    """Log files of slots with what was rotated away, least recently written first."""
    return sorted(paths.logs.glob(f"web.{slots}.log*"), key=lambda log: log.stat().st_mtime_ns)


def _oldest_first(heads: Mapping[Path, bytes]) -> list[tuple[Path, bytes]]:
    """Logs with what was rotated away, least recently written first, each with the head of its lines."""
    found = [
        (part, head) for log, head in heads.items() for part in log.parent.glob(f"{log.name}*")
    ]
    return sorted(found, key=lambda part: part[0].stat().st_mtime_ns)


def _follow(heads: Mapping[Path, bytes]) -> Iterator[bytes]:
    """Lines written to any of these files from now on, for ever, each behind the head of its file."""
    from receiver import watcher  # noqa: PLC0415 - only `logs -t` needs watchdog

    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def watch(log: Path, head: bytes) -> None:
        rest = b""
        for chunk in watcher.follow_file(log, log.stat().st_size if log.exists() else 0):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                lines.put(head + line)

    for each in heads.items():
        threading.Thread(target=watch, args=each, daemon=True).start()
    while True:
        yield lines.get()
