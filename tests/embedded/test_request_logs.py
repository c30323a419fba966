"""nginx's logs are put aside while it writes them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.model.names import AppName
from receiver.nginx import program as nginx
from receiver.nginx import request_logs
from receiver.nginx.router_lines import read
from receiver.state import records
from tests.embedded.by_hand import gunicorn
from tests.embedded.embedded_server import EmbeddedServer, Load, embedded_server, wait_until

pytestmark = pytest.mark.embedded

LARGE = b"x" * (11 * 1024 * 1024) + b"\n"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        yield running


@pytest.fixture(scope="module")
def blog(server: EmbeddedServer) -> AppName:
    return server.serve("blog", gunicorn("--threads=4", workers=1))


def access_log(server: EmbeddedServer, app: AppName) -> Path:
    return server.layout.app(app).logs / "nginx.access.log"


def rotate(server: EmbeddedServer) -> list[Path]:
    settings = records.read_server(server.layout)
    return request_logs.rotate(server.layout, settings, server.host.request_logs)


def grow(log: Path) -> None:
    with log.open("ab") as handle:
        handle.write(LARGE)


def asked(log: Path) -> list[str]:
    """The requests in a log."""
    lines = log.read_bytes().splitlines() if log.exists() else []
    return [request.request for line in lines if (request := read(line))]


def test_a_large_log_is_put_aside_and_no_line_is_lost(
    server: EmbeddedServer, blog: AppName
) -> None:
    log = access_log(server, blog)
    server.ask(blog, "/before")
    with Load(server, blog) as load:
        for _ in range(7):
            wait_until(log.exists)
            grow(log)
            assert rotate(server) == [log]
    server.ask(blog, "/after")
    wait_until(lambda: "GET /after HTTP/1.1" in asked(log))
    parts = sorted(log.parent.glob("nginx.access.log*"))
    assert [part.name for part in parts] == [
        "nginx.access.log",
        *(f"nginx.access.log.{number}" for number in (1, 2, 3, 4)),
    ]
    assert not load.lost
    assert rotate(server) == []


def test_requests_between_two_logs_are_all_there(server: EmbeddedServer, blog: AppName) -> None:
    log = access_log(server, blog)
    for part in log.parent.glob("nginx.access.log.*"):
        part.unlink()
    before = len(asked(log))
    with Load(server, blog) as load:
        for _ in range(3):
            wait_until(log.exists)
            wait_until(lambda: len(asked(log)) > 5)
            grow(log)
            rotate(server)
    answered = load.answers.total()
    parts = [log, *(log.with_name(f"{log.name}.{number}") for number in (1, 2, 3))]
    wait_until(lambda: sum(len(asked(part)) for part in parts) >= before + answered)
    assert sum(len(asked(part)) for part in parts) == before + answered


def test_an_end_between_the_renaming_and_the_telling(server: EmbeddedServer, blog: AppName) -> None:
    log = access_log(server, blog)
    server.ask(blog, "/named")
    wait_until(log.exists)
    log.rename(log.with_name(f"{log.name}.1"))
    server.ask(blog, "/nameless")
    assert not log.exists()
    rotate(server)
    wait_until(log.exists)

    def asked_again() -> bool:
        # a worker that has not heard of it yet writes into the old file
        server.ask(blog, "/named-again")
        return bool(asked(log))

    wait_until(asked_again)
    assert set(asked(log)) == {"GET /named-again HTTP/1.1"}
    assert "GET /nameless HTTP/1.1" in asked(log.with_name(f"{log.name}.1"))


def test_old_lines_go(server: EmbeddedServer, blog: AppName) -> None:
    log = access_log(server, blog)
    server.ask(blog)
    wait_until(log.exists)
    old = log.with_name(f"{log.name}.2")
    old.write_text("of long ago\n")
    os.utime(old, (1, 1))
    recent = log.with_name(f"{log.name}.3")
    recent.write_text("of now\n")
    rotate(server)
    assert not old.exists()
    assert recent.exists()


def test_all_logs_of_a_server_are_looked_at(server: EmbeddedServer, blog: AppName) -> None:
    server.ask(blog)
    logs = (
        server.layout.app(blog).logs / "nginx.error.log",
        nginx.main_file(server.layout).parent / "logs" / "error.log",
        nginx.main_file(server.layout).parent / "logs" / "receiver.log",
    )
    for log in logs:
        grow(log)
    assert set(rotate(server)) == set(logs)
    for log in logs:
        wait_until(log.exists)
        assert log.stat().st_size < len(LARGE)


def test_nobody_has_to_ask_for_it() -> None:
    with embedded_server() as server:
        app = server.serve("blog")
        grow(access_log(server, app))
        server.close()
        server.start()
        wait_until(lambda: access_log(server, app).with_name("nginx.access.log.1").exists())
        assert server.ask(app)[0] == 200
