"""`ship storage`: what an app keeps over releases, where it appears, and how large it may get."""

import re
from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import UsageError
from receiver.model.mounts import RESCUED, parse_mount, shown_size
from receiver.model.patterns import regex

if TYPE_CHECKING:
    from receiver.model.output import Output
    from receiver.storage.usage import Report

_SIZE = regex(r"([1-9][0-9]{0,5})([MG])(?:i?B)?", re.IGNORECASE)
_LABEL = regex(r"v?([1-9][0-9]{0,8})")
_NONE = frozenset({"none", "0", "off"})


@command(
    "storage",
    example="$ ship storage -a blog\n=== blog Storage\n\n"
    "Path:   /var/lib/ship/apps/blog/storage, in $SHIP_STORAGE\n"
    "Used:   3.2M, 13 files\nQuota:  2.0G\nFree:   76.6G on the server\n"
    "Mounts: db.sqlite3, media\n\n"
    "db.sqlite3  132K\nmedia/      3.1M  12 files",
)
@for_app
@with_json
def report(call: Call, *, as_json: bool) -> None:
    """Show what an app keeps over releases: where, how much, and what lies where the next
    release would lose it.
    """
    from receiver.storage import left_behind
    from receiver.storage import usage as storage

    found = storage.report(call.server, call.app)
    if as_json:
        import msgspec

        show.as_json(msgspec.to_builtins(found))
        return
    _show(call, found)
    if found.not_kept and found.release:
        show.progress(_warning(left_behind.told(found.not_kept, int(found.release[1:]))))
    if found.over_quota:
        show.progress(
            _warning("It holds more than its quota. Nothing is cut off: remove what is not needed.")
        )


@command(
    "storage:mount",
    example="$ ship storage:mount db.sqlite3 media -a blog\n"
    "-----> Mounting db.sqlite3, media of blog\n"
    "       db.sqlite3 is kept in the app's storage now (db.sqlite3). What was there is in it.\n"
    "       media is kept in the app's storage now (media). What was there is in it.\n"
    "-----> Restarting blog",
)
@for_app
@click.option(
    "--hide", is_flag=True, help="Also where it hides what the code or the release has there."
)
@click.option(
    "--from",
    "of",
    metavar="RELEASE",
    help="Bring back what was put aside when this release lost its folder.",
)
@click.argument("words", nargs=-1, metavar="[NAME:]PATH...")
def mount(call: Call, words: tuple[str, ...], of: str | None, *, hide: bool) -> int:
    """Have a folder or file of the app be kept over releases: it lies in the storage, and
    appears where the code has it.

    What is there now goes into the storage. A PATH is one of the app's own tree, such as `media` or
    `db.sqlite3`; on a VPS also one like `/data` or `/app/media`. NAME is its place in the storage,
    where that is another.
    """
    from receiver.cli import changes
    from receiver.storage import mounting

    wishes = [parse_mount(word) for word in words]
    if not wishes:
        raise UsageError(
            "No path is given.",
            advice="For example: `ship storage:mount media`, or `ship storage:mount db.sqlite3`.",
            reason="usage/bad-mount",
        )
    label = None if of is None else _label(of)
    mounting.refuse(call.server, call.app, wishes, hide=hide or of is not None)
    title = f"Mounting {', '.join(wish.path for wish in wishes)} of {call.app}"

    def work(out: "Output", number: int) -> None:
        mounting.mount(call.server, call.app, wishes, out, hide=hide, of=label, build=number)

    return changes.step(call, title, work)


@command(
    "storage:unmount",
    example="$ ship storage:unmount media -a blog\n-----> Unmounting media of blog\n"
    "       media is not mounted any more. What it held stays in the storage.",
)
@for_app
@click.argument("word", metavar="PATH")
def unmount(call: Call, word: str) -> int:
    """Have the storage appear at a path no more. What it holds stays."""
    from receiver.cli import changes
    from receiver.storage import mounting

    path = parse_mount(word).path
    call.server.app(call.app)
    return changes.step(
        call,
        f"Unmounting {path} of {call.app}",
        lambda out, number: mounting.unmount(call.server, call.app, path, out, build=number),
    )


@command(
    "storage:quota",
    example="$ ship storage:quota 2G -a blog\nThe storage of blog may hold 2.0G; it holds 3.2M.",
)
@for_app
@click.argument("size", required=False, metavar="[SIZE | none]")
def quota(call: Call, size: str | None) -> None:
    """Say how large an app's storage may get, or show it.

    It is watched, not enforced: pushes and `ship storage` tell when there is more, and
    `storage:put` takes nothing that would not fit. What the app itself writes is not cut off.
    """
    from receiver.storage import usage as storage

    if size is not None:
        storage.set_quota(call.server, call.app, _size(size))
    found = storage.report(call.server, call.app)
    used = shown_size(found.used_bytes)
    if found.quota_bytes is None:
        show.progress(f"The storage of {call.app} has no quota; it holds {used}.")
    else:
        show.progress(
            f"The storage of {call.app} may hold {shown_size(found.quota_bytes)}; it holds {used}."
        )


def _show(call: Call, found: "Report") -> None:
    show.heading(f"{call.app} Storage")
    show.data("")
    files = "1 file" if found.files == 1 else f"{found.files} files"
    fields = {
        "Path": f"{found.path}, in $SHIP_STORAGE",
        "Used": f"{shown_size(found.used_bytes)}, {files}",
        "Quota": shown_size(found.quota_bytes) if found.quota_bytes else "",
        "Free": f"{shown_size(found.free_bytes)} on the server",
        "Mounts": ", ".join(_mounted(path, place) for path, place in sorted(found.mounts.items())),
        "Put aside": ", ".join(f"{RESCUED}/{label}" for label in found.rescued),
    }
    show.fields({name: text for name, text in fields.items() if text})
    if found.entries:
        show.data("")
        show.table(
            ("Name", "Size", "Files"),
            [
                (
                    f"{name}/" if it.kind == "folder" else name,
                    shown_size(it.bytes),
                    f"{it.files} files" if it.kind == "folder" else "",
                )
                for name, it in found.entries.items()
            ],
        )


def _mounted(path: str, place: str) -> str:
    kept = place.rstrip("/").removeprefix(".")
    return path if kept == path else f"{path} ({kept or 'all of it'})"


def _warning(text: str) -> str:
    return "\n".join(f" !     {line}" for line in text.splitlines())


def _label(text: str) -> str:
    found = _LABEL.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is no release.",
            advice="Name it as the push did, such as `--from v3`.",
            reason="usage/bad-release",
        )
    return f"v{found[1]}"


def _size(text: str) -> str:
    if text.lower() in _NONE:
        return ""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text!r} is no size of a storage.",
            advice="Write it as `500M` or `2G`; `none` takes the quota away.",
            reason="usage/bad-quota",
        )
    return f"{found[1]}{found[2].upper()}"
