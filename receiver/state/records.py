"""The records on disk: settings of server and apps, releases, builds, config vars, what is live.

Looks at and replaces whole records; decides nothing.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from receiver.machine import files
from receiver.model.cron import Timer
from receiver.model.errors import NotFoundError, ServerError
from receiver.model.formation import Formation
from receiver.model.layout import AppPaths, Layout
from receiver.model.log_line import microseconds
from receiver.model.mismatch import with_place
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.release import Build, Live, Release
from receiver.model.settings import App, Server
from receiver.state.toml_writer import toml_text

Record = TypeVar("Record", bound=msgspec.Struct)


def read_toml(path: Path, kind: type[Record]) -> Record:
    """A settings file as a value of `kind`.

    Raises:
        ServerError: it is missing, cannot be read, is not TOML, or holds a key or value that
            `kind` refuses
    """
    try:
        text = files.read_text(path)
    except OSError as error:
        raise ServerError(
            f"{path} cannot be read.",
            detail=f"{error.strerror}.",
            advice=f"It has to be a file that all may read: chmod 644 {path}",
            reason="server/bad-settings",
        ) from error
    if text is None:
        raise ServerError(
            f"There is no {path}.",
            detail="Without it this machine is not a ship server.",
            advice="Run `installer.sh`, or restore the file from a backup.",
            reason="server/not-installed",
        )
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ServerError(
            f"{path} cannot be used as it stands.",
            detail=with_place(str(error))
            if isinstance(error, msgspec.ValidationError)
            else f"{error}.",
            advice="Correct the file; nothing was changed.",
            reason="server/bad-settings",
        ) from error


def settings_text(path: Path, value: msgspec.Struct) -> str:
    """A settings file's text.

    Raises:
        ServerError: a value of it cannot be written as TOML
    """
    try:
        # through JSON, which makes lists of tuples, as TOML has them
        data = msgspec.json.decode(msgspec.json.encode(value))
    except UnicodeEncodeError as error:
        raise ServerError(
            f"A value for {path} is not text in UTF-8.",
            detail=repr(error.object),
            advice="Type it in UTF-8; nothing was changed.",
            reason="server/bad-settings",
        ) from error
    return toml_text(path, _without_empty(data))


def write_toml(path: Path, value: msgspec.Struct, *, mode: int = 0o600) -> None:
    """Replace a settings file; it is root's alone unless another mode is given."""
    files.write_atomically(path, settings_text(path, value), mode=mode)


def read_json(path: Path, kind: type[Record]) -> Record | None:
    """A record of ship's own, or None where there is none.

    Raises:
        ServerError: it is torn, or not what ship writes
    """
    text = files.read_text(path)
    try:
        return None if text is None else msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise _bad_record(path, error) from error


def _bad_record(path: Path, error: Exception) -> ServerError:
    return ServerError(
        f"{path} cannot be read.",
        detail=f"{error}.",
        advice="`ship doctor --fix` on the server mends it where it can be mended; else restore it "
        "from a backup.",
        reason="server/bad-record",
    )


def json_text(value: msgspec.Struct) -> str:
    """A record as the text of its file."""
    return msgspec.json.encode(value, enc_hook=str).decode() + "\n"


def write_json(path: Path, value: msgspec.Struct, *, mode: int = 0o600, gid: int = -1) -> None:
    """Replace a record; it is root's alone unless another mode is given."""
    files.write_atomically(path, json_text(value), mode=mode, gid=gid)


def read_server(layout: Layout) -> Server:
    return read_toml(layout.server_settings, Server)


def app_names(layout: Layout) -> list[AppName]:
    """Names of all apps, sorted."""
    if not layout.apps.is_dir():
        return []
    found = (path.parent.name for path in layout.apps.glob("*/app.toml"))
    return sorted(AppName.parse(name) for name in found)


def find_app(layout: Layout, name: AppName) -> AppPaths:
    """The folder of an app.

    Raises:
        NotFoundError: there is none of this name; similar names are suggested
    """
    paths = layout.app(name)
    if not paths.settings.is_file():
        raise no_such_app(name, app_names(layout))
    return paths


def no_such_app(name: str, known: list[AppName]) -> NotFoundError:
    """The error for a name that no app has."""
    import difflib  # noqa: PLC0415 - only this error needs it

    close = difflib.get_close_matches(name, known, n=3)
    return NotFoundError(
        f"There is no app {name} on this server.",
        detail=f"Did you mean {' or '.join(close)}?" if close else "",
        advice=f"Make it with `ship apps:create {name}`, or list the apps with `ship apps`.",
        reason="not-found/app",
    )


def read_app(paths: AppPaths) -> App:
    return read_toml(paths.settings, App)


def created_us(paths: AppPaths) -> int:
    """When an app was made, in microseconds since 1970; 0 where that is not known."""
    stamp = read_app(paths).created_at if paths.settings.exists() else ""
    return microseconds(datetime.fromisoformat(stamp)) if stamp else 0


def read_mounts(paths: AppPaths) -> dict[str, str]:
    """Where an app's storage appears; nowhere, while the app is being made."""
    return read_app(paths).mounts if paths.settings.exists() else {}


def read_live(paths: AppPaths) -> Live | None:
    return read_json(paths.live, Live)


def read_scale(paths: AppPaths) -> dict[str, int]:
    """How many processes are wanted, by type, where somebody has said so."""
    text = files.read_text(paths.scale)
    return {} if text is None else msgspec.json.decode(text, type=dict[str, int])


