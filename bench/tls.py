"""What HTTPS costs: the same app by http and by https, by turns on one machine; handshakes; and
what clients lose in redeploys, those of HTTP/2 among them.
"""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, NamedTuple, Self

from bench.measure import REDEPLOYS
from bench.server import DOMAIN, NAME, Installed, install
from bench.sides import Side
from bench.tiny import Tree
from tests.vps import trees
from tests.vps.machine import Machine

HOST = f"bench.{DOMAIN}"
PORTS = {"http": 80, "https": 443}
CLIENTS = 4
PER_SECOND = 40
"""Requests of one client; it keeps its connection, as browsers do."""
HANDSHAKES = """
import json, socket, ssl, sys, time
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

def connections(seconds, known=None):
    count, ends = 0, time.monotonic() + seconds
    while time.monotonic() < ends:
        with socket.create_connection(("127.0.0.1", 443)) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with context.wrap_socket(plain, server_hostname=sys.argv[1], session=known) as secure:
                count += 1
                last = secure
                secure.sendall(f"HEAD / HTTP/1.0\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n".encode())
                secure.recv(1)
                found = secure.session
    return count / seconds, found

context.maximum_version = ssl.TLSVersion.TLSv1_2  # of 1.3, a session is good for one connection
full, session = connections(3.0)
resumed, _ = connections(3.0, session)
count, ends = 0, time.monotonic() + 3.0
while time.monotonic() < ends:
    with socket.create_connection(("127.0.0.1", 80)) as plain:
        plain.sendall(f"HEAD / HTTP/1.0\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n".encode())
        plain.recv(1)
        count += 1
print(json.dumps({"full": full, "resumed": resumed, "plain": count / 3.0}))
"""


class Lost(NamedTuple):
    """What clients got while the app was redeployed."""

    requests: int
    lost: int


class Http2:
    """Clients that ask by HTTP/2 for as long as the context lasts, and connect again when told."""

    def __init__(self, address: str) -> None:
        self._argv = (
            *("curl", "-sk", "--http2", "--rate", f"{PER_SECOND}/s", "-o", "/dev/null"),
            *("--resolve", f"{HOST}:443:{address}", "-w", "%{http_code} %{http_version}\\n"),
            f"https://{HOST}/?[1-1000000]",
        )
        self.told = Lost(0, 0)

    def __enter__(self) -> Self:
        self._clients = [
            subprocess.Popen(self._argv, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)
        ]
        time.sleep(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        answers: Counter[str] = Counter()
        for client in self._clients:
            client.terminate()
            said, _ = client.communicate()
            answers.update(said.splitlines()[:-1])  # the last may be half a line
        self.told = Lost(answers.total(), answers.total() - answers["200 2"])


def measure(rounds: int, folder: Path, say: Callable[[str], object]) -> str:
    """Measure, and return a table."""
    with Machine.boot(trees.warm(), NAME, durable=True) as machine:
        server = install(machine, folder)
        sides = _sides(server, folder)
        times: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(rounds + 1):
            for name in sorted(sides, reverse=bool(number % 2)):
                live_s = _push(sides[name])
                if number:  # the first makes the virtualenv
                    times[name].append(live_s)
                    say(f"{name:6} code-only live {live_s:.2f}")
        lost = {name: _under_load(side, side) for name, side in sides.items()}
        lost["http/2"] = _under_load(sides["https"], Http2(machine.address))
        rates = json.loads(machine.run(("python3", "-c", HANDSHAKES, HOST)).stdout)
    return _table(times, lost, rates)


def _sides(server: Installed, folder: Path) -> dict[str, Side]:
    """One app, seen by http and by https."""
    server.ship("apps:create", "bench")
    environment = server.laptop.git_environment(server.key)
    tree = Tree(folder / "tree", environment)
    address, remote = server.machine.address, f"ship@{NAME}:bench"
    return {
        name: Side(name, tree, remote, (address, port, HOST), environment)
        for name, port in PORTS.items()
    }


def _push(side: Side) -> float:
    took = side.push(side.tree.change_code())
    if took.status or took.live_s is None:
        raise RuntimeError(f"A push that was to be measured failed:\n{took.said}")
    return took.live_s


def _under_load(side: Side, load: Side | Http2) -> Lost:
    """What is lost in ten redeploys."""
    with ExitStack() as held:
        clients: Any = held.enter_context(load if isinstance(load, Http2) else load.load())
        for _ in range(REDEPLOYS):
            _push(side)
    if isinstance(clients, Http2):
        return clients.told
    return Lost(clients.told["requests"], clients.told["lost"])


def _table(times: dict[str, list[float]], lost: dict[str, Lost], rates: dict[str, float]) -> str:
    plain, secure = times["http"], times["https"]
    ratios = f"{median(secure) / median(plain):.2f} ({min(secure) / min(plain):.2f})"
    told = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    lines = [
        f"code-only live, s: http {_shown(plain)}, https {_shown(secure)}, ratio {ratios}",
        f"connections a second, one client on the same cores: {told}",
    ]
    lines += [
        f"{REDEPLOYS} redeploys, {name}: {seen.requests} requests, {seen.lost} lost"
        for name, seen in lost.items()
    ]
    return "\n".join(lines)


def _shown(times: list[float]) -> str:
    """The median, with the least in brackets."""
    return f"{median(times):.2f} ({min(times):.2f})"
