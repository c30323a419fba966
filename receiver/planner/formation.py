"""Which processes besides web a release has running, and what the one who pushed is told of them.

Pure.
"""

from collections.abc import Iterator, Mapping

from receiver.model.commandline import split_words
from receiver.model.formation import NOT_IN_BACKGROUND, Formation, Group
from receiver.model.release import Release
from receiver.model.settings import App, ProcessRule


def background_types(release: Release | None) -> list[str]:
    """The types of a release that run besides web, in the order of its Procfile."""
    return [
        name for name in (release.processes if release else {}) if name not in NOT_IN_BACKGROUND
    ]


def plan_formation(release: Release | None, scale: Mapping[str, int], settings: App) -> Formation:
    """What should run: as many as were asked for; none where nobody did, as on Heroku."""
    return {
        name: _group(release, name, scale[name])
        for name in background_types(release)
        if release and scale.get(name) and not settings.is_stopped(name)
    }


def tell_formation(
    release: Release, wanted: Formation, before: Formation, scale: Mapping[str, int]
) -> Iterator[str]:
    """Sentences for the push log on what starts, what is gone, and what waits to be asked for."""
    if wanted:
        yield f"Now of {release.label}: {shown(wanted)}."
    for name in before:
        if name not in release.processes:
            yield f"{name} is in the Procfile no more; its processes are stopped."
    for name in background_types(release):
        if name not in scale:
            yield f"No {name} runs yet. To start one: ship ps:scale {name}=1"


def unknown_rules(release: Release) -> Iterator[str]:
    """Warnings of [process.TYPE] tables for types that there are not."""
    for name in release.rules:
        if name not in release.processes:
            yield f"ship.toml has [process.{name}], but no process type is called {name}."


def shown(formation: Formation) -> str:
    """Such as `worker=2 clock=1`."""
    return " ".join(f"{name}={group.count}" for name, group in formation.items())


def _group(release: Release, name: str, count: int) -> Group:
    rule = release.rules.get(name, ProcessRule())
    return Group(
        version=release.version,
        count=count,
        stop_signal=rule.stop_signal,
        graceful_s=rule.graceful_s,
        shell=split_words(release.lines.get(name, "")) is None,
    )
