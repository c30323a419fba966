"""How many workers a web process has where nobody said so: by the app's share of the machine,
not the machine's size. Pure.
"""

import math

import msgspec

from receiver.model.process_limits import MIB, shown_mib

_MOST = 8
_ASSUMED_BYTES = 64 * MIB
_MASTER_BYTES = 24 * MIB


class Share(msgspec.Struct, frozen=True):
    """What web may use, and what it was seen to use."""

    memory_bytes: int
    """The limit for all of web."""
    cores: int
    cpu_percent: int | None = None
    """The limit, where 100 is one core."""
    each_bytes: int | None = None
    """What a worker of the live release holds; None where none runs."""
    label: str = ""
    """The live release."""


class Workers(msgspec.Struct, frozen=True):
    """A number of workers, and the sum that it is the result of."""

    count: int
    why: str


def plan_workers(share: Share) -> Workers:
    """As many as fit into the memory, and not more than keep the processors busy."""
    cores = min(share.cores, math.ceil((share.cpu_percent or 100 * share.cores) / 100))
    by_cores = min(cores + 1, _MOST)
    each = share.each_bytes or _ASSUMED_BYTES
    by_memory = max(1, (share.memory_bytes - _MASTER_BYTES) // each)
    count = min(by_cores, by_memory)
    seen = f"measured in {share.label}" if share.each_bytes else "assumed until one was measured"
    return Workers(
        count,
        f"{count} {'worker' if count == 1 else 'workers'}: {shown_mib(share.memory_bytes)} limit,"
        f" less {shown_mib(_MASTER_BYTES)} for gunicorn, has room for {by_memory} of "
        f"{shown_mib(each)}"
        f" ({seen}); {cores} {'core' if cores == 1 else 'cores'} can use {by_cores}.",
    )
