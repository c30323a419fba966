"""What is known of a pushed tree when its release does not come up.

Values only; checking.py fills them in.
"""

import re
from dataclasses import dataclass

_ADDERS = {"uv.lock": "uv add", "poetry.lock": "poetry add", "Pipfile.lock": "pipenv install"}


@dataclass(frozen=True, slots=True)
class Pushed:
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

    install: str = ""
    """What to do to have the library installed that it could not load."""

    @property
    def module(self) -> str:
        """The module that the web line names."""
        return self.app.partition(":")[0]

    def requires(self, package: str) -> bool:
        """Whether the tree asks for a package, in whatever spelling."""
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
                return f"Type `{command} {package}`, commit the lock file and push again."
        file = "requirements.txt" if "requirements.txt" in self.files else "pyproject.toml"
        file = file if file in self.files else "requirements.txt"
        return f"Add the line `{package}` to {file} and push again."
