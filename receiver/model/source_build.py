"""A package that could not be built from its source, and what such a build needs. Values only."""

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
