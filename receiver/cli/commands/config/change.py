"""How a command changes config vars: its options, the change, and what is told of it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from receiver.cli import show
from receiver.cli.command import Call, for_app, with_json, with_release_phase

if TYPE_CHECKING:
    from receiver.deploy.stages.requests import ConfigChange

_no_restart = click.option(
    "--no-restart",
    "restart",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Store them only; the next release takes them along.",
)


def changes_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that changes config vars."""
    return for_app(with_json(_no_restart(with_release_phase(function))))


def options_again(*, as_json: bool, restart: bool, release_phase: bool | None) -> list[str]:
    """These options as words, for the server."""
    phase = {True: ["--release-phase"], False: ["--no-release-phase"], None: []}[release_phase]
    return [*(["--json"] if as_json else []), *([] if restart else ["--no-restart"]), *phase]


def wished(
    call: Call,
    *,
    values: Mapping[str, str] | None = None,
    removed: tuple[str, ...] = (),
    only_these: bool = False,
    expected: Mapping[str, str | None] | None = None,
) -> "ConfigChange":
    """What of the app's config vars is to change."""
    from receiver.deploy.stages.requests import ConfigChange

    return ConfigChange(
        app=call.app,
        by=call.by,
        number=0,
        values=values or {},
        removed=removed,
        only_these=only_these,
        expected=expected or {},
    )


def perform(
    call: Call,
    wish: "ConfigChange",
    *,
    restart: bool,
    release_phase: bool | None,
    as_json: bool,
    label: bool = False,
) -> int:
    """Have config vars changed; with `label`, print the new release."""
    from receiver.cli.changes import live_label
    from receiver.deploy.config_change import is_needless

    wish = replace(wish, release_phase=release_phase)
    if call.entry is not None:
        call.entry.told = wish.description  # names, and no value
    paths = call.server.app(call.app)
    before = live_label(call)
    if is_needless(paths, wish):
        clears = wish.only_these and not wish.values
        why = "There are no config vars." if clears else "This is set so already."
        show.progress(f"{why} Nothing was changed, and no release was made.")
        status = 0
    elif restart:
        status = _release(call, wish)
    else:
        status = _store(call, wish)
    after = live_label(call)
    if status == 0 and as_json:
        show.as_json(_as_data(call, after if after != before else None))
    elif status == 0 and label and after != before and after is not None:
        show.data(after)
    return status


def _release(call: Call, wish: "ConfigChange") -> int:
    from receiver.cli import changes
    from receiver.deploy.releasing import reconfigure
    from receiver.model.output import Output
    from receiver.model.release import Release

    def work(out: Output, number: int) -> Release | None:
        return reconfigure(call.server, replace(wish, number=number), out)

    _tell_of_names(wish)
    return changes.change(call, wish.description, work)


def _store(call: Call, change: "ConfigChange") -> int:
    from receiver.deploy import config_change
    from receiver.model.output import Output
    from receiver.state import records

    out = Output(show.transcript)
    out.step(change.description)
    config_change.store(call.server, change, out)
    live = records.read_live(call.server.app(call.app))
    out.say(
        (
            f"Stored, and pending: v{live.release} goes on with what it has, and the next "
            "release takes it along."
        )
        if live
        else "There is no code yet; the first push takes this along."
    )
    _tell_of_names(change)
    return 0


def _tell_of_names(change: "ConfigChange") -> None:
    from receiver.model.config_vars import notices

    for line in notices(change.values):
        show.progress(f" !     {line}")


def _as_data(call: Call, label: str | None) -> dict[str, object]:
    from receiver.state import config_history

    pending = config_history.pending(call.server.app(call.app))
    return {
        "app": call.app,
        "release": int(label.removeprefix("v")) if label else None,
        "pending": {"set": pending.set, "unset": pending.unset},
    }
