"""`ship logs`: what the app's processes wrote."""

import os
import select
import signal
import threading

import click

from receiver.cli import show
from receiver.cli.command import Call, Command, for_app
from receiver.model.errors import NotFoundError
from receiver.model.run import parse_run_name


@click.command(
    "logs", cls=Command,
    example="$ ship logs -n 1 -p worker -a blog\n2026-01-31T08:15:00Z app[worker.1]: Ready",
)  # fmt: skip
@for_app
@click.option("-n", "--num", "lines", default=100, show_default=True, help="How many lines.")
@click.option("-t", "--tail", "follow", is_flag=True, help="Go on until interrupted by Ctrl-C.")
@click.option(
    "-p",
    "--process-type",
    "process",
    help="Only of this type, process or run: `worker`, `worker.1`, `run.12`.",
)
def logs(call: Call, lines: int, *, follow: bool, process: str | None) -> None:
    """Show what the app's processes wrote, oldest first."""
    server, app = call.server, call.app
    server.app(app)
    if process is not None and process.startswith("run."):
        from receiver.cli.runs import print_output

        call.require("deploy")  # as run:output does
        print_output(call, parse_run_name(process), follow=follow)
        return
    if process is not None:
        _check(call, process)
    if follow:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignored it
        threading.Thread(target=_end_with_reader, daemon=True).start()
    told = False
    for line in server.host.told_lines(app, lines=max(lines, 0), follow=follow, process=process):
        told = True
        show.write(line.removesuffix(b"\n") + b"\n")
    if not told:
        show.progress(f"{process or app} has written nothing yet. What runs: ship ps")


def _check(call: Call, process: str) -> None:
    """Refuse what is no process of the live release; a number may be one that runs no more."""
    from receiver import processes

    name, dot, number = process.partition(".")
    known = [each.type for each in processes.look(call.server, call.app).types]
    if name in known and (number.isdecimal() if dot and name != "web" else not dot):
        return
    raise NotFoundError(
        f"{call.app} has no process {process}.",
        detail=f"Its process types are: {', '.join(known)}." if known else "It has no release yet.",
        advice="Name a type or a process of one, such as `worker` or `worker.1`; the web processes"
        " write one log."
        if known
        else "Push some code: `git push prod main`.",
        reason="not-found/process",
    )


def _end_with_reader() -> None:
    """End when nobody reads any more: without a terminal no signal tells, and silent logs go on for ever."""
    watch = select.poll()
    watch.register(1, 0)  # errors alone: that the other end is closed
    watch.poll()
    os.kill(os.getpid(), signal.SIGINT)
