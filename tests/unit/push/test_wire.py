"""What a client may say before its pack, and what it is told."""

import io
from collections.abc import Callable

import pytest
from dulwich.protocol import pkt_line, pkt_seq

from receiver.machine.git import ABSENT
from receiver.push import wire as push_wire
from receiver.push.wire import ProtocolError, Reply, Request, TooMuchError, Update, read_request

OLD, NEW = "1" * 40, "a" * 40
MAIN = "refs/heads/main"
COMMAND = f"{OLD} {NEW} {MAIN}".encode()


def read(data: bytes) -> Request:
    return read_request(io.BytesIO(data))


def test_one_command_with_capabilities_and_options() -> None:
    request = read(
        pkt_seq(COMMAND + b"\0 report-status push-options atomic quiet agent=git/2.39\n")
        + pkt_seq(b"force\n", b"check")
    )
    assert [vars(each) for each in request.updates] == [vars(Update(OLD, NEW, MAIN))]
    assert request.options == ("force", "check")
    assert request.atomic
    assert request.quiet


def test_not_a_byte_of_the_pack_is_read() -> None:
    stream = io.BytesIO(pkt_seq(COMMAND + b"\0report-status") + b"PACK")
    read_request(stream)
    assert stream.read() == b"PACK"


def test_options_come_alone_when_nothing_is_new() -> None:
    assert read(pkt_line(None) + pkt_seq(b"force")) == Request([], options=("force",))


@pytest.mark.parametrize("data", [b"", b"0000"])
def test_client_that_wants_nothing(data: bytes) -> None:
    assert read(data) == Request([])


def test_shallow_lines_are_noticed() -> None:
    request = read(pkt_seq(f"shallow {OLD}".encode(), COMMAND + b"\0report-status"))
    assert request.shallow
    assert len(request.updates) == 1


def test_names_that_are_not_utf8_come_back_as_they_came() -> None:
    update = read(pkt_seq(COMMAND + b"\xff\0report-status side-band-64k")).updates[0]
    assert update.line().encode("utf-8", "surrogateescape") == COMMAND + b"\xff\n"


@pytest.mark.parametrize(
    "data",
    [
        pkt_seq(b"garbage"),
        pkt_seq(f"{OLD} {NEW} ".encode()),
        pkt_seq(f"{OLD} {NEW[:-1]}g {MAIN}".encode()),
        pkt_seq(b""),
        b"zzzz",
        b"-001",
        b"00ff" + COMMAND,
        pkt_seq(*[COMMAND] * (push_wire.MOST_COMMANDS + 1)),
        pkt_line(None) + pkt_seq(*[b"force"] * (push_wire.MOST_OPTIONS + 1)),
        pkt_line(None) + pkt_seq(b"fo\0rce"),
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        read(data)
    assert refused.value.reason == "git/protocol"


def test_empty_repository_is_advertised_by_capabilities_alone() -> None:
    said = bytearray()
    push_wire.advertise(said.extend, [])
    assert bytes(said[4:]).startswith(f"{ABSENT} capabilities^{{}}\0".encode())
    assert said.endswith(b"\n0000")


class TestReply:
    def answer(self, capabilities: bytes, tell: Callable[[Reply], None]) -> tuple[bytes, bytes]:
        said, aside = bytearray(), bytearray()
        request = Request([], capabilities=frozenset(capabilities.split()))
        tell(Reply(said.extend, request, aside.extend))
        return bytes(said), bytes(aside)

    def test_report_names_every_ref(self) -> None:
        updates = [Update(OLD, NEW, MAIN), Update(OLD, NEW, "refs/x", refusal="build failed")]
        said, _ = self.answer(b"report-status", lambda reply: reply.report("ok", updates))
        assert said == pkt_seq(b"unpack ok\n", f"ok {MAIN}\n".encode(), b"ng refs/x build failed\n")

    def test_side_band_carries_log_report_and_signs_of_life(self) -> None:
        def tell(reply: Reply) -> None:
            reply.progress(b"log")
            reply.keep_alive()
            reply.report("ok", [])

        said, aside = self.answer(b"report-status side-band-64k", tell)
        report = pkt_seq(b"unpack ok\n")
        assert said == b"0008\2log" + b"0005\1" + pkt_line(b"\1" + report) + b"0000"
        assert not aside

    def test_long_output_is_cut_into_packets(self) -> None:
        said, _ = self.answer(b"side-band-64k", lambda reply: reply.progress(b"x" * 70_000))
        assert said.startswith(b"fff0\2")
        assert said.count(b"x") == 70_000

    def test_client_without_side_band_gets_the_log_aside_and_no_report_it_did_not_ask_for(
        self,
    ) -> None:
        def tell(reply: Reply) -> None:
            reply.progress(b"log")
            reply.keep_alive()
            reply.report("ok", [])

        assert self.answer(b"", tell) == (b"", b"log")

    def test_client_that_has_gone_is_written_to_no_more(self) -> None:
        calls: list[bytes] = []

        def write(data: bytes) -> None:
            calls.append(data)
            raise BrokenPipeError

        reply = Reply(write, Request([], capabilities=frozenset({b"side-band-64k"})), write)
        reply.progress(b"one")
        reply.progress(b"two")
        reply.keep_alive()
        assert reply.client_gone
        assert len(calls) == 1


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"".join(pkt_line(COMMAND) for _ in range(10_001)),
        lambda: b"".join(pkt_line(COMMAND + b"x" * 60_000) for _ in range(71)),
        lambda: pkt_line(None) + b"".join(pkt_line(b"force") for _ in range(101)),
        lambda: pkt_line(None) + pkt_line(b"a" * 9000) * 2,
    ],
)
def test_more_than_a_push_has_to_say_is_read_no_further(data: Callable[[], bytes]) -> None:
    stream = io.BytesIO(data() + b"rest" * 100_000)
    with pytest.raises(TooMuchError):
        read_request(stream)
    assert len(stream.read()) >= 400_000
