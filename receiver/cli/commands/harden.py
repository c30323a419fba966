"""`ship server:harden`: what makes a VPS harder to break into, and the way back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from receiver.cli import forward, show
from receiver.cli.command import Call, command, with_json
from receiver.cli.place import Here
from receiver.model.errors import ServerError, UsageError

if TYPE_CHECKING:
    from receiver.hardening.story import Standing
    from receiver.model.layout import Layout

_MISSING = frozenset({"not done", "refused", "unknown"})


@command(
    "server:harden",
    example="$ ship server:harden\n"
    "updates    done      Security updates are installed every day, without a reboot.\n"
    "firewall   not done  ufw is off: every port of this machine is open.\n"
    "ssh login  not done  sshd takes passwords: it is guessed at all day.\n"
    "Do what is not done? [y/N]: y\n"
    "firewall   ufw lets in ports 22, 80 and 443, and no other port that is not named.\n"
    "ssh login  sshd takes keys, and no passwords.\n\n"
    "Confirm within 120 seconds, from a second login: ship server:harden --confirm\n"
    "Otherwise firewall and ssh login go back as before. Leave this login open until then.",
)
@click.option("--check", is_flag=True, help="Only show how each point stands.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--confirm", is_flag=True, help="Keep what was changed: this login works.")
@click.option("--undo", is_flag=True, help="Take back all that was changed here.")
@click.option("--back", is_flag=True, hidden=True, help="Take back what nobody confirmed.")
@with_json
def harden(  # noqa: PLR0913 - one for each option
    call: Call, *, check: bool, yes: bool, confirm: bool, undo: bool, back: bool, as_json: bool
) -> int:
    """Harden a Debian or Ubuntu VPS: firewall, logins over ssh, security updates, kernel, journal.

    Nothing is done twice. The firewall and the change of ssh go back after two minutes unless
    somebody confirms from a second login. Exit code of --check is 1 where a point is not done.
    """
    from receiver.hardening import story

    layout = _own_layout(call)
    if back:  # whatever is wrong with the server's settings
        story.go_back(layout, _say)
        return 0
    if confirm:
        return _confirm(layout)
    if undo:
        if not story.undo(layout, _say):
            show.progress("Nothing to undo: nothing was changed here.")
        return 0
    if not story.is_possible(call.server):
        raise _no_vps()
    found = story.look(call.server)
    if as_json:
        show.as_json([_as_data(each) for each in found])
    else:
        _show(found)
    if check:
        _tell_of_waiting(layout)
        return int(any(each.seen.state in _MISSING for each in found))
    return _harden(call, found, yes=yes)


def _own_layout(call: Call) -> "Layout":
    """This machine, as root.

    Raises:
        ServerError: it is no VPS with Ship
    """
    place = call.place
    if not isinstance(place, Here) or place.root is not None:
        raise _no_vps()
    if not call.environment.is_root:
        forward.become_root(call.arguments, call.environment)
    return call.layout


def _no_vps() -> ServerError:
    return ServerError(
        "There is nothing to harden here.",
        detail="Only a VPS can be, with Debian or Ubuntu, systemd and Ship.",
        advice="Type it on the server itself, as root.",
        reason="server/not-hardened",
    )


def _harden(call: Call, found: "Sequence[Standing]", *, yes: bool) -> int:
    from receiver.hardening import story

    if not any(each.seen.state == "not done" for each in found):
        show.progress("Nothing was changed.")
        _tell_of_waiting(call.layout)
        return _status(found)
    if not yes and not call.environment.types:
        raise UsageError(
            "Nothing was changed: there is no terminal to ask on.",
            advice="Type: ship server:harden --yes",
            reason="usage/not-confirmed",
        )
    if not yes and not click.confirm("Do what is not done?", err=True):
        show.progress("Nothing was changed.")
        return 0
    after = story.harden(call.server, _say)
    _tell_of_waiting(call.layout)
    return _status(after)


def _tell_of_waiting(layout: "Layout") -> None:
    from receiver.hardening import story

    found = story.waiting(layout)
    if found is not None:
        goes = "goes" if len(found.points) == 1 else "go"
        show.progress(
            f"\nConfirm within {found.seconds} seconds, from a second login: "
            "ship server:harden --confirm\n"
            f"Otherwise {' and '.join(found.points)} {goes} back as before. "
            "Leave this login open until then."
        )


def _confirm(layout: "Layout") -> int:
    from receiver.hardening import story

    if story.confirm(layout):
        show.progress("Confirmed: it stays.")
        return 0
    show.progress("Nothing waits for a confirmation. What was not confirmed in time went back.")
    return 0


def _status(found: "Sequence[Standing]") -> int:
    """Fails where something should be done, and is not."""
    missing = any(each.seen.state in {"not done", "refused"} for each in found)
    return ServerError("").exit_code if missing else 0


def _say(name: str, said: str) -> None:
    show.progress(f"{name:<10} {said}")


def _show(found: "Sequence[Standing]") -> None:
    for name, seen in found:
        show.data(f"{name:<10} {seen.state:<9} {seen.said}")
        for line in seen.advice.splitlines():
            show.data(f"{'':20} {line}")


def _as_data(each: "Standing") -> dict[str, str]:
    return {
        "name": each.name,
        "state": each.seen.state,
        "said": each.seen.said,
        "advice": each.seen.advice,
    }
