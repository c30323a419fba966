"""`ship ps`: what runs, how many, and start, stop, restart."""

import re
from collections.abc import Callable

import click

from receiver.cli import show
from receiver.cli.command import Call, Command, for_app, with_json
from receiver.model.errors import UsageError

_SCALE = re.compile(r"([a-z][a-z0-9-]*)([=+-])([0-9]{1,4})")


@click.command(
    "ps", cls=Command,
    example="$ ship ps -a blog\n=== web: gunicorn app:app (2)\n\n"
    "web.1: up 2026-01-31T08:15:00Z (v2, process 4711)\n"
    "web.2: up 2026-01-31T08:15:00Z (v2, process 4712)",
)  # fmt: skip
@for_app
@with_json
def list_processes(call: Call, *, as_json: bool) -> None:
    """Show the processes of an app."""
    from receiver import processes

    found = processes.look(call.server, call.app)
    if as_json:
        show.as_json(found.as_data())
        return
    if found.command is None:
        show.progress(f"{call.app} has no web process.")
        return
    show.heading(f"web: {found.command} ({len(found.running)})")
    show.data("")
    for number, process in enumerate(found.running, 1):
        show.data(f"web.{number}: up {process.since} ({process.release}, process {process.pid})")
    if not found.running:
        show.data("web: stopped" if found.stopped else "web: down")


@click.command(
    "ps:restart", cls=Command, example="$ ship ps:restart -a blog\n-----> Restarting blog"
)
@for_app
def restart(call: Call) -> int:
    """Replace the web processes by fresh ones; the site answers all the while."""
    from receiver import apps

    return _change(call, "Restarting", lambda: apps.restart(call.server, call.app))


@click.command("ps:stop", cls=Command, example="$ ship ps:stop -a blog\n-----> Stopping blog")
@for_app
def stop(call: Call) -> int:
    """Stop the web processes; they stay stopped, over deploys and reboots, until ps:start."""
    from receiver import apps

    return _change(call, "Stopping", lambda: apps.stop(call.server, call.app))


@click.command("ps:start", cls=Command, example="$ ship ps:start -a blog\n-----> Starting blog")
@for_app
def start(call: Call) -> int:
    """Start the web processes again."""
    from receiver import apps

    return _change(call, "Starting", lambda: apps.start(call.server, call.app))


@click.command(
    "ps:scale", cls=Command,
    example="$ ship ps:scale web=3 -a blog\n-----> Scaling blog\nweb=3",
)  # fmt: skip
@for_app
@with_json
@click.argument("wishes", nargs=-1, metavar="[web=N | web+N | web-N]")
def scale(call: Call, wishes: tuple[str, ...], *, as_json: bool) -> int:
    """Set the number of web workers, or print it."""
    from receiver import processes

    status = 0
    if wishes:
        parsed = [_parse_wish(wish) for wish in wishes]
        status = _change(
            call, "Scaling", lambda: processes.scale(call.server, call.app, parsed[-1])
        )
    if status == 0:
        count = processes.look(call.server, call.app).wanted
        show.as_json({"web": count}) if as_json else show.data(f"web={count}")
    return status


def _change(call: Call, doing: str, story: Callable[[], None]) -> int:
    from receiver.cli.changes import change
    from receiver.model.output import Output

    def work(out: Output, _: int) -> None:
        out.step(f"{doing} {call.app}")
        story()

    return change(call, f"{doing} {call.app}", work)


def _parse_wish(text: str) -> tuple[str, int]:
    """`web=3`, `web+1` or `web-1` as a sign and a number."""
    found = _SCALE.fullmatch(text)
    if found is None or found[1] != "web":
        raise UsageError(
            f"{text!r} does not say how many web workers there should be.",
            detail="Only web can be scaled." if found else "",
            advice="Write `web=2`, `web+1` or `web-1`.",
            reason="usage/bad-scale",
        )
    return found[2], int(found[3])
