"""What a key may do to an app, in four steps, each of which holds all before it."""

from typing import Literal

Grant = Literal["view", "deploy", "manage", "admin"]
Needs = Literal["nothing", "view", "deploy", "manage", "admin"]
"""What a command needs: a grant for its app, or nothing. `admin` is a grant for the whole server."""
GRANTS: tuple[Grant, ...] = ("view", "deploy", "manage", "admin")


def suffices(held: Grant | None, needed: Needs) -> bool:
    """Whether who holds `held` (None: no grant at all) may do what needs `needed`."""
    if needed == "nothing":
        return True
    return held is not None and GRANTS.index(held) >= GRANTS.index(needed)
