"""Logins over ssh: with a key, and never with a password."""

from collections.abc import Sequence
from pathlib import Path

from receiver.hardening import administrators, sshd
from receiver.hardening.point import Seen, failed
from receiver.hardening.record import Ledger
from receiver.machine import shell

FILE = Path("/etc/ssh/sshd_config.d/00-ship.conf")
"""sshd goes by the first word on a setting: clouds have theirs, with passwords, in a 50-… ."""
_ROOT = ("no", "prohibit-password", "without-password", "forced-commands-only")
_TEXT = """\
# Written by `ship server:harden`; `ship server:harden --undo` takes it away.
PasswordAuthentication no
KbdInteractiveAuthentication no
"""
_ROOT_TEXT = "PermitRootLogin prohibit-password\n"
_PASSWORDS = ("passwordauthentication", "kbdinteractiveauthentication")


class SshLogin:
    """sshd takes keys alone."""

    name = "ssh login"
    packages = ()
    locks_out = True

    def look(self) -> Seen:
        try:
            settings = sshd.settings()
        except shell.CommandError as error:
            return Seen("unknown", "sshd does not tell its settings.", error.detail)
        if _is_strict(settings):
            return Seen("done", "sshd takes keys, and no passwords.")
        if hindrance := _hindrance(settings, administrators.with_key()):
            return hindrance
        passwords = "passwords" if _takes_passwords(settings) else "root's password"
        return Seen("not done", f"sshd takes {passwords}: it is guessed at all day.")

    def do(self, ledger: Ledger) -> None:
        before = sshd.settings()
        if hindrance := _hindrance(before, administrators.with_key()):
            raise failed(hindrance.said, "Nothing was changed.", hindrance.advice)
        root = "" if _root(before) in _ROOT else _ROOT_TEXT
        ledger.write(self.name, FILE, _TEXT + root)
        sshd.test()
        after = sshd.settings()
        if not _is_strict(after):
            raise failed(
                f"sshd does not go by {FILE}.",
                f"passwordauthentication is {after['passwordauthentication'][0]} all the same.",
                "/etc/ssh/sshd_config needs as its first line: "
                "Include /etc/ssh/sshd_config.d/*.conf",
            )
        sshd.reload()

    def undo(self, ledger: Ledger) -> list[str]:
        edited = ledger.put_back(self.name)
        sshd.test()
        sshd.reload()
        return edited


def _hindrance(settings: sshd.Settings, with_key: Sequence[str]) -> Seen | None:
    """Why it would lock administrators out, of whom these have a key."""
    methods = " ".join(settings.get("authenticationmethods", ("any",)))
    if "password" in methods or "keyboard-interactive" in methods:
        return Seen(
            "refused",
            f"sshd asks for more than a key (AuthenticationMethods {methods}).",
            "Without passwords nobody could log in. Take that setting away first.",
        )
    if not with_key:
        return Seen(
            "refused",
            "No key would be left that logs in to root, or to an account with sudo.",
            "On your laptop: ssh-copy-id root@this-server. A key with a forced command is none.",
        )
    return None


def _is_strict(settings: sshd.Settings) -> bool:
    return not _takes_passwords(settings) and _root(settings) in _ROOT


def _takes_passwords(settings: sshd.Settings) -> bool:
    return any(settings.get(name, ("yes",)) != ("no",) for name in _PASSWORDS)


def _root(settings: sshd.Settings) -> str:
    return settings.get("permitrootlogin", ("yes",))[0]
