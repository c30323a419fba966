"""Runs as one app, in its slot or in a job, and tries what it must not be able to do to another.

Prints a JSON object: what was tried, and `refused`, or what came of it.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

APPS, REPOS, ETC = Path("/var/lib/ship/apps"), Path("/var/lib/ship/repos"), Path("/etc/ship")
SYSTEM = (
    "/opt/ship/probe", "/usr/local/bin/probe", "/etc/probe", "/etc/ship/probe", "/run/probe",
    "/run/lock/probe", "/run/ship/probe", "/run/ship/apps/probe", "/var/probe", "/var/log/probe",
    "/var/lib/ship/probe", "/var/lib/ship/apps/probe", "/sys/fs/cgroup/probe",
    "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/sys/kernel/domainname",
)  # fmt: skip
OWN = (
    "probe", "work/probe", "slots/probe", "releases/probe", "releases/v1/probe",
    "releases/v1/release.json", "releases/v1/env.json",
)  # fmt: skip


def attempt(does: Callable[[], object]) -> str:
    try:
        result = does()
    except OSError:
        return "refused"
    return f"allowed: {result!r}" if result else "refused"


def read(path: Path) -> str:
    return path.read_bytes()[:40].decode(errors="replace")


def write(path: Path) -> str:
    """Open it for writing; where it works, the file is left as it was."""
    with path.open("a"):
        if path.name == "probe":
            path.unlink()
    return "opened"


def names_besides(folder: str, *own: str) -> list[str]:
    return [each.name for each in Path(folder).iterdir() if each.name not in own]


def connect(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
    return "connected"


def send(path: str) -> str:
    """A line as systemd's journal takes it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.connect(path)
        connection.send(b"MESSAGE=forged by the spy\nSYSLOG_IDENTIFIER=kernel\n")
    return "sent"


def sudo() -> bytes:
    argv = ("sudo", "-n", "id")
    return subprocess.run(argv, capture_output=True, check=False).stdout


def foreign_processes() -> list[str]:
    return [each.name for each in Path("/proc").glob("[0-9]*") if owner(each) != os.getuid()]


def owner(process: Path) -> int:
    try:
        return process.stat().st_uid
    except FileNotFoundError:
        return os.getuid()  # one of our own that has just ended


def signal_to(pid: int) -> str:
    os.kill(pid, 0)
    return "sent"


def files_to_read(me: str, other: str, other_pid: int) -> Iterable[Path]:
    for name in (
        "config.json",
        "releases/v1/env.json",
        "releases/v1/source/app.py",
        "storage/file",
    ):
        yield APPS / other / name
    yield APPS / me / "config.json"
    yield REPOS / f"{other}.git" / "HEAD"
    yield REPOS / f"{me}.git" / "HEAD"
    yield ETC / "keys" / "laptop"
    yield Path(f"/proc/{other_pid}/environ")
    yield Path("/proc/1/environ")


def probe(me: str, other: str, other_pid: int, closed: list[str]) -> dict[str, str]:
    """Try everything; `closed` are further files that must not be writable where this runs."""
    writes = [*map(Path, SYSTEM + tuple(closed)), *(APPS / me / name for name in OWN)]
    writes.append(APPS / other / "storage" / "probe")
    tries: dict[str, Callable[[], object]] = {
        "list apps": lambda: names_besides(str(APPS), me),
        "list run": lambda: names_besides("/run/ship/apps", me),
        "list repos": lambda: names_besides(str(REPOS)),
        "list keys": lambda: names_besides(str(ETC)),
        "see shared memory": lambda: names_besides("/dev/shm", "mine"),
        "see processes": foreign_processes,
        "signal it": lambda: signal_to(other_pid),
        "ask the system bus": lambda: connect("/run/dbus/system_bus_socket"),
        "ask the manager": lambda: connect("/run/systemd/private"),
        "see journals": lambda: names_besides(
            "/run/systemd", "incoming", "journal", "notify", "resolve"
        ),
        "write its journal": lambda: send(f"/run/systemd/journal.ship-{other}/socket"),
        "become root": sudo,
    }
    results = {what: attempt(does) for what, does in tries.items()}
    for path in files_to_read(me, other, other_pid):
        results[f"read {path}"] = attempt(lambda path=path: read(path))  # type: ignore[misc] # bound now
    for path in writes:
        results[f"write {path}"] = attempt(lambda path=path: write(path))  # type: ignore[misc] # as above
    results["own journal"] = attempt(lambda: send("/run/systemd/journal/socket"))
    results["own secret"] = os.environ.get("SECRET", "missing")
    return results


def app(_environ: object, start_response: Callable[..., object]) -> list[bytes]:
    """The probe as a web app, so that it runs where a slot runs."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(probe(*json.loads(os.environ["PROBE"]))).encode()]


if __name__ == "__main__":
    print(json.dumps(probe(*json.loads(sys.argv[1]))))
