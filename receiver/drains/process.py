"""The process of a drain: reads an app's log on, and sends it, until it is told to end."""

import os
import signal
import threading
from pathlib import Path

from msgspec.structs import replace

from receiver.drains.buffer import Buffer
from receiver.drains.pump import Pump
from receiver.drains.records import find, read_state
from receiver.drains.senders import sender
from receiver.logs.stream import Stream, Wanted
from receiver.machine import files
from receiver.model.drain import DrainState, parse_target
from receiver.model.names import AppName
from receiver.server import Server
from receiver.state import records

_FLUSH_S = 10.0
_LINGER_S = {"udp": 0.2, "tcp": 0.2, "tls": 0.2, "http": 1.0, "https": 1.0}
_WANTED = Wanted(runs=False)
"""All but what people run by hand, who may have it print what is nobody else's."""
_ENDS = {signal.SIGTERM, signal.SIGINT}


def serve(server: Server, app: AppName, name: str) -> int:
    """Send lines on until SIGTERM, or until the app is gone; returns the exit status."""
    # waited for below: neither thread is interrupted
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    drain = find(server.app(app), name)
    kept = server.host.drains
    target, place = parse_target(drain.url), kept.state(app, name)
    state = read_state(kept, app, name)
    stream = _stream(server, app, state.cursor or drain.cursor)
    state = replace(state, cursor=stream.cursor)
    _note(place, state)
    buffer, ended = Buffer(), list[int]()
    way = sender(target, drain.format, app, server.address(app))
    pump = Pump(buffer, way, state, lambda now: _note(place, now), linger_s=_LINGER_S[target.kind])
    sending = threading.Thread(target=_send_on, args=(pump, ended), daemon=True)
    reading = threading.Thread(target=_read_on, args=(stream, buffer, ended), daemon=True)
    sending.start()
    reading.start()
    signal.sigwait(_ENDS)
    buffer.close()
    sending.join(_FLUSH_S)
    return max(ended, default=0)


def _read_on(stream: Stream, buffer: Buffer, ended: list[int]) -> None:
    """Fill the buffer until the app is gone."""
    with _Ending(ended):
        for line in stream.follow():
            buffer.put(line, stream.cursor)


def _send_on(pump: Pump, ended: list[int]) -> None:
    with _Ending(ended):
        pump.run()


class _Ending:
    """What ends of the process ends all of it; its manager starts it again after a failure."""

    def __init__(self, ended: list[int]) -> None:
        self._ended = ended

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, kind: object, *_: object) -> None:
        self._ended.append(0 if kind is None else 1)
        os.kill(os.getpid(), signal.SIGTERM)


def _stream(server: Server, app: AppName, cursor: str) -> Stream:
    try:
        return Stream(server, app, _WANTED, cursor or None)
    except ValueError:  # of another ship
        return Stream(server, app, _WANTED)


def _note(place: Path, state: DrainState) -> None:
    files.write_atomically(place, records.json_text(state), mode=0o600)
