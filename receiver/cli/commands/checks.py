"""`ship checks`: how a release is told to be alive; set it, and ask now."""

from typing import Any

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import NotFoundError, UsageError


@command(
    "checks",
    example="$ ship checks -a blog\n=== blog Check\n\npath:      /health           (checks:set)\n"
    "status:    200               (the code)\nhost:      blog.example.com  (default)\n"
    "timeout_s: none, 60 in all   (default)\nattempts:  1                 (default)\n"
    "wait_s:    5                 (default)",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Show what a release is asked before visitors meet it, and who said so: checks:set, the
    code, or nobody.

    `ship check` builds and asks what is not live yet.
    """
    from receiver.apps import checks
    from receiver.state import records

    settings = records.read_app(call.server.app(call.app))
    found = checks.report(call.server, call.app)
    if as_json:
        show.as_json({n: {"value": it.value, "from": it.source} for n, it in found.items()})
        return
    show.heading(f"{call.app} Check")
    show.data("")
    shown = {name: _shown(it.value) for name, it in found.items()}
    if found["status"].value is None:
        shown["status"] = "any below 500"
    if found["timeout_s"].value is None:
        shown["timeout_s"] = f"none, {settings.check_limit_s} in all"
    width = max(map(len, shown.values()))
    show.fields({name: f"{shown[name]:<{width}}  ({it.source})" for name, it in found.items()})


@command(
    "checks:set",
    example="$ ship checks:set path=/health status=200,204 -a blog\n"
    "The next release of blog is checked by these.\npath:   /health\nstatus: 200, 204",
)
@for_app
@click.argument("words", nargs=-1, metavar="NAME=VALUE...")
def set_(call: Call, words: tuple[str, ...]) -> None:
    """Change the check of an app, above what its code says; from the next release or restart on."""
    from receiver.apps import checks
    from receiver.model.check import parse_settings

    values = parse_settings(words)
    if not values:
        raise _nothing_given("checks:set path=/health")
    checks.change(call.server, call.app, values)
    show.progress(f"The next release of {call.app} is checked by these.")
    show.fields({name: _shown(value) for name, value in values.items()})


@command(
    "checks:unset",
    example="$ ship checks:unset path -a blog\npath is again what the code says, or the default.",
)
@for_app
@click.argument("names", nargs=-1, metavar="NAME...")
def unset(call: Call, names: tuple[str, ...]) -> None:
    """Take back what checks:set has set."""
    from receiver.apps import checks
    from receiver.model.check import parse_name

    gone = tuple(parse_name(name) for name in names)
    if not gone:
        raise _nothing_given("checks:unset path")
    _check_are_set(call, gone)
    checks.change(call.server, call.app, {}, gone)
    is_again = "is again what the code says" if len(gone) == 1 else "are again what the code says"
    show.progress(f"{', '.join(gone)} {is_again}, or the default.")


@command(
    "checks:run",
    example="$ ship checks:run -a blog\nGET /health answered 200 after 0.01 s.\nok",
)
@for_app
@with_json
def run(call: Call, *, as_json: bool) -> None:
    """Ask the live release as a deploy does, and print its answer; the exit code is 6 when it is
    not alive.
    """
    from receiver.apps import checks
    from receiver.health import answers

    question, answer, refused = checks.ask(call.server, call.app)
    if as_json:
        show.as_json(
            {
                "path": question.path,
                "host": question.host,
                "alive": refused is None,
                "status": answer.status,
                "seconds": round(answer.seconds, 3),
                "headers": answer.headers,
                "body": answer.body,
            }
        )
    else:
        show.progress(f"GET {question.path} answered {answer.status} after {answer.seconds:.2f} s.")
        show.data(answer.body.rstrip("\n"))
    if refused is not None:
        raise refused
    if told := answers.notice(answer, question):
        show.progress(told)


def _check_are_set(call: Call, names: tuple[str, ...]) -> None:
    from receiver.state import records

    known = records.read_app(call.server.app(call.app)).check
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"checks:set has set no {name} for {call.app}.",
                detail=f"It has set: {', '.join(known) or 'nothing'}.",
                advice="What the code says under [check] of ship.toml is changed by a push.",
                reason="not-found/check-setting",
            )


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)


def _nothing_given(example: str) -> UsageError:
    return UsageError(
        "No setting of the check is given.",
        advice=f"For example: `ship {example}`. `ship checks` shows what holds.",
        reason="usage/bad-check",
    )
