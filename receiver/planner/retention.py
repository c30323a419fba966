"""Which releases go, and what goes with them. The live one and the one before it never do."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

_ALWAYS_KEPT = 2


class Retention(msgspec.Struct, frozen=True):
    """What may be removed."""

    releases: tuple[int, ...]
    sources: tuple[int, ...]
    """Releases whose unpacked tree goes; their slug stays, so they can be rolled back to."""
    venvs: tuple[str, ...]


def plan_retention(
    versions: Sequence[int],
    in_use: Collection[int],
    venv_of: Mapping[int, str | None],
    venvs: Sequence[str],
    *,
    keep: int,
    short_of_space: bool,
) -> Retention:
    """Decide what to remove.

    Args:
        versions: kept releases, oldest first
        in_use: the release that serves, and those that somebody runs a command in; they
            keep all they have
        venv_of: the virtualenv of each release
        venvs: all virtualenvs on disk
        keep: how many releases to keep, the live one among them
        short_of_space: less disk is free than the server wants; old releases go early
    """
    wanted = _ALWAYS_KEPT if short_of_space else max(keep, _ALWAYS_KEPT)
    others = [version for version in versions if version not in in_use]
    kept = {*in_use, *others[max(len(others) - (wanted - 1), 0) :]}
    used = {venv_of.get(version) for version in kept}
    return Retention(
        releases=tuple(version for version in versions if version not in kept),
        sources=tuple(version for version in versions if version in kept and version not in in_use),
        venvs=tuple(path for path in venvs if path not in used),
    )


def old_builds(numbers: Sequence[int], made: Collection[int], *, keep: int) -> tuple[int, ...]:
    """Decide which records of builds go: all but the newest `keep`, and but those that made a
    kept release.
    """
    newest = set(sorted(numbers)[-keep:])
    return tuple(number for number in numbers if number not in newest and number not in made)
