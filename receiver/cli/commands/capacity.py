"""`ship capacity`: what apps hold of the machine's memory, and what would still fit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, with_json
from receiver.model.process_limits import APP_MEMORY, APP_TASKS, WEB, shown_mib

if TYPE_CHECKING:
    from receiver.model.process_limits import Whole
    from receiver.processes.capacity import Held


@command(
    "capacity",
    example="$ ship capacity\nblog  web  2  58M  21M each  peak 74M  limit 256M\n\n"
    "Machine:  1987M, of which 1410M are available; 512M of swap, of which 512M are free\n"
    "Apps:     58M in all\nTo spare: 1211M\n"
    "All apps: at most 90% of the memory, and 80% of the processes and threads\n"
    "Each app: at most 80% of the memory, and 4096 processes and threads\n\n"
    "One more worker of blog (ps:scale web=3) would need about 21M; 9 more fit into its limit.",
)
@with_json
@click.option("-a", "--app", "only", metavar="NAME", help="Only this app.")
def report(call: Call, *, as_json: bool, only: str | None) -> None:
    """Show what processes of apps hold of the memory, and what would still fit.

    What is shared is shared out: an app is told what would be free without it. A tenth of the
    machine is left to the rest of it.
    """
    import msgspec

    from receiver.model.names import AppName
    from receiver.processes import capacity

    app = AppName.parse(only) if only else None
    found = capacity.look(call.server, app)
    if as_json:
        data = msgspec.to_builtins(found)
        show.as_json({**data, "apps_bytes": found.apps_bytes, "spare_bytes": found.spare_bytes})
        return
    if found.held:
        show.table(("App", "Process", "Count", "Now", "Each", "Peak", "Limit"), _rows(found.held))
        show.data("")
    show.fields(
        {
            "Machine": (
                f"{shown_mib(found.total_bytes)}, of which {shown_mib(found.available_bytes)} are "
                "available; "
            )
            + (
                (
                    f"{shown_mib(found.swap_total_bytes)} of swap, of which "
                    f"{shown_mib(found.swap_free_bytes)} are free"
                )
                if found.swap_total_bytes
                else "no swap"
            ),
            "Apps": f"{shown_mib(found.apps_bytes)} in all",
            "To spare": shown_mib(found.spare_bytes),
            **_most(found.wholes),
        }
    )
    web = [it for it in found.held if it.type == WEB]
    if web:
        show.data("")
    for it in web:
        show.data(_one_more(it, found.spare_bytes))


def _rows(held: "Sequence[Held]") -> list[tuple[str, ...]]:
    return [
        (
            it.app,
            it.type,
            str(it.count),
            shown_mib(it.now_bytes),
            f"{shown_mib(it.each_bytes)} each",
            f"peak {shown_mib(it.peak_bytes)}",
            f"limit {shown_mib(it.limit_bytes)}" if it.limit_bytes else "no limit",
        )
        for it in held
    ]


def _most(wholes: "Sequence[Whole]") -> dict[str, str]:
    """What all apps may use together, and each; one by one only those that have another limit."""
    if not wholes:
        return {}
    usual = _shown_whole(APP_MEMORY, str(APP_TASKS))
    shown = {it.app or "All apps": _shown_whole(it.memory, it.tasks) for it in wholes}
    others = {name: most for name, most in shown.items() if most != usual}
    return {"All apps": others.pop("All apps", usual), "Each app": usual, **others}


def _shown_whole(memory: str, tasks: str) -> str:
    share = "%" in memory, "%" in tasks
    return (
        f"at most {memory}{' of the memory' * share[0]}, and {tasks}"
        f"{' of the' * share[1]} processes and threads"
    )


def _one_more(it: "Held", spare_bytes: int) -> str:
    """What a further worker needs, and how many there is room for."""
    each = max(it.each_bytes, 1)
    within = spare_bytes if it.limit_bytes is None else max(0, it.limit_bytes - it.now_bytes)
    room = min(within, spare_bytes) // each
    where = "into its limit" if within < spare_bytes else "into the machine"
    return (
        f"One more worker of {it.app} (ps:scale web={it.count + 1}) would need about "
        f"{shown_mib(each)};"
        f" {room or 'none'} more {'fits' if room == 1 else 'fit'} {where}."
    )
