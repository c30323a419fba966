"""A test machine on which installer.sh ran, and sites that a laptop pushes to it over ssh."""

import hashlib
import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

from tests.checkout import NOBODYS_SETTINGS, Checkout
from tests.vps import trees
from tests.vps.inside import Command, Completed
from tests.vps.laptop import Key, Laptop
from tests.vps.machine import Machine
from tests.vps.pages import page

PROJECT = Path(__file__).parents[2]
DOMAIN = "example.com"
INSTALLER = "/root/ship/installer.sh"
OF_AN_INSTALL = (
    "installer.sh", "pyproject.toml", "requirements*.lock", "README.md", "LICENSE",
    "receiver", "buildpacks", "hooks", "examples",
)  # fmt: skip
APPS = "/var/lib/ship/apps"

# What a change must not leave behind, told by name; run inside as root.
LEFTOVERS = """
import pathlib, sys
home = pathlib.Path("/var/lib/ship/apps", sys.argv[1])
repo = pathlib.Path("/var/lib/ship/repos", sys.argv[1] + ".git")
found = [home / "journal"] * (home / "journal").exists()
found += (home / "incoming").iterdir()
for folder in (home, home / "releases", home / "slots"):
    found += folder.glob(".*")
found += [path for path in (home / "releases").iterdir() if not (path / "release.json").exists()]
venvs = filter(pathlib.Path.is_dir, (home / "venvs").iterdir())
found += [path for path in venvs if not path.with_suffix(".ready").exists()]
found += repo.glob("objects/tmp_objdir*")
print("\\n".join(map(str, found)))
"""


