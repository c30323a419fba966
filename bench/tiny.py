"""The app that every side is given: one page of Flask that tells its version, and git around it."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

APP = '''"""A tiny app that says which version of it answers."""

import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def page():
    return f"tiny version={version} stamp={{os.environ.get('STAMP', '-')}}\\n"
'''
BROKEN = "import a_module_that_is_nowhere\n"
DEPENDENCIES = ("0.10.2", "0.10.1", "0.10.0", "0.9.6")
BRANCH = "main"


@dataclass
class Tree:
    """A checkout with the tiny app in it; each change is one commit."""

    folder: Path
    environment: Mapping[str, str]
    version: int = 0
    dependency: int = 0
    _ready: bool = field(default=False, init=False)

    def change_code(self) -> str:
        """Commit another version; returns the text that its page holds."""
        self.version += 1
        self._commit()
        return self.shown

    def change_dependency(self) -> str:
        """Commit another version of the code and of one package it needs."""
        self.dependency += 1
        return self.change_code()

    def break_it(self) -> None:
        """Commit a version that cannot be imported."""
        self._commit(BROKEN)

    @property
    def shown(self) -> str:
        return f"version={self.version} "

    def _commit(self, before: str = "") -> None:
        if not self._ready:
            self.folder.mkdir(parents=True)
            self.git("init", "-q", "-b", BRANCH)
            self._ready = True
        pin = DEPENDENCIES[self.dependency % len(DEPENDENCIES)]
        (self.folder / "app.py").write_text(before + APP.format(version=self.version))
        # The comment makes each list a new one, so that no side has met it before.
        lines = f"# list {self.dependency}\nflask\ngunicorn\ntoml=={pin}\n"
        (self.folder / "requirements.txt").write_text(lines)
        (self.folder / "Procfile").write_text("web: gunicorn --workers 2 app:app\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"Version {self.version}{' broken' * bool(before)}")

    def git(self, *words: str) -> str:
        """Run git in the checkout; returns what it printed."""
        who = ("-c", "user.name=A Person", "-c", "user.email=person@example.com")
        done = subprocess.run(
            ("git", "-C", str(self.folder), *who, *words),
            env=dict(self.environment),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout
