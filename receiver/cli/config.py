"""`ship config`: show config vars, set them, unset them."""

import os
import shlex
from collections.abc import Sequence

import click

from receiver.cli import show
from receiver.cli.command import Call, Command, for_app, with_json, with_release_phase
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.names import parse_config_name


@click.command(
    "config", cls=Command,
    example="$ ship config -a blog\n=== blog Config Vars\n\nGREETING:   hi\nSECRET_KEY: s3cr3t",
)  # fmt: skip
@for_app
@with_json
@click.option("-s", "--shell", "for_shell", is_flag=True, help="Print lines that a shell can read.")
def show_all(call: Call, *, as_json: bool, for_shell: bool) -> None:
    """Show all config vars of an app."""
    values = dict(sorted(_values(call).items()))
    if as_json:
        show.as_json(values)
    elif for_shell:
        for name, value in values.items():
            show.data(f"{name}={shlex.quote(value)}")
    elif not values:
        show.progress(f"{call.app} has no config vars. To set one: ship config:set GREETING=hi")
    else:
        show.heading(f"{call.app} Config Vars")
        show.data("")
        show.fields(values)


@click.command("config:get", cls=Command, example="$ ship config:get GREETING -a blog\nhi")
@for_app
@with_json
@click.argument("name")
def get(call: Call, name: str, *, as_json: bool) -> None:
    """Print the value of one config var, byte for byte, and a line end."""
    values = _values(call)
    _check_is_set(call, parse_config_name(name), values)
    if as_json:
        show.as_json({name: values[name]})
    else:
        show.data(values[name])


@click.command(
    "config:set", cls=Command,
    example="$ ship config:set GREETING=hi -a blog\n-----> Set GREETING config var\n...\nGREETING: hi",
)  # fmt: skip
@for_app
@with_release_phase
@click.argument("pairs", nargs=-1, metavar="NAME=VALUE...")
def set_(call: Call, pairs: tuple[str, ...], *, release_phase: bool | None) -> int:
    """Set config vars, and have the app run with them: this makes a release."""
    given = parse_pairs(pairs)
    status = _reconfigure(call, given, (), release_phase=release_phase)
    if status == 0:
        show.fields(given)
    return status


@click.command(
    "config:unset", cls=Command,
    example="$ ship config:unset GREETING -a blog\n-----> Unset GREETING config var\n...\nv5",
)  # fmt: skip
@for_app
@with_release_phase
@click.argument("names", nargs=-1, metavar="NAME...")
def unset(call: Call, names: tuple[str, ...], *, release_phase: bool | None) -> int:
    """Remove config vars, and have the app run without them: this makes a release."""
    gone = parse_names(call, names)
    from receiver.cli.changes import live_label

    status = _reconfigure(call, {}, gone, release_phase=release_phase)
    if status == 0 and (label := live_label(call)):
        show.data(label)
    return status


def _reconfigure(
    call: Call,
    values: dict[str, str],
    removed: tuple[str, ...],
    *,
    release_phase: bool | None,
) -> int:
    from receiver.cli.changes import change
    from receiver.deploy import ConfigChange, reconfigure
    from receiver.model.output import Output
    from receiver.model.release import Release

    def wish(number: int) -> ConfigChange:
        return ConfigChange(
            app=call.app,
            by=call.by,
            number=number,
            values=values,
            removed=removed,
            release_phase=release_phase,
        )

    def work(out: Output, number: int) -> Release | None:
        return reconfigure(call.server, wish(number), out)

    return change(call, wish(0).description, work)


def parse_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """Config vars to set, as `config:set` takes them."""
    given = dict(_parse_pair(pair) for pair in pairs)
    if not given:
        raise _nothing_given("config:set GREETING=hi")
    return given


def parse_names(call: Call, names: Sequence[str]) -> tuple[str, ...]:
    """Config vars to remove, as `config:unset` takes them; they are there."""
    gone = tuple(parse_config_name(name) for name in names)
    if not gone:
        raise _nothing_given("config:unset GREETING")
    values = _values(call)
    for name in gone:
        _check_is_set(call, name, values)
    return gone


def _values(call: Call) -> dict[str, str]:
    from receiver import records

    return records.read_config(call.server.app(call.app).config)


def _check_is_set(call: Call, name: str, values: dict[str, str]) -> None:
    if name not in values:
        raise NotFoundError(
            f"{call.app} has no config var {name}.",
            detail=f"It has: {', '.join(sorted(values)) or 'none'}.",
            advice=f"Set it with `ship config:set {name}=VALUE`.",
            reason="not-found/config-var",
        )


def _parse_pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(
            f"{text!r} is not a config var and its value.",
            advice="Write NAME=VALUE, in quotes if the value has blanks: `ship config:set 'A=b c'`.",
            reason="usage/bad-config-pair",
        )
    if "\0" in value:
        raise UsageError(
            f"The value of {name} holds a NUL byte, which no environment can.",
            advice="Encode the value, for example as base64.",
            reason="usage/bad-config-value",
        )
    # bytes as they were typed, whatever encoding this machine believes in
    return parse_config_name(name), os.fsencode(value).decode("utf-8", "surrogateescape")


def _nothing_given(example: str) -> UsageError:
    return UsageError(
        "No config var is given.",
        advice=f"For example: `ship {example}`.",
        reason="usage/no-config-var",
    )
