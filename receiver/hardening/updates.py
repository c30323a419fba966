"""Security updates by themselves: unattended-upgrades, without a reboot of its own."""

from pathlib import Path

from receiver.hardening.point import Seen, failed
from receiver.hardening.record import Ledger
from receiver.machine import apt, shell

_FILE = Path("/etc/apt/apt.conf.d/52ship-unattended-upgrades")
_TEXT = """\
// Written by `ship server:harden`; `ship server:harden --undo` takes it away.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Origins-Pattern {
        "origin=${distro_id},codename=${distro_codename},label=${distro_id}-Security";
        "origin=${distro_id},codename=${distro_codename}-security";
        "origin=${distro_id},archive=${distro_codename}-security";
};
Unattended-Upgrade::Automatic-Reboot "false";
"""
_TIMER = "apt-daily-upgrade.timer"


class Updates:
    """Debian's security updates are installed every day."""

    name = "updates"
    packages = ("unattended-upgrades",)
    locks_out = False

    def look(self) -> Seen:
        if apt.missing(self.packages):
            return Seen(
                "not done",
                "Security updates wait for somebody: unattended-upgrades is not installed.",
                "apt-get install unattended-upgrades",
            )
        if not _is_on("APT::Periodic::Unattended-Upgrade"):
            return Seen("not done", "unattended-upgrades is off.")
        if _is_on("Unattended-Upgrade::Automatic-Reboot"):
            return Seen("not done", "unattended-upgrades reboots this machine when it likes.")
        if shell.run(("systemctl", "is-enabled", "--quiet", _TIMER)).status:
            return Seen("unknown", f"{_TIMER} is off.", f"systemctl enable --now {_TIMER}")
        return Seen("done", "Security updates are installed every day, without a reboot.")

    def do(self, ledger: Ledger) -> None:
        ledger.write(self.name, _FILE, _TEXT)
        seen = self.look()
        if seen.state == "not done":
            raise failed(f"apt does not go by {_FILE}.", seen.said, "A later file says otherwise.")

    def undo(self, ledger: Ledger) -> list[str]:
        return ledger.put_back(self.name)


def _is_on(name: str) -> bool:
    """Whether apt's files, all together, switch something on."""
    said = shell.capture(("apt-config", "dump", "--format", "%v%n", name)).decode(
        "utf-8", "replace"
    )
    value = (said.split() or ["0"])[-1].lower()
    return value not in {"0", "false", "no", "off", "without", "disable", ""}
