"""A Debian tree running as a real systemd machine, with its own address, under the test's
control."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from tests.vps import claims, registries, trees
from tests.vps.cgroup import ControlGroup
from tests.vps.claims import Claim
from tests.vps.disk import Disk
from tests.vps.inside import Command, CommandFailedInsideError, Completed, run_inside
from tests.vps.network import Network, restore_forwarding
from tests.vps.processes import Process, init_below, processes_beside

NSPAWN_STATE = Path("/run/systemd/nspawn/propagate")
NAMESPACES = ("-m", "-u", "-i", "-n", "-p", "-C")


class MachineError(AssertionError):
    """The machine did not do what the test asked of it."""


class Machine:
    """One machine: on or off, it keeps its disk and its address until `stop` removes it all."""

    def __init__(self, name: str, claim: Claim, tree: ExitStack) -> None:
        self.name = name
        self._claim = claim
        self._tree = tree
        self._disk = Disk(claim.folder)
        self._network = Network(claim.number)
        self._nspawn: subprocess.Popen[bytes] | None = None

    @classmethod
    def boot(cls, tree: Path, name: str, *, durable: bool = False) -> Self:
        """Start a new machine on a writable view of the tree; `durable` makes fsync real."""
        held = trees.hold(tree)
        sweep()
        with claims.alone():
            claim = Claim.take(trees.cache_folder() / "machines")
            machine = cls(name, claim, held)
        try:
            machine._set_up(tree, durable=durable)
            machine.boot_again()
        except BaseException:
            machine.stop()
            raise
        return machine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return str(self._network.address)

    @property
    def root(self) -> Path:
        """The machine's disk as seen from outside; without what is mounted over it inside."""
        return self._disk.root

    @property
    def console(self) -> str:
        """What the machine has written to its console since it was made."""
        return (self._claim.folder / "console.log").read_text(errors="replace")

    @property
    def init_pid(self) -> int:
        """The pid, out here, of the machine's own pid 1; another one after each boot."""
        if (pid := self._init_pid()) is None:
            raise MachineError(f"{self.name} is off.\n{self.console[-2000:]}")
        return pid

    def run(
        self,
        command: Command,
        *,
        check: bool = True,
        input: str | None = None,  # noqa: A002 - the name that subprocess.run gives it
        user: str | None = None,
        timeout_s: float = 120,
    ) -> Completed:
        """Run an argv, or a text by the shell, inside; on a machine that is off, in its tree."""
        done = run_inside(self._doorway(), command, (input or "").encode(), user, timeout_s)
        if check and done.returncode:
            raise CommandFailedInsideError(command, done)
        return done

    def wait_until_running(self, limit_s: float = 120) -> None:
        """Wait until systemd has started everything; a failed unit (degraded) is the test's
        business."""

        def up() -> bool:
            state = self.run(("systemctl", "is-system-running"), check=False)
            return state.stdout.strip() in {"running", "degraded"}

        self.wait_until(lambda: self._init_pid() is not None and up(), "is running", limit_s)

    def wait_until(self, true: Callable[[], bool], what: str, limit_s: float = 120) -> None:
        """Ask again and again until it is so, or fail with the console's last words.

        A question that cannot be answered yet, as a page that nobody serves, is asked again too.
        """
        end, failure = time.monotonic() + limit_s, None
        while True:
            try:
                if true():
                    return
            except (AssertionError, OSError) as error:
                failure = error
            if time.monotonic() > end:
                seen = f"{self.name}: not seen in {limit_s:g} s: it {what}.\n"
                raise MachineError(seen + self.console[-3000:]) from failure
            time.sleep(0.05)

    def boot_again(self) -> None:
        """Switch the machine on, with the disk as it was left."""
        log = (self._claim.folder / "console.log").open("ab")
        with log:
            self._nspawn = subprocess.Popen(
                self._boot_argv(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the tests must not reach it half way
            )
        self.wait_until_running()

    def reboot(self) -> None:
        """Restart as `systemctl reboot` does: every service is stopped in order first."""
        self.run(("systemctl", "reboot"), check=False)
        self._wait_until_off()  # nspawn leaves the second half of a reboot to whoever started it
        self.boot_again()

    def power_off(self) -> None:
        """Shut down in order and wait until it is off."""
        self.run(("systemctl", "poweroff"), check=False)
        self._wait_until_off()

    def cut_power(self) -> None:
        """End every process at once, without warning; what was written is on the disk."""
        # Killing nspawn instead would leave the machine half alive.
        with suppress(ProcessLookupError):
            os.kill(self.init_pid, signal.SIGKILL)
        self._wait_until_off()

    def give_disk(self, target: Path) -> None:
        """Make what was written since the machine was made a layer of trees; it has to be off."""
        self._disk.give(target)

    def copy_in(self, source: Path, destination: str) -> None:
        """Copy a file or a folder of this computer to a path inside, owned by root."""
        source = source.resolve()
        self.run(("mkdir", "-p", str(Path(destination).parent)))
        if source.is_file():
            self._write_bytes(destination, source.read_bytes())
            self.run(("chmod", f"{source.stat().st_mode & 0o7777:o}", destination))
            return
        packed = subprocess.run(
            ("tar", "-C", source, "--owner=0", "--group=0", "-cf", "-", "."),
            capture_output=True,
            check=True,
        ).stdout
        self.run(("mkdir", "-p", destination))
        self._checked(("tar", "-C", destination, "-xf", "-"), packed)

    def read(self, path: str) -> str:
        """The text of a file inside."""
        return self.run(("cat", "--", path)).stdout

    def write(self, path: str, text: str) -> None:
        """Write a file inside, as root, through whatever the path leads to."""
        self._write_bytes(path, text.encode())

    def processes(self) -> list[Process]:
        """Every process of the machine with its processes."""
        return processes_beside(self.init_pid)

    def stop(self) -> None:
        """Cut the power and remove the machine with all that was made for it; twice is no error."""
        if self._claim.handle.closed:
            return
        if self._init_pid() is not None:
            self.cut_power()
        self._end_nspawn()
        with claims.alone():
            _clear(self._claim)
        self._tree.close()

    def _set_up(self, tree: Path, *, durable: bool) -> None:
        self._disk.make(trees.layers(tree), durable=durable)
        with claims.alone():
            self._network.make()
        registries.configure(self.root)
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        with (self.root / "etc/hosts").open("a") as hosts:
            hosts.write(f"127.0.1.1 {self.name}\n")
        # Each machine is its own; an empty file would make systemd preset every unit first.
        (self.root / "etc/machine-id").write_text(f"{os.urandom(16).hex()}\n")
        NSPAWN_STATE.mkdir(parents=True, exist_ok=True)
        ControlGroup(_unique_name(self._claim)).make()

    def _boot_argv(self) -> tuple[str, ...]:
        return (
            *ControlGroup(_unique_name(self._claim)).enter_argv(),
            "systemd-nspawn",
            "-q",
            "-b",
            "-D",
            str(self.root),
            f"--machine={_unique_name(self._claim)}",
            f"--hostname={self.name}",
            "--register=no",
            "--keep-unit",
            "--capability=CAP_NET_ADMIN",  # root of a real server has it; its network is its own
            "--resolv-conf=off",
            "--timezone=off",
            f"--network-namespace-path=/run/netns/{self._network.namespace}",
            *registries.binds(),
        )

    def _init_pid(self) -> int | None:
        if self._nspawn is None or self._nspawn.poll() is not None:
            return None
        return init_below(self._nspawn.pid)

    def _wait_until_off(self) -> None:
        if self._nspawn is not None:
            self._nspawn.wait(timeout=90)
            self._nspawn = None

    def _end_nspawn(self) -> None:
        # Only left when its machine never came up; otherwise it ended with its init.
        if self._nspawn is not None:
            self._nspawn.kill()
            self._wait_until_off()

    def _doorway(self) -> tuple[str, ...]:
        if (pid := self._init_pid()) is None:
            return ("chroot", str(self.root))
        return ("nsenter", "-t", str(pid), *NAMESPACES, "--")

    def _write_bytes(self, path: str, data: bytes) -> None:
        self._checked(("dd", "status=none", f"of={path}"), data)

    def _checked(self, command: Command, data: bytes) -> None:
        done = run_inside(self._doorway(), command, data, None, timeout_s=120)
        if done.returncode:
            raise CommandFailedInsideError(command, done)


def sweep() -> None:
    """Remove machines whose test run died before it could do so."""
    with claims.alone():
        for claim in claims.abandoned():
            _clear(claim)


def _clear(claim: Claim) -> None:
    Network(claim.number).remove()  # ends the machine's processes too, so that its disk is free
    ControlGroup(_unique_name(claim)).remove()
    Disk(claim.folder).remove()
    with suppress(FileNotFoundError):
        (NSPAWN_STATE / _unique_name(claim)).rmdir()
    claim.give_back()
    if not claims.any_left():
        restore_forwarding()


def _unique_name(claim: Claim) -> str:
    return f"ship-test-{claim.number}"
