"""A test machine with ship's code on it, and an app `blog` of which v1 and v2 are made."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.vps.inside import Completed
from tests.vps.machine import Machine

HERE, PACKAGE = Path(__file__).parent, Path(__file__).parents[2] / "receiver"
PYTHON = "/opt/ship/venv/bin/python"
DRIVER = "/opt/ship/host_driver.py"
BLOG = "/var/lib/ship/apps/blog"
GUNICORN = {"kind": "gunicorn", "app": "app:app"}
PORT, OTHER_PORT = 20_000, 20_010


class Vps:
    """A machine with ship's code on it, and what a test asks of its host."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ask(self, command: str, *values: Any, timeout_s: float = 120) -> Any:
        argv = driver_argv(command, values)
        return json.loads(self.machine.run(argv, timeout_s=timeout_s).stdout)

    def host(self, method: str, app: str, *more: Any) -> Any:
        return self.ask("call", method, app, *more)

    def job(self, *argv: str, input: str | None = None, **values: Any) -> Completed:  # noqa: A002 - as run's
        described = blog_job(argv, values)
        return self.machine.run(driver_argv("run", described), check=False, input=input)

    def systemctl(self, *argv: str) -> str:
        return self.machine.run(("systemctl", *argv), check=False).stdout.strip()


def driver_argv(command: str, values: object) -> tuple[str, ...]:
    return (PYTHON, DRIVER, command, json.dumps(values))


def blog_job(argv: Sequence[str], values: dict[str, Any]) -> dict[str, Any]:
    return {"app": "blog", "argv": argv, "cwd": f"{BLOG}/releases/v1/source", **values}


def wsgi(version: int) -> dict[str, str]:
    lines = (
        "def app(environ, start_response):",
        "    start_response('200 OK', [])",
        f"    return [b'v{version}']",
        "",
    )
    return {"app.py": "\n".join(lines)}


def make_vps(machine: Machine) -> Vps:
    """Put ship and gunicorn on a machine and make the app."""
    machine.run(("python3", "-m", "venv", "/opt/ship/venv"))
    pip = ("-m", "pip", "install", "-q", "--disable-pip-version-check")
    machine.run((PYTHON, *pip, "msgspec", "jinja2", "sh"), timeout_s=300)
    machine.copy_in(PACKAGE, "/opt/ship/src/receiver")
    machine.run("echo /opt/ship/src > $(echo /opt/ship/venv/lib/python3*/site-packages)/ship.pth")
    machine.copy_in(HERE / "host_driver.py", DRIVER)
    vps = Vps(machine)
    vps.ask("make_app", "blog", PORT)
    for version in (1, 2):
        vps.ask("make_release", "blog", version, GUNICORN, wsgi(version))
    machine.run(("python3", "-m", "venv", f"{BLOG}/venvs/x"))
    machine.run((f"{BLOG}/venvs/x/bin/python", *pip, "gunicorn"), timeout_s=300)
    return vps


def serve_first(vps: Vps) -> Vps:
    """Have `blog` serve v1 from slot a, and slot b free."""
    for slot in "ab":
        vps.host("stop", "blog", slot)
    vps.host("hold_socket", "blog")
    vps.ask("aim_slot", "blog", "a", 1)
    assert vps.host("start", "blog", "a") is None
    assert vps.ask("ask", PORT) == "v1"
    return vps


def inside(vps: Vps, argv: Sequence[str]) -> tuple[str, ...]:
    """A command line that runs in the machine, for a test that does something meanwhile."""
    return (
        "nsenter",
        "-t",
        str(vps.machine.init_pid),
        "-m",
        "-u",
        "-i",
        "-n",
        "-p",
        "-C",
        "--",
        *argv,
    )


def answer(vps: Vps, port: int) -> str:
    done = vps.machine.run(driver_argv("ask", [port, 2]), check=False)
    return json.loads(done.stdout) if done.returncode == 0 else ""
