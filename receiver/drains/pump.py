"""Sends what a buffer holds, again and again where it fails, and keeps note of how it goes."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from receiver.drains.buffer import Batch, Buffer
from receiver.drains.senders import Sender, SendError
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.drain import DrainState
from receiver.model.log_line import LogLine

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_WRITE_EVERY_S = 2.0
Note = Callable[[DrainState], object]


class Pump:
    """The way of an app's lines from the buffer to the receiver."""

    def __init__(
        self,
        buffer: Buffer,
        sender: Sender,
        state: DrainState,
        note: Note,
        *,
        linger_s: float = 0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._buffer = buffer
        self._sender = sender
        self._state = state
        self._note = note
        self._linger_s = linger_s
        self._clock = clock
        self._noted_at = clock.now()

    def run(self) -> None:
        """Send until the buffer is closed, and what it holds then, if the receiver takes it at
        once.
        """
        try:
            while self._await_lines() and (batch := self._buffer.take(self._linger_s)):
                if not self._deliver(batch):
                    break
        finally:
            self._sender.close()
            self._note(self._state)

    def _await_lines(self) -> bool:
        if not self._buffer.wait(_WRITE_EVERY_S):
            self._write()
            self._buffer.wait(None)
        return True

    def _write(self) -> None:
        self._note(self._state)
        self._noted_at = self._clock.now()

    def _deliver(self, batch: Batch) -> bool:
        """Send a batch until it is taken, or refused for good; False when there is no more time
        for that.
        """
        pause_s = _FIRST_PAUSE_S
        lines = (*self._told_of_loss(batch.dropped), *batch.lines)
        while True:
            try:
                self._sender.send(lines)
            except SendError as error:
                if error.for_good:
                    self._count(
                        batch, sent=0, dropped=batch.dropped + len(batch.lines), error=str(error)
                    )
                    return True
                self._failed(str(error))
            else:
                self._count(batch, sent=len(batch.lines), dropped=batch.dropped)
                return True
            if self._buffer.wait_closed(pause_s):
                return False
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _told_of_loss(self, dropped: int) -> tuple[LogLine, ...]:
        if not dropped:
            return ()
        now = self._clock.stamp()
        since = f" since {self._state.since}" if self._state.since else ""
        what = "1 line was" if dropped == 1 else f"{dropped} lines were"
        text = f"{what} dropped here: the receiver of this drain did not take them{since}."
        at_us = int(datetime.fromisoformat(now).timestamp() * 1_000_000)
        return (LogLine(at_us, "ship", "drain", text.encode()),)

    def _count(self, batch: Batch, *, sent: int, dropped: int, error: str = "") -> None:
        before, now = self._state, self._clock.now()
        self._state = replace(
            before,
            cursor=batch.cursor,
            sent=before.sent + sent,
            dropped=before.dropped + dropped,
            error=error,
            since=(before.since or self._clock.stamp()) if error else "",
        )
        if before.error != error or now - self._noted_at >= _WRITE_EVERY_S:
            self._write()

    def _failed(self, seen: str) -> None:
        since = self._state.since or self._clock.stamp()
        changed = (seen, since) != (self._state.error, self._state.since)
        self._state = replace(self._state, error=seen, since=since)
        if changed:
            self._note(self._state)
