"""What is known of a pushed tree when its release does not start.

Values only; deploy/stages/canary.py fills them in.
"""

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from receiver.model.patterns import regex

if TYPE_CHECKING:
    from receiver.diagnosis.env_settings import Names

_VERSION = regex(r"[<>=!~;@ ]")
_ADDERS = {"uv.lock": "uv add", "poetry.lock": "poetry add", "Pipfile.lock": "pipenv install"}


def normal_name(package: str) -> str:
    """A package's name as indexes compare it: `psycopg[binary]<4` is psycopg."""
    bare = _VERSION.split(package, maxsplit=1)[0].partition("[")[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


class Pushed(msgspec.Struct, frozen=True):
    """The pushed tree, as far as it can tell why the app does not start."""

    app: str = ""
    """What the web line names, such as `main:app`; empty where it is not gunicorn that is to
    import it."""
    files: tuple[str, ...] = ()
    line: str = ""
    """The web line that runs."""
    requirements: str = ""
    """The text of the files that name packages."""
    found: str = ""
    """What would be served without a Procfile, such as `main:app`."""
    memory_limit: str = ""
    """What limits:set has set for web, such as `256M`."""
    hosts_variable: str = ""
    """The config var that ALLOWED_HOSTS is read from."""
    settings: "Mapping[str, Names]" = msgspec.field(default_factory=dict)
    """The classes of pydantic's settings, by name."""
    installed: Mapping[str, str] | None = None
    """Versions of the packages in the virtualenv, by their normal names; None where that is not
    known."""
    postgres: tuple[str, ...] = ()
    """Config vars with an address that begins with `postgres://`."""

    install: str = ""
    """What to do to have the library installed that it could not load."""

    @property
    def module(self) -> str:
        """The module that the web line names."""
        return self.app.partition(":")[0]

    def has(self, package: str) -> bool:
        """Whether a package is installed; where that is not known, whether the tree asks for it."""
        if self.installed is None:
            return self.requires(package)
        return normal_name(package) in self.installed

    def requires(self, package: str) -> bool:
        """Whether the tree asks for a package, in whatever spelling."""
        package = _VERSION.split(package, maxsplit=1)[0]
        name = re.sub(r"[-_.]+", "[-_.]+", re.escape(package.partition("[")[0]).replace("\\", ""))
        found = rf"(?<![\w.-]){name}(?![\w-])"
        return re.search(found, self.requirements, re.IGNORECASE) is not None

    def place_of(self, module: str) -> str | None:
        """The path of a module's file, or of its folder's `__init__.py`, wherever it lies in the
        tree.
        """
        inner = module.replace(".", "/")
        ends = (f"{inner}.py", f"{inner}/__init__.py")
        found = (path for path in self.files if path.endswith(ends))
        return min(
            (p for p in found if p in ends or p.endswith(tuple(f"/{e}" for e in ends))),
            key=len,
            default=None,
        )

    def add(self, package: str) -> str:
        """What to do to have a package installed."""
        for lock, command in _ADDERS.items():
            if lock in self.files:
                return (
                    f"Type `{command} {shlex.quote(package)}`, commit the lock file and push again."
                )
        file = "requirements.txt" if "requirements.txt" in self.files else "pyproject.toml"
        file = file if file in self.files else "requirements.txt"
        return f"Add the line `{package}` to {file} and push again."
