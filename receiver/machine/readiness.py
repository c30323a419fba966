"""Waits until a pipe or socket can be read or written, for a while."""

import select

READ, WRITE = select.POLLIN, select.POLLOUT


def is_ready(descriptor: int, event: int, limit_s: float) -> bool:
    """Whether it can be read or written within that time, or the other end has gone."""
    ready = select.poll()
    ready.register(descriptor, event)
    return bool(ready.poll(limit_s * 1000))
