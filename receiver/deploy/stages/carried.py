"""What a release phase wrote into the tree: kept beside the slug, so that a release of the same
code has it too without running the phase again.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from receiver.changes.change import AppChange
from receiver.changes.points import reached
from receiver.hosts.jobs import Job, JobTimeoutError
from receiver.machine import files
from receiver.model.build import Tree
from receiver.model.errors import ShipError
from receiver.model.layout import ReleasePaths
from receiver.model.mounts import is_database_name, shown_size
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.storage import own_files

Entries = Mapping[str, tuple[int, int, int]]
_MOST_BYTES = 128 * 1024 * 1024
"""Of one release; ten of them are kept."""
_PACK_LIMIT_S = 300.0
_SHOWN = 6
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
# both streams of a job come as one; a warning of tar's must not end up in the archive
_PACK = "exec /bin/tar -c --no-recursion --ignore-failed-read --null -T - -f - 2>/dev/null"


def before(home: ReleasePaths) -> Entries | None:
    """What is in the tree before the release phase; None where that cannot be told."""
    try:
        return own_files.entries(home)
    except OSError:
        return None


def keep(work: AppChange, release: Release, seen: Entries | None) -> None:
    """Keep what the release phase wrote, by what was `seen` before it.

    Where it cannot be kept, the phase will have to run for every release of this code.
    """
    home = work.paths.release(release.version)
    after = before(home)
    if seen is None or after is None:
        _keep_nothing(work, home, "The tree could not be looked through.")
        return
    written = sorted(path for path, entry in after.items() if seen.get(path) != entry)
    if not written:
        return
    size = sum(after[path][2] for path in written)
    if size > _MOST_BYTES:
        limit = shown_size(_MOST_BYTES)
        _keep_nothing(work, home, f"It is {shown_size(size)}, and {limit} are carried along.")
        return
    if why := _pack(work, home, written):
        _keep_nothing(work, home, why)
        return
    if not any(map(is_database_name, written)):  # which the app is to be told of
        home.built.touch()  # what is newer from here on, the app writes
    reached("phase kept")


def is_too_large(home: ReleasePaths) -> bool:
    """Whether the release phase of a release wrote what could not be kept."""
    return home.phase.is_file() and home.phase.stat().st_size == 0


def archive(home: ReleasePaths) -> Path | None:
    """What was kept of a release's phase; None where it wrote nothing, or nothing could be kept."""
    return home.phase if home.phase.is_file() and home.phase.stat().st_size else None


def is_unknown(home: ReleasePaths) -> bool:
    """Whether a release was made by a Ship that kept nothing of what a phase writes."""
    return home.built.is_file() and home.built.stat().st_size == 0


def begin(home: ReleasePaths) -> None:
    """Note when the tree was built, and that what a phase writes from here on is kept."""
    home.built.touch(mode=0o600)
    home.built.write_text("What a release phase writes is kept.\n", encoding="ascii")


def tell(home: ReleasePaths, out: Output) -> None:
    """Say what a release that does not run its phase has of it."""
    kept = archive(home)
    if kept is not None:
        out.say(f"What it wrote into the tree when it last ran is carried along: {_listed(kept)}.")
    elif is_too_large(home):
        out.warn("What it wrote into the tree when it last ran was too large to be kept.")


def _keep_nothing(work: AppChange, home: ReleasePaths, why: str) -> None:
    home.phase.touch(mode=0o600)
    home.phase.write_bytes(b"")
    work.out.warn(
        f"What the release phase wrote into the tree is not kept. {why}\n"
        "At a change of config vars or a rollback it runs again."
    )


def _pack(work: AppChange, home: ReleasePaths, written: list[str]) -> str | None:
    """Pack these as the app's account; returns why it could not be done."""
    job = Job(
        app=work.paths.name,
        argv=("/bin/sh", "-c", _PACK),
        cwd=home.source,
        limit_s=_PACK_LIMIT_S,
        name="release",
    )
    names = "".join(f"./{path}\0" for path in written)
    try:
        fd = os.open(home.phase, _NEW_FILE, 0o600)
        with os.fdopen(fd, "wb") as handle, files.holding(names) as stdin:
            status = work.server.engine.jobs.run(job, handle.write, stdin=stdin)
            handle.flush()
            os.fsync(handle.fileno())
    except (OSError, ShipError, JobTimeoutError) as error:
        return f"{error.title if isinstance(error, ShipError) else error}."
    return f"tar ended with {status}." if status else None


def _listed(kept: Path) -> str:
    """Such as `collected (12 files, 3.1M), build.json (12)`."""
    sizes: dict[str, list[int]] = {}
    with kept.open("rb") as handle:
        for path, member in Tree(handle).members.items():
            if not member.isdir():
                sizes.setdefault(path.partition("/")[0], []).append(member.size)
    shown = [_shown(name, found) for name, found in sorted(sizes.items())]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return (", ".join(shown[:_SHOWN]) or "empty folders") + more


def _shown(name: str, sizes: list[int]) -> str:
    count = f"{len(sizes)} files, " if len(sizes) > 1 else ""
    letters = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f"{letters} ({count}{shown_size(sum(sizes))})"
