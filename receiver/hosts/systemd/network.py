"""Has the rules hold that keep apps apart on the network: the doorway to `nft`.

Nothing fails where they cannot: an app that runs is worth more than one that is kept apart.
`ship doctor` tells of it.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from receiver.hosts.accounts import Accounts
from receiver.hosts.systemd import network_rules
from receiver.hosts.systemd.network_rules import Account
from receiver.machine import files, shell
from receiver.model.errors import ServerError, ShipError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.settings import App
from receiver.state import records

_NFT = "/usr/sbin/nft"
_TABLE = ("inet", "ship")


class AppNetwork:
    """The rules for all apps of this machine."""

    def __init__(self, layout: Layout, accounts: Accounts) -> None:
        self._layout = layout
        self._accounts = accounts

    def keep_apart(self, *, leaving: AppName | None = None) -> bool:
        """Have the rules be those of all apps, but for one that is being removed.

        Returns whether anything had to be changed.
        """
        path = rules_path(self._layout)
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.locked_file(path.with_suffix(".lock")):
            accounts = tuple(self._of_apps(leaving))
            text = network_rules.rules(accounts)
            written = files.read_text(path) == text
            if written and self._hold(accounts):
                return False
            files.write_atomically(path, text, mode=0o600)
            with suppress(shell.CommandError):
                shell.capture((_NFT, "--file", str(path)))
        return True

    def trouble(self) -> str | None:
        """Why apps are not kept apart; None where they are."""
        if not Path(_NFT).exists():
            return "The program nft is missing."
        accounts = tuple(self._of_apps(None))
        if self._hold(accounts):
            return None
        path = rules_path(self._layout)
        if files.read_text(path) != network_rules.rules(accounts):
            return f"{path} is not as the settings of the apps are."
        try:
            shell.capture((_NFT, "--check", "--file", str(path)))
        except shell.CommandError as error:
            return f"nft refuses them: {error.output.strip().splitlines()[0]}"
        return "The rules were taken away."

    def remove(self) -> None:
        """Take the rules away."""
        with suppress(shell.CommandError):
            shell.capture((_NFT, "delete", "table", *_TABLE))
        files.remove(rules_path(self._layout))
        files.remove(rules_path(self._layout).with_suffix(".lock"))

    def _hold(self, accounts: tuple[Account, ...]) -> bool:
        try:
            shell.capture((_NFT, "list", "chain", *_TABLE, network_rules.mark(accounts)))
        except shell.CommandError:
            return False
        return True

    def _of_apps(self, leaving: AppName | None) -> Iterator[Account]:
        for app in records.app_names(self._layout):
            if app == leaving:
                continue
            with suppress(ServerError):  # one that is being made or removed has no account
                owner = self._accounts.owner(app)
                if owner is not None:
                    yield Account(app, owner.uid, self._settings(app))

    def _settings(self, app: AppName) -> App | None:
        """None where they cannot be read: then the app is let to nobody, and nobody to it."""
        try:
            return records.read_app(self._layout.app(app))
        except ShipError:
            return None


def rules_path(layout: Layout) -> Path:
    """Where the rules are, for the boot."""
    return layout.etc / "network.nft"
