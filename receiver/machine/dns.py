"""Questions to the DNS for kinds of records that the C library cannot ask for, by RFC 1035.

Asked are the servers that the machine itself asks, those of resolv.conf.
"""

import ipaddress
import secrets
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

TXT, CAA = 16, 257
_PORT = 53
_LIMIT_S = 3.0
_CONFIGURED = Path("/etc/resolv.conf")
_INTERNET = 1
_RECURSION, _TRUNCATED = 0x0100, 0x0200
_NO_ERROR, _NO_SUCH_NAME = 0, 3
_POINTER = 0xC0
_HEAD = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")


class Place(NamedTuple):
    """Where a server of the DNS is asked."""

    address: str
    port: int = _PORT


def records(name: str, kind: int, servers: Sequence[Place] = ()) -> tuple[bytes, ...]:
    """The data of a name's records of one kind, an alias followed; none where it has none.

    Args:
        name: a host name, in its form for the DNS
        kind: the number of the kind
        servers: whom to ask, one after the other, until one answers; else the machine's own

    Raises:
        OSError: none of them answered
    """
    question = _question(name, kind)
    failed = OSError(f"no server of the DNS is named in {_CONFIGURED}")
    for server in servers or _configured():
        try:
            answer = _exchange(server, question)
            return tuple(_data(answer, kind))
        except (struct.error, IndexError):
            failed = OSError(f"the answer of {server.address} cannot be read")
        except OSError as error:
            failed = error
    raise failed


def _configured() -> tuple[Place, ...]:
    lines = [line.split() for line in _CONFIGURED.read_text(errors="replace").splitlines()]
    return tuple(Place(line[1]) for line in lines if line[:1] == ["nameserver"] and len(line) > 1)


def _question(name: str, kind: int) -> bytes:
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    head = _HEAD.pack(secrets.randbits(16), _RECURSION, 1, 0, 0, 0)
    encoded = b"".join(bytes([len(label)]) + label for label in labels)
    return head + encoded + b"\0" + struct.pack("!HH", kind, _INTERNET)


def _exchange(server: Place, question: bytes) -> bytes:
    answer = _by_udp(server, question)
    flags = _HEAD.unpack_from(answer)[1]
    if flags & _TRUNCATED:
        answer = _by_tcp(server, question)
        flags = _HEAD.unpack_from(answer)[1]
    if (code := flags & 0xF) not in {_NO_ERROR, _NO_SUCH_NAME}:
        raise OSError(f"{server.address} answered with error {code} of the DNS")
    return answer


def _by_udp(server: Place, question: bytes) -> bytes:
    is_6 = ipaddress.ip_address(server.address.partition("%")[0]).version == 6  # noqa: PLR2004
    ends_at = time.monotonic() + _LIMIT_S
    with socket.socket(socket.AF_INET6 if is_6 else socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(server)  # answers of others do not arrive
        asked.send(question)
        while (left := ends_at - time.monotonic()) > 0:
            asked.settimeout(left)
            answer = asked.recv(65_535)
            if answer[:2] == question[:2]:
                return answer
    raise TimeoutError(f"{server.address} did not answer in time")


def _by_tcp(server: Place, question: bytes) -> bytes:
    with socket.create_connection(server, timeout=_LIMIT_S) as asked, asked.makefile("rb") as heard:
        asked.sendall(struct.pack("!H", len(question)) + question)
        (size,) = struct.unpack("!H", heard.read(2))
        return heard.read(size)


def _data(answer: bytes, kind: int) -> Iterator[bytes]:
    """The data of an answer's records of a kind: those of the name itself, or of its alias."""
    _, _, questions, answers, _, _ = _HEAD.unpack_from(answer)
    place = _HEAD.size
    for _ in range(questions):
        place = _after_name(answer, place) + 4
    for _ in range(answers):
        place = _after_name(answer, place)
        found, _, _, size = _RECORD.unpack_from(answer, place)
        place += _RECORD.size
        if place + size > len(answer):
            raise IndexError(place)
        if found == kind:
            yield answer[place : place + size]
        place += size


def _after_name(answer: bytes, place: int) -> int:
    while size := answer[place]:
        if size & _POINTER == _POINTER:
            return place + 2
        place += 1 + size
    return place + 1
