"""A worker of uvicorn's: answer what it has accepted before it goes.

At SIGTERM uvicorn stops accepting and, in the same breath, closes every connection on which it has read no
request yet. Those of the last moment are lost: nginx answers 502 for them. So between the two steps the
event loop is given a moment to read. gunicorn's own workers need nothing of the kind.
"""

import asyncio
import sys

_READ_S = 0.25


def prepare(worker):
    """In a worker that serves by uvicorn's server, put the pause in; in any other do nothing."""
    module = sys.modules.get("uvicorn.server")
    if module is None or not hasattr(worker, "callback_notify"):
        return
    stop = module.Server.shutdown

    async def shutdown(self, *args, **kwargs):
        for accepting in getattr(self, "servers", ()):
            accepting.close()
        await asyncio.sleep(_READ_S)
        await stop(self, *args, **kwargs)

    module.Server.shutdown = shutdown
