"""What the workers of a slot say of themselves: which serve which release, and why one could not
boot.

They write into a folder that the app's account owns, so nothing in it is followed, waited on, or
believed beyond its few bytes: a file of an app's can only make that app's own swap fail.
"""

import contextlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from receiver.health.answers import Answer
from receiver.machine import lifetimes, proc
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.errors import SwapError

_READY_BYTES = 64
_ERROR_BYTES = 64_000
_LOOK_EVERY_S = 0.02
_NOT_IN_TIME = "did not serve in time"
"""What gunicorn's master says when it gives new workers up, in receiver/runtime/swap.py."""
_MARGIN_S = 2.0
"""The master gives up first: whoever believes that it will not come must be right."""
_ACCEPTS_S = 1.5
"""How long a worker may go on accepting after SIGTERM: gevent and asgi workers look once a
second."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def ready_workers(run_dir: Path) -> dict[int, str]:
    """The release that each worker serves, by process id, such as `{4711: "v12"}`."""
    with _folder(run_dir, "ready") as fd:
        names = os.listdir(fd) if fd is not None else []  # noqa: PTH208 - a Path could follow a link
        told = {name: _read(fd, name, _READY_BYTES) for name in names if name.isdecimal()}
    return {int(name): text.strip() for name, text in told.items() if text is not None}


def boot_error(run_dir: Path) -> str | None:
    """What the last worker or master that could not start left behind."""
    with _folder(run_dir) as fd:
        return _read(fd, "boot-error", _ERROR_BYTES)


def last_answer(run_dir: Path) -> Answer | None:
    """What the app answered the worker that asked it last."""
    with _folder(run_dir) as fd:
        text = _read(fd, "answer", _ERROR_BYTES)
    try:
        found = None if text is None else msgspec.json.decode(text, type=Answer)
    except msgspec.DecodeError:
        # the folder is the app's: whatever it writes there is no more than a word of its own
        return None
    if found is None:
        return None
    # as the app wrote them, and small letters are what all others have
    headers = {name.lower(): value for name, value in found.headers.items()}
    return msgspec.structs.replace(found, headers=headers)


def starts(run_dir: Path) -> str | None:
    """What runtime/launch.py noted of the starts of a process besides web, as the app's account
    may have changed it.
    """
    with _folder(run_dir) as fd:
        return _read(fd, "starts.json", _ERROR_BYTES)


def swapped_to(run_dir: Path) -> str | None:
    """The release that the master says it serves; None while it has a start or a HUP to answer."""
    with _folder(run_dir) as fd:
        return _read(fd, "swapped", _READY_BYTES)


def forget_last_swap(run_dir: Path) -> None:
    """Remove earlier failures and the answer, so that the next ones found are of what happens
    next.
    """
    with _folder(run_dir) as fd:
        for name in ("boot-error", "answer", "starts.json") if fd is not None else ():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=fd)


def begin_swap(run_dir: Path) -> None:
    """Remove what the last swap left, before the HUP of the next: the master writes it anew when
    it is done.
    """
    forget_last_swap(run_dir)
    with _folder(run_dir) as fd, contextlib.suppress(FileNotFoundError):
        if fd is not None:
            os.unlink("swapped", dir_fd=fd)


def wait_for_release(
    run_dir: Path,
    release: str,
    *,
    master_pid: int,
    limit_s: float,
    count: int | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> float:
    """Return when all that serves below the master is of `release`; says how long it took.

    The first worker has `limit_s` for its start, and so have the others, which start when it
    serves. A worker that goes may finish its last requests for long; it is waited for only while it
    may still accept new ones.

    Raises:
        SwapError: the new workers failed, the master ended, or the time was up.
    """
    start = since = clock.now()
    first = False
    while not _taken_over(run_dir, release, master_pid, count=count):
        why, alive = boot_error(run_dir), lifetimes.runs(master_pid)
        if not first and release in ready_workers(run_dir).values():
            first, since = True, clock.now()
        late = clock.now() - since >= limit_s + _MARGIN_S
        # a worker says it before the master has put all back; until then no other HUP is to be sent
        if why is not None and (swapped_to(run_dir) is not None or late or not alive):
            raise _failed(release, why, limit_s)
        if not alive:
            raise _server_ended(release, master_pid)
        if late:
            raise _not_in_time(release, limit_s, _seen(run_dir, master_pid))
        clock.sleep(_LOOK_EVERY_S)
    taken_over = clock.now()
    while _leaving(run_dir, master_pid) and clock.now() - taken_over < _ACCEPTS_S:
        clock.sleep(_LOOK_EVERY_S)
    return clock.now() - start


def leaving(run_dir: Path, served: Collection[int], master_pid: int) -> list[int]:
    """Which of the workers that served before serve no more, and are still at a request."""
    return [pid for pid in _leaving(run_dir, master_pid) if pid in served]


def _leaving(run_dir: Path, master_pid: int) -> list[int]:
    """Workers that still run; the master fetches one that has ended up to 0.1 s later."""
    others = proc.children(master_pid) - ready_workers(run_dir).keys()
    return [pid for pid in others if lifetimes.runs(pid)]


def _taken_over(run_dir: Path, release: str, master_pid: int, *, count: int | None) -> bool:
    # while an earlier swap is still under way, the older workers serve as if nothing were to come
    if swapped_to(run_dir) != release:
        return False
    alive, ready = proc.children(master_pid), ready_workers(run_dir)
    serving = {pid: told for pid, told in ready.items() if pid in alive}
    return set(serving.values()) == {release} and count in {None, len(serving)}


def _seen(run_dir: Path, master_pid: int) -> str:
    ready = ready_workers(run_dir)
    workers = sorted(proc.children(master_pid))
    if not workers:
        return "No worker was running."
    told = ", ".join(f"{pid} ({ready.get(pid, 'not ready')})" for pid in workers)
    return f"Workers seen at last: {told}."


def _failed(release: str, why: str, limit_s: float) -> SwapError:
    late = _NOT_IN_TIME in why
    return _not_in_time(release, limit_s, why) if late else _could_not_boot(release, why)


def _could_not_boot(release: str, why: str) -> SwapError:
    return SwapError(
        f"The workers of {release} could not start.",
        detail=why,
        advice="Correct what the text above names, and push again.",
        reason="swap/boot-failed",
    )


def _server_ended(release: str, master_pid: int) -> SwapError:
    return SwapError(
        f"The server process ended while {release} was to take over.",
        detail=f"Process {master_pid} is gone, and left no word.",
        advice="Look at the end of the app's log for the cause.",
        reason="swap/server-ended",
    )


def _not_in_time(release: str, limit_s: float, seen: str) -> SwapError:
    return SwapError(
        f"The workers of {release} did not all serve within {limit_s:.0f} seconds.",
        detail=seen,
        advice="Make the app start faster, or raise its boot limit.",
        reason="swap/not-in-time",
    )


@contextlib.contextmanager
def _folder(run_dir: Path, inside: str | None = None) -> Iterator[int | None]:
    """A folder's descriptor, reached without following a link in its last two parts; None
    without it.
    """
    fds: list[int] = []
    try:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            fds.append(os.open(run_dir, _FOLDER))
            if inside is not None:
                fds.append(os.open(inside, _FOLDER, dir_fd=fds[0]))
        wanted = 1 if inside is None else 2
        yield fds[-1] if len(fds) == wanted else None
    finally:
        for fd in fds:
            os.close(fd)


def _read(folder: int | None, name: str, limit_bytes: int) -> str | None:
    """The first bytes of a regular file; None where there is none, or something else in its
    place.
    """
    if folder is None:
        return None
    try:
        fd = os.open(name, _FILE, dir_fd=folder)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        return os.read(fd, limit_bytes).decode("utf-8", "replace")
    finally:
        os.close(fd)
