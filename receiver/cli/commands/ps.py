"""`ship ps`: what runs, how many, and start, stop, restart."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.commands.config import pending
from receiver.model.errors import ShipError, SwapError, UsageError
from receiver.model.patterns import regex

if TYPE_CHECKING:
    from receiver.model.output import Output
    from receiver.processes.control import Change, Wish
    from receiver.processes.look import Running, Type

_SCALE = regex(r"([A-Za-z0-9][A-Za-z0-9_-]*)([=+-])([0-9]{1,4})")
_WAIT_S = 600
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@command(
    "ps",
    example="$ ship ps -a blog\n=== web: gunicorn app:app (2)\n\n"
    "web.1: up 2026-01-31T08:15:00Z (~ 5m ago) (v2, process 4711)\n"
    "web.2: up 2026-01-31T08:15:00Z (~ 5m ago) (v2, process 4712)\n\n"
    "=== worker: python worker.py (1)\n\n"
    "worker.1: crashing (4 restarts: KeyError: 'REDIS_URL')\n"
    "          since 2026-01-31T08:19:50Z (~ 10s ago), exit status 1, again at"
    " 2026-01-31T08:20:05Z",
)
@for_app
@with_json
def list_processes(call: Call, *, as_json: bool) -> None:
    """Show the processes of an app: since when they run, or why they do not."""
    from receiver.model.maintenance import closed_notice
    from receiver.processes import look as processes
    from receiver.state import records

    found = processes.look(call.server, call.app)
    if as_json:
        show.as_json(found.as_data())
        return
    if records.read_app(call.server.app(call.app)).maintenance:
        show.progress(closed_notice(call.app))
    pending.tell(call)
    _tell_not_kept(call)
    if not found.types:
        show.progress(f"{call.app} has no processes.")
    for at, each in enumerate(found.types):
        if at:
            show.data("")
        _show_type(each, call.server.clock.stamp())


@command(
    "ps:restart",
    example="$ ship ps:restart worker -a blog\n-----> Restarting worker of blog",
)
@for_app
@click.argument("process", required=False, metavar="[TYPE | TYPE.N]")
def restart(call: Call, process: str | None) -> int:
    """Replace processes by fresh ones: all, those of one type, or one.

    The site answers all the while.
    """
    from receiver.processes import control

    return _change(call, "Restarting", process, control.restarting(process))


@command("ps:stop", example="$ ship ps:stop worker -a blog\n-----> Stopping worker of blog")
@for_app
@click.argument("process_type", required=False, metavar="[TYPE]")
def stop(call: Call, process_type: str | None) -> int:
    """Stop all processes, or those of one type; they stay stopped, over deploys and reboots,
    until ps:start.
    """
    from receiver.processes import control

    return _change(call, "Stopping", process_type, control.stopping(process_type))


@command(
    "ps:start",
    example="$ ship ps:start worker -a blog\n-----> Starting worker of blog",
)
@for_app
@click.argument("process_type", required=False, metavar="[TYPE]")
def start(call: Call, process_type: str | None) -> int:
    """Start processes again that ps:stop has stopped: all, or those of one type."""
    from receiver.processes import control

    return _change(call, "Starting", process_type, control.starting(process_type))


@command(
    "ps:scale",
    example="$ ship ps:scale web=3 worker+1 -a blog\n-----> Scaling blog\nweb=3 worker=2",
)
@for_app
@with_json
@click.argument("wishes", nargs=-1, metavar="[TYPE=N | TYPE+N | TYPE-N]...")
def scale(call: Call, wishes: tuple[str, ...], *, as_json: bool) -> int:
    """Set how many processes of each type run, or print it.

    Of web, these are the workers of gunicorn.
    """
    from receiver.processes import control
    from receiver.processes import look as processes
    from receiver.state import records

    status = 0
    if wishes:
        parsed = [parse_wish(wish) for wish in wishes]
        status = _change(
            call, "Scaling", None, control.scaling(parsed), lambda: _warn_of_memory(call, parsed)
        )
    if status == 0:
        found = processes.look(call.server, call.app)
        counts = found.scale if found.release else records.read_scale(call.server.app(call.app))
        shown = " ".join(f"{name}={count}" for name, count in counts.items())
        if as_json:
            show.as_json(counts)
        elif counts:
            show.data(shown)
        else:
            show.progress(f"{call.app} has no release yet; what is set now holds for its first.")
    return status


def _warn_of_memory(call: Call, wishes: list["Wish"]) -> None:
    """Say what would not fit, by what is measured now; it is done all the same."""
    from receiver.processes import capacity
    from receiver.processes import look as processes

    now = processes.look(call.server, call.app).scale
    for wish in wishes:
        had = now.get(wish.type, 0)
        count = {"=": wish.number, "+": had + wish.number, "-": had - wish.number}[wish.sign]
        if told := capacity.too_much(call.server, call.app, wish.type, count):
            show.progress(f" !     {told}")


@command(
    "ps:wait",
    example="$ ship ps:wait -a blog\nEvery process of blog runs v2.",
)
@for_app
@click.option(
    "--timeout", "limit_s", default=_WAIT_S, show_default=True, help="Seconds to wait at most."
)
def wait(call: Call, limit_s: int) -> None:
    """Wait until every process runs the live release."""
    from receiver.processes import look as processes

    late = processes.wait(call.server, call.app, float(limit_s))
    if late:
        raise SwapError(
            f"Not every process of {call.app} runs the live release after {limit_s} s.",
            detail=f"Waited for: {', '.join(late)}.",
            advice="`ship ps` tells why, and `ship logs` what they wrote.",
            reason="swap/processes-late",
        )
    live = processes.look(call.server, call.app).release
    show.progress(
        f"Every process of {call.app} runs {live}." if live else f"{call.app} has no release yet."
    )


def _tell_not_kept(call: Call) -> None:
    """Say what lies where the next release would leave it behind."""
    from receiver.state import records
    from receiver.storage import left_behind
    from receiver.storage import usage as storage

    live = records.read_live(call.server.app(call.app))
    try:
        found = storage.not_kept(call.server, call.app)
    except ShipError:  # what runs is told all the same
        return
    if live is not None and found:
        for line in left_behind.told(found, live.release).splitlines():
            show.progress(f" !     {line}")


def _show_type(found: "Type", now: str) -> None:
    up = sum(process.state == "up" for process in found.running)
    show.heading(f"{found.type}: {found.command} ({up})")
    show.data("")
    for process in found.running:
        show.data(_line(process, now))
        if process.state == "crashing":
            show.data(" " * (len(process.name) + 2) + _since(process, now))
    if not found.running:
        show.data(f"{found.type}: {_why_none(found)}")


def _why_none(found: "Type") -> str:
    if found.stopped:
        return f"stopped, until `ship ps:start {found.type}`"
    return (
        "down"
        if found.wanted or found.type == "web"
        else f"none, until `ship ps:scale {found.type}=1`"
    )


def _line(process: "Running", now: str) -> str:
    if process.state == "up":
        since = _time(process.since, now)
        told = f"{process.name}: up {since} ({process.release}, process {process.pid})"
        return f"{told}, after {_ends(process)}" if process.ends else told
    if process.state == "crashing":
        return f"{process.name}: crashing ({process.crash})"
    return f"{process.name}: {process.state}"


def _since(process: "Running", now: str) -> str:
    again = f"again at {process.starts_again_at}" if process.starts_again_at else ""
    parts = (f"since {_time(process.since, now)}", process.reason, again)
    return ", ".join(part for part in parts if part)


def _time(since: str | None, now: str) -> str:
    """Such as `2026-01-31T08:15:00Z (~ 5m ago)`."""
    from datetime import datetime

    if since is None:
        return "just now"
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(since)
    passed_s = max(0, int(passed.total_seconds()))
    size_s, unit = next(each for each in _UNITS if passed_s >= each[0] or each[0] == 1)
    return f"{since} (~ {passed_s // size_s}{unit} ago)"


def _ends(process: "Running") -> str:
    """Such as `exit status 1, 4 times in a row`."""
    reason = process.reason or "ended"
    return f"{reason}, {process.ends} times in a row" if process.ends > 1 else reason


def _change(
    call: Call,
    doing: str,
    what: str | None,
    wanted: "Change",
    warn: Callable[[], None] = lambda: None,
) -> int:
    from receiver.cli import changes
    from receiver.processes import control

    control.planned(call.server, call.app, wanted)  # refuses before it says to do it
    warn()
    title = f"{doing} {what} of {call.app}" if what else f"{doing} {call.app}"

    def do(out: "Output", number: int) -> None:
        control.do(call.server, call.app, wanted, out, build=number)

    return changes.step(call, title, do)


def parse_wish(text: str) -> "Wish":
    """`web=3`, `web+1` or `web-1` as a type, a sign and a number."""
    from receiver.processes.control import Wish

    found = _SCALE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} does not say how many processes of which type there should be.",
            advice="Write `web=2`, `worker+1` or `worker-1`.",
            reason="usage/bad-scale",
        )
    return Wish(found[1], found[2], int(found[3]))