def copy_project(machine: Machine) -> None:
    """Put the files of this project into /root/ship, but those that git ignores."""
    machine.run(("mkdir", "-p", "/root/ship"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(("tar", "-C", folder, "-xf", "-"), input=_packed(), check=True)
        machine.copy_in(Path(folder), "/root/ship")


@cache
def _packed() -> bytes:
    """A tar file of what an install needs; the same bytes for the same files."""
    listed = subprocess.run(
        ("git", "-C", str(PROJECT), "ls-files", "-zco", "--exclude-standard", "--", *OF_AN_INSTALL),
        capture_output=True,
        check=True,
    ).stdout
    argv = ("tar", "-C", str(PROJECT), "--null", "-T", "-", "--mtime=@0", "-cf", "-")
    return subprocess.run(argv, input=listed, capture_output=True, check=True).stdout


def tree_of_a_server() -> Path:
    """The disk of a machine that installer.sh of these very files made a server, without a key.

    An install takes longer than all that most modules do on their server.
    """
    base = trees.warm()

    def make(partial: Path) -> None:
        with Machine.boot(base, "vps") as machine:
            copy_project(machine)
            install(machine, "--domain", DOMAIN)
            machine.power_off()
            machine.give_disk(partial)

    digest = hashlib.sha256(base.name.encode() + _packed()).hexdigest()[:10]
    return trees.made_upon(base, f"ship-{digest}", make)


def install(machine: Machine, *options: str, check: bool = True) -> Completed:
    """Run installer.sh inside as root, without compilers: they take a minute of each machine."""
    return machine.run((INSTALLER, *options, "--slim"), check=check, timeout_s=900)


@dataclass
class ShipServer:
    """The server, and this computer as the laptop of somebody who may push to it."""

    machine: Machine
    laptop: Laptop
    folder: Path
    _sites: int = field(default=0, init=False)

    @classmethod
    def on(cls, machine: Machine, laptop: Laptop, folder: Path) -> Self:
        """The server of a machine that was booted from the installed tree, with an admin's key."""
        key = laptop.key().public
        machine.run(("/opt/ship/bin/ship", "keys:add", "laptop", "-", "--admin"), input=key)
        return cls(machine, laptop, folder)

    def ship(
        self,
        line: Command,
        *,
        check: bool = True,
        input: str | None = None,  # noqa: A002 - the name that subprocess.run gives it
        key: Key | None = None,
    ) -> Completed:
        """Give a ship command as the account ship, over ssh."""
        return self.laptop.ssh("ship@vps", line, check=check, input=input, key=key, timeout_s=200)

    def site(self, app: str) -> "Site":
        """Make an app, and a checkout that pushes to it."""
        self.ship(f"apps:create {app}")
        return self.checkout(app)

    def checkout(self, app: str) -> "Site":
        self._sites += 1
        return Site(self, app, self.folder / f"{self._sites}-{app}")

    def ask(self, host: str, path: str = "/", timeout_s: float = 20) -> tuple[int, str]:
        """What a visitor from outside gets for a host name."""
        request = urllib.request.Request(
            f"http://{self.machine.address}{path}", headers={"Host": host}
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def root(self, command: Command, *, check: bool = True) -> str:
        """Run a command inside as root; its standard output without the last line end."""
        return self.machine.run(command, check=check).stdout.rstrip("\n")


class Site(Checkout):
    """An app, and the repository on the laptop that is pushed to it."""

    def __init__(self, server: ShipServer, app: str, folder: Path) -> None:
        self.server = server
        self.app = app
        super().__init__(folder, f"ship@vps:{app}", git_environment(server.laptop))

    def git_as(self, key: Key, *argv: str, check: bool = True) -> Completed:
        """Git with another of the laptop's keys."""
        environment = git_environment(self.server.laptop, key)
        return self.git(*argv, check=check, environment=environment)

    def publish(self, text: str, files: Mapping[str, str | bytes | None] | None = None) -> str:
        """Push a page that says `text`; fails unless that works. Returns the commit."""
        commit = self.commit({**page(text), **(files or {})})
        pushed = self.push()
        assert pushed.status == 0, pushed.text
        return commit

    def page(self, path: str = "/") -> str:
        """The app's page as a visitor sees it; anything but a 200 fails."""
        status, text = self.server.ask(f"{self.app}.{DOMAIN}", path)
        assert status == 200, (status, text)
        return text

    def ship(self, line: str, *, check: bool = True, input: str | None = None) -> Completed:  # noqa: A002 - as run's
        """Give a command for this app: `{app}` is added as an option behind the command's name."""
        command, _, rest = line.partition(" ")
        return self.server.ship(f"{command} -a {self.app} {rest}", check=check, input=input)

    def ship_bytes(self, line: str, given: bytes = b"") -> bytes:
        """As `ship`, for what is not text: a command that must work, with its input and its
        output."""
        command, _, rest = line.partition(" ")
        argv = (*self.server.laptop.ssh_argv(), "ship@vps", f"{command} -a {self.app} {rest}")
        return subprocess.run(
            argv, input=given, stdout=subprocess.PIPE, check=True, timeout=60
        ).stdout

    def live(self) -> int:
        """The version of the release that serves."""
        listed = json.loads(self.ship("releases:info --json").stdout)
        return int(str(listed["version"]).removeprefix("v"))

    def master(self) -> int:
        """Process id, inside, of the web process that serves."""
        for letter in "ab":
            unit = f"ship-{self.app}.web@{letter}.service"
            pid = int(
                self.server.root(("systemctl", "show", "--property=MainPID", "--value", unit))
            )
            if pid:
                return pid
        raise AssertionError(f"no slot of {self.app} runs")

    def leftovers(self) -> list[str]:
        """What a deploy that ended must not have left: files, units of jobs, processes."""
        found = self.server.root(("python3", "-c", LEFTOVERS, self.app)).splitlines()
        listing = (
            "systemctl",
            "list-units",
            "--all",
            "--plain",
            "--no-legend",
            f"ship-{self.app}.*",
        )
        units = [line.split()[0] for line in self.server.root(listing).splitlines()]
        found += [unit for unit in units if "-" in unit.removeprefix(f"ship-{self.app}.")]
        found += self.server.root(
            f"systemctl list-units --all --plain --no-legend 'ship-deploy.{self.app}.*'"
        ).split()[:1]
        return found

    def remote_head(self) -> str:
        """The commit that the server's main is at, as git sees it from here; empty without one."""
        listed = self.git("ls-remote", "prod", "refs/heads/main").stdout
        return listed.partition("\t")[0]


def git_environment(laptop: Laptop, key: Key | None = None) -> dict[str, str]:
    """Variables under which git goes to the machine over the laptop's ssh."""
    return laptop.git_environment(key) | NOBODYS_SETTINGS | {"LC_ALL": "C.UTF-8"}


def end_group(process: "subprocess.Popen[str]", number: int) -> None:
    """Send a signal to a process group that was begun here, and wait for its leader."""
    os.killpg(process.pid, number)
    process.wait(timeout=20)
    if process.stdout:
        process.stdout.close()
