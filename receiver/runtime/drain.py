"""A worker that goes answers what it has accepted: for the two kinds of workers that would not.

At SIGTERM, uvicorn's server and the threads of gunicorn up to version 23 stop accepting and, in the
same breath, close every connection on which no request has been read yet. Those of the last moment
are lost: nginx answers 502 for them. So between the two steps they are given a moment to read.
"""

import asyncio
import contextlib
import signal
import sys
import threading

_READ_S = 0.25


def prepare(worker):
    """Put the pause into a worker that needs it."""
    if hasattr(worker, "callback_notify") and "uvicorn.server" in sys.modules:
        _pause_in_server(sys.modules["uvicorn.server"].Server)
    elif hasattr(worker, "tpool") and not hasattr(worker, "set_accept_enabled"):
        _pause_in_threads(worker)


def _pause_in_server(server):
    stop = server.shutdown

    async def shutdown(self, *args, **kwargs):
        for accepting in getattr(self, "servers", ()):
            accepting.close()
        await asyncio.sleep(_READ_S)
        await stop(self, *args, **kwargs)

    server.shutdown = shutdown


def _pause_in_threads(worker):
    def end():
        worker.alive = False

    def stop(_signal, _frame):
        for listener in worker.sockets:
            with contextlib.suppress(KeyError, ValueError):  # at a second SIGTERM
                worker.poller.unregister(listener)
        threading.Timer(_READ_S, end).start()

    signal.signal(signal.SIGTERM, stop)
