"""How much one push may bring, and become, and how long its client may be silent.

Read at each push, so a change of the server's ship.toml counts at once.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from receiver.model.limits import MAX_PUSH_MB, MAX_TREE_FILES, MAX_TREE_MB, QUIET_LIMIT_S
from receiver.model.weight import MIB, TreeLimits

_UNTIL_IT_BEGINS = 10
"""How many times longer a client may be silent while git runs its pre-push hook, or compresses."""


class Limits(NamedTuple):
    """What holds for one push."""

    input_bytes: int = MAX_PUSH_MB * MIB
    """Of the pack, as it is sent."""
    tree: TreeLimits = TreeLimits(MAX_TREE_FILES, MAX_TREE_MB * MIB)
    """What its commit may become."""
    quiet_s: float = QUIET_LIMIT_S
    """How long a client may be silent in the middle of a line, or of the pack."""

    @property
    def begin_s(self) -> float:
        """How long it may be silent before its first line, and before its pack."""
        return self.quiet_s * _UNTIL_IT_BEGINS

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Limits":
        """Those of the server's settings."""
        files = int(settings.get("max_tree_files", MAX_TREE_FILES))
        size_bytes = int(settings.get("max_tree_mb", MAX_TREE_MB)) * MIB
        return cls(
            int(settings.get("max_push_mb", MAX_PUSH_MB)) * MIB,
            TreeLimits(files, size_bytes),
            float(settings.get("quiet_limit_s", QUIET_LIMIT_S)),
        )
