"""How lines of an app's processes are shown to the one who develops it. Pure."""

import os

from receiver.model.errors import ShipError, without_pushing
from receiver.model.patterns import regex

_SERVERS_OWN = regex(
    rb"\[[^]\n]+\] \[\d+\] \[INFO\] (?:Starting gunicorn|Listening at:|Using "
    rb"worker:|Control socket|Booting worker|"
    rb"Handling signal: (?:hup|term|winch)|Hang up: Master|Worker exiting|Worker shutting "
    rb"down|Shutting down|ASGI server listening|Started server process|"
    rb"Waiting for application|Application (?:startup|shutdown) complete|Finished server "
    rb"process|Worker reloading).*"
    rb"|\[[^]\n]+\] \[\d+\] \[ERROR\] (?:A new worker|The new workers|Worker \(pid:\d+\) "
    rb"exited with code |Reason:).*"
    rb"|ship: Starting v\d+\."
)
"""What servers say at every start and reload, which is told in one line of ship's own."""
_TRACEBACK = b"Traceback (most recent call last):"
_GAVE_UP = b"gunicorn.errors.HaltServer:"
"""How a traceback of gunicorn's master ends that tells of itself: why the workers failed stands
before it."""
_BETWEEN = (b"", b"During handling of the above exception, another exception occurred:")
_CONFIG_SET = "ship config:set"


class Lines:
    """The lines of one process, as they are to be shown."""

    def __init__(self, source: str, top: str) -> None:
        self._source, self._top = os.fsencode(source), os.fsencode(top)
        self._held: list[bytes] = []
        """A traceback whose last line has not come yet."""
        self._gave_up = False

    def take(self, line: bytes) -> list[bytes]:
        """What is to be shown now that this line has come, with the places of files as the
        developer knows them.
        """
        bare = line.rstrip(b"\r")
        if bare == _TRACEBACK or (self._held and (not bare or bare.startswith(b" "))):
            shown = self.rest() if bare == _TRACEBACK else []
            self._held.append(bare)
            return shown
        if self._held and bare.startswith(_GAVE_UP):
            self._held, self._gave_up = [], True
            return []
        if self._gave_up and bare in _BETWEEN:
            return []
        self._gave_up = False
        return [*self.rest(), *([] if _SERVERS_OWN.fullmatch(bare) else [self._placed(bare)])]

    def rest(self) -> list[bytes]:
        """What was held back until now."""
        held, self._held = [self._placed(line) for line in self._held], []
        return held

    def _placed(self, line: bytes) -> bytes:
        return line.replace(self._source, self._top)


def for_here(error: ShipError) -> ShipError:
    """The same error for somebody who saves a file, where the advice is for one who pushes."""
    advice = without_pushing(error.advice)
    if _CONFIG_SET in advice:
        advice += "\nHere, put it into the file .env."
    return ShipError(error.title, detail=error.detail, advice=advice, reason=error.reason)
