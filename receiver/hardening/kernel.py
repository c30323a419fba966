"""The kernel's settings for a web server, those that are safe on any VPS."""

from pathlib import Path

from msgspec.structs import replace

from receiver.hardening.point import Seen
from receiver.hardening.record import Ledger
from receiver.machine import proc, shell

_FILE = Path("/etc/sysctl.d/60-ship.conf")
_VALUES = {
    "fs.protected_fifos": 1,
    "fs.protected_hardlinks": 1,
    "fs.protected_regular": 1,
    "fs.protected_symlinks": 1,
    "kernel.dmesg_restrict": 1,
    "kernel.kptr_restrict": 1,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.all.accept_source_route": 0,
    "net.ipv4.conf.all.secure_redirects": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.accept_redirects": 0,
    "net.ipv4.conf.default.accept_source_route": 0,
    "net.ipv4.conf.default.secure_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.icmp_echo_ignore_broadcasts": 1,
    "net.ipv4.icmp_ignore_bogus_error_responses": 1,
    "net.ipv4.tcp_rfc1337": 1,
    "net.ipv4.tcp_syncookies": 1,
    "net.ipv6.conf.all.accept_redirects": 0,
    "net.ipv6.conf.all.accept_source_route": 0,
    "net.ipv6.conf.default.accept_redirects": 0,
    "net.ipv6.conf.default.accept_source_route": 0,
}
"""Not among them: rp_filter, forwarding and accept_ra, by which a VPS may have its address, and
what cannot be taken back without a reboot. A higher value of the first six is stricter, and counts.
"""
_MORE_IS_STRICTER = ("fs.", "kernel.")
_TEXT = (
    "# Written by `ship server:harden`; `ship server:harden --undo` takes it away.\n"
    "# The hyphen: a kernel that has no such setting is no error.\n"
    + "".join(f"-{name} = {value}\n" for name, value in _VALUES.items())
)


class Kernel:
    """The network is believed less, and links and pipes in /tmp lead nobody astray."""

    name = "kernel"
    packages = ("procps",)
    locks_out = False

    def look(self) -> Seen:
        open_, kept = _differing()
        if open_:
            return Seen("not done", f"Not set: {', '.join(open_)}.")
        if kept:
            return Seen("left out", f"In this container, only its host can set {_few(kept)}.")
        return Seen("done", "The kernel's settings are those of a web server.")

    def do(self, ledger: Ledger) -> None:
        open_, _ = _differing()
        deed = ledger.deed(self.name)
        before = {name: proc.kernel_setting(name) or "" for name in open_}
        ledger.note(self.name, replace(deed, values={**before, **deed.values}))
        ledger.write(self.name, _FILE, _TEXT)
        shell.capture(("sysctl", "-q", "-w", *(f"{name}={_VALUES[name]}" for name in open_)))

    def undo(self, ledger: Ledger) -> list[str]:
        edited = ledger.put_back(self.name)
        values = ledger.deed(self.name).values
        if values and not edited:
            shell.run(
                ("sysctl", "-q", "-e", "-w", *(f"{n}={value}" for n, value in values.items()))
            )
        return edited


def _differing() -> tuple[list[str], list[str]]:
    """Settings that are otherwise: those that can be set, and those that only the host of a
    container can.
    """
    found: tuple[list[str], list[str]] = ([], [])
    for name, wanted in _VALUES.items():
        value = proc.kernel_setting(name)
        if value is None or value == str(wanted):
            continue
        if name.startswith(_MORE_IS_STRICTER) and value.isdecimal() and int(value) > wanted:
            continue
        found[not proc.is_settable(name)].append(name)
    return found


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:2])
    return shown if len(names) <= 2 else f"{shown} and {len(names) - 2} more"  # noqa: PLR2004 - as shown
