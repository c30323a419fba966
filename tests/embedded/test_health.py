"""The question to an app, asked of real listeners that answer, refuse, stall and end."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from receiver.health import ask as health
from receiver.health.answers import Answer, Question, notice, wrong_port
from receiver.machine import sockets
from receiver.model.errors import CheckError
from tests.embedded.embedded_server import short_folder
from tests.ports import free_port

pytestmark = pytest.mark.embedded

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


@contextmanager
def answering(
    *answers: bytes, at: Path | None = None
) -> Iterator[tuple[health.Address, list[bytes]]]:
    """A listener that gives these answers, one a connection, and the requests it got."""
    got: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX if at else socket.AF_INET)
    listener.bind(str(at) if at else ("127.0.0.1", 0))
    listener.listen()

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                got.append(connection.recv(65536))
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield (at or listener.getsockname(), got)
    finally:
        thread.join(5)
        listener.close()


def reply(status: int, body: str = "", headers: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} Any\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        f"{headers}\r\n{body}"
    ).encode()


def ask(address: health.Address, *, status: int | None = None, **more: Any) -> Answer:
    wanted = () if status is None else (status,)
    return health.ask(address, Question("/health", "blog.example.com", wanted, **more), limit_s=3)


def test_the_question_is_a_visitors() -> None:
    with answering(OK) as (address, got):
        answer = ask(address)
    assert (answer.status, answer.body) == (200, "hi")
    lines = got[0].decode().splitlines()
    assert lines[0] == "GET /health HTTP/1.1"
    assert "Host: blog.example.com" in lines
    assert "X-Forwarded-Proto: http" in lines
    assert sum(line.startswith("Host:") for line in lines) == 1


@pytest.mark.parametrize("status", [200, 204, 301, 302, 308, 400, 401, 403, 404, 405, 429])
def test_below_500_is_alive(status: int) -> None:
    with answering(reply(status)) as (address, _):
        assert ask(address).status == status


def test_an_app_that_sends_on_to_https_is_asked_that_way() -> None:
    away = reply(301, headers="Location: https://blog.example.com/home?a=1\r\n")
    with answering(away, OK) as (address, got):
        assert ask(address, status=200).status == 200
    lines = got[1].decode().splitlines()
    assert lines[0] == "GET /home?a=1 HTTP/1.1"
    assert {"X-Forwarded-Proto: https", "X-Forwarded-Port: 443"} <= set(lines)


def test_an_app_that_fails_behind_its_redirect_to_https_is_not_alive() -> None:
    away = reply(301, headers="Location: https://blog.example.com/\r\n")
    with answering(away, reply(500)) as (address, _), pytest.raises(CheckError, match="500"):
        ask(address)


def test_an_app_that_sends_on_to_https_for_ever_goes_round_in_circles() -> None:
    away = reply(301, headers="Location: https://BLOG.example.com/\r\n")
    with answering(away, away) as (address, _), pytest.raises(CheckError) as caught:
        ask(address, status=200)
    assert caught.value.reason == "check/redirect-loop"
    assert "SECURE_PROXY_SSL_HEADER" in caught.value.advice


def test_a_redirect_elsewhere_is_an_answer_like_any_other() -> None:
    away = reply(302, headers="Location: https://login.example.com/\r\n")
    with answering(away, away) as (address, got):
        assert ask(address).status == 302
        assert len(got) == 1
        with pytest.raises(CheckError):
            ask(address, status=200)


def test_a_page_that_is_not_there_is_alive_and_told() -> None:
    with answering(reply(404)) as (address, _):
        told = notice(ask(address), Question("/health", "blog.example.com"))
    assert "no page at /health" in told


def test_several_attempts_end_with_the_first_good_answer_or_the_last_bad_one() -> None:
    with answering(reply(503), reply(500), OK) as (address, got):
        assert ask(address, attempts=3, wait_s=0).status == 200
        assert len(got) == 3
    with answering(reply(503), reply(500)) as (address, _), pytest.raises(CheckError, match="500"):
        ask(address, attempts=2, wait_s=0)


def test_one_answer_may_not_take_longer_than_its_limit() -> None:
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(CheckError) as caught:
        ask(listener.getsockname(), timeout_s=1)
    assert caught.value.reason == "check/slow"
    assert 1 <= time.monotonic() - started < 2.5


@pytest.mark.parametrize("status", [500, 502, 503])
def test_500_and_above_is_not(status: int) -> None:
    with (
        answering(reply(status, "Traceback: it broke")) as (address, _),
        pytest.raises(CheckError) as caught,
    ):
        ask(address)
    assert caught.value.reason == "check/status"
    assert str(status) in caught.value.title
    assert "it broke" in caught.value.detail


@pytest.mark.parametrize(("status", "alive"), [(503, True), (200, False), (404, False)])
def test_a_wanted_status_is_the_only_one(status: int, *, alive: bool) -> None:
    with answering(reply(status)) as (address, _):
        if alive:
            assert ask(address, status=503).status == status
            return
        with pytest.raises(CheckError, match="503"):
            ask(address, status=503)


@pytest.mark.parametrize(
    "body",
    ["<title>DisallowedHost at /</title>", "<!doctype html><h1>Bad Request (400)</h1><p></p>"],
)
def test_djangos_refusal_of_a_host_name_is_told_apart(body: str) -> None:
    with answering(reply(400, body)) as (address, _), pytest.raises(CheckError) as caught:
        ask(address)
    assert caught.value.reason == "check/disallowed-host"


def test_a_unix_socket_is_asked_as_well_and_only_once_it_is_there() -> None:
    with short_folder() as folder:
        path = folder / "web.sock"
        answers: list[Answer] = []
        asking = threading.Thread(target=lambda: answers.append(ask(str(path))))
        asking.start()
        time.sleep(0.3)
        with answering(OK, at=path) as (_, got):
            asking.join(5)
    assert answers[0].status == 200
    assert 0.25 < answers[0].seconds < 2
    assert len(got) == 1


def test_nobody_listens_until_the_limit() -> None:
    started = time.monotonic()
    with pytest.raises(CheckError) as caught:
        health.ask(("127.0.0.1", free_port()), Question("/", "a"), limit_s=0.4)
    assert caught.value.reason == "check/never-answered"
    assert 0.4 <= time.monotonic() - started < 2


def test_a_boot_that_hangs_ends_at_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(CheckError) as caught:
        health.ask(listener.getsockname(), Question("/", "a"), limit_s=0.4)
    assert caught.value.reason == "check/never-answered"
    assert "accepted the connection" in caught.value.detail


def test_a_process_that_ended_is_not_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    started = time.monotonic()
    with pytest.raises(CheckError) as caught:
        health.ask(
            ("127.0.0.1", free_port()),
            Question("/", "a"),
            limit_s=30,
            still_running=lambda: process.poll() is None,
        )
    assert caught.value.reason == "check/ended"
    assert time.monotonic() - started < 1


def test_a_page_that_streams_has_answered() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(head)
            held.append(connection)  # stays open, and silent

        thread = threading.Thread(target=serve)
        thread.start()
        started = time.monotonic()
        assert ask(listener.getsockname()).status == 200
        assert time.monotonic() - started < 2.5
        thread.join()
        held[0].close()


def test_what_is_not_http_is_not_an_answer() -> None:
    with answering(b"SSH-2.0-hello\r\n\r\n") as (address, _), pytest.raises(CheckError) as caught:
        health.ask(address, Question("/", "a"), limit_s=0.2)
    assert caught.value.reason == "check/never-answered"


def test_who_listens_where() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("", 0)) as other:
        ports = {listener.getsockname()[1], other.getsockname()[1]}
        assert ports <= set(sockets.listening_ports([os.getpid()]))
        holder = sockets.port_holder(listener.getsockname()[1])
        assert holder is not None
        assert f"process {os.getpid()}" in holder
    assert not ports & set(sockets.listening_ports([os.getpid()]))
    assert sockets.listening_ports([2**22 + 1]) == ()
    assert "5000" in wrong_port(20_000, (5000,)).title
