"""What the releases that are kept tell of config vars: which set or removed what, and what none
has taken along yet.
"""

import msgspec

from receiver.model.config_vars import Difference
from receiver.model.layout import AppPaths
from receiver.model.release import Release
from receiver.state import records


class ReleaseChange(msgspec.Struct, frozen=True):
    """What a release changed."""

    release: Release
    difference: Difference
    """Against the release before it that is kept; against nothing, where none is."""
    since_removed: bool
    """Whether releases before it are not kept any more, so that some of it may be older."""


def changes(paths: AppPaths) -> list[ReleaseChange]:
    """What each release that is kept changed, newest first."""
    versions = records.release_versions(paths)
    found, before = list[ReleaseChange](), dict[str, str]()
    for version in versions:
        config = records.read_config(paths.release(version).env)
        release = records.read_release(paths, version)
        oldest = version == versions[0] and version > 1
        found.append(ReleaseChange(release, Difference.between(before, config), oldest))
        before = config
    return found[::-1]


def pending(paths: AppPaths) -> Difference:
    """How the stored config vars differ from those the live release runs with; nothing before
    the first release.
    """
    live = records.read_live(paths)
    if live is None:
        return Difference()
    runs = records.read_config(paths.release(live.release).env)
    return Difference.between(runs, records.read_config(paths.config))
