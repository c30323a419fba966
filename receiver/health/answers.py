"""What an app answered to the question whether it is alive, and the verdict on it.

Asks nothing itself.
"""

from urllib.parse import urlsplit

import msgspec

from receiver.model.check import Check
from receiver.model.errors import SEE_LOG, CheckError
from receiver.model.web_servers import port_advice

_BAD_REQUEST = 400
_NOT_FOUND = 404
_SERVER_ERROR = 500
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHOWN_LINES = 10
_ANOTHER_STATUS = "Have the page answer so, or name this `status` too, and push again."
# the second is what Django says with DEBUG off, where it does not name the exception
_DISALLOWED_HOST = ("DisallowedHost", "<h1>Bad Request (400)</h1>")


class Answer(msgspec.Struct, frozen=True):
    """What the app answered."""

    status: int
    headers: dict[str, str]
    body: str
    """The first 2 KiB."""
    seconds: float = 0.0
    """From the first try to this answer."""
    by_https: str = ""
    """The path that was asked for as if by https, where the app sent there; else nothing."""


class Question(msgspec.Struct, frozen=True):
    """What an app is asked, and which answers count as alive."""

    path: str
    host: str
    wanted: tuple[int, ...] = ()
    timeout_s: int | None = None
    attempts: int = 1
    wait_s: int = 0
    key: str = ""
    """What nginx lets past a page of maintenance."""
    through_nginx: bool = False
    """nginx does not believe that the question came by https: it is no proxy's."""

    @classmethod
    def by(cls, check: Check, address: str) -> "Question":
        """As `check` has it, of an app whose own host name is `address`."""
        return cls(
            check.path,
            check.host or address,
            check.wanted,
            check.timeout_s,
            check.attempts,
            check.wait_s,
        )


def to_https(answer: Answer, host: str) -> str | None:
    """The path on the app's own host that an answer sends to by https; None for any other answer.

    receiver/runtime/question.py has the same rules as this and `verdict` for workers that ask
    themselves.
    """
    location = answer.headers.get("location", "")
    if answer.status not in _REDIRECTS or not location.startswith("https://"):
        return None
    place = urlsplit(location)
    if place.hostname != host.partition(":")[0].lower():
        return None
    return f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"


def verdict(answer: Answer, question: Question) -> CheckError | None:
    """What is wrong with an answer; None when it is one of a living app."""
    path, wanted = question.path, question.wanted
    if answer.status in wanted:
        return None
    if sent_to := to_https(answer, question.host):
        loops = sent_to == answer.by_https and not question.through_nginx
        return redirects_to_itself(sent_to) if loops else None
    if answer.status == _BAD_REQUEST and any(sign in answer.body for sign in _DISALLOWED_HOST):
        return disallowed_host(path, question.host)
    if wanted:
        asked = f"its check asks for {_listed(wanted)}"
        return _wrong_status(
            answer, path, asked, _ANOTHER_STATUS if answer.status < _SERVER_ERROR else SEE_LOG
        )
    if answer.status >= _SERVER_ERROR:
        return _wrong_status(answer, path, "any status below 500 would do", SEE_LOG)
    return None


def notice(answer: Answer, question: Question) -> str:
    """What is worth a word about an answer of a living app; empty for most."""
    if answer.status == _NOT_FOUND and not question.wanted:
        return (
            f"It counts as alive, although there is no page at {question.path}. To have a "
            "better one"
            " asked for: `ship checks:set path=/health`."
        )
    return ""


def needs_https(*, proxies: bool, https: bool) -> str:
    """What is worth a word of an app that sends visitors on to https, for which its name has no
    certificate.

    Args:
        proxies: whether the server knows proxies before it, by trusted_proxies
        https: whether nginx of this server listens for https
    """
    if proxies:
        return "It redirects to https, which a proxy of trusted_proxies takes."
    if https:
        return "It redirects to https: browsers warn until its name has a certificate."
    return (
        "The app redirects http to https, and this server has no https itself. Visitors need\n"
        "a proxy in front that has it, such as Cloudflare or Caddy, and ship must know it:\n"
        "trusted_proxies in the server's ship.toml. Until then they are redirected forever."
    )


