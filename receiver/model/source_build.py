"""A package that could not be built from its source, or has no wheel, and what it needs. Values
only.
"""

from collections.abc import Sequence
from typing import NamedTuple

from receiver.model.errors import BuildError


class Lack(NamedTuple):
    """Something that a build needs."""

    what: str
    """Such as `a C compiler`, `the header ffi.h`."""
    package: str
    """Debian's package that brings it; empty where that is not known."""


COMPILER = Lack("a C compiler", "build-essential")
HEADERS = "Python.h"
PKG_CONFIG = Lack("pkg-config", "pkg-config")


class Needs(NamedTuple):
    """What is known of the build of a package."""

    package: str
    """As the start of a title: `The package x could not be built from its source`."""
    said: tuple[Lack, ...] = ()
    """What the output of the build said is not there."""
    besides: tuple[Lack, ...] = ()
    """What it needs besides, whether or not it is there."""
    instead: str = ""
    """A package that needs no building, as a sentence."""


class SourceBuildError(BuildError):
    """It names what the output of the build said; what the machine lacks besides is added by
    whoever can look.
    """

    default_reason = "build/package-build-failed"

    def __init__(self, title: str, *, detail: str, advice: str, needs: Needs) -> None:
        """Make the error; its advice is for where nothing more is known to lack."""
        super().__init__(title, detail=detail, advice=advice)
        self.needs = needs


class NoWheelError(BuildError):
    """It names the Pythons that the package has wheels for; which of them the app can have is
    added by whoever knows.
    """

    default_reason = "build/python-version-mismatch"

    def __init__(self, package: str, minors: Sequence[str], *, detail: str) -> None:
        """Make the error.

        Args:
            package: its name, with the version that is asked for
            minors: such as `3.9`, the oldest first
            detail: what was seen
        """
        made_for = f": {', '.join(minors)}" if minors else ""
        super().__init__(
            f"{package} has no wheel for the Python that this app is built on.",
            detail=detail,
            advice="Ask for a newer version of the package; or for a Python that it was made for"
            f"{made_for}.",
        )
        self.package = package
        self.minors = frozenset(minors)
