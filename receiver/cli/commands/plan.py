"""`ship plan`: what a push, a change of config vars or a rollback would write, run and restart."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.commands.check import push_option, unpushed
from receiver.model import catalogue
from receiver.model.errors import UsageError
from receiver.model.names import parse_release_version

if TYPE_CHECKING:
    from receiver.model.output import Output

Tell = Callable[["Output"], object]
_STEP = "-----> "
_INDENT = "       "


def _over_ssh(call: Call, place: Destination, words: tuple[str, ...], *, as_json: bool) -> int:
    if not words and not as_json and (target := unpushed(call)):
        return push_option(call, target, "plan")
    options = ["--json"] if as_json else []
    line = ["plan", "--app", call.app, *options, "--", *words]
    return forward.become_ssh(place, line, call.environment, terminal=False)


@command(
    "plan",
    over_ssh=_over_ssh,
    context_settings={"ignore_unknown_options": True},
    example="$ ship plan config:set GREETING=hi -a blog\n-----> Set GREETING config var\n"
    "-----> Check\n"
    "       Each new worker asks itself for /, before anybody else asks it.\n-----> Swap to v4\n"
    "       Workers of slot a are replaced one by one.\n"
    "       - Have slot a take v4 over in place: HUP, new workers beside the old ones\n...\n"
    "-----> That was the plan\n       Nothing was built, run or changed.",
)
@for_app
@with_json
@click.argument("words", metavar="[COMMAND...]", nargs=-1)
def plan(call: Call, words: tuple[str, ...], *, as_json: bool) -> int:
    """Tell what a push of this checkout would do; or config:set, config:unset, rollback,
    ps:scale, ps:restart, as typed.
    """
    if not words and not as_json and (target := unpushed(call)):
        return push_option(call, target, "plan")
    _tell(_chosen(call, words), as_json=as_json)
    return 0


def _chosen(call: Call, words: tuple[str, ...]) -> Tell:
    """The story that is to be told."""
    if not words:
        from receiver.deploy import retrying

        return lambda out: retrying.plan(call.server, call.app, call.by, out)
    name, rest = catalogue.find(words) or ("", [])
    tell = _STORIES[name](call, rest) if name in _STORIES else None
    if tell is None:
        raise UsageError(
            f"`{' '.join(words)}` cannot be planned.",
            advice="What can be: a push (`ship plan`), `config:set`, `config:unset`, `rollback`,"
            " `ps:scale TYPE=N` and `ps:restart TYPE`.",
            reason="usage/no-plan",
        )
    return tell


def _setting(call: Call, words: list[str]) -> Tell:
    from receiver.cli.commands.config.input import gather

    return _config(call, values=gather(call, words).values)


def _unsetting(call: Call, words: list[str]) -> Tell:
    from receiver.cli.commands.config.input import names_to_unset

    return _config(call, removed=names_to_unset(call, words))


def _config(
    call: Call, *, values: Mapping[str, str] | None = None, removed: tuple[str, ...] = ()
) -> Tell:
    from receiver.cli.commands.config.change import wished
    from receiver.deploy import planning

    wish = wished(call, values=values, removed=removed)
    return lambda out: planning.of_config(call.server, wish, out)


def _restarting(call: Call, words: list[str]) -> Tell | None:
    from receiver.deploy import planning
    from receiver.processes import control

    if not words:
        return None
    steps = control.planned(call.server, call.app, control.restarting(words[0]))
    return lambda out: planning.of_steps(f"Restarting {words[0]}", steps, out)


def _scaling(call: Call, words: list[str]) -> Tell | None:
    from receiver.cli.commands.ps import parse_wish
    from receiver.deploy import planning
    from receiver.processes import control

    if not words:
        return None
    wishes = [parse_wish(word) for word in words]
    steps = control.planned(call.server, call.app, control.scaling(wishes))
    return lambda out: planning.of_steps(f"Scaling {call.app}", steps, out)


def _rollback(call: Call, words: list[str]) -> Tell | None:
    from receiver.deploy import planning
    from receiver.deploy.stages.requests import Rollback

    if len(words) > 1:
        return None
    target = parse_release_version(words[0]) if words else None
    wish = Rollback(app=call.app, by=call.by, number=0, target=target)
    return lambda out: planning.of_rollback(call.server, wish, out)


_STORIES: Mapping[str, Callable[[Call, list[str]], Tell | None]] = {
    "config:set": _setting,
    "config:unset": _unsetting,
    "ps:restart": _restarting,
    "ps:scale": _scaling,
    "releases:rollback": _rollback,
}
"""What can be planned besides a push; None where its words are too few or too many."""


def _tell(tell: Tell, *, as_json: bool) -> None:
    from receiver.model.output import Output

    if not as_json:
        tell(Output(show.write))
        return
    said = bytearray()
    tell(Output(said.extend))
    show.as_json(_parts(said.decode("utf-8", "replace")))


def _parts(text: str) -> list[dict[str, object]]:
    """What was told, part by part."""
    parts: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(_STEP):
            parts.append((line.removeprefix(_STEP), []))
        elif parts:
            parts[-1][1].append(line.removeprefix(_INDENT))
    return [{"title": title, "lines": lines} for title, lines in parts]
