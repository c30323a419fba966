"""A machine with systemd, as `ship doctor` asks it: all units that ship needs, looked at once."""

import grp
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from receiver.hosts.accounts import Accounts
from receiver.hosts.examiner import Access, Fault, Large, Subject, Tree
from receiver.hosts.systemd.background_units import process_unit
from receiver.hosts.systemd.doctor import boot, entrance, network, surroundings, unit_views
from receiver.hosts.systemd.doctor.access import app_access, server_access
from receiver.hosts.systemd.doctor.unit_states import PROPERTIES, UnitState, unit_states
from receiver.hosts.systemd.network import AppNetwork
from receiver.hosts.systemd.request_logs import NGINX_GROUP
from receiver.hosts.systemd.sandbox import account
from receiver.hosts.systemd.timer_units import timer_unit
from receiver.hosts.systemd.units import (
    LOG_TIMER,
    RECOVERY_UNIT,
    slot_kind,
    slot_unit,
    slot_units,
    socket_unit,
)
from receiver.machine import shell
from receiver.model.finding import Finding, Manage
from receiver.model.formation import Instance, instances
from receiver.model.layout import SLOTS, Layout, SlotLetter
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.settings import Server

_NGINX = "nginx.service"
_SMALL_LOG_MIB = 200


class SystemdExaminer:
    """One machine, and these apps of it."""

    is_up = True
    reload_line = "systemctl reload nginx"
    disks = (Path("/var/log"), Path("/tmp"))  # noqa: S108 - looked at, not written
    large = (
        Large(
            "systemd's journal",
            Path("/var/log/journal"),
            f"`journalctl --vacuum-size={_SMALL_LOG_MIB}M` makes the journal small.",
        ),
        Large(
            "nginx's logs",
            Path("/var/log/nginx"),
            "`logrotate -f /etc/logrotate.d/nginx` begins new logs of nginx.",
        ),
        Large("apt's cache", Path("/var/cache/apt"), "`apt-get clean` empties apt's cache."),
    )

    def __init__(
        self, layout: Layout, accounts: Accounts, settings: Server, apps: tuple[Subject, ...]
    ) -> None:
        self._layout = layout
        self._accounts = accounts
        self._settings = settings
        self._apps = apps

    @cached_property
    def _units(self) -> dict[str, UnitState]:
        """All units that ship needs, asked for at once."""
        wanted = [_NGINX, RECOVERY_UNIT, LOG_TIMER, *entrance.SSH_UNITS]
        for app in self._apps:
            wanted.append(socket_unit(app.name))
            wanted += [unit for slot in SLOTS for unit in slot_units(app.name, slot)]
            wanted += [process_unit(app.name, each) for each in instances(app.formation)]
            wanted += [timer_unit(app.name, job) for job in app.timers]
        argv = ("systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", *wanted)
        return unit_states(shell.capture(argv).decode("utf-8", "replace"))

    def web(self, app: AppName, release: Release, slot: SlotLetter) -> UnitState | None:
        """The unit of a slot."""
        return self._units.get(slot_unit(app, slot_kind(release), slot))

    def socket(self, app: AppName) -> UnitState | None:
        """The unit that listens."""
        return self._units.get(socket_unit(app))

    def holders(self, app: AppName) -> frozenset[int]:
        """PID 1."""
        del app
        return frozenset({1})

    def process(self, app: AppName, instance: Instance) -> UnitState | None:
        """The unit of one process."""
        return self._units.get(process_unit(app, instance))

    def asleep(self, app: Subject) -> tuple[str, ...]:
        """Timers that do not wait, or that the boot does not start."""
        return boot.asleep(self._layout, self._units, app)

    def nginx(self, *, runs: bool) -> Fault | None:
        """Why its unit does not run, or is not started by a boot."""
        unit = self._units[_NGINX]
        words: list[tuple[str, ...]] = []
        if unit.is_masked:
            later = ("--runtime",) if unit.is_masked_until_boot else ()
            words.append(("unmask", *later, _NGINX))
        if unit.file_state != "enabled":
            words.append(("enable", "--quiet", _NGINX))
        if not runs:
            words.append(("start", _NGINX))
        if not words:
            return None
        not_started = "is masked" if len(words) > 1 else "is not started by a boot"
        repair = tuple(Manage(("systemctl", *each)) for each in words)
        return Fault(not_started if runs else "does not run", unit.shown, repair)

    def of_pushes(self) -> Iterator[Finding]:
        """Accounts, sudo, keys and sshd."""
        return entrance.look(self._layout, self._units, self._accounts.receiver())

    def of_machine(self) -> Iterator[Finding]:
        """The link to the program, recovery at boot, the timer of logs, the network of apps."""
        yield from boot.of_machine(self._layout, self._units)
        yield from network.look(AppNetwork(self._layout, self._accounts))

    def of_surroundings(self) -> Iterator[Finding]:
        """Memory that ran out, the clock, firewalls, and where the apps' names lead."""
        return surroundings.look(self._settings, self._apps)

    def of_account(self, app: Subject) -> Iterator[Finding]:
        """An account that is missing, or is in groups."""
        return entrance.account_of(app.name, app.owner)

    def of_files(self, app: Subject) -> Iterator[Finding]:
        """Units that are outdated, masked, or were given settings by somebody."""
        mine = [it for name, it in self._units.items() if name.startswith(f"ship-{app.name}.")]
        return unit_views.look(app.name, mine)

    def of_boot(self, app: Subject) -> Iterator[Finding]:
        """Links by which a boot starts what runs now."""
        return boot.of_app(self._layout, app)

    def access(self) -> tuple[Access, ...]:
        """The folders that the installer makes."""
        receiver = self._accounts.receiver()
        if receiver is None:
            return ()
        return server_access(self._layout, receiver, grp.getgrnam(NGINX_GROUP).gr_gid)

    def access_of(self, app: Subject) -> tuple[Access, ...]:
        """What root, the receiver and the app's account have."""
        receiver = self._accounts.receiver()
        if app.owner is None or receiver is None:
            return ()  # told already; what belongs to it is not known
        nginx_gid = grp.getgrnam(NGINX_GROUP).gr_gid
        served = app.release is not None and bool(app.release.static_of_storage)
        return app_access(app.paths, app.owner, receiver, nginx_gid, _version(app), served=served)

    def trees_of(self, app: Subject) -> Iterator[Tree]:
        """What the app writes or runs, and the repository."""
        receiver = self._accounts.receiver()
        if app.owner is None or receiver is None:
            return
        trees, version = [app.paths.storage, app.paths.cache], _version(app)
        if version is not None:
            trees.append(app.paths.release(version).source)
        if app.release is not None and app.release.venv is not None:
            trees.append(Path(app.release.venv))
        matters = "The app cannot read or write them: a page fails, or a build."
        for tree in trees:
            yield Tree(tree, app.owner, f"the account {account(app.name)}", matters)
        matters = "Pushes fail: git as root in a repository does this."
        yield Tree(self._layout.repo(app.name), receiver, "the account ship", matters)

    def start_again(self, app: AppName, release: Release, slot: SlotLetter) -> Manage:
        """Start its unit, and do not wait."""
        unit = slot_unit(app, slot_kind(release), slot)
        return Manage(("systemctl", "start", "--no-block", unit))

    def manage(self, words: tuple[str, ...]) -> None:
        """Run a command of an administrator's."""
        shell.capture(words)


def _version(app: Subject) -> int | None:
    return app.live.release if app.live and app.release else None
