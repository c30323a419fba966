"""Which other Python a package has a wheel for, where it cannot be built on the chosen one."""

import re

from receiver.model.build import Command
from receiver.model.errors import ShipError

_UNBUILT = re.compile(r"Failed to (?:download and )?build:? `([A-Za-z0-9][\w.-]*==[^`\s]+)`")


def unbuilt(error: ShipError, said: str) -> str:
    """The package, with its version, that could not be built from its source; or nothing."""
    found = _UNBUILT.search(said) if error.reason == "build/package-build-failed" else None
    return found[1] if found else ""


def question(package: str, minor: str) -> Command:
    """A command that works where the package has a wheel for the Python."""
    only = ("--no-deps", "--only-binary", ":all:", "--python-version", minor)
    argv = ("{uv}", "pip", "compile", *only, "--python", "{venv}/bin/python", "-")
    return Command(argv, stdin=f"{package}\n", quiet=True)


def told(error: ShipError, package: str, minor: str) -> ShipError:
    """The error, with the line that has the app use that Python."""
    error.advice = (
        f"{package} has a wheel for Python {minor}, and needs no building there:"
        f" `echo {minor} > .python-version`, then commit and push again. {error.advice}"
    )
    return error
