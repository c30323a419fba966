"""`ship plan`: what a push, a change of config vars or a rollback would write, run and restart."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from receiver.cli import catalogue, forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, Command, for_app, with_json
from receiver.cli.commands.check import is_new_to, push_option, remote_of
from receiver.cli.place import Here
from receiver.model.errors import UsageError
from receiver.model.names import parse_release_version

if TYPE_CHECKING:
    from receiver.model.output import Output

Tell = Callable[["Output"], object]
_STEP = "-----> "
_INDENT = "       "


def _over_ssh(call: Call, place: Destination, words: tuple[str, ...], *, as_json: bool) -> int:
    if not words and not as_json:
        target = remote_of(call.checkout, call.app) or place.remote_of(call.app)
        if is_new_to(call.checkout, target):
            return push_option(call, target, "plan")
    options = ["--json"] if as_json else []
    line = ["plan", "--app", call.app, *options, "--", *words]
    return forward.become_ssh(place, line, call.environment, terminal=False)


@click.command(
    "plan",
    cls=Command,
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
    here = call.place
    if not words and not as_json and call.key is None and isinstance(here, Here) and here.root:
        target = remote_of(call.checkout, call.app)
        if target is not None and is_new_to(call.checkout, target):
            return push_option(call, target, "plan")
    _tell(_chosen(call, words), as_json=as_json)
    return 0


def _chosen(call: Call, words: tuple[str, ...]) -> Tell:
    """The story that is to be told."""
    name, rest = catalogue.find(list(words)) or ("", []) if words else ("push", [])
    if name == "push":
        from receiver.deploy import retrying

        return lambda out: retrying.plan(call.server, call.app, call.by, out)
    if name in {"config:set", "config:unset"}:
        return _config(call, name, rest)
    if name == "releases:rollback" and len(rest) <= 1:
        return _rollback(call, rest)
    if name in {"ps:scale", "ps:restart"} and rest:
        return _processes(call, name, rest)
    raise UsageError(
        f"`{' '.join(words)}` cannot be planned.",
        advice="What can be: a push (`ship plan`), `config:set`, `config:unset`, `rollback`, "
        "`ps:scale TYPE=N` and"
        " `ps:restart TYPE`.",
        reason="usage/no-plan",
    )


def _config(call: Call, name: str, words: list[str]) -> Tell:
    from receiver.cli.commands.config_input import gather, names_to_unset
    from receiver.deploy import forecast
    from receiver.deploy.config_change import ConfigChange

    values = gather(call, words).values if name == "config:set" else {}
    removed = names_to_unset(call, words) if name == "config:unset" else ()
    change = ConfigChange(app=call.app, by=call.by, number=0, values=values, removed=removed)
    return lambda out: forecast.of_config(call.server, change, out)


def _processes(call: Call, name: str, words: list[str]) -> Tell:
    from receiver.cli.commands.ps import parse_wish
    from receiver.deploy import forecast
    from receiver.processes import control

    if name == "ps:restart":
        steps = control.planned(call.server, call.app, control.restarting(words[0]))
        return lambda out: forecast.of_steps(f"Restarting {words[0]}", steps, out)
    wishes = [parse_wish(word) for word in words]
    scaled = control.planned(call.server, call.app, control.scaling(wishes))
    return lambda out: forecast.of_steps(f"Scaling {call.app}", scaled, out)


def _rollback(call: Call, words: list[str]) -> Tell:
    from receiver.deploy import forecast
    from receiver.deploy import releasing as deploy

    target = parse_release_version(words[0]) if words else None
    wish = deploy.Rollback(app=call.app, by=call.by, number=0, target=target)
    return lambda out: forecast.of_rollback(call.server, wish, out)


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
