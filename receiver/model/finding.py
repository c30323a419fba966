"""What `ship doctor` found: what is not as it should be, what was seen, what it means, and its
repair. Values only.
"""

from typing import Literal

import msgspec

from receiver.model.plan import AnyStep, Link, WriteFile

Severity = Literal["broken", "warning", "note"]
"""Visitors or pushes meet it now; they will, at the next boot or deploy; it is only worth
knowing."""
EXIT_FINDINGS = 12
"""Exit code of `ship doctor` when something is broken, or will be."""


class Steps(msgspec.Struct, frozen=True, tag=True):
    """Steps of a plan, done under the app's lock and undone when one fails."""

    app: str
    plan: tuple[AnyStep, ...]


class KeepAside(msgspec.Struct, frozen=True, tag=True):
    """Copy a file to where it is kept, before it is replaced."""

    path: str


class SetAccess(msgspec.Struct, frozen=True, tag=True):
    """Give a file or folder this owner and mode; a folder that is missing is made."""

    path: str
    uid: int
    gid: int
    mode: int
    folder: bool


class GiveTree(msgspec.Struct, frozen=True, tag=True):
    """Give everything below a folder to one account."""

    path: str
    uid: int
    gid: int


class Manage(msgspec.Struct, frozen=True, tag=True):
    """Something that only the machine's own examiner knows to do, in words of its own."""

    words: tuple[str, ...]


class CreateAccount(msgspec.Struct, frozen=True, tag=True):
    """Make the account of an app."""

    app: str


class Install(msgspec.Struct, frozen=True, tag=True):
    """What the installer does of templates: nginx's shared file, the unit for the boot."""


class WriteKeys(msgspec.Struct, frozen=True, tag=True):
    """Make authorized_keys of the keys."""


class SetUpRepo(msgspec.Struct, frozen=True, tag=True):
    """Put the settings of an app's repository right."""

    app: str


class Recover(msgspec.Struct, frozen=True, tag=True):
    """Undo an unfinished change."""

    app: str


class Unpack(msgspec.Struct, frozen=True, tag=True):
    """Unpack a release's source from its slug."""

    app: str
    version: int


class Rebuild(msgspec.Struct, frozen=True, tag=True):
    """Build the newest commit again, in a fresh virtualenv, and have it take over."""

    app: str
    venv: str


class ReloadNginx(msgspec.Struct, frozen=True, tag=True):
    """Have nginx read its files."""


AnyRepair = (
    Steps
    | KeepAside
    | WriteFile
    | Link
    | SetAccess
    | GiveTree
    | Manage
    | CreateAccount
    | Install
    | WriteKeys
    | SetUpRepo
    | Recover
    | Unpack
    | Rebuild
    | ReloadNginx
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    name: str
    """Stable, such as `unit.missing`."""
    severity: Severity
    title: str
    app: str | None = None
    seen: tuple[str, ...] = ()
    """Evidence, line by line."""
    means: str = ""
    """What visitors, or those who push, notice of it."""
    does: str = ""
    """What `--fix` does about it; empty where there is no safe repair."""
    repair: tuple[AnyRepair, ...] = ()
    or_else: tuple[AnyRepair, ...] = ()
    """Done where the repair fails, so that things are no worse than before."""
    advice: str = ""
    """What a person can type, or do."""

    @property
    def key(self) -> tuple[str, str | None, str]:
        """What tells two findings apart."""
        return self.name, self.app, self.title

    def as_data(self) -> dict[str, object]:
        """For programs to read."""
        return {
            "name": self.name,
            "app": self.app,
            "severity": self.severity,
            "title": self.title,
            "seen": list(self.seen),
            "means": self.means,
            "fix": self.does or None,
            "advice": self.advice or None,
        }
