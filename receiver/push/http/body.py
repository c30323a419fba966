"""The body of a request, as git wrote it: read piece by piece, inflated to a limit."""

import time
import zlib
from typing import Any, BinaryIO, cast

from receiver.model.errors import GitError

_READ_BYTES = 65_536
_DRAINED_BYTES = 64 << 20
_DRAIN_S = 10.0
_GZIP = 16 + zlib.MAX_WBITS
MOST_INFLATED_BYTES = 32 << 20
"""git compresses what it wants and has, and no pack."""


class Body:
    """What a client sends behind the head of its request."""

    def __init__(self, environ: dict[str, Any]) -> None:
        # The server in front has put the chunks together already; whoever reads this again gets
        # it wrong.
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        self._source = cast("BinaryIO", environ["wsgi.input"])
        self._gzip = (
            zlib.decompressobj(_GZIP)
            if environ.get("HTTP_CONTENT_ENCODING", "") in {"gzip", "x-gzip"}
            else None
        )
        self._inflated_bytes = 0

    def read(self, size: int, /) -> bytes:
        """Return at most that many bytes, none at the end.

        Raises:
            GitError: it is not compressed as it says, ends too early, or becomes too much
        """
        if self._gzip is None:
            return self._source.read(size)
        data = self._inflated(self._gzip, size)
        self._inflated_bytes += len(data)
        if self._inflated_bytes > MOST_INFLATED_BYTES:
            raise _refused(f"It becomes more than {MOST_INFLATED_BYTES:,} bytes.")
        return data

    def _inflated(self, gzip: "zlib._Decompress", size: int) -> bytes:
        while not gzip.eof:
            given = gzip.unconsumed_tail or self._source.read(_READ_BYTES)
            try:
                data = gzip.decompress(given, size)
            except zlib.error as error:
                raise _refused(f"{error}.") from error
            if data:
                return data
            if not given:
                raise _refused("It ends too early.")
        return b""

    def drain(self) -> None:
        """Read on for a while: a client that is refused while it sends sees a broken pipe, not
        the answer. Nothing is inflated.
        """
        left, ends_at = _DRAINED_BYTES, time.monotonic() + _DRAIN_S
        try:
            while left > 0 and time.monotonic() < ends_at:
                data = self._source.read(_READ_BYTES)
                if not data:
                    return
                left -= len(data)
        except OSError:
            return


def _refused(detail: str) -> GitError:
    return GitError(
        "The compressed body of the request cannot be read.",
        detail=detail,
        advice="Push again, with a current git.",
        reason="git/bad-body",
    )
