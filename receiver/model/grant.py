"""What a key may do to an app, in four steps, each of which holds all before it."""

from typing import Literal

from receiver.model.errors import UsageError

Grant = Literal["view", "deploy", "manage", "admin"]
Needs = Literal["nothing", "view", "deploy", "manage", "admin"]
"""What a command needs: a grant for its app, or nothing.

`admin` is a grant for the whole server.
"""
GRANTS: tuple[Grant, ...] = ("view", "deploy", "manage", "admin")
FOR_GIT: Grant = "deploy"
"""What git needs on an app: to push, and also to clone or fetch, which hands out all its code."""


def suffices(held: Grant | None, needed: Needs) -> bool:
    """Whether who holds `held` (None: no grant at all) may do what needs `needed`."""
    if needed == "nothing":
        return True
    return held is not None and GRANTS.index(held) >= GRANTS.index(needed)


def higher(one: Grant | None, other: Grant | None) -> Grant | None:
    """The one of two grants that holds the other."""
    return max((one, other), key=lambda grant: -1 if grant is None else GRANTS.index(grant))


def parse_grant(text: str) -> Grant:
    """A grant as it is typed; of several with commas, as on Heroku, the highest."""
    found: Grant | None = None
    for word in text.split(","):
        grant = next((each for each in GRANTS if each == word.strip()), None)
        if grant is None:
            raise UsageError(
                f"{word.strip()!r} is no grant.",
                detail="There are view, deploy, manage and admin; each holds those before it.",
                advice="For example: `ship access:add ci deploy -a blog`.",
                reason="usage/bad-grant",
            )
        found = higher(found, grant)
    return found or "view"
