"""`ship config:set` and what else changes config vars: unset, import, clear."""

from collections.abc import Mapping
from typing import Any

import click

from receiver.cli import forward, show
from receiver.cli.command import Call, command
from receiver.cli.commands.config.change import changes_config, options_again, perform, wished
from receiver.cli.commands.config.input import Given, gather, names_to_unset, read_values
from receiver.cli.confirm import confirm
from receiver.cli.given_file import STDIN
from receiver.cli.place import Place
from receiver.model.config_formats import FORMATS

_LONGEST_SHOWN = 1000


def _set_over_there(
    call: Call,
    place: Place,
    words: tuple[str, ...],
    from_files: tuple[str, ...],
    *,
    as_json: bool,
    **how: Any,
) -> int:
    """Read all values here, and send them on the connection: no list of processes shows them."""
    given = gather(call, words, from_files)
    line = ["config:set", "--app", call.app, *options_again(as_json=as_json, **how), STDIN]
    status, said = forward.hand_over(place, line, call.environment, _as_text(given.values))
    if status or as_json:
        show.write(said)
    else:
        _show_given(given)
    return status


@command(
    "config:set",
    hand_over=_set_over_there,
    example="$ ship config:set GREETING=hi -a blog\n-----> Set GREETING config var\n...\n"
    "GREETING: hi\n"
    "$ ship config:set --from-file CERT=cert.pem -a blog\n$ ship config:set - -a blog < .env",
)
@changes_config
@click.option(
    "-f",
    "--from-file",
    "from_files",
    multiple=True,
    metavar="NAME=PATH",
    help="A config var whose value is all of a file; of standard input, with `-` for PATH.",
)
@click.argument("words", nargs=-1, metavar="[NAME=VALUE... | -]")
def set_(
    call: Call,
    words: tuple[str, ...],
    from_files: tuple[str, ...],
    *,
    as_json: bool,
    **how: Any,
) -> int:
    """Set config vars, and have the app run with them: all of a call make one release; `-` reads
    lines NAME=VALUE.
    """
    given = gather(call, words, from_files)
    status = perform(call, wished(call, values=given.values), as_json=as_json, **how)
    if status == 0 and not as_json:
        _show_given(given)
    return status


@command(
    "config:unset",
    example="$ ship config:unset GREETING -a blog\n-----> Unset GREETING config var\n...\nv5",
)
@changes_config
@click.argument("names", nargs=-1, metavar="NAME...")
def unset(call: Call, names: tuple[str, ...], **how: Any) -> int:
    """Remove config vars, and have the app run without them: this makes a release."""
    gone = names_to_unset(call, names)
    return perform(call, wished(call, removed=gone), label=True, **how)


def _import_over_there(
    call: Call,
    place: Place,
    source: str,
    kind: str | None,
    confirmed: str | None,
    *,
    only_these: bool,
    **how: Any,
) -> int:
    """Read the file here, and have the server see only config vars."""
    values = read_values(call, source, kind)
    line = ["config:import", "--app", call.app, *options_again(**how)]
    if only_these:
        _confirm_replacing(call, confirmed)
        line += ["--replace", "--confirm", call.app]
    line += ["--format", "env", STDIN]
    status, said = forward.hand_over(place, line, call.environment, _as_text(values))
    show.write(said)
    return status


@command(
    "config:import",
    hand_over=_import_over_there,
    example="$ ship config:import .env -a blog\n-----> Set DATABASE_URL, SECRET_KEY config vars\n"
    "...\nv5\n"
    "$ ship config -a blog --json | ship config:import -a blog-staging",
)
@changes_config
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="How it is written; else a text that begins with { is JSON, any other a .env file.",
)
@click.option(
    "--replace", "only_these", is_flag=True, help="Remove all config vars that are not in it."
)
@click.option("--confirm", "confirmed", metavar="NAME", help="The app's name again, for --replace.")
@click.argument("source", required=False, default=STDIN, metavar="[FILE | -]")
def import_(
    call: Call,
    source: str,
    kind: str | None,
    confirmed: str | None,
    *,
    only_these: bool,
    **how: Any,
) -> int:
    """Set all config vars of a .env file or a JSON object; one line that cannot be read, and
    nothing is done.
    """
    values = read_values(call, source, kind)
    if not values and not only_these:
        show.progress("There is no config var in it. Nothing was changed.")
        return 0
    if only_these:
        _confirm_replacing(call, confirmed)
    wish = wished(call, values=values, only_these=only_these)
    return perform(call, wish, label=True, **how)


def _clear_over_there(call: Call, place: Place, confirmed: str | None, **how: Any) -> int:
    _confirm_clearing(call, confirmed)
    line = ["config:clear", "--app", call.app, *options_again(**how), "--confirm", call.app]
    status, said = forward.hand_over(place, line, call.environment, b"")
    show.write(said)
    return status


@command(
    "config:clear",
    hand_over=_clear_over_there,
    example="$ ship config:clear -a blog --confirm blog\n-----> Unset all config vars\n...\nv6",
)
@changes_config
@click.option(
    "--confirm", "confirmed", metavar="NAME", help="The app's name again, instead of being asked."
)
def clear(call: Call, confirmed: str | None, **how: Any) -> int:
    """Remove all config vars of an app; a release before still has them, and `ship rollback`
    brings them back.
    """
    _confirm_clearing(call, confirmed)
    return perform(call, wished(call, only_these=True), label=True, **how)


def _as_text(values: Mapping[str, str]) -> bytes:
    from receiver.model import config_formats

    return config_formats.written(values, "env")


def _show_given(given: Given) -> None:
    """What was set: values that were typed are on the screen anyway, others are not shown."""
    from receiver.model.config_vars import size_bytes

    told = {
        name: value if size_bytes(value) <= _LONGEST_SHOWN else _size(value)
        for name, value in given.typed.items()
    }
    show.fields({**told, **{name: _size(value) for name, value in given.read.items()}})


def _size(value: str) -> str:
    from receiver.model.config_vars import size_bytes

    size = size_bytes(value)
    return f"({size:,} byte{'s' * (size != 1)})"


def _confirm_replacing(call: Call, given: str | None) -> None:
    line = f"ship config:import FILE --app {call.app} --replace --confirm {call.app}"
    confirm(call, given, f"All config vars of {call.app} that are not in it are removed", line)


def _confirm_clearing(call: Call, given: str | None) -> None:
    line = f"ship config:clear --app {call.app} --confirm {call.app}"
    confirm(call, given, f"All config vars of {call.app} are removed", line)
