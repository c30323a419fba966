"""A network namespace per test machine: its address, its way out, and their removal."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from tests.vps.claims import STATE

ALL_MACHINES = IPv4Network("10.213.0.0/16")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
FORWARDING_BEFORE = STATE / "ip_forward"


@dataclass(frozen=True)
class Network:
    """The wire between this computer and machine `number`; all its names follow from the number."""

    number: int

    @property
    def namespace(self) -> str:
        return f"ship-test-{self.number}"

    @property
    def link(self) -> str:
        return f"shiptest{self.number}"

    @property
    def gateway(self) -> IPv4Address:
        return ALL_MACHINES[4 * self.number + 1]

    @property
    def address(self) -> IPv4Address:
        return ALL_MACHINES[4 * self.number + 2]

    def make(self) -> None:
        """Lay the wire and open the way to the package registries."""
        _open_forwarding()
        inside = ("ip", "-n", self.namespace)
        mtu = str(_mtu_of_the_way_out())
        _run("ip", "netns", "add", self.namespace)
        _run(
            "ip",
            "link",
            "add",
            self.link,
            "mtu",
            mtu,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "mtu",
            mtu,
            "netns",
            self.namespace,
        )
        _run("ip", "address", "add", f"{self.gateway}/30", "dev", self.link)
        _run("ip", "link", "set", self.link, "up")
        _run(*inside, "address", "add", f"{self.address}/30", "dev", "eth0")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "link", "set", "eth0", "up")
        _run(*inside, "route", "add", "default", "via", str(self.gateway))
        for table, chain, rule in self.rules():
            _run("iptables", "-w", "-t", table, "-I", chain, *rule)

    def rules(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Table, chain and text of each firewall rule that belongs to this machine."""
        # Machines see each other's own address: only what leaves their network is masqueraded.
        away = ("-s", f"{self.address}/32", "!", "-d", str(ALL_MACHINES), "-j", "MASQUERADE")
        return (
            ("nat", "POSTROUTING", away),
            ("filter", "FORWARD", ("-i", self.link, "-j", "ACCEPT")),
            ("filter", "FORWARD", ("-o", self.link, "-j", "ACCEPT")),
        )

    def remove(self) -> None:
        """Take away whatever of it there is, with the processes that live in it."""
        for pid in _try("ip", "netns", "pids", self.namespace).stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for table, chain, rule in self.rules():
            while _try("iptables", "-w", "-t", table, "-D", chain, *rule).returncode == 0:
                pass
        _try("ip", "link", "delete", self.link)
        _try("ip", "netns", "delete", self.namespace)


def restore_forwarding() -> None:
    """Put this computer's own setting back; call it when no machine is left."""
    if FORWARDING_BEFORE.exists():
        FORWARDING.write_text(FORWARDING_BEFORE.read_text())
        FORWARDING_BEFORE.unlink()


def _open_forwarding() -> None:
    # Only where it is closed: in many containers it is open already and cannot be written.
    if FORWARDING.read_text().strip() == "0":
        FORWARDING_BEFORE.write_text("0")
        FORWARDING.write_text("1")


def _mtu_of_the_way_out() -> int:
    # Path MTU discovery is often filtered further out, so the machine must not offer more.
    routes = json.loads(_run("ip", "-j", "route", "show", "default").stdout)
    if not routes:
        return 1500
    return int(Path(f"/sys/class/net/{routes[0]['dev']}/mtu").read_text())


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    done = _try(*argv)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done


def _try(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
