"""A new worker asks its own app for the check path before it takes any visitor's request.

While a deploy is under way (ship's journal lies in the app's folder), a worker of the new release
that gets a bad answer does not serve: the swap is refused, and the release before goes on. Later, a
worker that replaces a lost one is not asked: a page that fails for want of a database is better
than no page at all.

Only WSGI apps are asked here. Others need their event loop and their lifespan; a canary asks them.
"""

import io
import json
import os
import sys
import time
from urllib.parse import unquote_to_bytes, urlsplit

import ship_runtime_unsaid as unsaid
import ship_runtime_worker as boot

_KEPT_BYTES = 2048
_SERVER_ERROR = 500
_BAD_REQUEST = 400
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
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
    if not _is_wanted(release, master) or not _runs_wsgi(worker):
        return
    started = time.monotonic()
    try:
        with unsaid.written(release.home):
            status, headers, body, by_https = _answer(worker.wsgi, release)
    except BaseException as error:  # noqa: BLE001 - whatever the app raises, a visitor would see a 500
        boot.fail(release, master, boot.tell(release.home, error))
        return
    text = body.decode("utf-8", "replace")
    answer = {"status": status, "headers": headers, "body": text, "by_https": by_https}
    answer["seconds"] = round(time.monotonic() - started, 3)
    boot.leave(release.run, "answer", json.dumps(answer))
    if not _may_serve(release, answer):
        path = release.check.get("path", "/")
        boot.fail(release, master, f"The app answered {path} with status {status}.\n")


def _is_wanted(release, master):
    if release.check.get("timeout_s") or release.check.get("attempts", 1) > 1:
        return False  # a canary has been asked, which can be waited for
    under_way = os.path.exists(os.path.join(os.environ["SHIP_APP_DIR"], "journal"))
    return under_way and (master.swapping or not master.served)


def _runs_wsgi(worker):
    names = {(kind.__module__, kind.__name__) for kind in type(worker).__mro__}
    return not names.isdisjoint(_WSGI_WORKERS)


def _may_serve(release, answer):
    """The rule of receiver/health/answers.py; a test holds the two together."""
    if _is_wanted_status(answer["status"], release.check.get("status")):
        return True
    path = _to_https(release, answer)
    if path is not None:
        return path != answer.get("by_https")
    return _is_alive(answer["status"], answer["body"], release.check.get("status"))


def _is_wanted_status(status, wanted):
    return wanted is not None and status in (wanted if isinstance(wanted, list) else [wanted])


def _is_alive(status, text, wanted):
    if wanted is not None:
        return _is_wanted_status(status, wanted)
    refused = status == _BAD_REQUEST and any(sign in text for sign in _DISALLOWED_HOST)
    return status < _SERVER_ERROR and not refused


def _to_https(release, answer):
    """The path on the app's own host that an answer sends to by https; None for any other
    answer.
    """
    location = {name.lower(): value for name, value in answer["headers"].items()}.get(
        "location", ""
    )
    if answer["status"] not in _REDIRECTS or not location.startswith("https://"):
        return None
    place = urlsplit(location)
    if place.hostname != _host(release).partition(":")[0].lower():
        return None
    return f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"


def _host(release):
    return release.check.get("host") or release.address or "localhost"


def _answer(app, release):
    """What a visitor gets, who comes back by https where he is sent there; and the path that he
    came back for.
    """
    found = _call(app, _environ(release, release.check.get("path", "/"), "http"))
    wanted = release.check.get("status")
    path = _to_https(release, {"status": found[0], "headers": found[1]})
    if path is None or _is_wanted_status(found[0], wanted):
        return (*found, "")
    return (*_call(app, _environ(release, path, "https")), path)


def _call(app, environ):
    """Status, headers and the first bytes of the body of one GET."""
    started = []
    body = io.BytesIO()

    def start_response(status, headers, exc_info=None):
        if exc_info:
            raise exc_info[1].with_traceback(exc_info[2])
        started[:] = [int(status.split()[0]), dict(headers)]
        return body.write

    chunks = app(environ, start_response)
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


def _environ(release, target, scheme):
    path, _, query = target.partition("?")
    host, port = _host(release), "443" if scheme == "https" else "80"
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_SOFTWARE": "gunicorn",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "HTTP_HOST": host,
        "HTTP_USER_AGENT": "ship-check",
        "HTTP_ACCEPT": "*/*",
        "HTTP_CONNECTION": "close",
        "HTTP_X_REAL_IP": "127.0.0.1",
        "HTTP_X_FORWARDED_FOR": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": scheme,
        "HTTP_X_FORWARDED_HOST": host,
        "HTTP_X_FORWARDED_PORT": port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
