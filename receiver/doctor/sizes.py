"""What holds how much of the disk, and what of it can go: measured by du, and changed by nobody."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from receiver.building import marks
from receiver.machine import shell
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.process_limits import MIB
from receiver.model.release import Release
from receiver.server import Server
from receiver.state import records

_KIB = 1024
_LIMIT_S = 120.0
_KEPT = 2
"""The live release and the one before it never go."""


class AppDisk(msgspec.Struct, frozen=True, kw_only=True):
    """What one app holds, in bytes."""

    app: str
    releases: int
    packages: int
    """Its virtualenvs."""
    storage: int
    cache: int
    logs: int
    """With the output of builds and runs."""
    repository: int

    @property
    def whole(self) -> int:
        parts = (self.releases, self.packages, self.storage, self.cache, self.logs)
        return sum(parts) + self.repository


class Spare(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can go."""

    what: str
    size_bytes: int
    how: str
    """What has it go, as a line to type or a setting."""


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """All that Ship knows of."""

    apps: tuple[AppDisk, ...]
    pythons: int
    """Those that were fetched."""
    spare: tuple[Spare, ...]
    """What can go, the largest first."""


def look(server: Server, only: AppName | None = None) -> Disk:
    """Measure all apps, or one of them."""
    names = [only] if only else records.app_names(server.layout)
    apps, spare, used = [], list[Spare](), list[str]()
    for name in names:
        paths = server.layout.app(name)
        releases = list(records.readable_releases(paths))
        apps.append(_app(server, paths))
        spare += _spare(server, paths, releases)
        used += [marks.interpreter(Path(one.venv)) or "" for one in releases if one.venv]
    pythons = () if only else _pythons(server)
    sizes = _sizes(pythons)
    spare += [_unused(path, sizes[path]) for path in pythons if not _is_used(path, used)]
    return Disk(
        apps=tuple(apps),
        pythons=sum(sizes.values()),
        spare=tuple(sorted(filter(_is_worth_it, spare), key=_by_size)),
    )


def _is_worth_it(spare: Spare) -> bool:
    return spare.size_bytes >= MIB


def _by_size(spare: Spare) -> int:
    return -spare.size_bytes


def _app(server: Server, paths: AppPaths) -> AppDisk:
    repository = server.layout.repo(paths.name)
    logs = (paths.logs, paths.builds, paths.runs)
    folders = (paths.releases, paths.venvs, paths.storage, paths.cache, repository, *logs)
    sizes = _sizes(folders)
    return AppDisk(
        app=str(paths.name),
        releases=sizes[paths.releases],
        packages=sizes[paths.venvs],
        storage=sizes[paths.storage],
        cache=sizes[paths.cache],
        logs=sum(sizes[folder] for folder in logs),
        repository=sizes[repository],
    )


def _spare(server: Server, paths: AppPaths, releases: list[Release]) -> Iterator[Spare]:
    live = records.read_live(paths)
    kept = releases[-_KEPT:] + [one for one in releases if live and one.version == live.release]
    old = [one for one in releases if one not in kept]
    venvs = {Path(one.venv) for one in old if one.venv} - {Path(it.venv) for it in kept if it.venv}
    homes = [paths.release(one.version).home for one in old]
    count = f"{len(old)} older release{'s' * (len(old) != 1)} of {paths.name}"
    yield Spare(
        what=count,
        size_bytes=sum(_sizes((*homes, *venvs)).values()),
        how=f"`keep_releases = {_KEPT}` in {server.layout.etc}/ship.toml, from the next deploy on",
    )
    yield Spare(
        what=f"build cache of {paths.name}",
        size_bytes=_sizes((paths.cache,))[paths.cache],
        how=f"rm -rf {paths.cache}/uv {paths.cache}/.cache",
    )


def _pythons(server: Server) -> tuple[Path, ...]:
    place = server.layout.pythons
    if not place.is_dir():
        return ()
    found = sorted(place.iterdir())
    return tuple(path for path in found if path.is_dir() and not path.is_symlink())


def _is_used(path: Path, used: Iterable[str]) -> bool:
    return any(f"{path}/" in one for one in used)


def _unused(path: Path, size_bytes: int) -> Spare:
    return Spare(
        what=f"{path.name}, which no release uses", size_bytes=size_bytes, how=f"rm -rf {path}"
    )


def _sizes(folders: Iterable[Path]) -> dict[Path, int]:
    """The size of each folder; nothing for one that is not there, or changed meanwhile."""
    found = dict.fromkeys(folders, 0)
    there = [path for path in found if path.is_dir()]
    if not there:
        return found
    argv = ("du", "-skx", "--", *map(str, there))
    try:
        said = shell.capture(argv, limit_s=_LIMIT_S).decode("utf-8", "surrogateescape")
    except shell.CommandError as error:
        said = error.output
    for line in said.splitlines():
        size, _, name = line.partition("\t")
        if Path(name) in found and size.isdecimal():
            found[Path(name)] = int(size) * _KIB
    return found
