"""`ship config`: show config vars, by name, as texts for other programs, and by release."""

from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.commands.config import pending
from receiver.cli.commands.config.input import check_is_set, nothing_given, values_of
from receiver.model.config_formats import FORMATS
from receiver.model.names import parse_config_name

if TYPE_CHECKING:
    from receiver.state import config_history

_of_release = click.option(
    "--release",
    metavar="RELEASE",
    help="As this release runs with them, instead of as they are set now.",
)
_for_shell = click.option(
    "-s", "--shell", "for_shell", is_flag=True, help="Print lines that a shell can read."
)


@command(
    "config",
    example="$ ship config -a blog\n=== blog Config Vars\n\nGREETING:   hi\nSECRET_KEY: s3cr3t",
)
@for_app
@with_json
@_for_shell
@_of_release
def show_all(call: Call, *, as_json: bool, for_shell: bool, release: str | None) -> None:
    """Show all config vars of an app; what no release has taken along yet is marked as pending."""
    values = values_of(call, release)
    if as_json:
        show.as_json(values)
    elif for_shell:
        _write(values, "lines")
    elif not values:
        show.progress(
            f"{call.app} has no config vars. To set one: ship config:set GREETING=hi -a {call.app}"
        )
    else:
        of = f" v{release.removeprefix('v')}" if release else ""
        show.heading(f"{call.app}{of} Config Vars")
        show.data("")
        show.fields(values)
    if not as_json and not for_shell and release is None:
        pending.tell(call)


@command("config:get", example="$ ship config:get GREETING -a blog\nhi")
@for_app
@with_json
@_for_shell
@_of_release
@click.option("--raw", is_flag=True, help="Print no line end behind a value.")
@click.argument("names", nargs=-1, metavar="NAME...")
def get(
    call: Call,
    names: tuple[str, ...],
    *,
    as_json: bool,
    for_shell: bool,
    release: str | None,
    raw: bool,
) -> None:
    """Print the values of config vars, each byte for byte, and a line end."""
    wanted = [parse_config_name(name) for name in names]
    if not wanted:
        raise nothing_given("config:get GREETING")
    values = values_of(call, release)
    for name in wanted:
        check_is_set(call, name, values)
    found = {name: values[name] for name in wanted}
    if as_json:
        show.as_json(found)
    elif for_shell:
        _write(found, "lines")
    else:
        end = b"" if raw else b"\n"
        for value in found.values():
            show.write(value.encode("utf-8", "surrogateescape") + end)


@command("config:keys", example="$ ship config:keys -a blog\nGREETING\nSECRET_KEY")
@for_app
@with_json
def keys(call: Call, *, as_json: bool) -> None:
    """Print the names of all config vars, and no value."""
    names = list(values_of(call))
    if as_json:
        show.as_json(names)
        return
    for name in names:
        show.data(name)


@command(
    "config:export",
    example="$ ship config:export -a blog > .env\n$ cat .env\nGREETING=hi\n"
    "SECRET_KEY='s3cr3t with blanks'",
)
@for_app
@_of_release
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="env",
    show_default=True,
    help="A .env file, `export` lines for a shell, or JSON.",
)
def export(call: Call, *, kind: str, release: str | None) -> None:
    """Print all config vars as a text that config:import, or another program, reads back byte
    for byte.
    """
    _write(values_of(call, release), kind)


@command(
    "config:history",
    example="$ ship config:history -a blog\n=== blog Config Vars by Release\n\n"
    "v5  Set GREETING             laptop  2026-01-31T08:20:00Z\n"
    "v3  Set DEBUG; unset TESTING  ci      2026-01-30T17:02:00Z",
)
@for_app
@with_json
def history(call: Call, *, as_json: bool) -> None:
    """Tell which release set or removed which config vars, newest first; as far back as releases
    are kept.
    """
    from receiver.state import config_history

    found = [each for each in config_history.changes(call.server.app(call.app)) if each.difference]
    if as_json:
        show.as_json([_as_data(each) for each in found])
        return
    if found:
        show.heading(f"{call.app} Config Vars by Release")
        show.data("")
        rows = [(it.release.label, _told(it), it.release.by, it.release.created_at) for it in found]
        show.table(("Release", "Change", "By", "When"), rows)
    else:
        show.progress(f"No release of {call.app} has config vars.")
    pending.tell(call)


def _told(change: "config_history.ReleaseChange") -> str:
    told = str(change.difference)
    before = " (or before: older releases are not kept)" if change.since_removed else ""
    return told[:1].upper() + told[1:] + before


def _as_data(change: "config_history.ReleaseChange") -> dict[str, object]:
    return {
        "release": change.release.version,
        "by": change.release.by,
        "created_at": change.release.created_at,
        "set": change.difference.set,
        "unset": change.difference.unset,
        "or_before": change.since_removed,
    }


def _write(values: dict[str, str], kind: str) -> None:
    from receiver.model import config_formats, dotenv

    if kind == "lines":
        show.write(dotenv.shell_text(values))
    else:
        show.write(config_formats.written(values, kind))
