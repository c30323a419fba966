"""The push protocol in dulwich's words: what is advertised, asked and answered.

It moves nothing.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple
from typing import Protocol as Shape

from dulwich.errors import GitProtocolError, HangupException
from dulwich.protocol import (
    CAPABILITIES_REF,
    CAPABILITY_ATOMIC,
    CAPABILITY_DELETE_REFS,
    CAPABILITY_OFS_DELTA,
    CAPABILITY_PUSH_OPTIONS,
    CAPABILITY_QUIET,
    CAPABILITY_REPORT_STATUS,
    CAPABILITY_SIDE_BAND_64K,
    SIDE_BAND_CHANNEL_DATA,
    SIDE_BAND_CHANNEL_PROGRESS,
    Protocol,
    capability_agent,
    capability_object_format,
    format_ref_line,
    pkt_line,
    pkt_seq,
)

from receiver.machine.git import ABSENT
from receiver.model.errors import ShipError
from receiver.model.patterns import regex

MOST_COMMANDS = 10_000
MOST_COMMAND_BYTES = 4 << 20
MOST_OPTIONS = 100
MOST_OPTION_BYTES = 16 << 10
"""All of them together: each becomes a variable of the hooks."""

REPORT_STATUS_V2 = b"report-status-v2"
_CAPABILITIES = (
    CAPABILITY_REPORT_STATUS,
    REPORT_STATUS_V2,
    CAPABILITY_DELETE_REFS,
    CAPABILITY_SIDE_BAND_64K,
    CAPABILITY_QUIET,
    CAPABILITY_ATOMIC,
    CAPABILITY_OFS_DELTA,
    CAPABILITY_PUSH_OPTIONS,
    capability_object_format("sha1"),
    capability_agent(),
)
_OBJECT_ID = regex(rb"[0-9a-fA-F]{40}")
_DAMAGE = regex(
    rb"unable to (?:read|open|unpack)|[Cc]ould not read|bad (?:object|tree|ref)|unresolved delta"
    rb"|did not receive expected object"
    rb"|missing (?:blob|tree|commit|object)|corrupt|inflate|not a git repository|not a valid object"
    rb"|No such ref: HEAD"
)
"""What git says where objects or refs are damaged, among other things that it says of them."""
_KEEP_ALIVE = pkt_line(bytes([SIDE_BAND_CHANNEL_DATA]))

Write = Callable[[bytes], object]


class Readable(Shape):
    """A stream of bytes: a file, a pipe, the body of an HTTP request."""

    def read(self, size: int, /) -> bytes:
        """Return at most that many bytes, none at the end."""


class ProtocolError(ShipError):
    """What came is not a push."""

    default_reason = "git/protocol"

    def __init__(self, detail: str) -> None:
        super().__init__(
            "The other side does not speak git's push protocol.",
            detail=detail,
            advice="Push again, with a current git.",
        )


class TooMuchError(ProtocolError):
    """A client says more than a push has to say."""

    def __init__(self, what: str, most: int, most_bytes: int) -> None:
        super().__init__(
            f"There are more than {most:,}, or they have more than {most_bytes:,} bytes together."
        )
        self.title = f"The push has too many {what}."
        self.advice = (
            "Push the one branch that is deployed, without --all, --mirror or --tags; known push "
            "options are force, check and plan."
        )


class Update:
    """One ref that the client asks to move; `refusal` is empty as long as nothing speaks against
    it.
    """

    def __init__(self, old: str, new: str, ref: str, refusal: str = "") -> None:
        self.old = old
        self.new = new
        self.ref = ref
        self.refusal = refusal
        self.instead = ""
        """The ref that the client is told of instead, when this one was taken and did not move."""

    @property
    def deletes(self) -> bool:
        """Whether the ref is to go."""
        return self.new == ABSENT

    def line(self) -> str:
        """What hooks read on standard input."""
        return f"{self.old} {self.new} {self.ref}\n"


class Request(NamedTuple):
    """All that a client says before its pack."""

    updates: list[Update]
    capabilities: frozenset[bytes] = frozenset()
    options: tuple[str, ...] = ()
    shallow: bool = False

    def has(self, capability: bytes) -> bool:
        """Whether the client chose this capability."""
        return capability in self.capabilities

    @property
    def atomic(self) -> bool:
        """All refs move, or none."""
        return self.has(CAPABILITY_ATOMIC)

    @property
    def tells_another_ref(self) -> bool:
        """Whether the client understands that another ref than the one it named was updated."""
        return self.has(REPORT_STATUS_V2)

    @property
    def quiet(self) -> bool:
        """No progress, please."""
        return self.has(CAPABILITY_QUIET)


def advertise(write: Write, refs: Iterable[tuple[str, str]]) -> None:
    """Say which refs there are, and what we can do."""
    lines = [(_encode(name), object_id.encode()) for name, object_id in refs]
    first, *others = lines or [(CAPABILITIES_REF, ABSENT.encode())]
    packets = [format_ref_line(*first, _CAPABILITIES), *(format_ref_line(*one) for one in others)]
    write(pkt_seq(*packets))


def read_request(source: Readable) -> Request:
    """Read up to the first byte of the pack, and not one further."""
    proto = Protocol(lambda size: _read_exactly(source, size), lambda _: None)
    try:
        return _read_request(proto)
    except HangupException:
        return Request([])
    except GitProtocolError as error:
        raise ProtocolError(str(error)) from error


def _read_request(proto: Protocol) -> Request:
    updates: list[Update] = []
    capabilities: frozenset[bytes] = frozenset()
    shallow = False
    for packet in _section(proto, "refs", MOST_COMMANDS, MOST_COMMAND_BYTES):
        line, _, chosen = packet.rstrip(b"\n").partition(b"\0")
        if line.startswith(b"shallow "):
            shallow = True
            continue
        capabilities |= frozenset(chosen.split())
        updates.append(_parse_update(line))
    # Without a command the client chose no capabilities, yet `git push -o x` with nothing new sends
    # its options.
    has_options = not updates or CAPABILITY_PUSH_OPTIONS in capabilities
    options = tuple(_read_options(proto)) if has_options else ()
    return Request(updates, capabilities, options, shallow)


def _section(proto: Protocol, what: str, most: int, most_bytes: int) -> Iterable[bytes]:
    left = most_bytes
    for _ in range(most + 1):
        packet = proto.read_pkt_line()
        if packet is None:
            return
        left -= len(packet)
        if left < 0:
            break
        yield packet
    raise TooMuchError(what, most, most_bytes)


def _parse_update(line: bytes) -> Update:
    old, _, rest = line.partition(b" ")
    new, _, ref = rest.partition(b" ")
    if not (_OBJECT_ID.fullmatch(old) and _OBJECT_ID.fullmatch(new) and ref):
        raise ProtocolError(f"Expected old id, new id and ref; got {line[:200]!r}.")
    return Update(old.decode().lower(), new.decode().lower(), _decode(ref))


def _read_options(proto: Protocol) -> Iterable[str]:
    try:
        for packet in _section(proto, "push options", MOST_OPTIONS, MOST_OPTION_BYTES):
            option = packet.rstrip(b"\n")
            if b"\0" in option:
                raise ProtocolError("A push option holds a NUL byte.")
            yield _decode(option)
    except HangupException:  # a client that had nothing to send has closed by now
        return


class Reply:
    """What the client is told while it waits. A client that has gone is noticed, and no error."""

    def __init__(self, write: Write, request: Request, aside: Write) -> None:
        """Take `aside` for what a client without side-band can be told otherwise."""
        self._write = write
        self._aside = aside
        self._proto = Protocol(lambda _: b"", self._send)
        self._side_band = request.has(CAPABILITY_SIDE_BAND_64K)
        self._wants_report = request.tells_another_ref or request.has(CAPABILITY_REPORT_STATUS)
        self.client_gone = False
        self.tells_of_damage = False
        """Whether something was shown that git says of a damaged repository, among others."""

    def progress(self, text: bytes) -> None:
        """Show text to the person who pushes, now."""
        self.tells_of_damage = self.tells_of_damage or _DAMAGE.search(text) is not None
        if self._side_band:
            self._proto.write_sideband(SIDE_BAND_CHANNEL_PROGRESS, text)
        else:
            self._send(text, self._aside)

    def keep_alive(self) -> None:
        """Send an empty packet, as git does, so that nothing on the way takes a long build for a
        dead line.
        """
        if self._side_band:
            self._send(_KEEP_ALIVE)

    def report(self, unpacked: str, updates: Iterable[Update]) -> None:
        """Tell how it ended, ref by ref."""
        if self._wants_report:
            lines = [_encode(f"unpack {unpacked}\n")]
            lines += [line for update in updates for line in _report_lines(update)]
            if self._side_band:
                self._proto.write_sideband(SIDE_BAND_CHANNEL_DATA, pkt_seq(*lines))
            else:
                self._send(pkt_seq(*lines))
        if self._side_band:
            self._proto.write_pkt_line(None)

    def _send(self, data: bytes, write: Write | None = None) -> None:
        if self.client_gone:
            return
        try:
            (write or self._write)(data)
        except OSError:
            self.client_gone = True


def _report_lines(update: Update) -> list[bytes]:
    if update.refusal:
        return [_encode(f"ng {update.ref} {update.refusal}\n")]
    taken = [_encode(f"ok {update.ref}\n")]
    if update.instead:
        named = [f"option refname {update.instead}\n", f"option old-oid {ABSENT}\n"]
        taken += [_encode(line) for line in named]
    return taken


def _read_exactly(source: Readable, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := source.read(size - len(data))):
        data += more
    return data


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
