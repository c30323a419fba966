"""`ship version` and `ship help`."""

import click

import receiver
from receiver.cli import show
from receiver.cli.command import Call, Ship, command, unknown
from receiver.model import catalogue


@command("version", example="$ ship version\nship 0.1.0")
def version(call: Call) -> None:
    """Print the version of this program."""
    del call
    show.data(f"ship {receiver.__version__}")


@command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]")
@click.pass_context
def help_(ctx: click.Context, call: Call, words: tuple[str, ...]) -> None:
    """Tell what can be typed, in all or for one command."""
    del call
    outer = ctx.parent
    if outer is None or not isinstance(outer.command, Ship):
        raise TypeError(outer)
    if not words:
        show.data(outer.get_help())
        return
    found = catalogue.find(list(words))
    named = outer.command.get_command(outer, found[0]) if found else None
    if found is None or named is None:
        raise unknown(words)
    with click.Context(named, info_name=found[0], parent=outer) as inner:
        show.data(named.get_help(inner))
