"""Packages of Debian's, installed by root in a unit of its own: the push that asked for them may be
cancelled, and apt is still not stopped half way.

`work` is what runs in that unit. What it changes for a while is on record before it is changed, so
that the next one, the next command or a boot puts it right.
"""

import fcntl
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from receiver.hosts.systemd.manager import systemctl
from receiver.machine import apt, files, shell
from receiver.machine.interpreter import PYTHON
from receiver.model.layout import Layout

_POLICY = Path("/usr/sbin/policy-rc.d")
"""By this file Debian's packages ask whether they may start a service."""
_NO_STARTS = "#!/bin/sh\n# Of Ship, while it installs packages; it goes when that ends.\nexit 101\n"
_ENVIRONMENT = {
    **shell.PLAIN_ENVIRONMENT,
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",
    "UCF_FORCE_CONFFOLD": "1",
    "HOME": "/root",
}
_OPTIONS = (
    *("-q", "-y", "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0"),
    *("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=60"),
    *("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"),
    # a name that no package has is no pattern either: `libicu7.2` would bring all of libicu
    *("-o", "APT::Cmd::Pattern-Only=true"),
)
_RULES = ("--no-install-recommends", "--no-remove", "install")
"""`--no-remove`: what would take another package away is refused."""
_DOWNLOAD = ("apt-get", *_OPTIONS, "-qq", "--download-only", *_RULES, "--")
_INSTALL = ("apt-get", *_OPTIONS, *_RULES, "--")
_STOP_S = 1800


class AptPackages:
    """The packages of this machine."""

    can_install = True

    def __init__(self, layout: Layout) -> None:
        self._folder, self._before = layout.packages_folder, layout.packages_note

    def missing(self, names: Collection[str]) -> tuple[str, ...]:
        return apt.missing(names)

    def known(self, names: Collection[str]) -> frozenset[str]:
        return apt.known(names)

    def install(self, names: Collection[str], on_output: Callable[[bytes], object]) -> int:
        """Install them in a unit of its own, handing on what it says."""
        unit = f"ship-packages-{os.urandom(4).hex()}.service"
        argv = (
            *("systemd-run", "--quiet", "--wait", "--collect", "--pipe", "--service-type=exec"),
            *(f"--unit={unit}", "--description=ship: installs system packages"),
            *(f"--property=TimeoutStopSec={_STOP_S}", "--property=KillMode=mixed", "--"),
            *(str(PYTHON), "-I", "-m", __name__, *names),
        )
        return shell.pump(shell.start(argv, env=shell.PLAIN_ENVIRONMENT), on_output)

    def settle(self) -> None:
        """Put right what was cut off, unless somebody is at work."""
        with self._alone(wait=False) as alone:
            if alone:
                self._put_right()

    def work(self, names: Sequence[str], say: Callable[[bytes], object]) -> int:
        """Install, as root, in a unit of its own; returns an exit status."""
        with self._alone(wait=True):
            self._put_right()
            wanted = apt.missing(names)  # another app's push may have brought them meanwhile
            if not wanted:
                return 0
            if status := _fetch(wanted, say):
                return status
            self._deny_starts()  # as late as can be: what others start meanwhile counts as ours
            try:
                return _run((*_INSTALL, *wanted), say)
            finally:
                for unit in self._put_right():
                    say(f"{unit} came with a package, and is kept from starting.\n".encode())

    def _deny_starts(self) -> None:
        files.write_atomically(self._before, "\n".join(_enabled()), mode=0o600)
        if not _POLICY.exists():  # an administrator's own rule counts
            files.write_atomically(_POLICY, _NO_STARTS, mode=0o755)

    def _put_right(self) -> list[str]:
        """Allow services to be started again, but for those that packages brought meanwhile: they
        are disabled, and returned.
        """
        before = files.read_text(self._before)
        if before is None:
            return []
        if files.read_text(_POLICY) == _NO_STARTS:
            files.remove(_POLICY)
        known = set(before.split())
        new = [unit for unit in _enabled() if unit not in known]
        if new:
            systemctl("daemon-reload")
            for unit in new:
                with suppress(shell.CommandError):  # one that goes with another
                    systemctl("disable", "--now", "--quiet", "--", unit)
        files.remove(self._before)
        return new

    @contextmanager
    def _alone(self, *, wait: bool) -> Iterator[bool]:
        files.make_folder(self._folder, mode=0o700)
        fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(fd)


def _fetch(names: Sequence[str], say: Callable[[bytes], object]) -> int:
    """Have all that is installed be here; nothing of it runs yet."""
    if apt.is_interrupted():
        _run(("dpkg", "--configure", "-a"), say)
    _run(("apt-get", *_OPTIONS, "update"), say)  # without a network, what is here may do
    return _run((*_DOWNLOAD, *names), say)


def _run(argv: Sequence[str], say: Callable[[bytes], object]) -> int:
    return shell.pump(shell.start(argv, env=_ENVIRONMENT), say)


def _enabled() -> list[str]:
    """The units that a boot starts; those that are generated are of scripts in /etc/init.d."""
    # not by --state, with which systemctl fails where no unit has that state
    listed = systemctl("list-unit-files", "--no-legend", "--plain").decode()
    rows = (line.split() for line in listed.splitlines())
    return [row[0] for row in rows if len(row) > 1 and _is_started(row[0], row[1])]


def _is_started(unit: str, state: str) -> bool:
    return state == "enabled" or (state == "generated" and unit.endswith(".service"))


def _say(chunk: bytes) -> None:
    with suppress(OSError):  # whoever asked may be gone; apt is not stopped for that
        os.write(sys.stdout.fileno(), chunk)


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sys.exit(AptPackages(Layout.vps()).work(sys.argv[1:], _say))
