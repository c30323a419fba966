"""The story of hardening: look at all points, do those that are missing, undo them; and take back
by itself what nobody confirms.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from receiver.hardening import sshd
from receiver.hardening.firewall import Firewall
from receiver.hardening.guessing import Guessing
from receiver.hardening.journal import Journal
from receiver.hardening.kernel import Kernel
from receiver.hardening.point import Point, Seen
from receiver.hardening.record import Ledger, Pending
from receiver.hardening.ssh_login import SshLogin
from receiver.hardening.updates import Updates
from receiver.machine import apt, files, shell
from receiver.machine.interpreter import program
from receiver.model.errors import AccessError, ServerError, ShipError
from receiver.model.layout import Layout
from receiver.server import Server

WAIT_S = 120
"""For a confirmation, until what could lock people out goes back."""
_UNIT = "ship-harden-back"
_INSTALL_LIMIT_S = 900.0
_APT = {
    **shell.PLAIN_ENVIRONMENT,
    "DEBIAN_FRONTEND": "noninteractive",
    "NEEDRESTART_SUSPEND": "1",
    "HOME": "/root",
}
_INSTALL = (
    *("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"),
    *("-o", "Dpkg::Options::=--force-confold", "--no-install-recommends", "--no-remove"),
    *("install", "--"),
)
Say = Callable[[str, str], object]
"""Told a point's name, and what came of it."""


class Standing(NamedTuple):
    """How a point stands."""

    name: str
    seen: Seen


def is_possible(server: Server) -> bool:
    """Whether the machine is a VPS with Debian or Ubuntu."""
    return server.host.accounts.separate and Path("/usr/bin/apt-get").exists()


def look(server: Server) -> tuple[Standing, ...]:
    """How each point stands."""
    return tuple(Standing(point.name, _seen(point)) for point in _points(_web_ports(server)))


def harden(server: Server, say: Say) -> tuple[Standing, ...]:
    """Do the points that are missing; one that cannot be done keeps no other from it.

    Returns how each stands now.
    """
    ledger = Ledger(server.layout)
    with _alone(server.layout):
        points = _points(_web_ports(server))
        missing = [point for point in points if _seen(point).state == "not done"]
        ready = [point for point in missing if _has_packages(point, say)]
        for point in ready:
            if point.locks_out:
                _await_confirmation(ledger, point)
            _do(point, ledger, say)
        pending = ledger.pending
        if pending is not None and not any(name in ledger.deeds for name in pending.points):
            _end_waiting(ledger)
    return look(server)


class Waiting(NamedTuple):
    """What waits for a confirmation, and for how long."""

    points: tuple[str, ...]
    seconds: int


def waiting(layout: Layout) -> Waiting | None:
    """What waits for a confirmation; None where nothing does."""
    pending = Ledger(layout).pending
    if pending is None:
        return None
    return Waiting(pending.points, max(1, round(pending.until - time.time())))


def confirm(layout: Layout) -> bool:
    """Have stand what waits for it; whether there was something.

    Raises:
        AccessError: this login is older than what it shall confirm
    """
    ledger = Ledger(layout)
    with _alone(layout):
        pending = ledger.pending
        if pending is None:
            return False
        login = sshd.login()
        if login[1] < pending.since if login is not None else pending.over_ssh:
            raise AccessError(
                "This login is from before the change: it proves nothing.",
                detail="Only a new login over ssh shows that people still get in.",
                advice="Leave this one open, log in once more from another terminal, and type it "
                "there: ship server:harden --confirm",
                reason="access/same-login",
            )
        _end_waiting(ledger)
        return True


def go_back(layout: Layout, say: Say, *, booting: bool = False) -> bool:
    """Undo what nobody has confirmed in time; whether there was something. A boot ends the time."""
    ledger = Ledger(layout)
    if not _is_over(ledger, booting=booting):
        return False  # without waiting for who is at work
    with _alone(layout):
        pending = ledger.pending
        if pending is None or not _is_over(ledger, booting=booting):
            return False
        for point in reversed(_points()):
            if point.name in pending.points and point.name in ledger.deeds:
                _undo(point, ledger, say)
        ledger.end_waiting()
        return True


def undo(layout: Layout, say: Say) -> bool:
    """Undo all that was done here; whether there was something."""
    ledger = Ledger(layout)
    with _alone(layout):
        _end_waiting(ledger)
        done = [point for point in reversed(_points()) if point.name in ledger.deeds]
        for point in done:
            _undo(point, ledger, say)
        return bool(done)


