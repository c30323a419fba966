"""A change of config vars as a value, what of them is pending, and the change that only stores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from receiver.changes.change import changing
from receiver.model.config_vars import Difference, check_together
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import WriteFile
from receiver.server import Server
from receiver.state import records

if TYPE_CHECKING:
    from receiver.deploy.transition import Transition
    from receiver.model.release import Release

Forecast = Callable[["Transition", "Release"], NoReturn]
"""Tells what a release would take, and leaves by an error, which puts everything back."""


class ToldError(Exception):
    """All that would be done is told: leaving the transition by an error puts everything back."""


class ConfigChangedError(ShipError):
    """Somebody else changed the same config vars meanwhile."""

    default_reason = "locked/config-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """Config vars to set and to remove; applied to what is there when the app's lock is held."""

    app: AppName
    by: str
    number: int
    values: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    only_these: bool = False
    """Whether `values` is all that is to be left."""
    expected: Mapping[str, str | None] = field(default_factory=dict)
    """What these config vars were when somebody began to edit them; None for one that was not
    there."""
    release_phase: bool | None = None
    """Whether the release phase runs; None for what the app's ship.toml says."""
    forecast: Forecast | None = None
    """What is done instead, when only is asked what would be."""

    @property
    def description(self) -> str:
        """What is wished, as `Difference` says it."""
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
        """Whether the app has to be given other values than it runs with.

        What is pending besides is no reason.
        """
        after = self.applied(stored)
        wished = {*self.values, *self.removed, *(stored.keys() - after.keys())}
        return any(after.get(name) != runs.get(name) for name in wished)


def is_needless(paths: AppPaths, change: ConfigChange) -> bool:
    """Whether all is as the change would have it, stored and running alike."""
    stored = records.read_config(paths.config)
    if change.applied(stored) != stored:
        return False
    live = records.read_live(paths)
    if live is None:
        return True
    return not change.makes_release(stored, records.read_config(paths.release(live.release).env))


def store(server: Server, change: ConfigChange, out: Output) -> None:
    """Change what is stored, and leave the app with what it runs with: the next release takes it
    along.
    """
    title = f"change of config vars by {change.by}"
    with changing(server, change.app, title, out) as under_way:
        path = under_way.paths.config
        config = change.applied(records.read_config(path))
        under_way.do(WriteFile(str(path), records.config_text(config), 0o600))
