"""What all commands of `ship` have in common: where they act, for which app, by whom; and how
they are found.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import groupby
from typing import Any

import click

from receiver.cli import forward
from receiver.cli.call import Call
from receiver.cli.checkout import Destination
from receiver.cli.place import Said, own_place
from receiver.model import catalogue
from receiver.model.errors import AccessError, ShipError, UsageError
from receiver.model.patterns import regex

__all__ = (
    "Call",
    "Command",
    "Ship",
    "brief",
    "command",
    "for_app",
    "unknown",
    "with_json",
    "with_release_phase",
)

_WORDS = "receiver.words"
_PARTICULARS = regex(r"[;:] |\.(?=\s|$)")


class Command(click.Command):
    """A command of the catalogue: wherever it is typed, it acts where its row says."""

    def __init__(
        self,
        name: str,
        *,
        over_ssh: Callable[..., int] | None = None,
        hand_over: Callable[..., int] | None = None,
        example: str = "",
        **kwargs: Any,
    ) -> None:
        """Make a command.

        Args:
            name: the one of its row
            over_ssh: what it does on a laptop, instead of handing all words to the server
            hand_over: the same, and what it does instead of becoming root on this machine: its
                secrets go on as input, which neither sudo nor a list of processes shows
            example: a call and what it prints, for the reference
            kwargs: as click takes them
        """
        self.row = catalogue.COMMANDS[name]
        super().__init__(name, hidden=self.row.hidden, **kwargs)
        self.over_ssh = over_ssh or hand_over
        self.hand_over = hand_over
        self.example = example

    @property
    def of_app(self) -> bool:
        """Whether it concerns one app."""
        return any(param.name == "app" for param in self.params)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they came, for the case that they go elsewhere."""
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Act here, or have the server act."""
        call: Call = ctx.obj
        params, said = dict(ctx.params), dict(ctx.params)
        named = params.get(self.row.app_from)
        call.said = Said(params.pop("app", None) or named, params.pop("remote", None))
        call.words = ctx.meta[_WORDS]
        whole = self.is_of_server(call, params)
        if call.key is not None:
            self._admit(call, call.key, said, whole=whole)
        if self.row.acts == "server":
            return self._on_server(call, params, said, whole=whole)
        if self.row.acts == "machine":
            _take_own_machine(call)
        return self._do(call, params)

    def is_of_server(self, call: Call, params: dict[str, Any]) -> bool:
        """Whether it concerns no app this time, but the whole server."""
        del call
        return bool(params.get(self.row.server_wide))

    def _admit(self, call: Call, key: str, said: dict[str, Any], *, whole: bool) -> None:
        """The one door of all commands that come with a key: raises unless its grants let it
        through.
        """
        if self.row.acts == "checkout":
            raise UsageError(
                "This command acts on the machine where it is typed.",
                advice="Type it there, in the checkout of the app.",
                reason="usage/only-here",
            )
        needed = "admin" if whole else self.row.needs
        if needed == "nothing":
            return
        from receiver.access import grants as access

        try:
            if needed == "admin" or not self.of_app:
                access.admit_to_server(call.layout, key)
            else:
                access.admit(call.layout, key, call.app, needed)
        except ShipError as error:
            from receiver.cli import audited

            if not isinstance(error, UsageError):  # such as one who names no app
                audited.refused(call, self.name or "", said, error)
            raise

    def _on_server(
        self, call: Call, params: dict[str, Any], said: dict[str, Any], *, whole: bool
    ) -> Any:
        """Act on the server that is meant, as root; or go there, or become root."""
        place = call.place
        if isinstance(place, Destination):
            return self._go_over(call, place, params, whole=whole)
        if place.root is None and not call.environment.is_root:
            if self.hand_over is not None:
                return int(self.hand_over(call, place, **params) or 0)
            forward.become_root(call.arguments, call.environment)
        return self._perform(call, params, said)

    def _perform(self, call: Call, params: dict[str, Any], said: dict[str, Any]) -> Any:
        """Do it; what changes something, or shows a secret, goes on record."""
        shows = self.row.reveals and call.may("deploy")
        if not (shows or self.row.is_recorded):
            return self._do(call, params)
        from receiver.cli import audited

        return audited.perform(call, self.name or "", said, lambda: self._do(call, params))

    def _do(self, call: Call, params: dict[str, Any]) -> Any:
        return self.callback(call, **params) if self.callback else 0

    def _go_over(
        self, call: Call, place: Destination, params: dict[str, Any], *, whole: bool
    ) -> int:
        if self.over_ssh is not None:
            return int(self.over_ssh(call, place, **params) or 0)
        wanted = not params.get("no_tty")
        terminal = self.row.terminal and wanted and call.environment.has_terminal
        # the app goes along, because only this side can know which one a checkout is of
        app = ("--app", call.app) if self.of_app and not whole else ()
        words = [self.name or "", *app, *call.words]
        return forward.become_ssh(place, words, call.environment, terminal=terminal)


def command(name: str, *, cls: type[Command] = Command, **own: Any) -> Callable[..., Command]:
    """Make a function a command of the catalogue, as `Command` takes what is its own."""
    return click.command(name, cls=cls, **own)


class Ship(click.Group):
    """The command `ship`: finds a command by any of its names, and imports only that one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of the catalogue."""
        del ctx
        return list(catalogue.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        del ctx
        name = catalogue.canonical(cmd_name)
        if name is None:
            return None
        module, _, attribute = catalogue.COMMANDS[name].at.partition(":")
        found: click.Command = getattr(import_module(f"receiver.cli.commands.{module}"), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A line for each command, the namespaces apart."""
        found = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        shown = {name: command for name, command in found.items() if command and not command.hidden}
        width = max(map(len, shown))
        with formatter.section("Commands"):
            for _, together in groupby(shown, lambda name: name.partition(":")[0]):
                rows = [(name.ljust(width), brief(shown[name])) for name in together]
                formatter.write_dl(rows)
                formatter.write_paragraph()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that a line begins with."""
        found = catalogue.find(args)
        if found is None:
            raise unknown(args)
        name, rest = found
        return name, self.get_command(ctx, name), rest


def _take_own_machine(call: Call) -> None:
    """Have a command act on the server that this machine is: for its owner, and never over ssh.

    Who holds a key may push and look after apps, and not take the server down.
    """
    if call.key is not None:
        raise AccessError(
            "This command cannot be given over ssh.",
            advice="Type it on the server itself, as root.",
            reason="access/on-server-only",
        )
    if place := own_place(call.environment):
        call.place = place


def brief(command: click.Command) -> str:
    """What a command does, without the particulars."""
    first = _PARTICULARS.split(command.help or "", maxsplit=1)[0]
    return " ".join(first.split())


def for_app(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which app is meant."""
    app = click.option("-a", "--app", metavar="NAME", help="The app.")
    remote = click.option("-r", "--remote", metavar="NAME", help="The git remote that leads to it.")
    return app(remote(function))


def with_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option to print for programs."""
    return click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON.")(function)


def with_release_phase(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option that decides, this once, whether the `release:` line of the Procfile runs."""
    return click.option(
        "--release-phase/--no-release-phase",
        "release_phase",
        default=None,
        help="Run the `release:` line of the Procfile, or do not; else as the app's ship.toml "
        "says.",
    )(function)


def unknown(args: Sequence[str]) -> ShipError:
    """What is told of a line of words that begins with no command."""
    from receiver.model import words_elsewhere

    close = catalogue.similar(args)
    meant = f"Did you mean {' or '.join(f'`ship {name}`' for name in close)}?" if close else ""
    return UsageError(
        f"There is no command {args[0]!r}.",
        detail=words_elsewhere.answer(args) or meant,
        advice="`ship help` lists the commands.",
        reason="usage/unknown-command",
    )
