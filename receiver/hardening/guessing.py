"""Who guesses at logins is kept away for a while: by sshd itself, or by fail2ban if it is there."""

from pathlib import Path

from receiver.hardening import sshd
from receiver.hardening.point import Seen, failed
from receiver.hardening.record import Ledger
from receiver.machine import apt, shell
from receiver.machine.clock import SYSTEM_CLOCK

_FILE = Path("/etc/fail2ban/jail.d/ship.conf")
_TEXT = """\
# Written by `ship server:harden`; `ship server:harden --undo` takes it away.
[sshd]
enabled = true
backend = systemd
"""
_PACKAGE = "fail2ban"
_START_LIMIT_S = 15.0
_POLL_S = 0.2


class Guessing:
    """sshd's own penalties, from OpenSSH 9.8 on, or a jail of fail2ban's."""

    name = "guessing"
    packages = ()
    locks_out = False

    def look(self) -> Seen:
        try:
            penalties = sshd.settings().get("persourcepenalties")
        except shell.CommandError as error:
            return Seen("unknown", "sshd does not tell its settings.", error.detail)
        if penalties is not None and penalties != ("no",):
            return Seen("done", "sshd makes who fails too often wait.")
        if apt.missing((_PACKAGE,)):
            return Seen(
                "left out",
                "This sshd has no penalties, and fail2ban is not installed; keys are not guessed.",
                "apt-get install fail2ban, then ship server:harden",
            )
        if shell.run(("fail2ban-client", "status", "sshd")).status == 0:
            return Seen("done", "fail2ban keeps away who fails too often at sshd.")
        return Seen("not done", "fail2ban does not look after sshd.")

    def do(self, ledger: Ledger) -> None:
        ledger.write(self.name, _FILE, _TEXT)
        _go_by_it()
        ends = SYSTEM_CLOCK.now() + _START_LIMIT_S
        while self.look().state != "done":  # systemd has started it, and its jails come later
            if SYSTEM_CLOCK.now() > ends:
                raise failed("fail2ban does not look after sshd.", "Its jail did not start.")
            SYSTEM_CLOCK.sleep(_POLL_S)

    def undo(self, ledger: Ledger) -> list[str]:
        edited = ledger.put_back(self.name)
        if not apt.missing((_PACKAGE,)):
            _go_by_it()
        return edited


def _go_by_it() -> None:
    shell.capture(("systemctl", "restart", "fail2ban.service"))
