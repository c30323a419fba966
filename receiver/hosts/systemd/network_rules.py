"""The rules of nftables that keep apps apart on the network: who may connect to whom. Pure.

An account of an app reaches the ports of its own app, whatever is no app's, and the world. Rules
know a socket by the account that opened it, so they hold for slots, workers, jobs, runs and builds
alike, and for a socket that waits on another's port: its answer is dropped.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from receiver.model.names import AppName
from receiver.model.settings import App
from receiver.planner.render import render, template_text

_TEMPLATE = "systemd/network.nft"
_LINK_LOCAL_V4 = (
    "169.254.0.0/16",
    "100.100.100.200",  # Alibaba's metadata
    "168.63.129.16",  # Azure's
    "192.0.0.192",  # Oracle's
)
_LINK_LOCAL_V6 = ("fe80::/10", "fd00:ec2::254", "fd20:ce::254")


class Account(NamedTuple):
    """An app, and the number of its account."""

    app: AppName
    uid: int
    settings: App | None
    """None where nobody can read them."""

    @property
    def ports(self) -> tuple[int, ...]:
        it = self.settings
        return () if it is None else (it.port, it.port_a, it.port_b)


class _Open(NamedTuple):
    """An app that lets others in."""

    uid: int
    ports: tuple[int, ...]
    guests: tuple[int, ...]


def rules(accounts: Sequence[Account]) -> str:
    """The file that `nft` reads: in one step it takes the place of what holds."""
    values = _values(sorted(accounts, key=lambda it: it.uid))
    return render(_TEMPLATE, mark=_mark(values), **values)


def mark(accounts: Sequence[Account]) -> str:
    """The name of a chain that is there while exactly these rules hold."""
    return _mark(_values(sorted(accounts, key=lambda it: it.uid)))


def _mark(values: dict[str, object]) -> str:
    made_of = repr(sorted(values.items())) + template_text(_TEMPLATE)
    return f"made_of_{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def _values(accounts: Sequence[Account]) -> dict[str, object]:
    uids = {account.app: account.uid for account in accounts}
    openings = [
        _Open(account.uid, account.ports, guests)
        for account in accounts
        if (guests := _guests(account, uids))
    ]
    return {
        "apps": tuple(account.uid for account in accounts),
        "kept_in": tuple(
            it.uid for it in accounts if it.settings is None or not it.settings.link_local
        ),
        "ports": tuple(sorted({port for account in accounts for port in account.ports})),
        "own": tuple(f"{it.uid} . {port}" for it in accounts for port in it.ports),
        "let_in": tuple(
            f"{guest} . {port}" for it in openings for guest in it.guests for port in it.ports
        ),
        "open": tuple(openings),
        "link_local_v4": _LINK_LOCAL_V4,
        "link_local_v6": _LINK_LOCAL_V6,
    }


def _guests(account: Account, uids: dict[AppName, int]) -> tuple[int, ...]:
    names = dict.fromkeys(account.settings.open_to if account.settings else ())
    return tuple(uids[AppName(name)] for name in names if name in uids and name != account.app)
