"""Builds that would take the machine: one that eats memory, and two at once."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from receiver.apps import lifecycle as apps
from receiver.model.names import AppName
from receiver.state import builds, records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, wait_until
from tests.embedded.package_index import BACKEND
from tests.embedded.pushing import wsgi
from tests.embedded.test_push_trouble import ended, pushing
from tests.embedded.transcript import assert_as_recorded, error_block, masked

pytestmark = pytest.mark.embedded

PROJECT = (
    "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    "[project]\nname = 'big'\nversion = '1'\n"
)
EATS = (
    "import time\nkept = [bytearray(b'x') * 10_000_000 for _ in range(40)]\ntime.sleep(1)\n"
    + BACKEND.replace("{name}", "big").replace('"1.0"', '"1"')
)
WAITS = """
import pathlib, time

def build_wheel(directory, config_settings=None, metadata_directory=None):
    pathlib.Path("{begun}").touch()
    while not pathlib.Path("{go}").exists():
        time.sleep(0.05)
    raise SystemExit("This is not what the test is about.")
"""


def building(backend: str) -> dict[str, str]:
    """An app with a package of its own, which `backend` builds."""
    package = {"big/pyproject.toml": PROJECT, "big/backend.py": backend, "big/big.py": ""}
    return wsgi("built") | package | {"requirements.txt": "./big\n"}


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        path = found.layout.server_settings
        settings = records.read_server(found.layout)
        records.write_toml(path, msgspec.structs.replace(settings, build_memory="300M"))
        yield found


@pytest.fixture
def one(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[Checkout]:
    yield from live_app(server, "one", request)


@pytest.fixture
def two(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[Checkout]:
    yield from live_app(server, "two", request)


def live_app(
    server: EmbeddedServer, name: str, request: pytest.FixtureRequest
) -> Iterator[Checkout]:
    server.create(name)
    laptop = server.checkout(name, place=request.node.name)
    laptop.commit(wsgi(name))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    yield laptop
    apps.destroy(server.server, AppName(name))


def log(server: EmbeddedServer, app: str) -> str:
    paths = server.paths(app)
    return records.build_log(paths, records.build_numbers(paths)[-1]).read_text()


def test_a_build_that_eats_memory_is_killed_alone_and_explained(
    server: EmbeddedServer, one: Checkout, two: Checkout
) -> None:
    one.commit(building(EATS))
    pushed = one.push()
    assert pushed.status == 1
    assert "! [remote rejected] main -> main (build failed)" in pushed.text
    assert_as_recorded("build-memory", masked(server, error_block(pushed)))
    assert (server.ask("one"), server.ask("two")) == ((200, "one"), (200, "two"))
    assert server.leftovers("one") == []
    two.commit(wsgi("two"))
    assert two.push().status == 0
    assert "raise build_memory in the server's ship.toml" in pushed.text  # for build/memory
    path, before = server.layout.server_settings, records.read_server(server.layout)
    records.write_toml(path, msgspec.structs.replace(before, build_memory="2G"))
    again = one.push()
    records.write_toml(path, before)
    assert again.status == 0, again.text
    assert server.ask("one") == (200, "built")


def test_a_second_build_waits_for_the_first_and_a_push_without_one_does_not(
    server: EmbeddedServer, one: Checkout, two: Checkout, tmp_path: Path
) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    waits = WAITS.replace("{begun}", str(begun)).replace("{go}", str(go))
    one.commit(building(waits))
    with pushing(one) as builds_now:
        wait_until(begun.exists, 60)
        two.commit(wsgi("code alone"))
        unhindered = two.push()
        assert unhindered.status == 0, unhindered.text
        assert "Waiting" not in unhindered.text
        two.commit(wsgi("with a package") | {"requirements.txt": "toml\n"})
        with pushing(two) as waits_now:
            told = "Waiting for the build of another app."  # who pushes here may not know of it
            wait_until(lambda: told in log(server, "two"), 60)
            assert server.ask("two") == (200, "code alone")
            go.touch()
            assert ended(builds_now).status == 1
            done = ended(waits_now)
    assert done.status == 0, done.text
    assert server.ask("two") == (200, "with a package")


def test_a_place_is_free_again_when_its_build_is_killed(
    server: EmbeddedServer, one: Checkout, two: Checkout, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    one.commit(building(WAITS.replace("{begun}", str(begun)).replace("{go}", str(tmp_path / "go"))))
    with pushing(one) as builds_now:
        wait_until(begun.exists, 60)
        running = next(builds.newest_first(server.paths("one")))
        os.kill(running.pid, signal.SIGKILL)
        assert ended(builds_now).status == 1
        two.commit(wsgi("two again") | {"requirements.txt": "toml\n"})
        done: subprocess.CompletedProcess[str] = two.git("push", "prod", "main", check=False)
    assert done.returncode == 0, done.stderr
    assert server.ask("two") == (200, "two again")
