"""`ship drains`: where else the lines of an app's log go."""

from typing import TYPE_CHECKING

import click

from receiver.cli import given_file, show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.given_file import STDIN
from receiver.model.drain import FORMATS, Format, parse_target, shown

if TYPE_CHECKING:
    from receiver.drains.managing import Status

_LONGEST_URL = 16_384


@command(
    "drains",
    example="$ ship drains -a blog\nd1  up  syslog+tls://logs.example.com:6514  4711 lines sent",
)
@for_app
@with_json
def list_drains(call: Call, *, as_json: bool) -> None:
    """Show an app's log drains and how they go; passwords and tokens of their addresses are left
    out.
    """
    from receiver.drains import managing as drains

    found = drains.statuses(call.server, call.app)
    if as_json:
        show.as_json(
            [
                {
                    "name": it.drain.name,
                    "url": shown(it.drain.url),
                    "format": _format(it),
                    "by": it.drain.by,
                    "created_at": it.drain.created_at,
                    "state": _state(it),
                    "sent": it.state.sent,
                    "dropped": it.state.dropped,
                    "error": it.state.error,
                    "since": it.state.since,
                }
                for it in found
            ]
        )
    elif not found:
        show.progress(f"{call.app} has no drains. Add one: ship drains:add syslog+tls://HOST:6514")
    else:
        show.table(
            ("Name", "State", "Address", "Lines"),
            [(it.drain.name, _state(it), shown(it.drain.url), _lines(it)) for it in found],
        )
        for it in found:
            if it.state.error:
                show.progress(f"{it.drain.name}, since {it.state.since}: {it.state.error}")


@command(
    "drains:add",
    example="$ ship drains:add 'https://logs.example.com/in?token=…' -a blog\n"
    "What blog writes from now on goes to https://logs.example.com/in?token=***, as d1.\n"
    "Whether it is taken: ship drains:test d1, ship drains",
)
@for_app
@click.argument("url", metavar="URL|-")
@click.option("--name", help="What to call it; else d1, d2, …")
@click.option(
    "--format",
    "shape",
    type=click.Choice(FORMATS),
    default="logplex",
    show_default=True,
    help="What is sent over HTTP: as Heroku sends it, or an object of JSON on each line.",
)
def add(call: Call, url: str, name: str | None, shape: Format) -> None:
    """Send the lines of an app's log on, from now on: to syslog over UDP, TCP or TLS, or to an
    HTTP address.

    syslog://HOST:514 is UDP, syslog+tcp:// and syslog+tls:// are streams; https:// takes a POST for
    each batch of lines. With - the address is read from standard input. What people run by hand is
    not sent.
    """
    from receiver.drains import managing as drains

    if url == STDIN:
        given = given_file.read(call, url, _LONGEST_URL).decode("utf-8", "replace")
        url = given.partition("\n")[0].strip()
    drain = drains.add(call.server, call.app, url, shape, name, call.by)
    _record(call, f"{drain.name} to {shown(drain.url)}")
    show.progress(
        f"What {call.app} writes from now on goes to {shown(drain.url)}, as {drain.name}."
    )
    if parse_target(drain.url).kind in {"udp", "tcp", "http"}:
        show.progress(
            "It goes there as it is: who is on the way can read it. syslog+tls:// and "
            "https:// encrypt."
        )
    show.progress(f"Whether it is taken: ship drains:test {drain.name}, ship drains")


@command(
    "drains:remove",
    example="$ ship drains:remove d1 -a blog\nNothing more goes to "
    "syslog+tls://logs.example.com:6514.",
)
@for_app
@click.argument("drain", metavar="NAME_OR_URL")
def remove(call: Call, drain: str) -> None:
    """Send nothing more to a drain."""
    from receiver.drains import managing as drains

    gone = drains.remove(call.server, call.app, drain)
    _record(call, f"{gone.name} to {shown(gone.url)}")
    show.progress(f"Nothing more goes to {shown(gone.url)}.")


@command(
    "drains:test",
    example="$ ship drains:test d1 -a blog\nhttps://logs.example.com/in?token=*** took a line.",
)
@for_app
@click.argument("drain", metavar="NAME_OR_URL")
def test(call: Call, drain: str) -> None:
    """Send one line to a drain, and tell whether it is taken."""
    from receiver.drains import managing as drains

    found = drains.try_out(call.server, call.app, drain, call.by)
    if parse_target(found.url).kind == "udp":
        show.progress(
            f"A line was sent to {shown(found.url)}. UDP tells nobody whether it arrived."
        )
    else:
        show.progress(f"{shown(found.url)} took a line.")


@command("drains:serve")
@for_app
@click.argument("drain", metavar="NAME")
def serve(call: Call, drain: str) -> int:
    """Be the process of a drain: what a unit runs."""
    from receiver.drains import process as drain_process

    return drain_process.serve(call.server, call.app, drain)


def _record(call: Call, text: str) -> None:
    """Have the audit tell which drain it was; the words that were typed may hold a token."""
    if call.entry is not None:
        call.entry.told = text


def _state(found: "Status") -> str:
    if not found.runs:
        return "down"
    return "retrying" if found.state.error else "up"


def _format(found: "Status") -> str:
    return (
        found.drain.format if parse_target(found.drain.url).kind in {"http", "https"} else "syslog"
    )


def _lines(found: "Status") -> str:
    dropped = f", {found.state.dropped} dropped" if found.state.dropped else ""
    return f"{found.state.sent} lines sent{dropped}"
