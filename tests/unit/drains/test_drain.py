"""Addresses of drains, what is sent to them, and what happens while nobody takes it."""

import json
import threading
from collections.abc import Callable, Sequence

import pytest

from receiver.drains import frames as drain_frames
from receiver.drains.buffer import Buffer
from receiver.drains.pump import Pump
from receiver.drains.senders import SendError
from receiver.model.drain import DrainState, Target, parse_target, shown
from receiver.model.errors import UsageError
from receiver.model.log_line import LogLine

HOST = "blog.example.com"
LINE = LogLine(1_767_225_600_123_456, "app", "worker.1", "Grüße\t!".encode())
HEAD = "<190>1 2026-01-01T00:00:00.123456Z blog.example.com app worker.1 -"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("syslog://logs.example.com", Target("udp", "logs.example.com", 514)),
        ("syslog+tcp://logs.example.com:1514/", Target("tcp", "logs.example.com", 1514)),
        ("syslog+tls://LOGS.example.com", Target("tls", "logs.example.com", 6514)),
        ("syslog+tls://[2001:db8::1]:99", Target("tls", "2001:db8::1", 99)),
        ("https://logs.example.com", Target("https", "logs.example.com", 443)),
        ("http://a:b@logs.example.com:8080/in/x?token=1&y=2",
         Target("http", "logs.example.com", 8080, "/in/x?token=1&y=2", "a", "b")),
    ],
)  # fmt: skip
def test_addresses(url: str, target: Target) -> None:
    assert parse_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "logs.example.com",
        "ftp://logs.example.com",
        "https://",
        "syslog+tls://host:port",
        "https://host:99999",
        "syslog://host/path",
        "syslog+tls://user@host",
        "https://ho st/",
        "https://host/\r\nX: y",
        "syslog+tcp:host",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(url)
    assert caught.value.reason == "usage/bad-drain"
    assert "path" not in caught.value.detail


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("syslog+tls://logs.example.com:6514", "syslog+tls://logs.example.com:6514"),
        ("https://user:password@host/in", "https://***@host/in"),
        ("https://token@host/in", "https://***@host/in"),
        ("https://host/in?token=abc&host=x", "https://host/in?token=***&host=***"),
        ("https://host/v1/input/abcdef0123456789abcdef/x", "https://host/v1/input/***/x"),
        ("https://host/heroku/logs", "https://host/heroku/logs"),
    ],
)
def test_what_may_be_secret_is_not_shown(url: str, seen: str) -> None:
    assert shown(url) == seen


def test_a_message_of_syslog() -> None:
    assert drain_frames.syslog(LINE, HOST) == f"{HEAD} - Grüße\t!".encode()
    assert drain_frames.counted(b"abc") == b"3 abc"
    ship = LogLine(0, "ship", "", b"deployed")
    assert drain_frames.syslog(ship, HOST).endswith(b" ship - - - deployed")


def test_a_datagram_is_not_too_long() -> None:
    assert len(drain_frames.datagram(LogLine(0, "app", "web", b"x" * 100_000), HOST)) == 8192


def test_a_batch_as_heroku_sends_it() -> None:
    message = f"{HEAD} Grüße\t!\n".encode()
    assert drain_frames.logplex([LINE, LINE], HOST) == b"%d %s" % (len(message), message) * 2


def test_a_batch_of_json() -> None:
    first, second = drain_frames.json_lines(
        [LINE, LogLine(0, "app", "web", b"\xff\n")], "blog"
    ).splitlines()
    assert json.loads(first) == {
        "time": "2026-01-01T00:00:00.123456Z",
        "app": "blog",
        "source": "app",
        "process": "worker.1",
        "message": "Grüße\t!",
    }
    assert json.loads(second)["message"] == "\ufffd\n"


class Receiver:
    """Takes lines or not, as it is told."""

    def __init__(self, answers: Sequence[SendError | None] = ()) -> None:
        self.taken: list[str] = []
        self.batches = 0
        self._answers = list(answers)

    def send(self, lines: Sequence[LogLine]) -> None:
        answer = self._answers.pop(0) if self._answers else None
        if answer is not None:
            raise answer
        self.batches += 1
        self.taken += [line.text.decode() for line in lines]

    def close(self) -> None:
        """Nothing is open."""


class NoTime:
    """A clock for which no time passes."""

    def now(self) -> float:
        return 0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)

    def stamp(self) -> str:
        return "2026-01-01T00:00:00Z"


def filled(lines: int, most_lines: int = 1000, most_bytes: int = 1_000_000) -> Buffer:
    buffer = Buffer(most_lines, most_bytes)
    for number in range(lines):
        buffer.put(LogLine(number, "app", "web", b"line %d" % number), f"cursor {number}")
    return buffer


def pumped(buffer: Buffer, receiver: Receiver, before: Callable[[], object] = int) -> DrainState:
    """How it stands once all is sent, or no more can be."""
    noted: list[DrainState] = []
    pump = Pump(buffer, receiver, DrainState(), noted.append, clock=NoTime())
    before()
    buffer.close()
    pump.run()
    return noted[-1]


def test_lines_are_sent_together_and_in_order() -> None:
    receiver = Receiver()
    state = pumped(filled(700), receiver)
    assert receiver.taken == [f"line {number}" for number in range(700)]
    assert receiver.batches == 2
    assert state == DrainState(cursor="cursor 699", sent=700)


@pytest.mark.parametrize(("most_lines", "most_bytes"), [(10, 1_000_000), (1000, 5070)])
def test_the_oldest_lines_go_and_it_is_told_where_they_were(
    most_lines: int, most_bytes: int
) -> None:
    receiver = Receiver()
    state = pumped(filled(25, most_lines, most_bytes), receiver)
    assert receiver.taken[0] == (
        "15 lines were dropped here: the receiver of this drain did not take them."
    )
    assert receiver.taken[1:] == [f"line {number}" for number in range(15, 25)]
    assert (state.sent, state.dropped) == (10, 15)


def test_what_is_refused_for_good_does_not_stand_in_the_way() -> None:
    receiver = Receiver([SendError("It answered 400 Bad Request.", for_good=True)])
    state = pumped(filled(700), receiver)
    assert receiver.taken == [f"line {number}" for number in range(500, 700)]
    assert (state.sent, state.dropped, state.error) == (200, 500, "")


def test_what_is_not_sent_at_the_end_is_read_again_at_the_next_start() -> None:
    receiver = Receiver([None, SendError("Connection refused.")])
    state = pumped(filled(700), receiver)
    assert len(receiver.taken) == 500
    assert state == DrainState(
        cursor="cursor 499", sent=500, error="Connection refused.", since="2026-01-01T00:00:00Z"
    )


def test_a_receiver_that_is_away_is_tried_again() -> None:
    buffer, noted = filled(3), list[DrainState]()
    receiver = Receiver([SendError("Connection refused.")])
    done = threading.Event()

    def note(state: DrainState) -> None:
        noted.append(state)
        if state.sent:
            done.set()

    thread = threading.Thread(target=Pump(buffer, receiver, DrainState(), note).run)
    thread.start()
    assert done.wait(10)
    buffer.close()
    thread.join()
    assert receiver.taken == ["line 0", "line 1", "line 2"]
    assert noted[0].error == "Connection refused."
    assert (noted[-1].error, noted[-1].since) == ("", "")
