"""gunicorn's settings for the receiver on a VPS: started by its socket, ended when nobody pushes.

Read by gunicorn; its hooks are called by their names.
"""

import multiprocessing
import os
import signal
import threading
import time
from typing import Any

IDLE_S = 300
_LOOK_EVERY_S = 15
_last = multiprocessing.Value("d", time.monotonic())
_open = multiprocessing.Value("i", 0)

worker_class = "gthread"
workers = 1
threads = 256  # a push holds one until its deploy has ended; one is made when it is needed
timeout = 120
graceful_timeout = 30
control_socket_disable = True


def pre_request(_worker: Any, _request: Any) -> None:
    with _open.get_lock():
        _open.value += 1


def post_request(_worker: Any, _request: Any, _environ: Any, _response: Any) -> None:
    with _open.get_lock():
        _open.value -= 1
    _last.value = time.monotonic()


def child_exit(_server: Any, _worker: Any) -> None:
    _open.value = 0  # what it had open is gone with it


def when_ready(_server: Any) -> None:
    threading.Thread(target=_end_when_idle, daemon=True).start()


def _end_when_idle() -> None:
    while _open.value > 0 or time.monotonic() - _last.value < IDLE_S:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)
