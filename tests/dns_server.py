"""A small server of the DNS for tests: it answers, by UDP and TCP, with what a JSON file holds.

The file is read at each question: `{"a.example": {"A": ["192.0.2.1"], "TXT": ["word"]}}`. Started
as a program, it needs nothing of this project: `python3 dns_server.py PORT FILE`.
"""

import json
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KINDS = {1: "A", 16: "TXT", 28: "AAAA", 257: "CAA"}
LARGEST_UDP_BYTES = 512


def answer(question: bytes, file: Path, *, udp: bool) -> bytes:
    """What is sent back for a question; by UDP, one that is too long is cut, and says so."""
    names = json.loads(file.read_text())
    labels, place = [], 12
    while size := question[place]:
        labels.append(question[place + 1 : place + 1 + size].decode().lower())
        place += 1 + size
    (kind,) = struct.unpack_from("!H", question, place + 1)
    known = names.get(".".join(labels))
    code = 3 if known is None else 2 if known == "broken" else 0
    values = known.get(KINDS.get(kind), ()) if isinstance(known, dict) else ()
    data = [_data(KINDS[kind], value) for value in values]
    asked = question[12 : place + 5]
    # each record's name is a pointer to that of the question
    records = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 1, len(each)) + each for each in data)
    cut = udp and len(asked) + len(records) + 12 > LARGEST_UDP_BYTES
    flags = 0x8180 | (0x0200 if cut else 0) | code
    head = struct.pack("!HHHHH", flags, 1, 0 if cut else len(data), 0, 0)
    return question[:2] + head + asked + (b"" if cut else records)


def _data(kind: str, value: Any) -> bytes:
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "TXT":
        return bytes([len(value)]) + str(value).encode()
    flags, tag, text = value
    return bytes([flags, len(tag)]) + str(tag).encode() + str(text).encode()


def _servers(port: int, file: Path) -> tuple[socketserver.BaseServer, socketserver.BaseServer]:
    class ByUdp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            question, asked = self.request
            asked.sendto(answer(question, file, udp=True), self.client_address)

    class ByTcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (size,) = struct.unpack("!H", self.rfile.read(2))
            found = answer(self.rfile.read(size), file, udp=False)
            self.wfile.write(struct.pack("!H", len(found)) + found)

    socketserver.TCPServer.allow_reuse_address = True
    return (
        socketserver.UDPServer(("127.0.0.1", port), ByUdp),
        socketserver.TCPServer(("127.0.0.1", port), ByTcp),
    )


@contextmanager
def dns_server(port: int, file: Path) -> Iterator[None]:
    """It, in threads of this process."""
    found = _servers(port, file)
    threads = [threading.Thread(target=each.serve_forever, args=(0.05,)) for each in found]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for each, thread in zip(found, threads, strict=True):
            each.shutdown()
            each.server_close()
            thread.join()


if __name__ == "__main__":
    with dns_server(int(sys.argv[1]), Path(sys.argv[2])):
        threading.Event().wait()
