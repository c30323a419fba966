"""Bounds the memory of this very process, for the time in which it reads what strangers made."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

_BYTES = 512 << 20


@contextmanager
def little_memory() -> Iterator[None]:
    """Have what is made of an archive's headers end before the machine's memory does: a header may
    claim to be as long as all of the archive.
    """
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _BYTES if hard == resource.RLIM_INFINITY else min(_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))
