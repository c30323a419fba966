"""The stories of an app's mounts: its storage appears where the app expects it, and what was
there goes into it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState, state_of
from receiver.changes.change import changing
from receiver.model.build import Tree
from receiver.model.errors import NotFoundError, ServerError, ShipError, UsageError
from receiver.model.layout import AppPaths
from receiver.model.mounts import RESCUED, Wish, is_database_name, overlapping
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import Plan
from receiver.processes import control
from receiver.server import Server
from receiver.state import builds
from receiver.storage import account_files, outside_mounts

_SHOWN = 4
_KEEPERS = frozenset({".gitkeep", ".keep", ".gitignore"})


def mount(  # noqa: PLR0913 - what is asked for, and the build that does it
    server: Server,
    name: AppName,
    wishes: Sequence[Wish],
    out: Output,
    *,
    hide: bool = False,
    of: str | None = None,
    build: int | None = None,
) -> None:
    """Have the storage appear where an app expects it, in what runs too; what is there already
    goes into it.

    Args:
        server: the server
        name: the app
        wishes: what is to appear where
        out: told what is done
        hide: whether it may hide what the code, or the app, has there
        build: the build that does it, if one does
        of: the release, such as `v3`, whose files that were put aside are to be what appears

    Raises:
        UsageError: it cannot appear there
    """
    moved = False
    for number, wish in enumerate(wishes, 1):
        told: dict[str, Any] = {}
        with changing(server, name, "storage:mount", build=build) as change:
            change.apply(_plan_mount(change.state, wish, told, hide=hide, of=of))
            moved = moved or bool(told.get("restart"))
            if number == len(wishes) and not moved:
                _note_done(change.paths, build)
        out.say(_mounted(wish, told))
    if moved:
        _restart(server, name, out, build)


def refuse(server: Server, name: AppName, wishes: Sequence[Wish], *, hide: bool) -> None:
    """Refuse what could not be mounted as things are now, before anything is said to be done.

    Raises:
        UsageError: one of these cannot appear where it is wished
    """
    app = state_of(server, name)
    mounts = dict(app.settings.mounts)
    for wish in wishes:
        _refuse_overlap(mounts, wish.path)
        mounts[wish.path] = ""
        if wish.path.startswith("/"):
            outside_mounts.checked(server, wish)
        elif app.live is not None and not hide:
            _refuse_code(app.paths, app.live.release, wish.path)


def unmount(
    server: Server, name: AppName, path: str, out: Output, *, build: int | None = None
) -> None:
    """Have the storage appear at a path no more; what it holds stays.

    Raises:
        NotFoundError: nothing is mounted there
    """
    with changing(server, name, "storage:unmount", build=build) as change:
        change.apply(_plan_unmount(change.state, path))
        if not path.startswith("/"):
            _note_done(change.paths, build)
    out.say(f"{path} is not mounted any more. What it held stays in the storage.")
    if path.startswith("/"):
        _restart(server, name, out, build)


def _plan_mount(
    app: AppState, wish: Wish, told: dict[str, Any], *, hide: bool, of: str | None
) -> Plan:
    mounts = app.settings.mounts
    _refuse_overlap(mounts, wish.path)
    if wish.path.startswith("/"):
        place = outside_mounts.checked(app.server, wish)
        told["restart"] = mounts.get(wish.path) != place
        _make_place(app, place)
    else:
        place = _adopted(app, wish, told, hide=hide, of=of)
    told["place"] = place
    return _changed(app, {**mounts, wish.path: place})


def _plan_unmount(app: AppState, path: str) -> Plan:
    mounts = app.settings.mounts
    if path not in mounts:
        known = ", ".join(mounts)
        raise NotFoundError(
            f"Nothing of {app.name}'s storage is mounted at {path}.",
            detail=f"Mounted are: {known}." if known else "Nothing is mounted at all.",
            reason="not-found/mount",
        )
    if app.live and not path.startswith("/"):
        request = {"source": str(app.paths.release(app.live.release).source), "path": path}
        account_files.do(app.server.host, app.paths, "unlink", request)
    return _changed(app, {known: place for known, place in mounts.items() if known != path})


def _changed(app: AppState, mounts: Mapping[str, str]) -> Plan:
    """The settings, and what the process manager is told of places outside of the release's
    tree.
    """
    after = app.with_settings(replace(app.settings, mounts=dict(mounts)))
    return (change_steps.settings_step(after), *outside_mounts.steps(app, after))


def _adopted(app: AppState, wish: Wish, told: dict[str, Any], *, hide: bool, of: str | None) -> str:
    """Have a mount appear in the live release's tree; the place in the storage, with a slash
    where it is a folder.
    """
    place = wish.path if wish.place is None else wish.place
    if place == "":
        place, told["folder"] = "./", True
    if app.live is None:
        place = place if is_database_name(place) or place.endswith("/") else f"{place}/"
        _make_place(app, place)
        return place
    if not hide and of is None:
        _refuse_code(app.paths, app.live.release, wish.path)
    request: dict[str, Any] = {
        "source": str(app.paths.release(app.live.release).source),
        "storage": str(app.paths.storage),
        "path": wish.path,
        "place": place.rstrip("/"),
        "label": f"v{app.live.release}",
        "hide": hide,
        "wanted": of,
    }
    try:
        answer = account_files.do(app.server.host, app.paths, "adopt", request)
    except account_files.RefusedError as error:
        raise _told(error, wish, of) from error
    told.update(answer)
    told["restart"] = answer["moved"] and not answer["folder"]
    return f"{place.rstrip('/')}/" if answer["folder"] else place


def _make_place(app: AppState, place: str) -> None:
    request = {"storage": str(app.paths.storage), "places": [place]}
    account_files.do(app.server.host, app.paths, "make", request)


def _refuse_overlap(mounts: Mapping[str, str], path: str) -> None:
    around = overlapping(mounts, path)
    if around is not None:
        raise UsageError(
            f"{path} and {around} lie in each other.",
            advice="Mount one of them. What is mounted is taken away by `ship storage:unmount "
            f"{around}`.",
            reason="usage/bad-mount",
        )


def _refuse_code(paths: AppPaths, version: int, path: str) -> None:
    """Refuse to hide folders of the pushed code; a file by itself is kept on from what it is
    now.
    """
    with paths.release(version).slug.open("rb") as archive:
        names = [name for name in Tree(archive).files() if name.startswith(f"{path}/")]
    code = [
        name
        for name in names
        if name.rpartition("/")[2] not in _KEEPERS and "__pycache__" not in name.split("/")
    ]
    if code:
        some = ", ".join(code[:_SHOWN]) + (" and more" if len(code) > _SHOWN else "")
        raise UsageError(
            f"The code has files at {path}, which the storage would hide from the next push on.",
            detail=f"In v{version} there are: {some}.",
            advice="Choose a folder that the app alone writes. If that is this one, `--hide` keeps "
            "what is there"
            " now in the storage, and leaves out what later pushes have there.",
            reason="usage/mount-hides-code",
        )


def _told(error: account_files.RefusedError, wish: Wish, of: str | None) -> ShipError:
    if error.word == "both":
        return UsageError(
            f"There is something at {wish.path} in the storage already, and the release has "
            "its own.",
            detail=f"In the storage: {error.text}",
            advice="`--hide` has the storage's appear, and puts the release's aside, in "
            f"{RESCUED}. To keep the"
            " release's, mount another name: `ship storage:mount NAME:PATH`.",
            reason="usage/mount-has-both",
        )
    if error.word == "missing":
        return NotFoundError(
            f"Nothing of {wish.path} was put aside of {of}.",
            advice=f"`ship storage:ls {RESCUED}` shows what was.",
            reason="not-found/rescued",
        )
    if error.word == "busy":
        return ServerError(
            f"The database {wish.path} is in use all the time, so that it could not be moved.",
            detail=error.text,
            advice="Try again when less is written, or stop what writes: `ship ps:stop`.",
            reason="server/database-busy",
        )
    if error.word == "link":
        return UsageError(
            f"{wish.path} is a link in the release already, to {error.text}.",
            advice="Name where it leads, or remove the link from the code.",
            reason="usage/bad-mount",
        )
    return error


def _mounted(wish: Wish, told: Mapping[str, Any]) -> str:
    place = str(told["place"]).rstrip("/").removeprefix(".") or "all of it"
    line = f"{wish.path} is kept in the app's storage now ({place})."
    if told.get("aside"):
        return f"{line} What was there is put aside, in {RESCUED}."
    return f"{line} What was there is in it." if told.get("moved") else line


def _restart(server: Server, name: AppName, out: Output, build: int | None) -> None:
    """Have fresh processes take over: those that run have files open by their old names, or no
    sight of the place.
    """
    app = state_of(server, name)
    if app.types and not app.settings.stopped:
        out.step(f"Restarting {name}")
        control.do(server, name, control.restarting(), build=build)
    else:
        _note_done(app.paths, build)


def _note_done(paths: AppPaths, build: int | None) -> None:
    """Record that nothing is left to do: a kill from here on leaves what stands standing."""
    if build is not None:
        builds.note_done(paths, build)
