"""`ship storage:ls`, `:get` and `:put`: an app's files, brought over from the laptop and back."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from receiver.cli import forward, show
from receiver.cli.checkout import Destination
from receiver.cli.command import Call, command, for_app, with_json
from receiver.cli.place import Here
from receiver.model.errors import ServerError, UsageError
from receiver.model.mounts import is_database_name, parse_place, shown_size
from receiver.model.program import RUNTIME

_SCRIPT = RUNTIME / "storage_copy.py"
_HERE = (sys.executable, "-I", "-S", str(_SCRIPT))
_PIPE = "-"
_TOO_LARGE = 73


@command(
    "storage:ls",
    example="$ ship storage:ls media -a blog\ncat.png  1.2M  2026-01-31T08:00:00Z\ndogs/",
)
@for_app
@with_json
@click.argument("path", required=False, default="", metavar="[PATH]")
def list_files(call: Call, path: str, *, as_json: bool) -> None:
    """List what lies in an app's storage, or in a folder of it."""
    from receiver.storage import usage as storage

    found = storage.files(call.server, call.app, parse_place(path))
    if as_json:
        import msgspec

        show.as_json(msgspec.to_builtins(found))
        return
    rows = [
        (f"{it.name}/", "", "")
        if it.kind == "folder"
        else (it.name, shown_size(it.size), _time(it.changed_at))
        for it in found
    ]
    show.table(("Name", "Size", "Changed"), rows)
    if not found:
        show.progress("There is nothing in it.")


def _get_over_ssh(
    call: Call, place: Destination, path: str, local: str | None, *, force: bool, as_tar: bool
) -> int:
    """Unpack here what comes from there; `-` hands on what comes, as it is."""
    del as_tar
    words = ["storage:get", "--app", call.app]
    target = _local(path, local)
    if target is None:
        forward.become_ssh(place, [*words, "--", path], call.environment, terminal=False)
    ssh = forward.ssh_argv(place, [*words, "--tar", "--", path], terminal=False)
    ends = _piped(call, ssh, _unpacking(target, force=force))
    return ends[0] or ends[1]


@command(
    "storage:get",
    over_ssh=_get_over_ssh,
    example="$ ship storage:get db.sqlite3 -a blog\n1 file, 135168 bytes.\n"
    "$ ship storage:get media backup/media -a blog\n12 files, 3249152 bytes.",
)
@for_app
@click.option(
    "--force", is_flag=True, help="Write over what is there under this name on the laptop."
)
@click.option("--tar", "as_tar", is_flag=True, hidden=True)
@click.argument("path")
@click.argument("local", required=False, metavar="[FILE | FOLDER | -]")
def get(call: Call, path: str, local: str | None, *, force: bool, as_tar: bool) -> int:
    """Copy a file or folder out of an app's storage to the laptop.

    `-` is standard output, for a folder as a tar file; so it is where ship is not on the laptop. A
    database of SQLite's is copied as of one moment, also while the app writes.
    """
    from receiver.storage import usage as storage

    target = None if call.key is not None or as_tar else _local(path, local)
    if target is not None:
        call.server.app(call.app)
        ends = _piped(call, _ship(call, "storage:get", path), _unpacking(target, force=force))
        return ends[0] or ends[1]
    form = ["tar"] if as_tar else []
    return storage.copy(call.server, call.app, ["send", parse_place(path) or ".", *form])


def _put_over_ssh(
    call: Call, place: Destination, local: str, path: str | None, *, as_tar: bool
) -> int:
    """Send a file or folder of this machine; `-` hands on what comes, as it is."""
    del as_tar
    target = _target(local, path)
    words = ["storage:put", "--app", call.app]
    if local == _PIPE:
        forward.become_ssh(place, [*words, "--", _PIPE, target], call.environment, terminal=False)
    there = [*words, "--tar", "--", _PIPE, target]
    ends = _piped(call, _packing(local), forward.ssh_argv(place, there, terminal=False))
    return ends[1] or ends[0]


