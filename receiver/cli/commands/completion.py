"""`ship completion`: has the shell complete commands, options and names at a press of the
tabulator key.
"""

import click

from receiver.cli import show
from receiver.cli.command import Call, Ship, command

_SHELLS = ("bash", "zsh", "fish")


@command(
    "completion",
    example='$ eval "$(ship completion bash)"',
)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(call: Call, shell: str) -> None:
    """Print what makes the shell complete the words of `ship`.

    Keep it by a line in ~/.bashrc, `eval "$(ship completion bash)"`; in ~/.zshrc, after compinit,
    `eval "$(ship completion zsh)"`; in ~/.config/fish/config.fish, `ship completion fish | source`.
    """
    from receiver.setup.completion_scripts import script

    del call
    show.write(script(shell).encode())


@command("completion:words")
@click.argument("line")
@click.pass_context
def words(ctx: click.Context, call: Call, line: str) -> None:
    """Print what a command line may go on with, for the script of a shell."""
    from receiver.cli.completing import offered

    program = ctx.find_root().command
    if not isinstance(program, Ship):
        raise TypeError(program)
    for word in offered(call, program, line):
        show.data(f"{word.text}\t{word.told}" if word.told else word.text)
