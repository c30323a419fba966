"""A new worker asks its own app for the check path before it takes any visitor's request.

While a deploy is under way (ship's journal lies in the app's folder), a worker of the new release that gets a bad
answer does not serve: the swap is refused, and the release before goes on. Later, a worker that replaces a
lost one is not asked: a page that fails for want of a database is better than no page at all.

Only WSGI apps are asked here. Others need their event loop and their lifespan; a canary asks them.
"""

import io
import json
import os
import sys
import time
from urllib.parse import unquote_to_bytes

import ship_runtime_worker as boot

_KEPT_BYTES = 2048
_SERVER_ERROR = 500
_BAD_REQUEST = 400
_DISALLOWED_HOST = ("DisallowedHost", "<h1>Bad Request (400)</h1>")
_WSGI_WORKERS = frozenset(
    {
        ("gunicorn.workers.sync", "SyncWorker"),
        ("gunicorn.workers.gthread", "ThreadWorker"),
        ("gunicorn.workers.base_async", "AsyncWorker"),
    }
)


def ask(release, master, worker):
    """Ask, leave the answer where ship finds it, and end the worker if it is a bad one."""
    if not _is_wanted(master) or not _runs_wsgi(worker):
        return
    started = time.monotonic()
    try:
        status, headers, body = _call(worker.wsgi, release)
    except BaseException as error:  # noqa: BLE001 - whatever the app raises, a visitor would see a 500
        boot.fail(release, master, boot.tell(release.home, error))
        return
    text = body.decode("utf-8", "replace")
    answer = {"status": status, "headers": headers, "body": text}
    answer["seconds"] = round(time.monotonic() - started, 3)
    boot.leave(release.run, "answer", json.dumps(answer))
    if not _is_alive(status, text, release.check.get("status")):
        path = release.check.get("path", "/")
        boot.fail(release, master, f"The app answered {path} with status {status}.\n")


def _is_wanted(master):
    under_way = os.path.exists(os.path.join(os.environ["SHIP_APP_DIR"], "journal"))
    return under_way and (master.swapping or not master.served)


def _runs_wsgi(worker):
    names = {(kind.__module__, kind.__name__) for kind in type(worker).__mro__}
    return not names.isdisjoint(_WSGI_WORKERS)


def _is_alive(status, text, wanted):
    """The rule of receiver/health.py; a test holds the two together."""
    if wanted is not None:
        return status == wanted
    refused = status == _BAD_REQUEST and any(sign in text for sign in _DISALLOWED_HOST)
    return status < _SERVER_ERROR and not refused


def _call(app, release):
    """Status, headers and the first bytes of the body of one GET."""
    started = []
    body = io.BytesIO()

    def start_response(status, headers, exc_info=None):
        if exc_info:
            raise exc_info[1].with_traceback(exc_info[2])
        started[:] = [int(status.split()[0]), dict(headers)]
        return body.write

    chunks = app(_environ(release), start_response)
    try:
        for chunk in chunks:
            body.write(chunk)
            if body.tell() >= _KEPT_BYTES:
                break
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()
    return started[0], started[1], body.getvalue()[:_KEPT_BYTES]


def _environ(release):
    path, _, query = release.check.get("path", "/").partition("?")
    host = release.address or "localhost"
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": release.check.get("path", "/"),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": host,
        "SERVER_PORT": "80",
        "SERVER_SOFTWARE": "gunicorn",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "HTTP_HOST": host,
        "HTTP_USER_AGENT": "ship-check",
        "HTTP_ACCEPT": "*/*",
        "HTTP_CONNECTION": "close",
        "HTTP_X_REAL_IP": "127.0.0.1",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "http",
        "HTTP_X_FORWARDED_HOST": host,
        "HTTP_X_FORWARDED_PORT": "80",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