def _alone(layout: Layout) -> AbstractContextManager[int]:
    return files.locked_file(layout.hardening.with_suffix(".lock"))


def _is_over(ledger: Ledger, *, booting: bool) -> bool:
    pending = ledger.pending
    return pending is not None and (booting or time.time() >= pending.until)


def _web_ports(server: Server) -> tuple[int, ...]:
    ports = (server.settings.http_port, server.settings.tls_port)
    return tuple(port for port in ports if port)


def _points(web_ports: Sequence[int] = ()) -> tuple[Point, ...]:
    """What does not keep people out comes first."""
    return (Updates(), Kernel(), Journal(), Guessing(), Firewall(web_ports), SshLogin())


def _seen(point: Point) -> Seen:
    try:
        return point.look()
    except ShipError as error:
        return Seen("unknown", error.title, error.detail)


def _do(point: Point, ledger: Ledger, say: Say) -> None:
    """Do a point, or leave it as it was, and say which."""
    before = ledger.deeds.get(point.name)
    try:
        point.do(ledger)
    except ShipError as error:
        if before is None:
            _undo(point, ledger, lambda *_: None)
        _say_not_done(point, error, say)
    except BaseException:  # interrupted: nothing is left half done
        if before is None:
            _undo(point, ledger, lambda *_: None)
        raise
    else:
        say(point.name, point.look().said)


def _undo(point: Point, ledger: Ledger, say: Say) -> None:
    if point.name not in ledger.deeds:
        return
    try:
        edited = point.undo(ledger)
    except ShipError as error:
        say(point.name, f"not undone: {error.title} {error.detail}".rstrip())
        return
    ledger.forget(point.name)
    stays = f", but for {', '.join(edited)}, which somebody has edited" if edited else ""
    say(point.name, f"as it was before{stays}")


def _say_not_done(point: Point, error: ShipError, say: Say) -> None:
    said = " ".join(filter(None, (error.title, error.detail, error.advice)))
    say(point.name, f"not done: {said}")


def _has_packages(point: Point, say: Say) -> bool:
    """Install what a point needs: all of it before anything that has two minutes."""
    try:
        _install(point.packages)
    except ShipError as error:
        _say_not_done(point, error, say)
        return False
    return True


def _install(packages: Sequence[str]) -> None:
    missing = apt.missing(packages)
    if not missing:
        return
    try:
        if set(missing) - apt.known(missing):
            shell.capture(("apt-get", "-q", "update"), env=_APT, limit_s=_INSTALL_LIMIT_S)
        shell.capture((*_INSTALL, *missing), env=_APT, limit_s=_INSTALL_LIMIT_S)
    except shell.CommandError as error:
        raise ServerError(
            f"{', '.join(missing)} could not be installed.",
            detail=error.detail.strip().rpartition("\n")[2],
            advice=f"Try by hand: apt-get install {' '.join(missing)}",
            reason="server/packages-not-installed",
        ) from error


def _await_confirmation(ledger: Ledger, point: Point) -> None:
    """Have a point go back by itself, before anything of it is done: on record, for a boot and the
    next command, and by a timer that needs nobody who is logged in.
    """
    now, before = time.time(), ledger.pending
    names = dict.fromkeys((*(before.points if before else ()), point.name))
    ledger.await_confirmation(
        Pending(
            points=tuple(names),
            since=now,
            until=now + WAIT_S,
            over_ssh=sshd.is_typed_over_ssh(),
        )
    )
    _stop_timer()
    ship = str(program("ship"))
    shell.capture(
        (
            *("systemd-run", "--quiet", f"--on-active={WAIT_S + 1}", f"--unit={_UNIT}"),
            *("--timer-property=AccuracySec=1s", "--collect"),
            *("--description=ship: takes back hardening that nobody confirmed", "--"),
            *(ship, "server:harden", "--back"),
        )
    )


def _end_waiting(ledger: Ledger) -> None:
    ledger.end_waiting()  # from here on it stands, also where the timer is not stopped any more
    _stop_timer()


def _stop_timer() -> None:
    shell.run(("systemctl", "--quiet", "stop", f"{_UNIT}.timer"))
    shell.run(("systemctl", "--quiet", "reset-failed", f"{_UNIT}.timer", f"{_UNIT}.service"))
