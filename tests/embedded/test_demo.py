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


def test_the_demo_pushes_changes_and_rolls_back_and_keeps_what_was_changed_since():
    require_program("nginx")
    require_program("git")
    with short_folder() as folder:
        root = folder / "ship"
        code = root / "demo" / "hello" / "app.py"
        try:
            assert _versions(_demo(root)) == ["version 1", "version 2", "version 1"]
            code.write_text("# mine\n")
            embedded.stop(root)
            again = _demo(root)
            assert "What you changed since is kept." in again
            assert _versions(again) == []
            assert code.read_text() == "# mine\n"
            port = records.read_server(Layout.embedded(root)).http_port
            status, page = ask(port, "hello.localhost")
            assert (status, "version 1" in page) == (200, True)

            assert _versions(_demo(root, "--fresh")) == ["version 1", "version 2", "version 1"]
            assert "VERSION" in code.read_text()
        finally:
            embedded.stop(root)


def _demo(root: Path, *options: str) -> str:
    ship = Path(sys.executable).with_name("ship")
    example = ROOT / "examples" / "flask-hello"
    done = subprocess.run(
        (ship, "server:demo", "--example", example, *options, "--root", root),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _versions(said: str) -> list[str]:
    told = [line.strip() for line in said.splitlines() if "This is version" in line]
    return [line[line.index("version") :][:9] for line in told]
