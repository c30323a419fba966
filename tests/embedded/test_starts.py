"""What the start of a command imports: most of the time that a short one takes.

Names of modules are held here, and no times: those differ from machine to machine.
"""

import subprocess
import sys

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.keyboard import GATE, SHIP, Typed

pytestmark = pytest.mark.embedded

SLOW = frozenset({
    "asyncio", "concurrent.futures", "dataclasses", "email", "http.client", "logging", "rich",
    "sh", "ssl", "tempfile", "toml", "urllib.request", "xmlrpc", "watchdog",
})  # fmt: skip
"""Of Python and of others, what takes long and few commands use."""
OF_A_BUILD = frozenset({"buildpacks", "receiver.building", "receiver.deploy.stages", "jinja2"})
OF_PROGRAMS = frozenset({"receiver.hosts", "receiver.nginx", "receiver.engine", "subprocess"})
"""What runs apps, and what serves them."""
OF_A_CHANGE = frozenset({"receiver.changes.change", "receiver.nginx.sites"})
OF_RECORDS = SLOW | OF_A_BUILD | OF_A_CHANGE | OF_PROGRAMS
OF_LOOKS = SLOW | OF_A_BUILD | OF_A_CHANGE
SPARED = {
    "version": OF_RECORDS | {"msgspec", "receiver.state"},
    "whoami": OF_RECORDS,
    "config -a blog": OF_RECORDS,
    "config:get GREETING -a blog": OF_RECORDS,
    "releases -a blog": OF_RECORDS,
    "access -a blog": OF_RECORDS,
    "keys": OF_RECORDS | {"hashlib", "secrets"},
    "apps": OF_LOOKS,
    "apps:info -a blog": OF_LOOKS,
    "ps -a blog": OF_LOOKS,
    "logs -a blog": OF_LOOKS,
    "run -a blog -- true": SLOW | OF_A_BUILD | {"receiver.nginx.sites", "tarfile"},
    "config:set GREETING=hi -a blog": SLOW | OF_A_BUILD - {"receiver.deploy.stages"},
}
"""By command, what its start leaves alone, packages with all in them."""


@pytest.fixture(scope="module")
def published(server: EmbeddedServer) -> EmbeddedServer:
    server.publish("blog", {"index.html": "hello", "static.json": "{}"})
    done = server.ship("config:set", "GREETING=hi", "-a", "blog")
    assert done.status == 0, done.err
    return server


@pytest.mark.parametrize("line", SPARED)
def test_a_command_imports_no_more_than_it_needs(published: EmbeddedServer, line: str) -> None:
    imported = _imported([str(SHIP), *line.split()], Typed.environment(published.root))
    assert "receiver.cli.main" in imported
    assert _within(imported, SPARED[line]) == set()


def test_the_gate_leaves_to_ship_what_is_ships(published: EmbeddedServer) -> None:
    """Its start comes on top of that of a command, and is part of every push."""
    spoken = {"SSH_ORIGINAL_COMMAND": "git-receive-pack 'blog'"}
    environment = Typed.environment(published.root) | spoken
    imported = _imported([str(GATE), "--key", "laptop"], environment)
    assert "receiver.push.receive_pack" in imported
    needless = {"click", "msgspec", "receiver.state", "receiver.server", "tempfile"}
    assert _within(imported, OF_A_BUILD | needless) == set()


def _imported(argv: list[str], environment: dict[str, str]) -> set[str]:
    """All modules that a program imports, from its start to its end."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *argv],
        env=environment,
        input="0000",  # to git's commands it says that nothing is wanted
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    told = (line.rpartition("|") for line in done.stderr.splitlines() if "import time:" in line)
    return {name.strip() for _, _, name in told}


def _within(imported: set[str], packages: frozenset[str]) -> set[str]:
    """Those of the modules that are of these packages."""
    return {
        name
        for name in imported
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    }
