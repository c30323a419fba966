"""This computer as somebody's laptop: ssh keys, known hosts and git's way to a machine."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.vps.inside import Command, CommandFailedInsideError, Completed
from tests.vps.machine import Machine


@dataclass(frozen=True)
class Key:
    """An ssh key pair without a passphrase."""

    path: Path

    @property
    def public_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.pub")

    @property
    def public(self) -> str:
        """The line for authorized_keys."""
        return self.public_path.read_text().strip()


class Laptop:
    """Keys and known hosts in a folder of their own; the user's real ~/.ssh is never looked at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "ssh_config"
        self._config.write_text(
            "Host *\n"
            "  BatchMode yes\n"
            "  ConnectTimeout 10\n"
            "  IdentitiesOnly yes\n"
            "  LogLevel ERROR\n"
            "  StrictHostKeyChecking yes\n"
            f"  UserKnownHostsFile {folder / 'known_hosts'}\n"
        )

    def key(self, name: str = "laptop") -> Key:
        """The key of that name, made when first asked for."""
        path = self._folder / name
        if not path.exists():
            argv = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path))
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=30)
        return Key(path)

    def knows(self, machine: Machine) -> None:
        """Trust the machine's host key, and reach it by its name as well."""
        host_key = machine.read("/etc/ssh/ssh_host_ed25519_key.pub").strip()
        with (self._folder / "known_hosts").open("a") as known:
            known.write(f"{machine.address},{machine.name} {host_key}\n")
        with self._config.open("a") as config:
            config.write(f"Host {machine.name}\n  HostName {machine.address}\n")

    def ssh_argv(self, key: Key | None = None) -> tuple[str, ...]:
        """The ssh command with this laptop's settings and a key, up to the host."""
        identity = (key or self.key()).path
        return ("ssh", "-F", str(self._config), "-i", str(identity))

    def git_environment(self, key: Key | None = None) -> dict[str, str]:
        """Variables under which git goes over this ssh and reads nobody's settings."""
        return os.environ | {
            "GIT_SSH_COMMAND": shlex.join(self.ssh_argv(key)),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "HOME": str(self._folder),
        }

    def ssh(
        self,
        where: str,
        command: Command,
        *,
        key: Key | None = None,
        check: bool = True,
        input: str | None = None,  # noqa: A002 - the name that subprocess.run gives it
        timeout_s: float = 120,
    ) -> Completed:
        """Run a command as `user@machine` over ssh."""
        line = command if isinstance(command, str) else shlex.join(command)
        done = subprocess.run(
            (*self.ssh_argv(key), where, line),
            input=input or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        if check and done.returncode:
            raise CommandFailedInsideError(command, done)
        return done


def trust_as_root(machine: Machine, key: Key) -> None:
    """Let the key log in as root, as a provider does with the key given at the order."""
    machine.run(("install", "-d", "-m", "0700", "/root/.ssh"))
    machine.write("/root/.ssh/authorized_keys", f"{key.public}\n")
