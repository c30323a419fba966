"""The firewall: ufw, with ssh and nginx open."""

from collections.abc import Sequence

from msgspec.structs import replace

from receiver.hardening import sshd
from receiver.hardening.point import Seen, failed
from receiver.hardening.record import Ledger
from receiver.machine import apt, shell
from receiver.machine.firewall_rules import closed_by_nft, closed_by_ufw, named_by_ufw

_ANY_PORT = 1
"""One that nobody opens: a firewall that is at work drops what comes to it."""


class Firewall:
    """ufw lets in ssh, http and https, and nothing else."""

    name = "firewall"
    packages = ("ufw",)
    locks_out = True

    def __init__(self, web_ports: Sequence[int] = ()) -> None:
        """`web_ports` are those that nginx listens on; to undo, none are needed."""
        self._web_ports = web_ports

    def look(self) -> Seen:
        if other := _other():
            return Seen("unknown", f"{other} is at work here; ufw would not go together with it.")
        if apt.missing(self.packages):
            return Seen("not done", "ufw is not installed.", "apt-get install ufw")
        status = _ufw("status")
        if not status.startswith("Status: active"):
            return Seen("not done", "ufw is off: every port of this machine is open.")
        ports = self._ports()
        if closed := closed_by_ufw(status, ports):
            return Seen("not done", f"ufw is on, and closes {_listed(closed)}.")
        return Seen("done", f"ufw lets in {_listed(ports)}, and no other port that is not named.")

    def do(self, ledger: Ledger) -> None:
        ports, added = self._ports(), _ufw("show", "added")
        off = not _ufw("status").startswith("Status: active")
        fresh = [f"{port}/tcp" for port in ports if not named_by_ufw(added, port)]
        deed = ledger.deed(self.name)
        rules = (*deed.rules, *(rule for rule in fresh if rule not in deed.rules))
        ledger.note(self.name, replace(deed, rules=rules, enabled=deed.enabled or off))
        for rule in fresh:
            _ufw("allow", rule)
        if off:
            _ufw("--force", "enable")
        if closed := closed_by_ufw(_ufw("status"), ports):
            raise failed(
                f"ufw closes {_listed(closed)} all the same.",
                _ufw("status"),
                "A rule of its own stands before it: `ufw status numbered`.",
            )

    def undo(self, ledger: Ledger) -> list[str]:
        deed = ledger.deed(self.name)
        if apt.missing(self.packages):
            return []
        if deed.enabled:
            _ufw("disable")
        for rule in deed.rules:
            if named_by_ufw(_ufw("show", "added"), int(rule.partition("/")[0])):
                _ufw("delete", "allow", rule)
        return []

    def _ports(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys((*sshd.ports(), *self._web_ports)))


def _other() -> str:
    """Another firewall that drops what comes in; empty without one."""
    if shell.run(("systemctl", "is-active", "--quiet", "firewalld.service")).status == 0:
        return "firewalld"
    if not apt.missing(("ufw",)) and _ufw("status").startswith("Status: active"):
        return ""
    try:
        rules = shell.capture(("nft", "list", "ruleset")).decode("utf-8", "replace")
    except shell.CommandError:
        return ""
    return "A set of rules of nftables" if closed_by_nft(rules, (_ANY_PORT,)) else ""


def _ufw(*words: str) -> str:
    return shell.capture(("ufw", *words)).decode("utf-8", "replace")


def _listed(ports: Sequence[int]) -> str:
    *first, last = map(str, ports)
    return f"port{'s' * bool(first)} {', '.join(first)}{' and ' * bool(first)}{last}"
