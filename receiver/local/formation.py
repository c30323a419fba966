"""Which processes of a checkout `ship local` runs. Pure."""

from collections.abc import Collection, Mapping

from receiver.model.errors import UsageError
from receiver.model.formation import NOT_IN_BACKGROUND, WEB, Formation
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.planner.formation import background_types, plan_formation

_ANY_PORT = 1


def plan_local(
    release: Release, types: Collection[str], counts: Mapping[str, int]
) -> tuple[bool, Formation]:
    """Whether web runs, and how many of the other types: one of each, where nobody says otherwise.

    Raises:
        UsageError: the app has no process of a type that is named, or none at all
    """
    there = [WEB] * (release.served != "nothing") + background_types(release)
    for name in (*types, *counts):
        if name not in there:
            raise _no_such_type(name, there)
    if not there:
        raise UsageError(
            "There is no process to run.",
            detail="The Procfile has no line for a process that goes on.",
            advice="Add one, such as `web: gunicorn app:app`.",
            reason="usage/no-process",
        )
    wanted = [name for name in there if not types or name in types]
    scale = {name: counts.get(name, 1) for name in wanted}
    app = App(port=_ANY_PORT, port_a=_ANY_PORT, port_b=_ANY_PORT)  # where all types may run
    return scale.get(WEB, 0) > 0, plan_formation(release, scale, app)


def _no_such_type(name: str, there: Collection[str]) -> UsageError:
    if name in NOT_IN_BACKGROUND - {WEB}:
        return UsageError(
            f"{name} is no process that goes on: it runs once in each deploy.",
            advice="Run its command by itself: `ship local:run COMMAND`.",
            reason="usage/no-process",
        )
    return UsageError(
        f"The app has no process type {name}.",
        detail=f"It has: {', '.join(there)}." if there else "It has none.",
        advice="Name one of these, or add a line to the Procfile.",
        reason="usage/no-process",
    )
