"""A checkout with a remote, as somebody has it on a laptop, and the server's repository that it
pushes to."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from receiver.machine import git
from tests.embedded.receive_sides import DRIVER

HOOKS = Path(__file__).parents[2] / "hooks"
DEPLOY = Path(__file__).with_name("receive_deploy.sh")


@dataclass(frozen=True)
class Laptop:
    checkout: Path
    repo: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, place: Path) -> "Laptop":
        repo = place / "blog.git"
        git.create_repo(repo, hooks=HOOKS)
        made = cls(place / "checkout", repo, _environment(place))
        made.run("git", "init", "-q", "-b", "main", str(made.checkout), cwd=place)
        made.run("git", "remote", "add", "prod", f"ship@vps:{repo}")
        made.write("app.py", "print('v1')\n")
        return made

    def run(
        self, *argv: str, cwd: Path | None = None, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=cwd or self.checkout,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )

    def write(self, name: str, text: str) -> str:
        """Commit a file; return the commit."""
        (self.checkout / name).write_text(text)
        self.run("git", "add", "--all")
        self.run("git", "commit", "-q", "-m", f"change {name}")
        return self.commit()

    def commit(self, name: str = "HEAD") -> str:
        return self.run("git", "rev-parse", name).stdout.strip()

    def push(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("git", "push", "prod", *args, cwd=None, check=False, **environment)

    def start_push(self, *args: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ("git", "push", "prod", *args),
            cwd=self.checkout,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def server_refs(self) -> dict[str, str]:
        return dict(git.refs(self.repo))

    def calls(self) -> list[str]:
        """What the deploy noted down, oldest first."""
        notes = Path(self.environment["SHIP_TEST_CALLS"])
        return notes.read_text().splitlines() if notes.exists() else []


def _environment(place: Path) -> dict[str, str]:
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
    }
    return {
        **git.environment(identity),
        "HOME": str(place),
        "PATH": os.environ["PATH"],
        "GIT_SSH_COMMAND": "exec " + shlex.join((sys.executable, str(DRIVER))),
        "GIT_SSH_VARIANT": "ssh",
        "SHIP_TEST_HOOKS": str(HOOKS),
        "SHIP_TEST_CALLS": str(place / "calls"),
        "SHIP_APP": "blog",
        "SHIP_KEY": "laptop",
        "SHIP_DEPLOY": str(DEPLOY),
    }


def wait_until(true: Callable[[], object], limit_s: float = 20) -> None:
    ends = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.02)
