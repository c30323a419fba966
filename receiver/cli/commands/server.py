"""`ship server`: the server itself: an embedded one's start and stop, and what the installer and
the boot call.
"""

from pathlib import Path

import click

from receiver.cli import show
from receiver.cli.command import Call, command, with_json
from receiver.cli.place import embedded_root, is_vps
from receiver.model.errors import ServerError, ShipError


@command(
    "server:start",
    example="$ ship server:start\nThe server is up: http://127.0.0.1:8080 (process 4700)",
)
def start(call: Call) -> None:
    """Start the embedded server with all its apps."""
    from receiver.setup import embedded

    root = _root(call)
    started = embedded.start(root)
    for app, error in started.failures:
        show.progress(f" !     {app} did not start: {error.title}")
    port = embedded.status(root).http_port
    show.progress(f"The server is up: http://127.0.0.1:{port} (process {started.pid})")


@command("server:stop", example="$ ship server:stop\nThe server is down.")
def stop(call: Call) -> None:
    """Stop the embedded server with all its apps, gracefully."""
    from receiver.setup import embedded

    ran = embedded.stop(_root(call))
    show.progress("The server is down." if ran else "The server was not running.")


@command(
    "server:status",
    example="$ ship server:status\nup  process 4700  http://127.0.0.1:8080\n"
    "ship:nginx  RUNNING  4701",
)
@with_json
def status(call: Call, *, as_json: bool) -> int:
    """Tell whether the embedded server runs, and what in it. Exit code 0 when it does, else 8."""
    from receiver.setup import embedded

    found = embedded.status(_root(call))
    url = f"http://127.0.0.1:{found.http_port}"
    running = [it for it in found.programs if it.pid]
    if as_json:
        programs = [{"name": it.name, "state": it.state, "pid": it.pid} for it in running]
        show.as_json({"pid": found.pid, "url": url, "programs": programs})
    else:
        show.data(f"up  process {found.pid}  {url}" if found.pid else "down")
        show.table(
            ("Program", "State", "Process"), [(it.name, it.state, str(it.pid)) for it in running]
        )
    return 0 if found.pid else ServerError("").exit_code


@command("server:recover", example="$ ship server:recover\nblog")
@click.option("--boot", is_flag=True, help="Before any app was started: wait for none.")
@click.option(
    "--only", metavar="APP", help="Only that of one app, such as a deploy that was killed."
)
def recover(call: Call, *, boot: bool, only: str | None) -> int:
    """Undo deploys that were cut off, by a power cut or a kill; prints the apps that had one."""
    from receiver.apps.unfinished import recover_all
    from receiver.changes.recovery import recover_one
    from receiver.model.names import AppName

    if only is not None:
        app = AppName.parse(only)
        if recover_one(call.server, app):
            show.data(app)
        return 0
    failures: list[Exception] = []

    def failed(of: AppName | None, error: Exception) -> None:
        failures.append(error)
        why = error.title if isinstance(error, ShipError) else repr(error)
        show.progress(f" !     {of or 'The server'}: an unfinished change was not undone. {why}")

    for app in recover_all(call.open_server(booting=boot), booting=boot, failed=failed):
        show.data(app)
    return ServerError("").exit_code if failures else 0


@command("server:install")
@click.option(
    "--http", is_flag=True, help="Let pushes come over HTTP, behind a proxy that has https."
)
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def install(call: Call, *, http: bool, dry_run: bool) -> None:
    """Write what a VPS needs of templates: for installer.sh. Prints a line for each change."""
    from receiver.setup import installation

    for line in installation.install(call.server, http=http, dry_run=dry_run):
        show.data(line)


@command("server:uninstall")
@click.option("--purge", is_flag=True, help="Remove the apps' storage as well.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
def uninstall(call: Call, *, purge: bool, dry_run: bool) -> None:
    """Remove all apps and what was installed: for installer.sh. Prints a line for each change."""
    from receiver.setup import installation

    for line in installation.uninstall(call.server, purge=purge, dry_run=dry_run):
        show.data(line)


@command(
    "server:rotate",
    example="$ ship server:rotate\n/var/log/ship/ship-blog.access.log",
)
def rotate(call: Call) -> None:
    """Put aside logs of requests that are large or old; a timer does so. Prints those that were.

    Versions of ship that nothing runs from any more go as well.
    """
    from receiver.nginx import request_logs
    from receiver.setup import versions

    server = call.server
    for log in request_logs.rotate(server.layout, server.settings, server.host.request_logs):
        show.data(str(log))
    if server.host.accounts.separate:
        versions.prune_unless_installing(versions.Versions())


def _root(call: Call) -> Path:
    root = embedded_root(call.environment)
    if root is not None:
        return root
    on_vps = is_vps()
    raise ServerError(
        "There is no embedded server to be found.",
        detail="This machine is a VPS server, which systemd runs." if on_vps else "",
        advice="`systemctl status nginx` tells of it, `ship ps` of an app."
        if on_vps
        else "Name its folder: SHIP_ROOT=FOLDER. `./installer.sh --demo` makes one.",
        reason="server/none",
    )


@command("server:demo")
@click.option("--root", required=True, type=click.Path(path_type=Path))
@click.option("--example", required=True, type=click.Path(path_type=Path))
@click.option("--fresh", is_flag=True, help="Begin anew.")
def demo(call: Call, *, root: Path, example: Path, fresh: bool) -> None:
    """Set everything up under one folder, push an example, change it and roll back: for
    installer.sh.
    """
    from receiver.setup.demo import Demo

    del call
    Demo(root.resolve(), example, show.data, fresh=fresh).run()
