"""The timers of cron jobs: their units on disk, the links by which the boot starts them, and
what waits now.
"""

from collections.abc import Mapping
from pathlib import Path

from receiver.hosts.systemd.manager import own_unit, stop_units
from receiver.hosts.systemd.timer_units import timer_files, timer_pattern, timer_unit
from receiver.hosts.systemd.units import RECOVERY_UNIT
from receiver.machine import files, shell
from receiver.machine.interpreter import program
from receiver.model.cron import Timer
from receiver.model.layout import Layout
from receiver.model.names import AppName

SHIP = program("ship")
_STAMPS = Path("/var/lib/systemd/timers")
"""Where systemd keeps when a timer with Persistent= was due last."""


def set_timers(layout: Layout, app: AppName, timers: Mapping[str, Timer]) -> None:
    """Have exactly these timers of an app wait, now and after a boot."""
    wanted = {file.path: file.text for file in timer_files(layout, app, timers, SHIP)}
    there = {str(path): files.read_text(path) for path in layout.units.glob(timer_pattern(app))}
    differ = {path for path in {*wanted, *there} if wanted.get(path) != there.get(path)}
    old = [Path(path).name for path in differ & there.keys() if path.endswith(".timer")]
    if old:
        _stop(layout, old)
    for path in differ - wanted.keys():
        files.remove(Path(path))
    for path in differ & wanted.keys():
        files.write_atomically(Path(path), wanted[path], mode=0o644)
    if differ:
        shell.capture(("systemctl", "daemon-reload"))
    _start(layout, [timer_unit(app, job) for job in timers])


def _stop(layout: Layout, units: list[str]) -> None:
    stop_units(*units)
    for unit in units:
        files.remove(_link(layout, unit))
        # else one that comes back later would at once be due for all the time it was not wanted
        (_STAMPS / f"stamp-{unit}").unlink(missing_ok=True)


def _start(layout: Layout, units: list[str]) -> None:
    for unit in units:
        link = _link(layout, unit)
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            files.link_atomically(link, f"../{unit}")
    if units:
        # while the machine boots, a timer starts only after what waits for its start here
        later = ("--no-block",) if own_unit() == RECOVERY_UNIT else ()
        shell.capture(("systemctl", "start", *later, *units))


def _link(layout: Layout, unit: str) -> Path:
    return layout.units / "timers.target.wants" / unit
