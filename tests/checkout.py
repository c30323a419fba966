"""A repository on somebody's laptop, pushed to a remote called `prod`; what it goes over is its
environment's matter."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NOBODYS_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "LANG": "C.UTF-8",
}
"""Variables under which git reads no settings of the one who runs the tests, and never asks."""


@dataclass(frozen=True)
class Pushed:
    """How a push ended."""

    status: int
    text: str

    @property
    def lines(self) -> list[str]:
        """What the server said, without git's `remote:`."""
        marked = [line for line in self.text.splitlines() if line.startswith("remote:")]
        return [line.removeprefix("remote:").removeprefix(" ").rstrip() for line in marked]


class Checkout:
    """A repository with the one remote."""

    def __init__(self, folder: Path, url: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "prod", url)

    def git(
        self, *argv: str, check: bool = True, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("git", *argv),
            cwd=self.folder,
            env=environment or self.environment,
            capture_output=True,
            text=True,
            check=check,
            stdin=subprocess.DEVNULL,
            timeout=200,
        )

    def commit(self, files: Mapping[str, str | bytes | None]) -> str:
        """Write (or remove, for None) files and commit them; returns the commit."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Change")
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, *argv: str) -> Pushed:
        done = self.git("push", "prod", *(argv or ("main",)), check=False)
        return Pushed(done.returncode, done.stderr)

    def start_push(self, *argv: str) -> "subprocess.Popen[str]":
        """A push that goes on, as the leader of a process group; the caller sees to its end."""
        return subprocess.Popen(
            ("git", "push", "prod", *(argv or ("main",))),
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
