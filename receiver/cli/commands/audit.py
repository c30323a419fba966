"""`ship audit`: who did what when, from where, and what came of it."""

import select
import shlex
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import click

from receiver.cli import show
from receiver.cli.command import Call, command, with_json
from receiver.model.audit import Line
from receiver.model.errors import ServerError
from receiver.model.names import AppName
from receiver.model.terminal import harmless

_LOOK_EVERY_MS = 500
Shown = Callable[[Line], bool]


class Change(NamedTuple):
    """A change from its beginning to its end, or one that was refused."""

    line: Line
    end: Line | None


@command(
    "audit",
    example="$ ship audit -n 2\n2026-01-31T08:20:00Z  ci    203.0.113.7  blog  git push main "
    "1a2b3c4d5e6f   ok: Deploy 1a2b3c4, v7\n"
    "2026-01-31T08:15:00Z  anna  203.0.113.9  shop  config:get SECRET_KEY         refused: "
    "access/not-granted",
)
@click.option("-n", "--num", "limit", default=20, show_default=True, help="How many, newest first.")
@click.option("-a", "--app", "only", metavar="NAME", help="Only of this app.")
@click.option("--key", metavar="KEY", help="Only of this key, or of this user of the server.")
@click.option(
    "--since",
    metavar="TIME",
    help="Only since then: `2h`, `3d`, `2026-01-31`, `2026-01-31T08:15`.",
)
@click.option(
    "-t",
    "--tail",
    "follow",
    is_flag=True,
    help="Go on until interrupted by Ctrl-C, a line for each beginning and end.",
)
@with_json
def report(call: Call, limit: int, *, follow: bool, as_json: bool, **which: str | None) -> None:
    """Show who changed what, or read values of config vars, from where, and what came of it;
    also what was refused.

    A key is shown what concerns the apps that it manages; an admin is shown all.
    """
    from receiver.access import audit

    shown = _shown(call, **which)
    before = audit.end_of(call.layout) if follow else None
    changes = list(islice(_changes(audit.newest_first(call.layout), shown), max(limit, 0)))
    if as_json and before is None:
        show.as_json([_as_data(change) for change in changes])
        return
    if not changes and before is None:
        show.progress("The audit tells of nothing that fits.")
    if before is None:
        show.table(
            ("When", "Who", "From", "App", "What", "Outcome"), [_row(each) for each in changes]
        )
        return
    for change in reversed(changes):
        show.data("  ".join(_row(change)))
    for line in audit.follow(call.layout, before, _somebody_reads):
        if shown(line):
            show.data("  ".join(_row(Change(line, line if line.event == "ended" else None))))


@command(
    "audit:verify",
    example="$ ship audit:verify\n4711 lines from file 1 on, each as it follows from the one "
    "before.\n9f86d081884c...",
)
@click.option(
    "--head",
    "known",
    default="",
    metavar="DIGEST",
    help="What an earlier call printed: a line of this digest has to be there.",
)
@with_json
def verify(call: Call, known: str, *, as_json: bool) -> None:
    """Tell whether any line of the audit was changed or taken out; prints the digest of the last
    one.

    Who can write the files can also write a new chain. Keep the digest elsewhere, and give it the
    next time: then all lines up to that one are as they were.
    """
    from receiver.access import audit

    found = audit.verify(call.layout, known)
    if as_json:
        show.as_json({**found._asdict(), "broken": list(found.broken)})
    else:
        show.progress(
            (
                f"{found.lines} lines from file {found.first} on, each as it follows from the one "
                "before."
            )
            if not found.broken
            else f"{found.lines} lines from file {found.first} on."
        )
        if found.torn:
            show.progress(
                f"{found.torn} of them was cut off while it was written, as by a power cut."
            )
        show.data(found.head)
    if found.broken or (known and not found.seen):
        raise ServerError(
            "The audit is not what it was.",
            detail="These lines do not follow from those before: " + "; ".join(found.broken)
            if found.broken
            else f"No line has the digest {known}: what stood there was changed or removed.",
            advice=f"Compare the files below {call.layout.audit} with a backup.",
            reason="server/audit-changed",
        )


def _changes(lines: Iterator[Line], shown: Shown) -> Iterator[Change]:
    """Beginnings with their ends; the lines come backwards."""
    ends: dict[str, Line] = {}
    for line in lines:
        if line.event == "ended":
            ends[line.id] = line
        elif shown(line):
            yield Change(line, ends.pop(line.id, None))


def _shown(call: Call, only: str | None, key: str | None, since: str | None) -> Shown:
    """What of the audit whoever asks may see, and wants to."""
    from receiver.access import audit

    managed, first = _managed(call), audit.moment(since) if since else ""
    if only is not None and call.key is not None:
        from receiver.access import grants as access

        access.admit(call.layout, call.key, AppName.parse(only), "manage")

    def fits(line: Line) -> bool:
        allowed = managed is None or line.at >= managed.get(line.app or "", "~")
        return allowed and only in {None, line.app} and key in {None, line.who} and line.at >= first

    return fits


def _managed(call: Call) -> dict[str, str] | None:
    """The apps that a key manages, with when they were made: what was done to one of that name
    before is not theirs.
    """
    if call.key is None:
        return None
    from receiver.access import grants as access
    from receiver.model.grant import suffices
    from receiver.state import records

    layout = call.layout
    if access.everywhere(layout, call.key) == "admin":
        return None
    return {
        name: records.read_app(layout.app(name)).created_at
        for name in records.app_names(layout)
        if suffices(access.held(layout, call.key, name), "manage")
    }


def _row(change: Change) -> tuple[str, ...]:
    line = change.line
    what = f"{line.command} {shlex.join(line.words)}".rstrip()
    shown = (line.at, line.who, line.address or "-", line.app or "-", what, _outcome(change))
    return tuple(_visible(text) for text in shown)


def _outcome(change: Change) -> str:
    line, end = change
    if line.event == "refused":
        return f"refused: {line.reason}"
    if end is None:
        return "began"
    how = "ok" if end.status == 0 else end.reason or f"exit code {end.status}"
    return f"{how}: {end.result}" if end.result else how


def _visible(text: str) -> str:
    """Without what a terminal would act on: words are recorded as somebody typed them."""
    return harmless(text, colours=False)


def _as_data(change: Change) -> dict[str, object]:
    line, end = change
    last = end or line
    return {
        "at": line.at,
        "key": line.key,
        "user": line.user or None,
        "from": line.address or None,
        "app": line.app,
        "command": line.command,
        "words": list(line.words),
        "refused": line.event == "refused",
        "ended_at": end.at if end else None,
        "status": last.status,
        "reason": last.reason or None,
        "result": last.result or None,
    }


def _somebody_reads() -> bool:
    """Wait a moment; False when whoever read the output is gone."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)  # errors alone: that the other end is closed
    return not watch.poll(_LOOK_EVERY_MS)
