"""The log of an app as one stream, on an embedded server: as it is typed, followed, and read on
by a program."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from receiver.apps import lifecycle as apps
from receiver.logs import stream as log_stream
from receiver.logs.stream import Stream, Wanted
from receiver.model.log_line import LogLine
from receiver.model.names import AppName
from receiver.state import records
from tests.checkout import Checkout
from tests.counting import counting
from tests.embedded.embedded_server import EmbeddedServer, wait_until
from tests.embedded.keyboard import SHIP
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded

WORKER = Wanted(process="worker.1", sources=frozenset({"app"}))


class Counting:
    """An app that counts, and what is typed about it."""

    def __init__(self, server: EmbeddedServer, name: str) -> None:
        self.server = server
        self.app: AppName = server.create(name)
        self.checkout: Checkout = server.checkout(name)

    def push(self, text: str, *, width: int = 10, pause_s: float = 0.01) -> None:
        self.checkout.commit({**wsgi(text), **counting(text, width=width, pause_s=pause_s)})
        pushed = self.checkout.push()
        assert pushed.status == 0, pushed.text

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "SHIP_ROOT": str(self.server.root)}
        return subprocess.Popen(
            (SHIP, "logs", "-a", self.app, *words),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def type(self, *words: str) -> tuple[int, list[str], str]:
        """What `ship logs` ends with, prints and tells."""
        running = self.start(*words)
        out, err = running.communicate(timeout=60)
        return running.returncode, out.decode().splitlines(), err.decode()

    def recent(self, wanted: Wanted, lines: int = 100_000) -> list[LogLine]:
        return log_stream.recent(self.server.server, self.app, wanted, lines)


@pytest.fixture(scope="module")
def counted(server: EmbeddedServer) -> Iterator[Counting]:
    """An app with two releases."""
    made = Counting(server, "counted")
    made.push("first", pause_s=0.2)
    server.ask(made.app)
    made.push("second", pause_s=0.2)
    server.ask(made.app)
    yield made
    apps.destroy(server.server, made.app)


@contextmanager
def followed(stream: Stream) -> Iterator[list[LogLine]]:
    """What a stream tells from now on."""
    lines: list[LogLine] = []
    threading.Thread(target=lambda: lines.extend(stream.follow()), daemon=True).start()
    yield lines


def numbers(lines: list[LogLine]) -> list[int]:
    return [int(line.text.split()[0]) for line in lines if line.text[:1].isdigit()]


def test_everybody_who_wrote_is_in_one_stream_in_order(counted: Counting) -> None:
    status, lines, told = counted.type("-n", "1000")
    assert (status, told) == (0, "")
    assert [line[:24] for line in lines] == sorted(line[:24] for line in lines)
    names = [line[25:].partition(": ")[0] for line in lines]
    assert {"app[web]", "app[worker.1]", "router[nginx]", "ship"} <= set(names)
    assert {"build[v1]", "build[v2]", "release[v1]", "release[v2]"} <= set(names)
    found = [
        next(number for number, line in enumerate(lines) if words in line)
        for words in (
            "ship: Deploy ",
            "build[v1]: -----> Receiving",
            "release[v1]:        all migrated",
            "app[worker.1]: ship: Starting v1.",
            "app[worker.1]: 1 first",
            "ship: v1 is live (by laptop)",
            "build[v2]: -----> Receiving",
            "ship: v2 is live (by laptop)",
        )
    ]
    assert found == sorted(found)
    assert sum("GET / 200" in line for line in lines) >= 2


def test_lines_of_a_release_are_those_that_it_wrote(counted: Counting) -> None:
    first, second = (counted.recent(Wanted(release=version)) for version in (1, 2))
    for text, lines in (b"first", first), (b"second", second):
        worker = [line.text.split()[1] for line in lines if line.text[:1].isdigit()]
        assert {word.rstrip(b".") for word in worker} == {text}
        assert {line.source for line in lines} >= {"app", "build", "release", "router", "ship"}
    assert b"ship: Starting v1." in [line.text for line in first]
    _, typed, _ = counted.type("--release", "v1", "-n", "100000")
    assert len(typed) == len(first)


@pytest.mark.parametrize(
    ("words", "only"),
    [
        (("-s", "release"), "release["),
        (("-s", "ship,router", "-s", "release"), ("ship:", "router[", "release[")),
        (("-p", "worker"), "app[worker."),
        (("-d", "web"), "app[web]"),
        (("--grep", "^[0-9]+ FIRST", "-i"), "app[worker.1]"),
        (("--since", "1h", "-s", "build"), "build["),
    ],
)
def test_what_is_asked_for_is_what_comes(
    counted: Counting, words: tuple[str, ...], only: str | tuple[str, ...]
) -> None:
    status, lines, told = counted.type(*words)
    assert (status, told) == (0, "")
    assert lines
    assert all(line[25:].startswith(only) for line in lines)


def test_the_last_lines_come_and_the_text_alone_if_wanted(counted: Counting) -> None:
    _, lines, _ = counted.type("-n", "2", "-q", "-s", "release", "--release", "1")
    assert lines == ["-----> Running the release phase", "       all migrated"]


def test_a_program_reads_an_object_a_line(counted: Counting) -> None:
    _, lines, _ = counted.type("--json", "-n", "1", "-s", "ship", "--grep", "is live")
    assert json.loads(lines[0]) | {"time": ""} == {
        "time": "",
        "source": "ship",
        "process": None,
        "release": "v2",
        "text": "v2 is live (by laptop)",
    }


def test_names_have_colours_on_a_terminal_alone(counted: Counting) -> None:
    _, lines, _ = counted.type("-n", "1", "-s", "ship", "--color")
    assert lines[0].startswith("\x1b[36m")
    assert lines[0].endswith("\x1b[0m")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-s", "web"), "usage/unknown-source"),
        (("--grep", "("), "usage/bad-pattern"),
        (("--since", "soon"), "usage/bad-time"),
        (("-t", "--until", "1h"), "usage/until-with-tail"),
        (("--release", "latest"), "usage/bad-release"),
        (("--release", "v99"), "not-found/release"),
        (("-p", "clock"), "not-found/process"),
        (("-p", "web.1"), "not-found/process"),
        (("-p", "run.99"), "not-found/run"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    counted: Counting, words: tuple[str, ...], reason: str
) -> None:
    status, lines, told = counted.type(*words)
    assert (status != 0, lines) == (True, [])
    assert f"({reason})" in told


def test_no_line_is_told_with_what_was_looked_for(
    server: EmbeddedServer, counted: Counting
) -> None:
    _, lines, told = counted.type("--grep", "no such words", "-s", "app")
    assert lines == []
    words = "source app, found by 'no such words'"
    assert told == f"There is no such line in the log of counted: {words}.\n"
    assert "one log: `ship logs -p web`." in counted.type("-p", "web.1")[2]
    empty = Counting(server, "silent")
    assert empty.type() == (
        0,
        [],
        (
            "silent has no release yet, so nothing has written a line. Push some code: git push "
            "prod main\n"
        ),
    )
    apps.destroy(server.server, empty.app)


def test_following_loses_nothing_over_deploys_and_rotation(server: EmbeddedServer) -> None:
    made = Counting(server, "endless")
    made.push("one")
    stream = Stream(server.server, made.app, WORKER)
    before = numbers(stream.before(100_000))
    everything = Stream(server.server, made.app)
    with followed(stream) as lines, followed(everything) as seen:
        made.push("two", width=4000, pause_s=0.0005)
        rotated = server.paths(made.app).logs / "ps.worker.1.log.1"
        wait_until(rotated.exists, limit_s=60)
        made.push("three")
        wait_until(lambda: any(b"three" in line.text for line in lines))
        wait_until(lambda: any(line.text == b"v3 is live (by laptop)" for line in seen))
        apps.destroy(server.server, made.app)
    found = before + numbers(lines)
    assert found == list(range(1, len(found) + 1))
    assert {line.name for line in seen} >= {"build[v2]", "release[v2]", "app[web]", "ship"}


def test_a_program_that_comes_back_goes_on_where_it_was(server: EmbeddedServer) -> None:
    made = Counting(server, "resumed")
    made.push("one", pause_s=0.002)
    found, cursor = list[LogLine](), Stream(server.server, made.app, WORKER).cursor
    first = numbers(Stream(server.server, made.app, WORKER, cursor).before(100_000))
    for turn in range(5):
        if turn == 2:
            made.push("two", width=6000, pause_s=0.0005)
            rotated = server.paths(made.app).logs / "ps.worker.1.log.1"
            wait_until(rotated.exists, limit_s=60)
        stream = Stream(server.server, made.app, WORKER, cursor)
        for number, line in enumerate(stream.follow()):
            found.append(line)
            if number == 100:
                break
        cursor = stream.cursor
    apps.destroy(server.server, made.app)
    counted = numbers(found)
    assert counted == list(range(first[-1] + 1, first[-1] + 1 + len(counted)))


def test_following_ends_with_its_reader_and_by_ctrl_c(counted: Counting) -> None:
    with counted.start("-t") as running:
        assert running.stdout is not None
        assert running.stdout.readline()
        running.stdout.close()
        # it wrote to nobody, or saw before that nobody is there
        assert running.wait(20) in {1, 130}
    with counted.start("-t", "-n", "1") as interrupted:
        assert interrupted.stdout is not None
        assert interrupted.stdout.readline()
        interrupted.send_signal(signal.SIGINT)
        assert interrupted.wait(20) == 130


def test_what_was_done_besides_pushes_is_told_with_who_did_it(counted: Counting) -> None:
    environment = {**os.environ, "SHIP_ROOT": str(counted.server.root)}
    for words in ("ps:scale worker=2", "ps:scale worker=1", "ps:scale clock=1"):
        typed = (str(SHIP), *words.split(), "-a", str(counted.app))
        subprocess.run(typed, env=environment, check=False, capture_output=True)
    _, lines, _ = counted.type("-s", "ship", "--grep", "^ps:", "-q")
    told = [line.partition(" (by ")[0] for line in lines]
    assert told == [
        "ps:scale worker=2",
        "ps:scale worker=1",
        "ps:scale clock=1",
        "ps:scale failed: not-found/process",
    ]


def test_a_failed_build_is_told_by_its_number(server: EmbeddedServer) -> None:
    made = Counting(server, "failing")
    made.checkout.commit({**wsgi("one"), "requirements.txt": "no-such-package-at-all==1\n"})
    assert made.checkout.push().status != 0
    lines = made.recent(Wanted(sources=frozenset({"build", "ship"})))
    assert {line.name for line in lines} == {"build[1]", "ship"}
    last = lines[-1].text.decode()
    assert last.endswith("(by laptop; ship builds:output 1)")
    assert "failed: build/" in last
    assert records.read_live(server.paths(made.app)) is None
    apps.destroy(server.server, made.app)
