"""Programs that are not Ship's, where Ship needs what they have: how a person stops them."""

from receiver.machine import proc

_SERVICES = "/system.slice/"


def how_to_stop(pid: int) -> str:
    """What to do to end a process for good: of a service of the machine's, a command."""
    groups = proc.control_groups(pid)
    place = groups[-1].place if groups else ""
    unit = place.rpartition("/")[2]
    if place.startswith(_SERVICES) and unit.endswith(".service"):
        return f"Stop it, now and at every boot: `systemctl disable --now {unit}`"
    return f"End it, `kill {pid}`, and see that nothing starts it again"
