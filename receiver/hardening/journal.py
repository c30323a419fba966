"""The journal of the machine: it never fills the disk."""

from pathlib import Path

from receiver.hardening.point import Seen
from receiver.hardening.record import Ledger
from receiver.machine import shell
from receiver.model.patterns import regex

_FILE = Path("/etc/systemd/journald.conf.d/60-ship.conf")
_TEXT = """\
# Written by `ship server:harden`; `ship server:harden --undo` takes it away.
# Journals of apps have limits of their own.
[Journal]
SystemMaxUse=500M
RuntimeMaxUse=100M
"""
_LIMIT = regex(r"^SystemMaxUse=(\S+)$")


class Journal:
    """The journal has a limit."""

    name = "journal"
    packages = ()
    locks_out = False

    def look(self) -> Seen:
        found = [match[1] for line in _settings() if (match := _LIMIT.match(line.strip()))]
        if found:
            return Seen("done", f"The machine's journal takes {found[-1]} of the disk at most.")
        return Seen("not done", "The machine's journal may take a tenth of the disk, up to 4G.")

    def do(self, ledger: Ledger) -> None:
        ledger.write(self.name, _FILE, _TEXT)
        _go_by_it()

    def undo(self, ledger: Ledger) -> list[str]:
        edited = ledger.put_back(self.name)
        _go_by_it()
        return edited


def _settings() -> list[str]:
    argv = ("systemd-analyze", "cat-config", "systemd/journald.conf")
    return shell.capture(argv).decode("utf-8", "replace").splitlines()


def _go_by_it() -> None:
    # who writes to it keeps the connection: systemd holds that meanwhile
    shell.capture(("systemctl", "restart", "systemd-journald.service"))