@command(
    "storage:put",
    over_ssh=_put_over_ssh,
    example="$ ship storage:put db.sqlite3 -a blog\n1 file, 135168 bytes.\n"
    "$ ship storage:put photos media/photos -a blog\n12 files, 3249152 bytes.",
)
@for_app
@click.option("--tar", "as_tar", is_flag=True, hidden=True)
@click.argument("local", metavar="FILE|FOLDER|-")
@click.argument("path", required=False, metavar="[PATH]")
def put(call: Call, local: str, path: str | None, *, as_tar: bool) -> int:
    """Copy a file or folder of the laptop into an app's storage, there under PATH or its own name.

    A file replaces one of its name at once and whole; files of a folder go among those that are
    there. What runs has an exchanged database open still: `ship ps:restart`. `-` is standard input,
    for one file.
    """
    from receiver.storage import usage as storage

    target = _target(local, path)
    if call.key is not None and local != _PIPE:
        raise UsageError(
            f"The file {local} is not read on the server.",
            advice=f"Send it along: ssh ship@HOST storage:put --app {call.app} - {target} < "
            f"{local}",
            reason="usage/bad-file",
        )
    if local != _PIPE:
        call.server.app(call.app)
        ends = _piped(call, _packing(local), _ship(call, "storage:put", _PIPE, target))
        return ends[1] or ends[0]
    room = storage.room(call.server, call.app)
    form = ["tar"] if as_tar else []
    status = storage.copy(call.server, call.app, ["take", target, str(room), *form])
    if status == _TOO_LARGE:
        raise ServerError(
            f"That does not fit into the storage of {call.app}; nothing was changed.",
            detail=f"There is room for {shown_size(room)}, by its quota and what the disk has "
            "left.",
            advice="Make room, or raise the quota: `ship storage:quota 2G`.",
            reason="server/no-room",
        )
    if status == 0 and is_database_name(target):
        show.progress(
            f"What runs may have the one before open: `ship ps:restart --app {call.app}`."
        )
    return status


def _ship(call: Call, name: str, *words: str) -> tuple[str, ...]:
    """Ship once more on this machine, at the other end of a pipe."""
    return (str(call.environment.program / "ship"), name, "--app", call.app, "--tar", "--", *words)


def _piped(call: Call, first: Sequence[str], second: Sequence[str]) -> tuple[int, int]:
    """The exit codes of both ends; the end on the server knows better why it went wrong."""
    from receiver.machine import shell

    root = call.place.root if isinstance(call.place, Here) else None
    here = {} if root is None else {"SHIP_ROOT": str(root)}
    env = {**shell.PLAIN_ENVIRONMENT, **call.environment.variables, **here}
    return shell.pipe(first, second, env=env)


def _packing(local: str) -> tuple[str, ...]:
    if not Path(local).exists():
        raise UsageError(
            f"There is no file or folder {local} here.",
            advice="Name one of this machine, or `-` for standard input.",
            reason="usage/bad-file",
        )
    return (*_HERE, "pack", str(Path(local).absolute()))


def _unpacking(target: Path, *, force: bool) -> tuple[str, ...]:
    if target.exists() and not force:
        raise UsageError(
            f"{target} is there already.",
            advice="Give another name behind the path, or `--force` to write over it.",
            reason="usage/bad-file",
        )
    return (*_HERE, "unpack", str(target.absolute()), *(["replace"] if force else []))


def _local(path: str, local: str | None) -> Path | None:
    """Where it goes on the laptop; None for standard output."""
    name = parse_place(path).rpartition("/")[2] or "storage"
    if local == _PIPE:
        return None
    target = Path(local or name)
    return target / name if local and target.is_dir() else target


def _target(local: str, path: str | None) -> str:
    """Where it goes in the storage."""
    if path is None and local == _PIPE:
        raise UsageError(
            "What comes on standard input needs a name in the storage.",
            advice="For example: `ship storage:put - db.sqlite3 < db.sqlite3`.",
            reason="usage/bad-file",
        )
    name = Path(local).absolute().name
    if path is None:
        return parse_place(name)
    return parse_place(f"{path}{name}" if path.endswith("/") and local != _PIPE else path) or "."


def _time(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