def _listed(wanted: tuple[int, ...]) -> str:
    return " or ".join(map(str, wanted))


def _wrong_status(answer: Answer, path: str, wanted: str, look: str) -> CheckError:
    start = "\n".join(answer.body.strip().splitlines()[:_SHOWN_LINES])
    return CheckError(
        f"The app answered {path} with status {answer.status}; {wanted}.",
        detail=f"Its answer begins:\n{start}" if start else "Its answer was empty.",
        advice=f"{look} If another page tells better whether the app is alive, name it in "
        "ship.toml under [check].",
        reason="check/status",
    )


def disallowed_host(path: str, host: str) -> CheckError:
    """The error for Django's 400 to a host name it does not know."""
    return CheckError(
        f"Django refused the app's own host name {host} at {path}, with status 400.",
        detail="This is its answer to a host name that is not in ALLOWED_HOSTS.",
        advice="Add it to those in settings.py and push again:"
        f' `ALLOWED_HOSTS = ["{host}", "localhost", "127.0.0.1"]`.',
        reason="check/disallowed-host",
    )


def redirects_to_itself(path: str) -> CheckError:
    """The error for an app that does not see that it was asked by https."""
    return CheckError(
        f"The app redirects {path} to https, also when it is asked by https.",
        detail="It was asked with `X-Forwarded-Proto: https`, as nginx passes it on from a proxy, "
        "and sent to\nthe same address again. A browser would go round in circles.",
        advice="Make the app trust this header. Django: "
        '`SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")`. Flask without gunicorn: '
        "`app.wsgi_app = ProxyFix(app.wsgi_app)`. Or leave the redirect to the proxy.",
        reason="check/redirect-loop",
    )


def ended(path: str) -> CheckError:
    """The error for a process that ended before it could be asked."""
    return CheckError(
        f"The web process ended before it answered {path}.",
        advice=SEE_LOG,
        reason="check/ended",
    )


def never_started(limit_s: float) -> CheckError:
    """The error for workers that were still importing the app when the time was up."""
    return CheckError(
        f"The app did not start within {limit_s:g} s.",
        detail="Its modules were still being imported; nothing was asked of it yet.",
        advice="Look for what the app waits for when it is imported, such as a database or another "
        "server,"
        " or raise check_limit_s in the app's app.toml on the server.",
        reason="check/boot-timeout",
    )


def never_answered(path: str, limit_s: float, seen: str) -> CheckError:
    """The error for a process that runs and says nothing."""
    return CheckError(
        f"The app did not answer {path} within {limit_s:g} s.",
        detail=seen,
        advice="Check that the web process listens on the port in $PORT and that it starts in time."
        " The limit is check_limit_s in the app's app.toml on the server.",
        reason="check/never-answered",
    )


def too_slow(path: str, timeout_s: int) -> CheckError:
    """The error for one answer that took longer than the check allows."""
    return CheckError(
        f"The app took longer than {timeout_s} s to answer {path}.",
        detail="It accepted the connection and sent no answer.",
        advice="Have the check ask for a page that is quicker, or allow more: `ship checks:set "
        "timeout_s=30`.",
        reason="check/slow",
    )


def wrong_port(wanted: int, found: tuple[int, ...], line: str = "") -> CheckError:
    """The error for a process that listens, but where nobody asks; `line` is its web line."""
    ports = " and ".join(map(str, found))
    return CheckError(
        f"The web process listens on port {ports}, not on $PORT.",
        detail=f"PORT is {wanted}. It is another one in every slot and on every server.",
        advice=port_advice(line),
        reason="check/wrong-port",
    )


def wrong_socket(wanted: int, found: tuple[str, ...], line: str = "") -> CheckError:
    """The error for a process that listens on a unix socket alone."""
    return CheckError(
        f"The web process listens on the socket {' and '.join(found)}, not on $PORT.",
        detail=f"PORT is {wanted}. nginx passes requests on to this port of 127.0.0.1.",
        advice=port_advice(line),
        reason="check/wrong-port",
    )
