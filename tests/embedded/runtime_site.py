"""A site for the runtime's tests: a held socket, two slots, releases on disk, and clients that
count."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from receiver.health import workers
from receiver.machine import proc

LAUNCH = Path(workers.__file__).parents[1] / "runtime" / "launch.py"
SAME_MTIME = 1_700_000_000
LIMIT_S = 60.0
"""For what takes a second on a quiet machine."""
WSGI = """
import os, time, marker
time.sleep(float(os.environ.get("BOOT_S", "0")))
def app(environ, start_response):
    import late
    time.sleep(float(os.environ.get("WORK_S", "0")))
    words = marker.VALUE, late.VALUE, os.environ.get("COLOR", "-"), os.getcwd()
    body = " ".join(words).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
ASGI = """
import asyncio, os, time, marker
time.sleep(float(os.environ.get("BOOT_S", "0")))
async def app(scope, receive, send):
    if scope["type"] != "http":
        return await lifespan(receive, send)
    import late
    await asyncio.sleep(float(os.environ.get("WORK_S", "0")))
    words = marker.VALUE, late.VALUE, os.environ.get("COLOR", "-"), os.getcwd()
    body = " ".join(words).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
async def lifespan(receive, send):
    while True:
        message = await receive()
        await asyncio.sleep(float(os.environ.get("LIFESPAN_S", "0")))
        if os.environ.get("LIFESPAN_FAILS"):
            await send({"type": "lifespan.startup.failed", "message": "no database"})
        await send({"type": message["type"] + ".complete"})
        if message["type"].endswith("shutdown"):
            return
"""


class Site:
    """One app's folder as ship lays it out, and the processes of its slots."""

    def __init__(self, home: Path, port: int, venv: str = sys.prefix) -> None:
        self.home, self.port, self.venv = home, port, venv
        self.masters: dict[str, subprocess.Popen[bytes]] = {}
        self.listener = socket.create_server(("127.0.0.1", port), backlog=2048)
        for folder in ("releases", "slots", "work", "run"):
            (home / folder).mkdir(parents=True)

    def release(
        self,
        version: int,
        *,
        files: dict[str, str] | None = None,
        env: dict[str, str] | None = None,
        **process: object,
    ) -> None:
        """Write a release whose `marker` says its version.

        All files of all releases have equal times.
        """
        home = self.home / "releases" / f"v{version}"
        marker = f"VALUE = 'v{version}'\n"
        tree = {"app.py": WSGI, "marker.py": marker, "late.py": marker} | (files or {})
        for name, text in tree.items():
            path = home / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        web = {"kind": "gunicorn", "app": "app:app", "arguments": []} | process
        record = {"version": version, "venv": self.venv, "processes": {"web": web}}
        (home / "release.json").write_text(json.dumps(record))
        (home / "env.json").write_text(json.dumps(env or {}))
        for path in sorted(home.rglob("*")):
            os.utime(path, (SAME_MTIME, SAME_MTIME))

    def run_dir(self, slot: str) -> Path:
        return self.home / "run" / slot

    def aim(self, slot: str, version: int) -> None:
        new = self.home / "slots" / f".{slot}"
        new.symlink_to(f"../releases/v{version}")
        new.replace(self.home / "slots" / slot)

    def start(self, slot: str, version: int, *, wait: bool = True, **environment: str) -> None:
        """Start a slot as systemd would: the socket is descriptor 3, LISTEN_PID the master's own
        id."""
        fd = self.listener.fileno()
        hand_on = f'exec 3<&{fd}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        self.launch(slot, version, before=["bash", "-c", hand_on, "x"], fd=fd, env=environment)
        if wait:
            self.served(slot, version)

    def launch(
        self,
        slot: str,
        version: int,
        *options: str,
        before: list[str] | None = None,
        env: dict[str, str] | None = None,
        fd: int | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        self.aim(slot, version)
        self.run_dir(slot).mkdir(exist_ok=True)
        launch = [sys.executable, "-I", "-S", str(LAUNCH), str(self.home / "slots" / slot), "web"]
        launch += ["--run", str(self.run_dir(slot)), "--port", str(self.port), *options]
        with (self.home / f"{slot}.log").open("ab") as log:
            self.masters[slot] = subprocess.Popen(
                [*(before or []), *launch],
                env={"HOME": str(self.home), "PATH": os.environ["PATH"], **(env or {})},
                pass_fds=() if fd is None else (fd,),
                stdin=stdin,
                stdout=log,
                stderr=log,
            )
        return self.masters[slot]

    def served(self, slot: str, version: int, limit_s: float = LIMIT_S) -> float:
        return workers.wait_for_release(
            self.run_dir(slot), f"v{version}", master_pid=self.masters[slot].pid, limit_s=limit_s
        )

    def hup(self, slot: str, version: int, *, wait: bool = True) -> None:
        self.aim(slot, version)
        workers.begin_swap(self.run_dir(slot))
        self.masters[slot].send_signal(signal.SIGHUP)
        if wait:
            self.served(slot, version)

    def stop(self, slot: str) -> int:
        master = self.masters.pop(slot)
        master.send_signal(signal.SIGTERM)
        return master.wait(LIMIT_S)

    def log(self, slot: str) -> str:
        return (self.home / f"{slot}.log").read_text(errors="replace")

    def ask(self, port: int | None = None) -> str:
        status, body = ask("127.0.0.1", port or self.port)
        assert status == 200, body
        return body

    def close(self) -> None:
        for master in self.masters.values():
            living = [master.pid, *proc.children(master.pid)]
            for pid in living:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            master.wait(10)
        self.listener.close()


def ask(host: str, port: int, path: str = "/") -> tuple[int, str]:
    """One request on a connection of its own; status 0 stands for a lost one."""
    try:
        with socket.create_connection((host, port), timeout=30) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: a\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError as error:
        return 0, repr(error)
    head, _, body = answer.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), body.decode()


class Load:
    """Clients that ask again and again, each with a new connection, and remember every answer."""

    def __init__(self, port: int, clients: int = 4, pause_s: float = 0.002) -> None:
        self.port, self.pause_s = port, pause_s
        self.statuses: Counter[int] = Counter()
        self.bodies: Counter[str] = Counter()
        self.lost: list[str] = []
        self.longest_s = 0.0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(clients)]

    def _client(self) -> None:
        self._ask_once()  # on a busy machine all may be over before a thread has begun
        while not self._over.is_set():
            self._ask_once()
            time.sleep(self.pause_s)

    def _ask_once(self) -> None:
        begun = time.monotonic()
        status, body = ask("127.0.0.1", self.port)
        self.longest_s = max(self.longest_s, time.monotonic() - begun)
        self.statuses[status] += 1
        self.bodies[body if status == 200 else ""] += 1
        if status != 200:
            self.lost.append(f"{status} {body[:80]}")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


NGINX = """
daemon off; master_process off; worker_processes 1; pid {home}/nginx.pid;
error_log {home}/nginx-error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {home}/t1; proxy_temp_path {home}/t2;
  fastcgi_temp_path {home}/t3; uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
  upstream app {{ server 127.0.0.1:{port} max_fails=0; }}
  server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://app; }} }}
}}
"""


@contextlib.contextmanager
def nginx_before(site: Site, front: int, program: Path) -> Iterator[None]:
    """nginx on port `front`, as ship puts it before an app."""
    conf = site.home / "nginx.conf"
    conf.write_text(NGINX.format(home=site.home, port=site.port, front=front))
    process = subprocess.Popen([str(program), "-p", str(site.home), "-c", str(conf)])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", front)):
                break
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)
