"""Environment markers (`sys_platform == "win32"`), answered for the Python that an app is built
for.
"""

import os
import platform
from typing import Protocol

from receiver.model.build import Interpreter
from receiver.model.errors import BuildError


class Holds(Protocol):
    """Answers a marker, for one of the package's extras if one is asked for; an empty marker
    holds.
    """

    def __call__(self, text: str, extra: str = "") -> bool: ...


def markers_of(python: Interpreter, source: str) -> Holds:
    """A function that answers markers which stand in the file `source`, for `python` on this
    machine.
    """
    # Imported late: only a lock of poetry or pipenv has need of it.
    from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName  # noqa: PLC0415

    environment = _environment(python)

    def holds(text: str, extra: str = "") -> bool:
        if not text.strip():
            return True
        try:
            return Marker(text).evaluate({**environment, "extra": extra})
        except (InvalidMarker, UndefinedEnvironmentName) as error:
            raise BuildError(
                f"{source} holds a marker that cannot be read: `{text}`.",
                detail=str(error),
                advice="Make the file again with the tool that wrote it, and commit it.",
                reason="build/lock-invalid",
            ) from error

    return holds


def _environment(python: Interpreter) -> dict[str, str]:
    """What markers may ask of; the machine is the one that ship runs on."""
    return {
        "implementation_name": "cpython",
        "implementation_version": python.version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": python.version,
        "python_version": python.minor,
        "sys_platform": "linux",
    }
