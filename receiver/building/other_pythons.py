"""Which other Python a package has a wheel for, where it cannot be built on the chosen one."""

from collections.abc import Mapping

from receiver.model.build import Command
from receiver.model.errors import ShipError
from receiver.model.patterns import regex
from receiver.model.source_build import NoWheelError

_UNBUILT = regex(r"Failed to (?:download and )?build:? `([A-Za-z0-9][\w.-]*==[^`\s]+)`")


def unbuilt(error: ShipError, said: str) -> str:
    """The package, with its version, that could not be built from its source; or nothing."""
    found = _UNBUILT.search(said) if error.reason == "build/package-build-failed" else None
    return found[1] if found else ""


def question(package: str, minor: str) -> Command:
    """A command that works where the package has a wheel for the Python."""
    only = ("--no-deps", "--only-binary", ":all:", "--python-version", minor)
    argv = ("{uv}", "pip", "compile", *only, "--python", "{venv}/bin/python", "-")
    return Command(argv, stdin=f"{package}\n", quiet=True)


def told(error: ShipError, package: str, minor: str, line: str) -> ShipError:
    """The error, with the line that has the app use that Python."""
    error.advice = (
        f"{package} has a wheel for Python {minor}, and needs no building there: {line}, then"
        f" commit and push again. {error.advice}"
    )
    return error


def with_line(error: ShipError, others: Mapping[str, str]) -> ShipError:
    """The error for a package without a wheel, with the line for a Python that has one and that
    the app can have.
    """
    if isinstance(error, NoWheelError):
        line = next((line for minor, line in others.items() if minor in error.minors), "")
        error.advice += f" One that can be had here: {line}, then push again." if line else ""
    return error
