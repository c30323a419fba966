"""`ship logs`: what was written about an app, by all who have to do with it."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app
from receiver.model import terminal
from receiver.model.log_line import LogLine

_WRITTEN_AT_ONCE = 1000
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""Of a terminal's: without red, which is for what went wrong, and those that cannot be read on
some."""
_PLAIN = b"\x1b[0m"


def _over_ssh(call: Call, place: Destination, **asked: Any) -> int:
    """Hand it on; only this side knows whether a terminal shows what comes."""
    plain = asked["colour"] is not None or asked["as_json"] or not sys.stdout.isatty()
    words = ["logs", "--app", call.app, *call.words, *(() if plain else ("--color",))]
    return forward.become_ssh(place, words, call.environment, terminal=False)


@command(
    "logs",
    over_ssh=_over_ssh,
    example="$ ship logs -n 3 -a blog\n"
    "2026-01-31T08:15:00.104Z ship: v12 is live (by laptop)\n"
    "2026-01-31T08:15:00.123Z app[worker.1]: Ready\n"
    "2026-01-31T08:15:02.871Z router[nginx]: GET / 200 host=blog.example.com "
    "from=203.0.113.9 bytes=612 time=0.004s (app 0.003s)",
)
@for_app
@click.option(
    "-n",
    "--num",
    "lines",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many lines.",
)
@click.option("-t", "--tail", "follow", is_flag=True, help="Go on until interrupted by Ctrl-C.")
@click.option(
    "-p",
    "--process-type",
    "-d",
    "--dyno-name",
    "--ps",
    "process",
    metavar="NAME",
    help="Only of this type, process or run: `worker`, `worker.1`, `run.12`.",
)
@click.option(
    "-s",
    "--source",
    "sources",
    metavar="NAME",
    multiple=True,
    help="Only of these: app, router, build, release, cron, ship. Comma between several.",
)
@click.option("--release", metavar="VERSION", help="Only what this release wrote, and its build.")
@click.option("--grep", "pattern", metavar="REGEX", help="Only lines that this is found in.")
@click.option(
    "-i", "--ignore-case", is_flag=True, help="Let --grep take capitals for small letters."
)
@click.option("--since", metavar="TIME", help="Not older: `10m`, `2d`, `2026-01-31T08:15` (UTC).")
@click.option("--until", metavar="TIME", help="Not newer.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@click.option("-q", "--quiet", is_flag=True, help="The text alone, without time and name.")
@click.option(
    "--color/--no-color", "colour", default=None, help="Colours; else on a terminal only."
)
def logs(
    call: Call,
    *,
    lines: int,
    follow: bool,
    as_json: bool,
    quiet: bool,
    colour: bool | None,
    **asked: Any,
) -> None:
    """Show what was written about the app, oldest first: processes, requests, builds, cron jobs,
    ship. Colors are printed as the app wrote them, other control characters as `^G`.
    """
    from receiver.logs import stream as log_stream
    from receiver.logs import wishes as log_wishes
    from receiver.model.names import parse_release_version

    if asked["release"] is not None:
        asked["release"] = parse_release_version(asked["release"])
    if (asked["process"] or "").startswith("run."):
        call.require("deploy")  # as run:output does
    wish = log_wishes.Wish(runs=call.may("deploy"), **asked)
    wanted = log_wishes.wanted(call.server, call.app, wish)
    write = _writer(as_json=as_json, quiet=quiet, colour=colour)
    if follow:
        log_wishes.refuse_until(wish)
        _follow(log_stream.Stream(call.server, call.app, wanted), lines, write)
        return
    found = log_stream.recent(call.server, call.app, wanted, lines)
    _write_at_once(found, write)
    if lines and not found:
        show.progress(log_wishes.nothing_found(call.server, call.app, wish))


def _follow(stream: Any, lines: int, write: Callable[[LogLine], bytes]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignored it
    threading.Thread(target=_end_with_reader, daemon=True).start()
    _write_at_once(stream.before(lines), write)
    for line in stream.follow():
        show.write(write(line))
    show.progress("The app is gone.")


def _write_at_once(lines: Sequence[LogLine], write: Callable[[LogLine], bytes]) -> None:
    for start in range(0, len(lines), _WRITTEN_AT_ONCE):
        show.write(b"".join(map(write, lines[start : start + _WRITTEN_AT_ONCE])))


def _writer(*, as_json: bool, quiet: bool, colour: bool | None) -> Callable[[LogLine], bytes]:
    """What a line looks like: for eyes on a terminal, or where somebody says so; else its text
    as it was written.
    """
    if as_json:
        return _as_json
    for_eyes = colour is not None or sys.stdout.isatty()
    colours: dict[str, int] | None = {} if for_eyes and colour is not False else None

    def write(line: LogLine) -> bytes:
        text = terminal.harmless_bytes(line.text, colours=colours is not None or not for_eyes)
        if colours is not None:
            text += _PLAIN
        if not quiet:
            text = _head(line, colours) + text
        return text + b"\n"

    return write


def _head(line: LogLine, colours: dict[str, int] | None) -> bytes:
    """Time and name; in a colour, the same for a process throughout."""
    head = f"{line.time} {line.name}:".encode()
    if colours is not None:
        number = colours.setdefault(line.name, _COLOURS[len(colours) % len(_COLOURS)])
        head = b"\x1b[%dm%s%s" % (number, head, _PLAIN)
    return head + b" "


def _as_json(line: LogLine) -> bytes:
    import json

    fields = {
        "time": line.time,
        "source": line.source,
        "process": line.process or None,
        "release": f"v{line.release}" if line.release else None,
        "text": line.text.decode("utf-8", "replace"),
    }
    return terminal.harmless_json(json.dumps(fields, ensure_ascii=False)).encode() + b"\n"


def _end_with_reader() -> None:
    """End when nobody reads any more: without a terminal no signal tells, and silent logs go on
    for ever.
    """
    watch = select.poll()
    watch.register(1, 0)  # errors alone: that the other end is closed
    watch.poll()
    os.kill(os.getpid(), signal.SIGINT)
