"""`ship releases`: what was released, what its build said, again, and back."""

from pathlib import Path

import click

from receiver.cli import show
from receiver.cli.command import Call, command, for_app, with_json, with_release_phase
from receiver.cli.commands.builds import is_failure
from receiver.model.errors import NotFoundError
from receiver.model.names import parse_release_version
from receiver.model.release import Release


@command(
    "releases",
    example="$ ship releases -a blog\n=== blog Releases - Current: v2\n\n"
    "v2  Set GREETING config var  laptop  2026-01-31T08:20:00Z\n"
    "v1  Deploy 1a2b3c4           laptop  2026-01-31T08:15:00Z",
)
@for_app
@with_json
@click.option("-n", "--num", "limit", default=15, show_default=True, help="How many, newest first.")
def list_releases(call: Call, *, as_json: bool, limit: int) -> None:
    """List the releases that are kept, newest first."""
    from receiver.state import builds, records

    paths = call.server.app(call.app)
    versions = records.release_versions(paths)[::-1][:limit]
    found = [records.read_release(paths, version) for version in versions]
    live = records.read_live(paths)
    if as_json:
        current = live.release if live else None
        show.as_json([_as_data(release, current) for release in found])
        return
    if not found:
        show.progress(f"{call.app} has no release yet. Push some code: git push prod main")
        return
    show.heading(f"{call.app} Releases" + (f" - Current: v{live.release}" if live else ""))
    show.data("")
    rows = [(it.label, _told(it), it.by, it.created_at) for it in found]
    show.table(("Release", "Description", "By", "When"), rows)
    last = next(builds.newest_first(paths), None)
    if last is not None and is_failure(last):
        show.progress(
            f"The last build, {last.number} ({last.description}), failed and made no release:"
            f" {last.reason}. `ship builds:output {last.number}` shows it."
        )


@command(
    "releases:info",
    example="$ ship releases:info v1 -a blog\n=== Release v1\n\nBy:          laptop\n"
    "Change:      Deploy 1a2b3c4\nWhen:        2026-01-31T08:15:00Z\nCommit:      1a2b3c4...\n"
    "Buildpack:   python\nPython:      3.13.0\nProcess web: gunicorn app:app\n\n"
    "=== v1 Config vars\n\nGREETING: hi",
)
@for_app
@with_json
@click.argument("release", required=False)
@click.option("--packages", is_flag=True, help="Its packages, each with its version.")
def info(call: Call, release: str | None, *, as_json: bool, packages: bool) -> None:
    """Show one release; the live one when none is named.

    The list of packages is a requirements.txt that pins what the release was built with.
    """
    from receiver.state import records

    found = _find(call, release)
    paths = call.server.app(call.app)
    if packages:
        _show_packages(paths.release(found.version).packages, found.label)
        return
    config = records.read_config(paths.release(found.version).env)
    shown = call.may("deploy")
    if as_json:
        live = records.read_live(paths)
        values = {name: value if shown else None for name, value in config.items()}
        show.as_json({**_as_data(found, live.release if live else None), "config": values})
        return
    show.heading(f"Release {found.label}")
    show.data("")
    show.fields(_described(found))
    show.data("")
    show.heading(f"{found.label} Config vars")
    show.data("")
    hidden = "(shown to keys that may deploy)"
    show.fields({name: value if shown else hidden for name, value in sorted(config.items())})


def _show_packages(path: Path, label: str) -> None:
    if not path.exists():
        raise NotFoundError(
            f"There is no list of the packages of {label}.", reason="not-found/packages"
        )
    show.file(path)


@command(
    "releases:output",
    example="$ ship releases:output v1 -a blog\n-----> Python app detected\n...",
)
@for_app
@click.argument("release", required=False)
def output(call: Call, release: str | None) -> None:
    """Print what was shown while a release was made; the live one when none is named."""
    from receiver.state import builds, records

    found = _find(call, release)
    paths = call.server.app(call.app)
    made = (it.number for it in builds.newest_first(paths) if it.release == found.version)
    number = next(made, found.build)
    log = records.build_log(paths, number) if number is not None else None
    if log is None or not log.exists():
        raise NotFoundError(
            f"The output of {found.label} is not kept any more.", reason="not-found/output"
        )
    show.file(log)


@command(
    "releases:retry",
    example="$ ship releases:retry -a blog\n-----> Python app detected\n...\nv3",
)
@for_app
def retry(call: Call) -> int:
    """Deploy the newest pushed commit again, as a push of it would."""
    from receiver.deploy import retrying

    done = retrying.retry(call.server, call.app, call.by, show.transcript, entry=call.entry)
    return _done(call, done)


@command(
    "releases:rollback",
    example="$ ship rollback v1 -a blog\n-----> Rolling back blog from v2 to v1\n...\nv3",
)
@for_app
@with_release_phase
@click.argument("release", required=False)
def rollback(call: Call, release: str | None, *, release_phase: bool | None) -> int:
    """Go back to an earlier release, code and config vars alike; the one before when none is
    named.
    """
    from receiver.cli.changes import change
    from receiver.deploy import releasing
    from receiver.deploy.stages.requests import Rollback
    from receiver.model.output import Output

    target = _find(call, release).version if release is not None else None

    def work(out: Output, number: int) -> Release:
        wish = Rollback(
            app=call.app, by=call.by, number=number, target=target, release_phase=release_phase
        )
        return releasing.rollback(call.server, wish, out)

    to = f"v{target}" if target is not None else "the release before"
    return _done(call, change(call, f"Rollback to {to}", work))


def _done(call: Call, status: int) -> int:
    from receiver.cli.changes import live_label

    label = live_label(call)
    if status == 0 and label is not None:
        show.data(label)
    return status


def _find(call: Call, text: str | None) -> Release:
    from receiver.state import records

    version = parse_release_version(text) if text is not None else None
    paths = call.server.app(call.app)
    if version is not None:
        return records.read_release(paths, version)
    _, release = records.read_live_release(paths)
    if release is None:
        raise NotFoundError(
            f"{call.app} has no release yet.",
            advice="Push some code: `git push prod main`.",
            reason="not-found/release",
        )
    return release


def _told(release: Release) -> str:
    """What made a release, and what went wrong behind it."""
    return (
        f"{release.description} (postdeploy failed)" if release.postdeploy else release.description
    )


def _as_data(release: Release, current: int | None) -> dict[str, object]:
    return {
        "version": release.version,
        "current": release.version == current,
        "description": release.description,
        "by": release.by,
        "created_at": release.created_at,
        "commit": release.commit,
        "buildpack": release.buildpack,
        "python": release.python,
        "processes": release.lines,
        "restores": release.restores,
        "postdeploy": release.postdeploy,
    }


def _described(release: Release) -> dict[str, str]:
    found = {
        "By": release.by,
        "Change": release.description,
        "When": release.created_at,
        "Commit": release.commit,
        "Buildpack": release.buildpack,
        "Python": release.python or "",
        "Postdeploy": release.postdeploy or "",
        "Restores": f"v{release.restores}" if release.restores else "",
        **{f"Process {name}": line for name, line in release.lines.items()},
    }
    return {name: value for name, value in found.items() if value}
