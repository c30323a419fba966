"""What an app has to be after each command, worked out a second time, from what was asked alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from receiver.model.config_vars import carried_over

BAD = "bad"
"""As the text of an app or as its GREETING: it does not start."""


class Made(NamedTuple):
    """A release that is or was live."""

    version: int
    commit: str
    text: str
    description: str
    config: Mapping[str, str]
    restores: int | None = None

    @property
    def page(self) -> str:
        return f"{self.text} {self.config.get('GREETING', '')}".strip()

    @property
    def starts(self) -> bool:
        return BAD not in {self.text, self.config.get("GREETING")}


@dataclass(frozen=True)
class Expected:
    """An app as it was asked to be."""

    releases: tuple[Made, ...] = ()
    """All that ever were live, oldest first."""
    branch: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    """What is stored, pending ones too."""
    scale: Mapping[str, int] = field(default_factory=dict)
    closed: bool = False

    @property
    def live(self) -> Made | None:
        return self.releases[-1] if self.releases else None

    def pushed(self, commit: str, text: str) -> "Expected":
        """After a push; the same object where it is refused, here and below."""
        made = Made(self._next, commit, text, f"Deploy {commit[:7]}", self.config)
        return replace(self._with(made), branch=commit) if made.starts else self

    def configured(self, name: str, value: str | None, *, restart: bool) -> "Expected":
        """After a config var was set, or unset."""
        config = {key: kept for key, kept in self.config.items() if key != name}
        if value is not None:
            config[name] = value
        live = self.live
        if live is None or not restart or live.config.get(name) == value:
            return replace(self, config=config)
        made = live._replace(version=self._next, description="", config=config, restores=None)
        return replace(self._with(made), config=config) if made.starts else self

    def rolled_back(self, to: Made) -> "Expected":
        """After a rollback."""
        made = to._replace(
            version=self._next,
            description=f"Rollback to v{to.version}",
            restores=to.restores or to.version,
        )
        runs = self.live.config if self.live else {}
        stored = carried_over(to.config, runs, self.config)
        return replace(self._with(made), config=stored) if made.starts else self

    def scaled(self, process_type: str, count: int) -> "Expected":
        """After it was scaled."""
        return replace(self, scale={**self.scale, process_type: count})

    @property
    def _next(self) -> int:
        return self.live.version + 1 if self.live else 1

    def _with(self, made: Made) -> "Expected":
        return replace(self, releases=(*self.releases, made))
