"""`ship buildpacks`: which buildpacks build an app; set them, add one, remove one."""

from collections.abc import Callable

import click

from receiver.changes.change import configure
from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import ExistsError, NotFoundError, ShipError, UsageError


@command(
    "buildpacks",
    example="$ ship buildpacks -a blog\n=== blog Buildpacks\n\n1. node\n2. python",
)
@for_app
@with_json
def list_buildpacks(call: Call, *, as_json: bool) -> None:
    """Show the buildpacks of an app, in the order in which they run."""
    from receiver.model.classic import BUILT_IN, without_password

    chosen, allowed = _chosen(call), call.server.settings.buildpacks
    if as_json:
        places = {name: without_password(place) for name, place in allowed.items()}
        known = {**dict.fromkeys(BUILT_IN), **places}
        show.as_json({"app": call.app, "buildpacks": list(chosen), "allowed": known})
        return
    if not chosen:
        show.progress(f"{call.app} has no buildpacks of its own: each push finds out what fits.")
        show.progress(f"There are: {', '.join((*BUILT_IN, *sorted(allowed)))}.")
        return
    show.heading(f"{call.app} Buildpacks")
    show.data("")
    _print(chosen)


@command(
    "buildpacks:set",
    example="$ ship buildpacks:set python -a blog\nBuildpack set. Next release on blog will use "
    "python.\n"
    "Run `git push prod main` to create it.",
)
@for_app
@click.option("-i", "--index", help="Put it in this place of the list, in place of what is there.")
@click.argument("name")
def set_(call: Call, name: str, index: str | None) -> None:
    """Have an app built by this buildpack, or by this one in a place of the list."""
    from receiver.model.classic import parse_index

    wanted = _allowed(call, name)

    def change(chosen: list[str]) -> list[str]:
        at = parse_index(index, len(chosen) + 1) - 1 if index else 0
        _refuse_second(call, wanted, chosen[:at] + chosen[at + 1 :])
        chosen[at : at + 1] = [wanted]
        return chosen

    _change(call, "set", change)


@command(
    "buildpacks:add",
    example="$ ship buildpacks:add node --index 1 -a blog\n"
    "Buildpack added. Next release on blog will use:\n  1. node\n  2. python\n"
    "Run `git push prod main` to create it.",
)
@for_app
@click.option("-i", "--index", help="Put it before what is in this place of the list.")
@click.argument("name")
def add(call: Call, name: str, index: str | None) -> None:
    """Have an app built by this buildpack too, after the others or in a place of the list."""
    from receiver.model.classic import parse_index

    wanted = _allowed(call, name)

    def change(chosen: list[str]) -> list[str]:
        _refuse_second(call, wanted, chosen)
        at = parse_index(index, len(chosen) + 1) - 1 if index else len(chosen)
        return [*chosen[:at], wanted, *chosen[at:]]

    _change(call, "added", change)


@command(
    "buildpacks:remove",
    example="$ ship buildpacks:remove node -a blog\nBuildpack removed. Next release on blog will "
    "use python.\n"
    "Run `git push prod main` to create it.",
)
@for_app
@click.option("-i", "--index", help="Remove what is in this place of the list.")
@click.argument("name", required=False)
def remove(call: Call, name: str | None, index: str | None) -> None:
    """Take a buildpack out of the list of an app."""
    from receiver.model.classic import parse_index

    if (name is None) == (index is None):
        raise UsageError(
            "Name the buildpack to remove, or its place by --index; one of them.",
            reason="usage/bad-index",
        )

    def change(chosen: list[str]) -> list[str]:
        if index:
            del chosen[parse_index(index, len(chosen)) - 1]
            return chosen
        chosen.remove(_one_of(call, name or "", chosen))
        return chosen

    _change(call, "removed", change)


@command(
    "buildpacks:clear",
    example="$ ship buildpacks:clear -a blog\nBuildpacks cleared. Next release on blog will use "
    "what fits.",
)
@for_app
def clear(call: Call) -> None:
    """Have each push find out again what fits."""
    _configure(call, ())
    show.progress(f"Buildpacks cleared. Next release on {call.app} will use what fits.")


def _change(call: Call, done: str, change: Callable[[list[str]], list[str]]) -> None:
    chosen = tuple(change(list(_chosen(call))))
    _configure(call, chosen)
    if len(chosen) > 1:
        show.progress(f"Buildpack {done}. Next release on {call.app} will use:")
        _print(chosen, "  ")
    else:
        used = chosen[0] if chosen else "what fits"
        show.progress(f"Buildpack {done}. Next release on {call.app} will use {used}.")
    show.progress("Run `git push prod main` to create it.")


def _configure(call: Call, chosen: tuple[str, ...]) -> None:
    from msgspec.structs import replace

    title = f"change of buildpacks by {call.by}"
    configure(call.server, call.app, lambda settings: replace(settings, buildpacks=chosen), title)


def _chosen(call: Call) -> tuple[str, ...]:
    from receiver.state import records

    return records.read_app(call.server.app(call.app)).buildpacks


def _allowed(call: Call, name: str) -> str:
    from receiver.model.classic import canonical

    return canonical(name, call.server.settings.buildpacks)


def _one_of(call: Call, name: str, chosen: list[str]) -> str:
    """The entry that is meant, also by its address, and also one that is not allowed any more."""
    try:
        wanted = name if name in chosen else _allowed(call, name)
    except ShipError:
        wanted = name
    if wanted not in chosen:
        raise NotFoundError(
            f"{call.app} does not use the buildpack {name}.",
            detail=f"It uses: {', '.join(chosen) or 'what fits'}.",
            advice="`ship buildpacks` lists them.",
            reason="not-found/buildpack",
        )
    return wanted


def _refuse_second(call: Call, name: str, chosen: list[str]) -> None:
    if name in chosen:
        raise ExistsError(
            f"{call.app} uses the buildpack {name} already.",
            detail=f"It uses: {', '.join(chosen)}.",
            advice=f"Each can be in the list once. `ship buildpacks:remove {name}` takes it out.",
            reason="exists/buildpack",
        )


def _print(chosen: tuple[str, ...], before: str = "") -> None:
    for number, name in enumerate(chosen, 1):
        show.data(f"{before}{number}. {name}")
