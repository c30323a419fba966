"""The demo, whole: a server, a push, a changed push, a rollback, and a server that goes on
running."""

import subprocess
import sys
from pathlib import Path

import pytest

from receiver.model.layout import Layout
from receiver.setup import embedded
from receiver.state import records
from tests.embedded.embedded_server import ask, short_folder
from tests.needs import require_program

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).parent.parent.parent


def test_the_demo_pushes_changes_and_rolls_back():
    require_program("nginx")
    require_program("git")
    ship = Path(sys.executable).with_name("ship")
    argv = (ship, "server:demo", "--example", ROOT / "examples" / "flask-hello", "--root")
    with short_folder() as folder:
        root = folder / "ship"
        try:
            # twice, because it is what a person does who saw it fail half-way
            for _ in range(2):
                done = subprocess.run(
                    (*argv, root),
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=110,
                    stdin=subprocess.DEVNULL,
                )
                assert done.returncode == 0, done.stdout + done.stderr
                told = [
                    line.strip() for line in done.stdout.splitlines() if "This is version" in line
                ]
                assert [line[line.index("version") :][:9] for line in told] == [
                    "version 1",
                    "version 2",
                    "version 1",
                ]
            port = records.read_server(Layout.embedded(root)).http_port
            status, page = ask(port, "hello.localhost")
            assert (status, "version 1" in page) == (200, True)
        finally:
            embedded.stop(root)
