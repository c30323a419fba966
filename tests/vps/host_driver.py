"""Runs inside a test machine: `host_driver.py COMMAND JSON` asks the systemd host for one thing.

A test outside describes what it wants as JSON; results come back as JSON on standard output, except
those of a job, which are its own output and exit status.
"""

import json
import os
import socket
import sys
import threading
import time
from contextlib import closing
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

from receiver.hosts.jobs import Job, JobTimeoutError
from receiver.hosts.systemd.host import SystemdHost
from receiver.machine import files
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths, Layout
from receiver.model.names import AppName
from receiver.model.settings import App

LAYOUT = Layout.vps()
HOST = SystemdHost(LAYOUT)
TIMED_OUT = 124


def make_app(name: str, port: int, stop_limit_s: int = 30) -> None:
    """An account, folders, and units, as `apps:create` makes them."""
    app = AppName(name)
    HOST.accounts.create(app)
    owner, paths = HOST.accounts.owner(app), LAYOUT.app(app)
    assert owner is not None
    for folder in (paths.home, paths.releases, paths.work, paths.slots):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (paths.storage, paths.venvs, paths.cache):
        files.make_folder(folder, mode=0o750, uid=owner.uid, gid=owner.gid)
    settings = App(port=port, port_a=port + 1, port_b=port + 2, graceful_limit_s=stop_limit_s)
    for each in HOST.unit_files(app, settings):
        files.write_atomically(Path(each.path), each.text, mode=0o644)
    HOST.refresh()


def make_release(name: str, version: int, web: dict[str, Any], tree: dict[str, str]) -> None:
    """A release's folder, with the owners that ship gives it."""
    paths, owner = LAYOUT.app(AppName(name)), HOST.accounts.owner(AppName(name))
    assert owner is not None
    release = paths.release(version)
    release.home.mkdir(exist_ok=True)
    files.make_folder(release.source, mode=0o750, uid=owner.uid, gid=owner.gid)
    for path, text in tree.items():
        (release.source / path).write_text(text)
    record = {"version": version, "venv": str(paths.venvs / "x"), "processes": {"web": web}}
    files.write_atomically(release.record, json.dumps(record), mode=0o644)
    config = json.dumps({"SECRET": f"secret of {name}"})
    files.write_atomically(release.env, config, mode=0o640, gid=owner.gid)


def aim(paths: AppPaths, slot: Any, version: int) -> None:
    files.link_atomically(paths.slot(slot), f"../releases/v{version}")


def call(method: str, *arguments: Any) -> Any:
    """Call the host, such as `accounts.create` of it; an error of ship's own is a result too."""
    try:
        return attrgetter(method)(HOST)(AppName(arguments[0]), *arguments[1:])
    except ShipError as error:
        return error.fields()


def logged(name: str, slot: Any = None) -> list[str]:
    """The end of an app's log, or of one slot's."""
    newest = islice(HOST.app_log(AppName(name), slot).before(None), 200)
    return [line.text.decode(errors="replace") for line in newest][::-1]


def follow(name: str, word: str) -> str:
    """Follow an app's log from now on until a line is `word`."""
    log = HOST.app_log(AppName(name))
    woken = threading.Event()
    positions = dict(log.end())
    log.listen(woken.set)
    with closing(log):
        while True:
            woken.clear()
            for told in log.after(positions):
                if told.line.text == word.encode():
                    return told.line.text.decode()
            woken.wait()


def make_job(**values: Any) -> Job:
    values["app"] = AppName(values["app"])
    values["argv"] = tuple(values["argv"])
    values["cwd"] = Path(values["cwd"])
    values["writable"] = tuple(map(Path, values.get("writable", ())))
    values["config"] = Path(values["config"]) if "config" in values else None
    return Job(**values)


def run(**values: Any) -> int:
    """Run a job with this process's standard input; a job that took too long ends with 124."""
    try:
        return HOST.jobs.run(make_job(**values), lambda chunk: os.write(1, chunk), stdin=0)
    except JobTimeoutError:
        return TIMED_OUT


def attach(*, tty: bool, **values: Any) -> int:
    return HOST.jobs.attach(make_job(lasting=True, **values), tty=tty)


def spawn(log: str, **values: Any) -> list[int | None]:
    """Start a job, look, wait for its first word, stop it, look again."""
    running = HOST.jobs.spawn(make_job(**values), Path(log))
    while not Path(log).read_bytes():
        time.sleep(0.02)
    before = running.poll()
    running.stop()
    return [before, running.poll()]


def run_detached(name: str, seconds: float, job: dict[str, Any] | None = None) -> None:
    """Fork a child that writes /tmp/NAME when `seconds` have passed, detach it, and wait for it."""
    child = os.fork()
    if child == 0:
        while "ship-" not in Path("/proc/self/cgroup").read_text():
            time.sleep(0.01)
        os.setsid()
        if job:
            run(**job)
        time.sleep(seconds)
        Path("/tmp", name).write_text("done")
        os._exit(0)
    HOST.jobs.detach(f"ship-deploy.{name}", child)
    print(child, flush=True)
    os.waitpid(child, 0)


class Client(threading.Thread):
    """Opens a connection per request and counts what comes back."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port, self.going = port, True
        self.answers: dict[str, int] = {}
        self.longest_s = 0.0

    def run(self) -> None:
        while self.going:
            started = time.monotonic()
            try:
                answer = ask(self.port)
            except OSError as error:
                answer = repr(error)
            self.answers[answer] = self.answers.get(answer, 0) + 1
            self.longest_s = max(self.longest_s, time.monotonic() - started)


def ask(port: int, limit_s: float = 10) -> str:
    """The body of one request's answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return body.decode() if b" 200 " in head.splitlines()[0] else repr(received)


def swap_under_load(name: str, port: int, rounds: int) -> dict[str, Any]:
    """Hand over a-b-a between v1 and v2, then HUP to and fro, with a client all the time."""
    app, paths = AppName(name), LAYOUT.app(AppName(name))
    client = Client(port)
    client.start()
    try:
        for _ in range(rounds):
            hand_over(app, "a", "b", 2)
            hand_over(app, "b", "a", 1)
        for version in (2, 1) * rounds:
            aim(paths, "a", version)
            HOST.reload(app, "a")
            until_answered(port, f"v{version}")
    finally:
        client.going = False
        client.join()
    return {"answers": client.answers, "longest_s": client.longest_s}


def hand_over(app: AppName, old: Any, new: Any, version: int) -> None:
    aim(LAYOUT.app(app), new, version)
    HOST.start(app, new)
    HOST.stop(app, old)


def until_answered(port: int, expected: str) -> None:
    """Twenty answers of the new release in a row, so that no old worker is left."""
    in_a_row, end = 0, time.monotonic() + 30
    while in_a_row < 20 and time.monotonic() < end:
        in_a_row = in_a_row + 1 if ask(port) == expected else 0
    assert in_a_row == 20, f"{expected} was not reached"


def aim_slot(name: str, slot: str, version: int) -> None:
    aim(LAYOUT.app(AppName(name)), slot, version)


def main(command: str, values: str) -> None:
    given = json.loads(values)
    does = globals()[command]
    result = does(*given) if isinstance(given, list) else does(**given)
    if command in {"run", "attach"}:
        sys.exit(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
