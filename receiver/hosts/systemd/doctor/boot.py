"""What a VPS starts when it boots, and by time, and the program that is found by its name."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from receiver.access import keys
from receiver.hosts.examiner import Subject
from receiver.hosts.systemd.background_units import process_unit
from receiver.hosts.systemd.doctor.unit_states import UnitState
from receiver.hosts.systemd.timer_units import timer_unit
from receiver.hosts.systemd.units import (
    LOG_TIMER,
    RECOVERY_UNIT,
    slot_kind,
    slot_template,
    slot_unit,
    socket_unit,
)
from receiver.machine.files import text_at
from receiver.model.finding import Finding, Install, Manage, Steps
from receiver.model.formation import instances
from receiver.model.layout import Layout
from receiver.model.plan import EnableSlot, HoldSocket, Link, Plan, SetFormation

_LINK = Path("/usr/local/bin/ship")
Units = Mapping[str, UnitState]


def of_machine(layout: Layout, units: Units) -> Iterator[Finding]:
    """What is wrong with what belongs to no app."""
    yield from _link()
    yield from _recovery(layout, units.get(RECOVERY_UNIT))
    yield from _log_timer(units.get(LOG_TIMER))


def of_app(layout: Layout, app: Subject) -> Iterator[Finding]:
    """The links by which a boot starts what runs now."""
    missing: list[tuple[str, Plan]] = []
    socket = socket_unit(app.name)
    if not _leads_to(_wanted_by(layout, "sockets.target", socket), socket):
        missing.append((socket, (HoldSocket(app.name),)))
    if app.serves is not None:
        live, release = app.serves
        kind = slot_kind(release)
        unit = slot_unit(app.name, kind, live.slot)
        if not _leads_to(
            _wanted_by(layout, "multi-user.target", unit), slot_template(app.name, kind)
        ):
            missing.append((unit, (EnableSlot(app.name, live.slot),)))
    for each in instances(app.formation):
        unit = process_unit(app.name, each)
        link = _wanted_by(layout, "multi-user.target", unit)
        if not link.is_symlink():
            missing.append((unit, (SetFormation(app.name, app.formation),)))
    for unit, plan in missing:
        yield Finding(
            name="boot.not-enabled",
            app=app.name,
            severity="warning",
            title=f"The next boot would not start {unit}.",
            seen=(f"The link to it in {layout.units} is missing, or leads elsewhere.",),
            means="After a boot, visitors get 502."
            if ".ps." not in unit
            else "After a boot, its work is not done.",
            does="have the boot start it",
            repair=(Steps(app.name, plan),),
        )


def asleep(layout: Layout, units: Units, app: Subject) -> tuple[str, ...]:
    """What was seen of cron jobs that would not start when they are due."""
    names = [timer_unit(app.name, job) for job in app.timers]
    waiting = (units[name] for name in names if name in units)
    links = (name for name in names if not _wanted_by(layout, "timers.target", name).is_symlink())
    return (
        *(unit.shown for unit in waiting if not unit.runs),
        *(f"The boot does not start {name}." for name in links),
    )


def _wanted_by(layout: Layout, target: str, unit: str) -> Path:
    return layout.units / f"{target}.wants" / unit


def _leads_to(link: Path, unit: str) -> bool:
    """Whether a link is there and names this unit; `systemctl enable` writes another path than
    ship does.
    """
    return link.is_symlink() and link.readlink().name == unit


def _link() -> Iterator[Finding]:
    wanted = str(keys.gate_program().with_name("ship"))
    there = str(_LINK.readlink()) if _LINK.is_symlink() else None
    if there != wanted:
        yield Finding(
            name="program.link",
            severity="warning",
            title="`ship` cannot be typed on the server as it should.",
            seen=(f"{_LINK} leads to {there}." if there else f"There is no link {_LINK}.",),
            means="Commands over ssh work; on the server itself, the program is not found, or "
            "another one.",
            does=f"link it to {wanted}",
            repair=(Link(str(_LINK), wanted),) if there or not _LINK.exists() else (),
        )


def _recovery(layout: Layout, unit: UnitState | None) -> Iterator[Finding]:
    path = layout.units / RECOVERY_UNIT
    link = layout.units / "multi-user.target.wants" / RECOVERY_UNIT
    missing = text_at(path) is None
    if not missing and link.is_symlink() and unit is not None and not unit.is_masked:
        return
    words: tuple[Manage, ...] = (Manage(("systemctl", "enable", "--quiet", RECOVERY_UNIT)),)
    if unit is not None and unit.is_masked:
        later = ("--runtime",) if unit.is_masked_until_boot else ()
        words = (Manage(("systemctl", "unmask", *later, RECOVERY_UNIT)), *words)
    yield Finding(
        name="boot.recovery",
        severity="warning",
        title=f"The boot does not start {RECOVERY_UNIT}.",
        seen=(
            f"There is no {path}."
            if missing
            else f"There is no {link}."
            if not link.is_symlink()
            else f"{RECOVERY_UNIT} is masked.",
        ),
        means="A deploy that a power cut interrupts stays half done until the next command on its "
        "app.",
        does="write it, and have the boot start it",
        repair=(*words[:-1], Install(), words[-1]),
    )


def _log_timer(unit: UnitState | None) -> Iterator[Finding]:
    if unit is None or (unit.runs and unit.file_state == "enabled"):
        return
    yield Finding(
        name="boot.log-timer",
        severity="warning",
        title=f"{LOG_TIMER} does not wait, or is not started by a boot.",
        seen=(unit.shown,),
        means="Logs of requests grow without end, until the disk is full.",
        does="write it, and have it wait, now and after a boot",
        repair=(
            Manage(("systemctl", "unmask", "--quiet", LOG_TIMER)),
            Install(),
            Manage(("systemctl", "enable", "--quiet", "--now", LOG_TIMER)),
        ),
    )
