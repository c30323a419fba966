"""The third stage: a release that could serve at once.

All that was done for it can still be taken back, and a check does so.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from receiver.changes.app_state import AppState
from receiver.changes.change import AppChange
from receiver.changes.points import reached
from receiver.deploy.app_json.scale import initial_scale
from receiver.deploy.stages import carried, error_pages, publishing
from receiver.deploy.stages.build import Built
from receiver.deploy.stages.decision import Decision
from receiver.model.app_json import Formation
from receiver.model.output import Output
from receiver.model.process_limits import WEB
from receiver.model.release import Release
from receiver.state import records


class Ready(NamedTuple):
    """A release that stands ready, and that nobody is sent to."""

    decision: Decision
    release: Release
    remarks: tuple[str, ...] = ()
    """What is worth a look once it is live."""


def stand_ready(work: AppChange, built: Built) -> Ready:
    """Record the release, and publish its static files.

    Raises:
        BuildError: a static folder is missing, or cannot be published
    """
    _settle_scale(work, built.decision.formation, built.release)
    release = replace(built.release, attempt=work.about.build)
    release = _with_workers(work.state, release, work.out)
    if release.error_pages:
        shown = error_pages.publish(work.state, release, work.out)
        release = replace(release, error_pages=shown)
    _record(work.state, release)
    _publish(work, release)
    return Ready(built.decision, release, built.remarks)


def _settle_scale(work: AppChange, formation: Mapping[str, Formation], release: Release) -> None:
    """Have as many processes as app.json wants, where nobody has said otherwise yet."""
    if not formation:
        return
    wanted, notices = initial_scale(formation, release.processes)
    for notice in notices:
        work.out.say(notice)
    before = work.state.scale
    scale = {**wanted, **before}
    if scale != before:
        work.do(records.scale_file(work.paths, scale, work.state.gid))


def _with_workers(app: AppState, release: Release, out: Output) -> Release:
    """The release with the number of workers that its share of the machine has room for; shows the
    sum.
    """
    found = None
    if WEB in app.settings.limits:
        from receiver.processes import capacity  # noqa: PLC0415 - most apps have no limit

        found = capacity.web_workers(app, release)
    if found is not None:
        out.say(found.why)
    return replace(release, workers=found.count if found else None)


def _record(app: AppState, release: Release) -> None:
    """Write release.json: the folder is complete."""
    home = app.paths.release(release.version)
    carried.begin(home)
    records.write_release(app.paths, release, app.gid)
    reached("recorded")


def _publish(work: AppChange, release: Release) -> None:
    """Copy the folders that nginx serves to where it may read them."""
    if not release.static:
        return
    work.out.step("Publishing static files")
    publishing.publish(work.state, release)
    reached("published")
