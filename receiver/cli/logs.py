"""`ship logs`: what the app's processes wrote."""

import os
import select
import signal
import threading

import click

from receiver.cli import show
from receiver.cli.command import Call, Command, for_app
from receiver.model.errors import NotFoundError
from receiver.model.names import parse_process_type
from receiver.model.run import parse_run_name


@click.command(
    "logs", cls=Command, example="$ ship logs -n 1 -a blog\n[4711] [INFO] Booting worker"
)
@for_app
@click.option("-n", "--num", "lines", default=100, show_default=True, help="How many lines.")
@click.option("-t", "--tail", "follow", is_flag=True, help="Go on until interrupted by Ctrl-C.")
@click.option(
    "-p", "--process-type", "process", help="Only of this process type, or of a run such as run.12."
)
def logs(call: Call, lines: int, *, follow: bool, process: str | None) -> None:
    """Show what the app's processes wrote, oldest first."""
    server, app = call.server, call.app
    server.app(app)
    if process is not None and process.startswith("run."):
        from receiver.cli.runs import print_output

        print_output(call, parse_run_name(process), follow=follow)
        return
    if process is not None and parse_process_type(process) != "web":
        raise NotFoundError(
            f"{app} has no log of process type {process}.",
            detail="Logs are kept of: web.",
            reason="not-found/process",
        )
    if follow:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignored it
        threading.Thread(target=_end_with_reader, daemon=True).start()
    for line in server.host.log_lines(app, lines=max(lines, 0), follow=follow):
        show.write(line.removesuffix(b"\n") + b"\n")


def _end_with_reader() -> None:
    """End when nobody reads any more: without a terminal no signal tells, and silent logs go on for ever."""
    watch = select.poll()
    watch.register(1, 0)  # errors alone: that the other end is closed
    watch.poll()
    os.kill(os.getpid(), signal.SIGINT)
