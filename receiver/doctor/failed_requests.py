"""Requests of the last hour that got nginx's own error page, with what nginx tells of them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice, takewhile

from receiver.doctor.seen import AppSeen, Seen
from receiver.machine import log_parts
from receiver.model.finding import Finding
from receiver.nginx import router_lines
from receiver.nginx.router_lines import Reason, Request

_STATUSES = frozenset({"502", "504"})
_OWN_AGENT = "ship-check"
_LATELY_S = 3600.0
_MOST_LOOKED_AT = 1000
"""Requests, so that a busy app costs the doctor no more than a moment."""


def look(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    """What went wrong lately of an app that answers now."""
    failed = list(_failed(seen, app))
    if not failed:
        return
    reasons = Counter(reason for one in failed if (reason := router_lines.reason(one)))
    yield Finding(
        name="web.failed-lately",
        app=app.name,
        severity="note",
        title=f"{app.name} answers now; in the last hour {_counted(len(failed))} got 502 or 504.",
        seen=(
            *(f"{_counted(count)}: {reason.text}." for reason, count in reasons.most_common()),
            f"The last: {router_lines.tell(failed[0])}",
        ),
        means="Visitors saw an error page.",
        advice=_advice([reason for reason, _ in reasons.most_common()], app),
    )


def _advice(reasons: list[Reason], app: AppSeen) -> str:
    """What to do about each of them, on a line of its own; where there are several, with which
    it is for.
    """
    told = list({one.code: one for one in reasons if one.advice}.values())
    lines = (f"Where {one.text}: {one.advice}" if told[1:] else one.advice for one in told)
    return "\n".join(lines).replace(" APP", f" {app.name}")


def _failed(seen: Seen, app: AppSeen) -> Iterator[Request]:
    """The last first; ship's own questions are no visitor's."""
    log = seen.server.host.request_logs.of(app.name, "access")
    since = datetime.fromisoformat(seen.server.clock.stamp()).timestamp() - _LATELY_S
    with suppress(OSError):
        told = map(router_lines.read, islice(log_parts.newest_first(log), _MOST_LOOKED_AT))
        for one in takewhile(lambda one: _at(one) >= since, filter(None, told)):
            if one.status in _STATUSES and not one.agent.startswith(_OWN_AGENT):
                yield one


def _at(request: Request) -> float:
    with suppress(ValueError):
        return float(request.at)
    return 0.0


def _counted(requests: int) -> str:
    return "one request" if requests == 1 else f"{requests} requests"