def scale_file(paths: AppPaths, scale: Mapping[str, int], gid: int) -> WriteFile:
    """The same as its file, which the app's account (its group is `gid`) reads to start."""
    text = json.dumps(dict(scale), sort_keys=True) + "\n"
    return WriteFile(str(paths.scale), text, 0o640, gid)


def read_formation(paths: AppPaths) -> Formation:
    """The processes besides web that were set to run last."""
    text = files.read_text(paths.formation)
    return {} if text is None else msgspec.json.decode(text, type=Formation)


def write_formation(paths: AppPaths, formation: Formation) -> None:
    if formation:
        text = msgspec.json.encode(formation).decode() + "\n"
        files.write_atomically(paths.formation, text, mode=0o600)
    else:
        files.remove(paths.formation)


def read_release(paths: AppPaths, version: int) -> Release:
    """A release's record.

    Raises:
        NotFoundError: it never was, or was removed by the retention rule
    """
    found = read_json(paths.release(version).record, Release)
    if found is None:
        kept = ", ".join(f"v{known}" for known in release_versions(paths)) or "none"
        raise NotFoundError(
            f"{paths.name} has no release v{version}.",
            detail=f"Kept releases: {kept}.",
            advice="Choose one of these; `ship releases` tells what each is.",
            reason="not-found/release",
        )
    return found


def write_release(paths: AppPaths, release: Release, gid: int) -> None:
    """Replace a release's record, which the app's account (its group is `gid`) reads to start."""
    write_json(paths.release(release.version).record, release, mode=0o640, gid=gid)


def read_live_release(paths: AppPaths) -> tuple[Live | None, Release | None]:
    """What serves, and its release; None for both before the first."""
    live = read_live(paths)
    return live, read_release(paths, live.release) if live else None


def unfinished_build(paths: AppPaths) -> int | None:
    """The build whose change is not finished, and will be undone unless its process goes on."""
    try:
        found = json.loads(files.read_text(paths.unfinished) or "{}").get("build")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None


def release_versions(paths: AppPaths) -> list[int]:
    """Versions of the releases that are kept, oldest first; a folder without a record is not
    one.
    """
    found = paths.releases.glob("v*/release.json")
    return sorted(int(path.parent.name[1:]) for path in found)


def readable_releases(paths: AppPaths) -> Iterator[Release]:
    """The releases that are kept, oldest first, but for those whose record is damaged."""
    for version in release_versions(paths):
        with suppress(ServerError, NotFoundError):
            yield read_release(paths, version)


def next_version(paths: AppPaths) -> int:
    """The version that the next release gets: never again that of a release that was live."""
    live = read_live(paths)
    return max([*release_versions(paths), live.release if live else 0]) + 1


def read_config(path: Path) -> dict[str, str]:
    """Config vars of a config.json or env.json; text with surrogate escapes, so bytes are exact."""
    text = files.read_text(path)
    if text is None:
        return {}
    try:
        values: dict[str, str] = json.loads(text)
    except ValueError as error:
        raise _bad_record(path, error) from error
    return values


def readable_config(path: Path) -> dict[str, str] | None:
    """The same; None where the file is gone or damaged."""
    try:
        return read_config(path) if path.is_file() else None
    except ServerError:
        return None


def config_text(config: Mapping[str, str]) -> str:
    """Config vars as the text of their file: ASCII, with lone surrogates as escapes that read
    back alike.
    """
    return json.dumps(dict(config), ensure_ascii=True, indent=1, sort_keys=True) + "\n"


def write_config(path: Path, config: Mapping[str, str], *, mode: int, gid: int = -1) -> None:
    files.write_atomically(path, config_text(config), mode=mode, gid=gid)


def read_timers(paths: AppPaths) -> dict[str, Timer]:
    """Which cron jobs are started when."""
    text = files.read_text(paths.timers)
    return {} if text is None else msgspec.json.decode(text, type=dict[str, Timer])


def write_timers(paths: AppPaths, timers: Mapping[str, Timer]) -> None:
    """Replace what `read_timers` reads; an app without any has no file."""
    if timers:
        files.write_atomically(paths.timers, msgspec.json.encode(timers), mode=0o600)
    else:
        files.remove(paths.timers)


def read_suspended(paths: AppPaths) -> list[str]:
    """Names of the cron jobs that somebody suspended."""
    text = files.read_text(paths.suspended)
    return [] if text is None else msgspec.json.decode(text, type=list[str])


def build_numbers(paths: AppPaths) -> list[int]:
    """Numbers of the builds whose records are kept, oldest first."""
    return sorted(int(path.stem) for path in paths.builds.glob("*.json"))


def read_build(paths: AppPaths, number: int) -> Build | None:
    return read_json(paths.builds / f"{number}.json", Build)


def write_build(paths: AppPaths, build: Build) -> None:
    write_json(paths.builds / f"{build.number}.json", build)


def build_log(paths: AppPaths, number: int) -> Path:
    return paths.builds / f"{number}.log"


def boot_log(paths: AppPaths, number: int) -> Path:
    """What the app wrote while a build of it was started and asked, where that failed."""
    return paths.builds / f"{number}.boot.log"


def _without_empty(data: dict[str, Any]) -> dict[str, Any]:
    """What says something: TOML has no null, and a line that somebody adds below an empty table
    is part of it.
    """
    return {name: value for name, value in data.items() if value is not None and value != {}}
