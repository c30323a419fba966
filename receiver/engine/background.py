"""Has the wanted processes besides web run, whatever runs now: told once more, it goes on where
it was stopped.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from receiver.changes.points import reached
from receiver.engine.starts import Starts, failed_starts
from receiver.engine.stopping import Warn, stop_background
from receiver.health import workers
from receiver.machine import files
from receiver.model.formation import Formation, Instance, instances
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import records, release_times

_BEGIN_LIMIT_S = 3.0
_POLL_S = 0.05
_MOMENT_S = 0.5


def set_formation(server: Server, app: AppName, wanted: Formation, warn: Warn) -> None:
    """Have exactly these processes run, each of its release, now and after a boot.

    Those of another release are gone before one of the new release starts: none ever meets the
    other's code.

    Raises:
        ShipError: the process manager refused it
    """
    host, paths = server.host.background, server.layout.app(app)
    runs = host.running(app)
    right = _right(paths, wanted, runs)
    stop_background(server, app, [each for each in runs if each not in right], warn)
    reached("processes stopped")
    _aim(paths, wanted)
    # first what the boot starts: a manager that reads its files anew holds on to a unit that it is
    # to start
    host.enable(app, list(instances(wanted)))
    _write_units(server, app, wanted)
    reached("processes aimed")
    host.start(app, [each for each in instances(wanted) if each not in right])
    records.write_formation(paths, wanted)


def restart(server: Server, app: AppName, names: Collection[str], warn: Warn) -> None:
    """Stop these processes, and start them afresh."""
    chosen = [Instance.parse(name) for name in names]
    stop_background(server, app, chosen, warn)
    server.host.background.start(app, chosen)


def early_ends(server: Server, app: AppName) -> Iterator[str]:
    """What has ended already of processes that were started just now, with the reason."""
    paths, host = server.layout.app(app), server.host.background
    wanted = list(instances(records.read_formation(paths)))
    if not wanted:
        return
    _await_begin(server, app, wanted)
    runs, told = host.running(app), False
    for each in wanted:
        if ends_of(paths, each, runs.get(each, 0)) is not None:
            line = host.last_line(app, each)
            reason = host.last_end(app, each) or "ended"
            wrote = f" It wrote: {line}" if line else ""
            yield f"{each.name} has ended already: {reason}.{wrote}"
            told = True
    if told:
        yield (
            "What ends is started again, less and less often; `ship ps` and `ship logs` tell more."
        )


def ends_of(paths: AppPaths, instance: Instance, pid: int) -> Starts | None:
    """How a process that ends again and again does so; None for one that does not.

    Args:
        paths: the app
        instance: the process
        pid: 0 where it has ended and is about to be started again: that end is not noted yet
    """
    return failed_starts(paths.process_run(instance.name), pid)


def _await_begin(server: Server, app: AppName, wanted: Collection[Instance]) -> None:
    """Wait until each process has begun or ended, and a moment longer: most that cannot run end
    at once.
    """
    paths, clock = server.layout.app(app), server.clock
    begun_at = clock.now()
    while clock.now() - begun_at < _BEGIN_LIMIT_S:
        runs = server.host.background.running(app)
        begun = (_has_begun(paths, each, runs.get(each, 0)) for each in wanted)
        if all(begun):
            break
        clock.sleep(_POLL_S)
    clock.sleep(_MOMENT_S)


def _has_begun(paths: AppPaths, instance: Instance, pid: int) -> bool:
    return bool(release_of(paths, instance, pid) or ends_of(paths, instance, pid))


def release_of(paths: AppPaths, instance: Instance, pid: int) -> str | None:
    """The release that a process runs, such as `v12`; None while it has not begun."""
    return workers.ready_workers(paths.process_run(instance.name)).get(pid)


def _right(paths: AppPaths, wanted: Formation, runs: dict[Instance, int]) -> set[Instance]:
    """What runs as it is wanted. One that waits for its next start has no release, and is not."""
    return {
        each
        for each in instances(wanted)
        if each in runs and release_of(paths, each, runs[each]) == f"v{wanted[each.type].version}"
    }


def _aim(paths: AppPaths, wanted: Formation) -> None:
    """Have each type's link lead to its release, and no other link be there."""
    if wanted:
        files.make_folder(paths.groups, mode=0o711)
    for name, group in wanted.items():
        files.link_atomically(paths.group(name), f"../releases/v{group.version}")
        release_times.note(paths, name, group.version)
    for link in paths.groups.glob("*"):
        if link.name not in wanted:
            files.remove(link)


def _write_units(server: Server, app: AppName, wanted: Formation) -> None:
    settings = records.read_app(server.layout.app(app))
    described = server.host.background.files(app, wanted, settings)
    texts = {Path(file.path): file.text for file in described}
    old = server.host.background.written(app) - texts.keys()
    changed = {path: text for path, text in texts.items() if files.read_text(path) != text}
    for path, text in changed.items():
        files.write_atomically(path, text, mode=0o644)
    for path in old:
        files.remove(path)
    if changed or old:
        server.host.refresh()
