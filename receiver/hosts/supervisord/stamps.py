"""Has supervisord put the time before each line that it writes down of an app.

Loaded into supervisord itself.

It reads what the processes write in any case, so no process more is needed, and no line can be lost
on the way.
"""

from typing import Any

from supervisor import dispatchers

from receiver.machine.clock import now_us
from receiver.model.log_line import Stamper

_OWN = "ship."
"""How names of programs begin that are no app's."""


class StampedOutput(dispatchers.POutputDispatcher):  # type: ignore[misc]
    """What a process writes, on its way into the log file."""

    def __init__(self, process: Any, event_type: Any, fd: int) -> None:
        super().__init__(process, event_type, fd)
        self._stamped = not process.config.name.startswith(_OWN)
        self._stamper = Stamper(now_us)

    def _log(self, data: bytes) -> None:
        super()._log(self._stamper(data) if self._stamped else data)

    def close(self) -> None:
        """End the last line, so that the next process begins another."""
        if self._stamper.within_line and not self.closed:
            super()._log(b"\n")
        super().close()


class _NoInterface:
    """What supervisord wants of a plug-in: something whose methods can be called from outside.

    It has none.
    """


def load(_supervisord: object) -> _NoInterface:
    """Called by supervisord when it starts, before it starts any process."""
    dispatchers.POutputDispatcher = StampedOutput
    return _NoInterface()
