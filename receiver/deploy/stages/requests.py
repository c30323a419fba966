"""What a story is asked for: a push, a change of config vars, a rollback."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from receiver.changes.checkpoint import About
from receiver.model.config_vars import Difference, check_together
from receiver.model.errors import ShipError
from receiver.model.names import AppName
from receiver.model.submodules import Submodule


class ConfigChangedError(ShipError):
    """Somebody else changed the same config vars meanwhile."""

    default_reason = "locked/config-changed"


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that was received, as a tar file of its tree."""

    app: AppName
    archive: Path
    commit: str
    by: str
    number: int
    """Number of the build."""
    ref: str | None = None
    before: str | None = None
    """What `ref` was before the push."""
    submodules: tuple[Submodule, ...] = ()

    def about(self, deed: str) -> About:
        """What the journal keeps of it."""
        return About(
            title=f"{deed} of {self.commit[:7]} by {self.by}",
            build=self.number,
            ref=self.ref,
            commit=self.commit,
            before=self.before,
        )


class ConfigChange(msgspec.Struct, frozen=True, kw_only=True):
    """Config vars to set and to remove; applied to what is there when the app's lock is held."""

    app: AppName
    by: str
    number: int
    values: Mapping[str, str] = msgspec.field(default_factory=dict)
    removed: tuple[str, ...] = ()
    only_these: bool = False
    """Whether `values` is all that is to be left."""
    expected: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    """What these config vars were when somebody began to edit them; None for one that was not
    there.
    """
    release_phase: bool | None = None
    """Whether the release phase runs; None for what the app's ship.toml says."""

    @property
    def about(self) -> About:
        """What the journal keeps of it."""
        return About(title=f"change of config vars by {self.by}", build=self.number)

    @property
    def description(self) -> str:
        """What is asked for, as `Difference` says it."""
        if self.only_these and not self.values:
            return "Unset all config vars"
        return Difference(tuple(sorted(self.values)), tuple(sorted(self.removed))).description

    def applied(self, config: Mapping[str, str]) -> dict[str, str]:
        """What the config vars become.

        Raises:
            ConfigChangedError: they are not what they were when somebody began to edit them
            UsageError: together they are too many
        """
        for name, value in self.expected.items():
            if config.get(name) != value:
                raise ConfigChangedError(
                    f"{name} was changed by somebody else meanwhile. Nothing was changed now.",
                    advice="Look at what it is now, `ship config`, and edit once more.",
                )
        kept = {} if self.only_these else config
        left = {name: value for name, value in kept.items() if name not in self.removed}
        after = {**left, **self.values}
        check_together(after)
        return after

    def makes_release(self, stored: Mapping[str, str], runs: Mapping[str, str]) -> bool:
        """Whether the app has to be given other values than it runs with. What is pending besides
        is no reason.
        """
        after = self.applied(stored)
        touched = {*self.values, *self.removed, *(stored.keys() - after.keys())}
        return any(after.get(name) != runs.get(name) for name in touched)


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make an earlier release live again."""

    app: AppName
    by: str
    number: int
    target: int | None = None
    """Its version; None for the one before the live one."""
    release_phase: bool | None = None
    """Whether the release phase runs; None for what the ship.toml of that release says."""

    @property
    def about(self) -> About:
        """What the journal keeps of it."""
        return About(title=f"rollback by {self.by}", build=self.number)
