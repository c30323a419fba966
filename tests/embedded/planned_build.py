"""A planned build, done by hand: what a deploy does with a plan, without a server."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from buildpacks import choose, python
from receiver.building import interpreters, pip_settings
from receiver.building.pip_settings import PipSettings
from receiver.machine import shell
from receiver.model.build import BuildFacts, BuildPlan, Command
from receiver.model.errors import ShipError
from tests.unit.trees import tree

BOOT_LIMIT_S = 20
BUILD_LIMIT_S = 300


class FailedCommandError(Exception):
    """A planned command failed; `explained` is what its buildpack says of it."""

    def __init__(self, command: Command, output: str) -> None:
        super().__init__(output)
        self.explained: ShipError = python.explain(command, output)


@dataclass
class Builder:
    """Does by hand what a deploy does with a plan: unpack, make the virtualenv, no sandbox."""

    folder: Path
    uv: Path
    cache: Path
    alone: bool = False
    """Whether pip's settings of this computer are left out."""

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    def unpack(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def plan(self, files: Mapping[str, str | bytes], config: Mapping[str, str]) -> BuildPlan:
        pushed = tree(files)
        found = interpreters.find(interpreters.SYSTEM_FOLDERS)
        return choose(pushed).plan(pushed, BuildFacts(found, config, "a" * 40, date(2026, 6, 1)))

    def build(
        self, files: Mapping[str, str | bytes], config: Mapping[str, str] | None = None
    ) -> BuildPlan:
        self.unpack(files)
        plan = self.plan(files, config or {})
        assert plan.virtualenv is not None
        for command in (plan.virtualenv.make, *plan.virtualenv.install):
            self.run(command, config or {})
        return plan

    def run(self, command: Command, config: Mapping[str, str]) -> None:
        told = self.settings(config).applied(command)
        filled = told.filled(venv=str(self.venv), uv=str(self.uv))
        own = {"HOME": str(self.folder), "UV_CACHE_DIR": str(self.cache)}
        done = subprocess.run(
            filled.argv,
            env={**shell.PLAIN_ENVIRONMENT, **filled.env, **filled.secrets, **own, **config},
            input=filled.stdin,
            cwd=self.source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_LIMIT_S,
            check=False,
        )
        if done.returncode:
            raise FailedCommandError(command, done.stdout)

    def settings(self, config: Mapping[str, str]) -> PipSettings:
        if self.alone:
            return pip_settings.uv_settings(config, ())
        machine = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        return pip_settings.uv_settings(
            machine | dict(config), pip_settings.standard_files(Path.home())
        )

    def installed(self) -> set[str]:
        """The packages of the virtualenv, as its own Python sees them."""
        code = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
        return set(shell.capture((f"{self.venv}/bin/python", "-c", code)).decode().split())

    @contextmanager
    def serving(self, plan: BuildPlan, port: int, **config: str) -> Iterator[Callable[[str], str]]:
        """Run the web process; gives a function that asks for a path."""
        command = ("sh", "-c", f"exec {plan.processes['web']} --bind 127.0.0.1:{port}")
        environment = {**shell.PLAIN_ENVIRONMENT, "HOME": str(self.folder), **config}
        environment["PATH"] = f"{self.venv}/bin:{environment['PATH']}"
        log = self.folder / "web.log"
        with log.open("wb") as output:
            process = shell.start(command, env=environment, cwd=self.source, output=output.fileno())
        try:
            yield lambda path: ask(f"http://127.0.0.1:{port}{path}", process, log)
        finally:
            shell.end(process)


def ask(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    """The body of the answer, as soon as there is one."""
    deadline = time.monotonic() + BOOT_LIMIT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"no answer from {url}:\n{log.read_text()}")
            time.sleep(0.05)
