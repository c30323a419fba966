"""`ship builds`: every attempt to make a release, what it said, and stopping one; `ship
logs:failed`.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json
from receiver.model.errors import NotFoundError

if TYPE_CHECKING:
    from receiver.model.layout import AppPaths
    from receiver.model.release import Build

_MINUTE_S = 60
_REFUSED = ("usage/", "not-found/", "locked/by-hand")


@command(
    "builds",
    example="$ ship builds -a blog\n=== blog Builds\n\n"
    "8  succeeded  Deploy 2b3c4d5  laptop  2026-01-31T08:20:00Z  4 s   v2\n"
    "7  failed     Deploy 1a2b3c4  laptop  2026-01-31T08:15:00Z  12 s  check/missing-module",
)
@for_app
@with_json
@click.option("-n", "--num", "limit", default=15, show_default=True, help="How many, newest first.")
def list_builds(call: Call, *, as_json: bool, limit: int) -> None:
    """List deploys, changes of config vars and rollbacks, newest first; those that failed, too."""
    from itertools import islice

    from receiver.state import builds

    found = list(islice(builds.newest_first(call.server.app(call.app)), max(limit, 0)))
    now = call.server.clock.stamp()
    if as_json:
        show.as_json([_as_data(build, now) for build in found])
        return
    show.heading(f"{call.app} Builds")
    show.data("")
    rows = [
        (str(it.number), it.status, it.description, it.by, it.started_at, _took(it, now), _end(it))
        for it in found
    ]
    show.table(("Build", "Status", "What", "By", "Started", "Took", "Result"), rows)


@command(
    "builds:info",
    example="$ ship builds:info 7 -a blog\n=== Build 7\n\nStatus:   failed\n"
    "Reason:   check/missing-module\n"
    "What:     Deploy 1a2b3c4\nCommit:   1a2b3c4...\nBy:       laptop\n"
    "Started:  2026-01-31T08:15:00Z\nTook:     12 s",
)
@for_app
@with_json
@click.argument("build", required=False)
def info(call: Call, build: str | None, *, as_json: bool) -> None:
    """Show one build; the newest when none is named."""
    found, now = _find(call, build), call.server.clock.stamp()
    if as_json:
        show.as_json(_as_data(found, now))
        return
    show.heading(f"Build {found.number}")
    show.data("")
    show.fields(_described(found, now))


@command(
    "builds:output",
    example="$ ship builds:output 7 -a blog\n-----> Receiving 1a2b3c4 for blog\n...",
)
@for_app
@click.argument("build", required=False)
@click.option(
    "-t",
    "--tail",
    "follow",
    is_flag=True,
    help="Go on until it ends; the exit code is then the build's.",
)
def output(call: Call, build: str | None, *, follow: bool) -> int:
    """Print what a build said; the newest one when none is named."""
    from receiver.state import builds

    paths, found = call.server.app(call.app), _find(call, build)
    log = _log(paths, found)
    if not follow:
        show.file(log)
        return 0
    from receiver.machine.watcher import follow_until

    with show.lines() as shown:
        follow_until(log, lambda: builds.await_end(paths, found.number), shown)
    return (builds.look(paths, found.number) or found).exit_code


@command(
    "builds:cancel",
    example="$ ship builds:cancel -a blog\nBuild 7 (Deploy 1a2b3c4 by laptop) is being stopped.",
)
@for_app
@click.argument("build", required=False)
def cancel(call: Call, build: str | None) -> None:
    """Stop the build that runs; the release before it goes on serving."""
    from receiver.deploy import detached

    number = _find(call, build).number if build is not None else None
    stopped = detached.cancel(call.server, call.app, number)
    if stopped is None:
        raise NotFoundError(
            f"No build of {call.app} is running."
            if number is None
            else f"Build {number} of {call.app} is not running.",
            advice="`ship builds` lists them; one that can be stopped is `running`.",
            reason="not-found/build",
        )
    show.progress(
        f"Build {stopped.number} ({stopped.description} by {stopped.by}) is being stopped."
    )


@command(
    "logs:failed",
    example="$ ship logs:failed -a blog\n=== Build 7\n\nStatus:       failed\n"
    "Reason:       check/missing-module\n...\n"
    "Config vars:  GREETING, SECRET_KEY\n\n=== What the build said\n\n"
    "-----> Receiving 1a2b3c4 for blog\n...\n\n"
    "=== What the app wrote when it was started\n\nship: Starting v3.\n...",
)
@for_app
@with_json
@click.argument("build", required=False)
def failed(call: Call, build: str | None, *, as_json: bool) -> None:
    """Show all that is known of the last build that failed: its output, the release phase's, the
    app's own log.
    """
    from receiver.state import records

    paths, now = call.server.app(call.app), call.server.clock.stamp()
    found = _failed(call, build)
    log, boot = _log(paths, found), records.boot_log(paths, found.number)
    if as_json:
        texts = {"output": _text(log), "boot_log": _text(boot) if boot.exists() else None}
        show.as_json({**_as_data(found, now), **texts})
        return
    show.heading(f"Build {found.number}")
    show.data("")
    names = ", ".join(found.config_names) or "none"
    show.fields({**_described(found, now), "Config vars": names})
    _print_part("What the build said", log)
    if boot.exists():
        _print_part("What the app wrote when it was started", boot)


def _find(call: Call, text: str | None) -> "Build":
    from receiver.state import builds

    paths = call.server.app(call.app)
    if text is None:
        newest = next(builds.newest_first(paths), None)
        if newest is None:
            raise NotFoundError(
                f"{call.app} has no build yet.",
                advice="Push some code: `git push prod main`.",
                reason="not-found/build",
            )
        return newest
    found = builds.look(paths, int(text)) if text.isascii() and text.isdecimal() else None
    if found is None:
        raise NotFoundError(
            f"{call.app} has no build {text}.",
            advice="`ship builds` lists those that are kept, by number.",
            reason="not-found/build",
        )
    return found


def _failed(call: Call, text: str | None) -> "Build":
    from receiver.state import builds

    if text is not None:
        found = _find(call, text)
        if found.status in {"failed", "cancelled"}:
            return found
        how = "is still running" if found.status == "running" else "did not fail"
        raise NotFoundError(
            f"Build {found.number} of {call.app} {how}.",
            advice=f"`ship builds:output {found.number}` prints what it said.",
            reason="not-found/build",
        )
    newest = builds.newest_first(call.server.app(call.app))
    bad = next(filter(is_failure, newest), None)
    if bad is None:
        raise NotFoundError(
            f"No build of {call.app} that is kept has failed.",
            advice="`ship builds` lists them. What the running app writes is shown by `ship logs`.",
            reason="not-found/build",
        )
    return bad


def is_failure(build: "Build") -> bool:
    """Whether something went wrong: what was refused because it was mistyped is none."""
    refused = (build.reason or "").startswith(_REFUSED)
    return build.status == "failed" and not refused


def _log(paths: "AppPaths", build: "Build") -> Path:
    from receiver.state import records

    log = records.build_log(paths, build.number)
    if not log.exists():
        raise NotFoundError(
            f"The output of build {build.number} is not kept any more.", reason="not-found/output"
        )
    return log


def _end(build: "Build") -> str:
    """What came of it: a release, or a reason."""
    return f"v{build.release}" if build.release else build.reason or ""


def _seconds(build: "Build", now: str) -> int:
    began, ended = (
        datetime.fromisoformat(it) for it in (build.started_at, build.finished_at or now)
    )
    return max(int((ended - began).total_seconds()), 0)


def _took(build: "Build", now: str) -> str:
    if build.finished_at is None and build.status != "running":
        return ""  # it was killed, nobody knows when
    minutes, seconds = divmod(_seconds(build, now), _MINUTE_S)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _as_data(build: "Build", now: str) -> dict[str, object]:
    return {
        "number": build.number,
        "status": build.status,
        "description": build.description,
        "commit": build.commit,
        "by": build.by,
        "started_at": build.started_at,
        "finished_at": build.finished_at,
        "seconds": _seconds(build, now) if _took(build, now) else None,
        "release": build.release,
        "reason": build.reason,
        "exit_code": build.exit_code,
        "config": list(build.config_names),
    }


def _described(build: "Build", now: str) -> dict[str, str]:
    found = {
        "Status": build.status,
        "Reason": build.reason or "",
        "Release": f"v{build.release}" if build.release else "",
        "What": build.description,
        "Commit": build.commit,
        "By": build.by,
        "Started": build.started_at,
        "Took": _took(build, now),
    }
    return {name: value for name, value in found.items() if value}


def _print_part(title: str, path: Path) -> None:
    show.data("")
    show.heading(title)
    show.data("")
    show.file(path)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
