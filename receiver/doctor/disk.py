"""Space: what is full, and what is large where it is."""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from receiver.doctor.seen import Seen
from receiver.hosts.examiner import Large
from receiver.machine import shell
from receiver.model.finding import Finding
from receiver.model.process_limits import MIB

_FULL = "Deploys fail, and apps that write get errors."
_LOW_SHARE = 0.10
_FULL_SHARE = 0.01
_NO_BUILD_MIB = 64
_LOW_INODES = 0.03
_SHOWN = 6
_MEASURE_LIMIT_S = 20.0


class _Size(NamedTuple):
    what: str
    mib: int
    advice: str


def look(seen: Seen) -> Iterator[Finding]:
    """Each file system that ship writes to, once."""
    devices: set[int] = set()
    for place in (seen.server.layout.state, *seen.examiner.disks):
        with suppress(OSError):
            device = place.stat().st_dev
            if device not in devices:
                devices.add(device)
                yield from _file_system(seen, place)


def _file_system(seen: Seen, place: Path) -> Iterator[Finding]:
    found = os.statvfs(place)
    free_mib = found.f_bavail * found.f_frsize // MIB
    total_mib = max(1, found.f_blocks * found.f_frsize // MIB)
    wanted_mib, share = seen.server.settings.keep_free_mb, free_mib / total_mib
    if share < _LOW_SHARE and free_mib < max(wanted_mib, _NO_BUILD_MIB):
        full = free_mib < _NO_BUILD_MIB or share < _FULL_SHARE
        yield _finding(seen, place, free_mib, total_mib, full=full)
    if found.f_files and found.f_favail / found.f_files < _LOW_INODES:
        yield Finding(
            name="disk.inodes",
            severity="broken" if found.f_favail < 1000 else "warning",  # noqa: PLR2004 - fewer than a virtualenv has
            title=f"The disk that {place} is on has hardly room for more files.",
            seen=(f"{found.f_favail} of {found.f_files} can still be made.",),
            means=_FULL,
            advice="Many small files lie in caches and virtualenvs: "
            f"`du --inodes -x -d 3 {_top_of(place)} | sort -n | tail` shows where.",
        )


def _finding(seen: Seen, place: Path, free: int, total: int, *, full: bool) -> Finding:
    device = place.stat().st_dev
    here = (_Size(each.what, _mib(each.folder, device), each.advice) for each in _known(seen))
    large = [each for each in sorted(here, key=lambda it: -it.mib)[:_SHOWN] if each.mib]
    return Finding(
        name="disk.full" if full else "disk.low",
        severity="broken" if full else "warning",
        title=f"The disk that {place} is on is {'full' if full else 'almost full'}.",
        seen=(
            f"{free} MiB of {total} MiB are free.",
            *(f"{each.mib} MiB: {each.what}" for each in large),
        ),
        means=_FULL,
        advice=" ".join(dict.fromkeys(each.advice for each in large if each.advice))
        or f"Nothing of ship's is large here: `du -axm {_top_of(place)} | sort -n | tail` shows "
        "what is.",
    )


def _top_of(place: Path) -> str:
    """Where the disk that a place is on begins, to be typed."""
    here = place.resolve()
    return shlex.quote(str(next(each for each in (here, *here.parents) if each.is_mount())))


def _known(seen: Seen) -> Iterator[Large]:
    """What ship knows of that can be large."""
    fewer = (
        "Fewer releases are kept with `keep_releases` in the server's ship.toml, from the next "
        "deploy on."
    )
    for app in seen.apps:
        paths = app.paths
        yield Large(f"releases of {app.name}", paths.releases, fewer)
        yield Large(f"virtualenvs of {app.name}", paths.venvs, fewer)
        yield Large(
            f"build cache of {app.name}",
            paths.cache,
            f"`rm -rf {paths.cache}/uv` empties the cache; the next build is slower.",
        )
        yield Large(
            f"storage of {app.name}",
            paths.storage,
            f"What the app keeps in {paths.storage} is its own.",
        )
        yield Large(f"output of builds of {app.name}", paths.builds, "")
    yield from seen.examiner.large


def _mib(folder: Path, device: int) -> int:
    """What a folder takes of one disk; measured only where space is short."""
    try:
        if not folder.is_dir() or folder.stat().st_dev != device:
            return 0
        said = shell.capture(("du", "-smx", "--", str(folder)), limit_s=_MEASURE_LIMIT_S)
    except (shell.CommandError, OSError):
        return 0  # too large to be measured in time, or changed meanwhile
    return int(said.split()[0])
