"""The systemd units of an app: their names and their text. Pure; written only when they differ.

An app has a socket that outlives its releases, a placeholder that the socket may start, and a
template of slots for each kind of web process: `web@` takes the held socket, `port@` binds a port
of its own.
"""

from pathlib import Path
from typing import Literal

from receiver.hosts.systemd.sandbox import lasting_properties
from receiver.hosts.systemd.slices import app_slice, slice_unit
from receiver.model.layout import SLOTS, Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.release import Release
from receiver.model.settings import STOP_MARGIN_S, App
from receiver.planner.render import render

SlotKind = Literal["web", "port"]
RECOVERY_UNIT = "ship-recover.service"
"""Undoes an unfinished deploy while the machine boots; slots start after it."""
RECOVERY_TEMPLATE = "ship-recover@.service"
"""The same of one app, when the unit of its deploy has ended; most times there is nothing to."""
LOG_TIMER = "ship-logs.timer"
"""Has nginx's logs of requests be looked at, whether they have become large."""
_LOG_MIB = 200
_LOG_DAYS = 60
_RUN = Path("/run")


def recovery_unit(app: AppName) -> str:
    """The unit that undoes what a deploy of the app left when it was killed."""
    return RECOVERY_TEMPLATE.replace("@", f"@{app}")


def socket_unit(app: AppName) -> str:
    """The unit that listens on the app's port."""
    return f"ship-{app}.web.socket"


def placeholder_unit(app: AppName) -> str:
    """What the socket starts when a request finds no slot running: nothing."""
    return f"ship-{app}.web.service"


def slot_kind(release: Release) -> SlotKind:
    """Which of the two templates the release's web process is an instance of."""
    return "web" if release.gunicorn else "port"


def slot_template(app: AppName, kind: SlotKind) -> str:
    """The template unit that slots of one kind are instances of."""
    return f"ship-{app}.{kind}@.service"


def slot_unit(app: AppName, kind: SlotKind, slot: SlotLetter) -> str:
    """The unit of one slot."""
    return f"ship-{app}.{kind}@{slot}.service"


def slot_units(app: AppName, slot: SlotLetter) -> tuple[str, str]:
    """Both units that a slot can be, of which at most one runs."""
    return slot_unit(app, "web", slot), slot_unit(app, "port", slot)


def slot_of(unit: str) -> SlotLetter:
    """The slot that a unit is of."""
    return next(slot for slot in SLOTS if unit.endswith(f"@{slot}.service"))


def journal(app: AppName) -> str:
    """The journal that an app's processes write into, a namespace to systemd: a folder and
    limits of its own.
    """
    return f"ship-{app}"


def journal_units(app: AppName) -> tuple[str, ...]:
    """What systemd starts for it: sockets, and the program that writes while somebody does."""
    kinds = ("journald@{}.socket", "journald-varlink@{}.socket", "journald@{}.service")
    return tuple(f"systemd-{kind.format(journal(app))}" for kind in kinds)


def _journal_limits(layout: Layout, app: AppName) -> WriteFile:
    """How much of what an app writes is kept."""
    path = layout.units.parent / f"journald@{journal(app)}.conf"
    text = render(
        "systemd/journald.conf", app=app, name=path.name, most_mib=_LOG_MIB, longest_days=_LOG_DAYS
    )
    return WriteFile(str(path), text)


def app_units(layout: Layout, app: AppName, settings: App, runtime: Path) -> tuple[WriteFile, ...]:
    """All unit files of an app. Nothing in them depends on a release."""
    texts = {
        socket_unit(app): render(
            "systemd/web.socket",
            app=app,
            port=settings.port,
            placeholder=placeholder_unit(app),
        ),
        placeholder_unit(app): render("systemd/web.service", app=app, socket=socket_unit(app)),
        slot_template(app, "web"): _slot_text(layout, app, settings, runtime, "web"),
        slot_template(app, "port"): _slot_text(layout, app, settings, runtime, "port"),
    }
    units = (WriteFile(str(layout.units / name), text) for name, text in texts.items())
    return (*units, app_slice(layout, app), _journal_limits(layout, app))


def _slot_text(layout: Layout, app: AppName, settings: App, runtime: Path, kind: SlotKind) -> str:
    paths = layout.app(app)
    return render(
        "systemd/slot.service",
        app=app,
        name=slot_template(app, kind),
        recovery=RECOVERY_UNIT,
        held=kind == "web",
        socket=socket_unit(app),
        launcher=runtime / "launch.py",
        home=paths.home,
        slots=paths.slots,
        work=paths.work,
        run=paths.run,
        down=paths.down,
        run_directory=paths.run.relative_to(_RUN),
        port=settings.port,
        ports={"a": settings.port_a, "b": settings.port_b},
        start_limit_s=settings.check_limit_s,
        stop_limit_s=settings.graceful_limit_s + STOP_MARGIN_S,
        journal=journal(app),
        slice=slice_unit(app),
        sandbox=lasting_properties(layout, app, (paths.releases, paths.storage), settings),
    )
