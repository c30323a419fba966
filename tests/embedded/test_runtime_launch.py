"""What launch.py starts, and what it says when it cannot."""

import json
import subprocess
import sys

import pytest

from receiver.health import workers
from tests.embedded.runtime_fixtures import site
from tests.embedded.runtime_site import LAUNCH, Site
from tests.ports import free_port

pytestmark = pytest.mark.embedded
__all__ = ["site"]


BINDS = """
import socket, sys
for host, port in ("0.0.0.0", sys.argv[1]), ("127.0.0.1", sys.argv[2]):
    with socket.create_server((host, int(port))) as listener:
        print("%s:%d" % listener.getsockname())
"""


def run(site: Site, command: str, env: dict[str, str] | None = None) -> dict[str, object]:
    """Launch a command that prints, as JSON, what it finds around it."""
    site.release(1, env=env, kind="command", command=command)
    tool = "#!/usr/bin/env python3\nimport json, os, sys\n"
    tool += "print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), os.getppid()]))\n"
    path = site.home / "releases/v1/source/tool"
    path.write_text(tool)
    path.chmod(0o755)
    done = launch(site)
    assert done.returncode == 0, done.stderr
    argv, environ, cwd, parent = json.loads(done.stdout)
    return {"argv": argv, "environ": environ, "cwd": cwd, "parent": parent}


def launch(
    site: Site, process: str = "web", port: str = "5001"
) -> subprocess.CompletedProcess[str]:
    site.aim("a", 1)
    argv = [sys.executable, "-I", "-S", str(LAUNCH), str(site.home / "slots/a"), process]
    return subprocess.run(
        [*argv, "--run", str(site.run_dir("a")), "--port", port],
        env={"HOME": "/home/x", "SECRET_OF_HOST": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_command_runs_in_the_release_with_config_vars_and_nothing_inherited(site: Site) -> None:
    seen = run(site, "./tool --port $PORT", {"A": "b\n", "PORT": "1"})
    environ = seen["environ"]
    assert isinstance(environ, dict)
    assert seen["argv"] == ["--port", "5001"]
    assert str(seen["cwd"]).endswith("releases/v1/source")
    assert environ["A"] == "b\n"
    assert environ["PORT"] == "5001"
    assert environ["HOME"] == "/home/x"
    assert environ["SHIP_PROCESS"] == "web"
    assert environ["SHIP_APP"] == "blog"
    assert environ["DYNO"] == "web.1"
    assert environ["PYTHONPATH"].endswith("releases/v1/source")
    assert "SHIP_HOST" in environ
    assert environ["PATH"].startswith(f"{sys.prefix}/bin:")
    assert "SECRET_OF_HOST" not in environ


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("FOO=1 exec ./tool a", ["a"]),
        ("cd . && ./tool 'a b' \"$A\"", ["a b", "x y"]),
        ("./tool $A", ["x", "y"]),
        ("./tool ${PORT:-1} $(echo z)", ["5001", "z"]),
        ("./tool $NOWHERE b", ["b"]),
    ],
)
def test_command_means_what_a_shell_would_make_of_it(
    site: Site, command: str, argv: list[str]
) -> None:
    assert run(site, command, {"A": "x y"})["argv"] == argv


@pytest.mark.parametrize("command", ["python server.py 8000", "python3 -u -m server 8000"])
@pytest.mark.parametrize("fixed", [True, False])
def test_a_port_in_python_code_is_replaced_where_nothing_reads_the_given_one(
    site: Site, command: str, *, fixed: bool
) -> None:
    """The first, and no other."""
    own, other, given = str(free_port()), str(free_port()), str(free_port())
    line = command.replace("8000", own)
    site.release(1, kind="command", command=f"{line} {other}", files={"server.py": BINDS})
    path = site.home / "releases/v1/release.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fixed_port": fixed}))
    done = launch(site, port=given)
    assert done.returncode == 0, done.stderr
    if fixed:
        assert done.stdout.split() == [f"127.0.0.1:{given}", f"127.0.0.1:{other}"]
        assert f"ship: Port {own} of the code is {given} here." in done.stderr
    else:
        assert done.stdout.split() == [f"0.0.0.0:{own}", f"127.0.0.1:{other}"]


@pytest.mark.parametrize(
    ("damage", "status", "word"),
    [
        ("releases/v1/release.json", 66, "release.json cannot be read"),
        ("releases/v1/env.json", 66, "env.json cannot be read"),
    ],
)
def test_missing_files_are_named(site: Site, damage: str, status: int, word: str) -> None:
    site.release(1)
    (site.home / damage).unlink()
    done = launch(site)
    assert done.returncode == status
    assert word in done.stderr


def test_missing_virtualenv_process_and_program_are_named(site: Site) -> None:
    site.venv = "/nowhere"
    site.release(1)
    done = launch(site)
    assert done.returncode == 69
    assert "/nowhere/bin/python is missing" in done.stderr
    assert "/nowhere/bin/python is missing" in (workers.boot_error(site.run_dir("a")) or "")
    assert launch(site, "worker").returncode == 78
    site.release(1, kind="command", command="no-such-program --x")
    done = launch(site)
    assert done.returncode == 69
    started, said = done.stderr.splitlines()
    assert started == "ship: Starting v1."
    assert "no-such-program cannot be run" in said


def test_wrong_usage_shows_the_usage() -> None:
    done = subprocess.run(
        [sys.executable, str(LAUNCH), "x"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 64
    assert "launch.py SLOT PROCESS" in done.stderr
