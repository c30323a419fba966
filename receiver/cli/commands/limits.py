"""`ship limits`: what the processes of an app may use of the machine."""

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import UsageError
from receiver.model.process_limits import NAMES, Limit


@command(
    "limits",
    example="$ ship limits -a blog\n=== blog Limits\n\nweb.memory: 256M\nweb.cpu:    50%",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Show the limits of an app's process types."""
    from receiver.state import records

    _show(call, records.read_app(call.server.app(call.app)).limits, as_json=as_json)


@command(
    "limits:set",
    example="$ ship limits:set web.memory=256M web.cpu=50% -a blog\n"
    "What runs of blog is kept to these from now on; nothing was restarted.\n"
    "web.memory: 256M\nweb.cpu:    50%",
)
@for_app
@click.argument("words", nargs=-1, metavar="TYPE.NAME=VALUE...")
def set_(call: Call, words: tuple[str, ...]) -> None:
    """Limit memory, cpu or tasks of a process type, at once and over deploys.

    A limit of web is for all its workers together, another type's for each of its processes, and
    that of `*` for all that runs for the app. Over its memory, a process is killed and started
    again, alone.
    """
    from receiver.model.process_limits import parse_wishes
    from receiver.processes import limits

    values = parse_wishes(words)
    if not values:
        raise _nothing_given("limits:set web.memory=256M")
    found = limits.change(call.server, call.app, values, [])
    show.progress(f"What runs of {call.app} is kept to these from now on; nothing was restarted.")
    _fields(found)


@command(
    "limits:unset",
    example="$ ship limits:unset web.memory worker -a blog\nThe limits that are left for blog:\n"
    "web.cpu: 50%",
)
@for_app
@click.argument("words", nargs=-1, metavar="TYPE[.NAME]...")
def unset(call: Call, words: tuple[str, ...]) -> None:
    """Take limits away: one, or all of a process type."""
    from receiver.model.process_limits import parse_names
    from receiver.processes import limits

    gone = parse_names(words)
    if not gone:
        raise _nothing_given("limits:unset web.memory")
    found = limits.change(call.server, call.app, {}, gone)
    show.progress(
        f"The limits that are left for {call.app}:" if found else f"{call.app} has no limits left."
    )
    _fields(found)


def _show(call: Call, limits: dict[str, Limit], *, as_json: bool) -> None:
    if as_json:
        show.as_json(
            {name: {field: getattr(it, field) for field in NAMES} for name, it in limits.items()}
        )
    elif not limits:
        show.progress(f"{call.app} has no limits but the machine's.")
    else:
        show.heading(f"{call.app} Limits")
        show.data("")
        _fields(limits)


def _fields(limits: dict[str, Limit]) -> None:
    show.fields(
        {
            f"{name}.{field}": str(value)
            for name, limit in sorted(limits.items())
            for field in NAMES
            if (value := getattr(limit, field)) is not None
        }
    )


def _nothing_given(example: str) -> UsageError:
    return UsageError(
        "No limit is given.",
        advice=f"For example: `ship {example}`. `ship limits` shows what holds.",
        reason="usage/bad-limit",
    )
