"""The points that a change passes, as audit events of Python's: a test kills it at each of them."""

import sys

EVENT = "ship.reached"


def reached(point: str) -> None:
    """Say that a change has come to `point`. On a server nobody listens, and this costs nothing."""
    sys.audit(EVENT, point)
