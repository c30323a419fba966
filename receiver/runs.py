"""Runs a one-off command as the live release would run it: its account, code, virtualenv and config vars."""

from collections.abc import Sequence

from receiver import records
from receiver.hosts import Job
from receiver.model.errors import NotFoundError
from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.server import Server

_PATH = "/usr/local/bin:/usr/bin:/bin"


def run(server: Server, app: AppName, argv: Sequence[str], *, tty: bool, term: str) -> int:
    """Run a command on the caller's own streams; returns its exit status.

    Raises:
        NotFoundError: there is no release to run it in
    """
    paths = server.app(app)
    live = records.read_live(paths)
    if live is None:
        raise NotFoundError(
            f"{app} has no release to run a command in.",
            advice="Push some code first: `git push prod main`.",
            reason="not-found/release",
        )
    release = records.read_release(paths, live.release)
    home = paths.release(live.release)
    job = Job(
        app=app,
        argv=tuple(argv),
        cwd=home.source,
        env={**_environment(app, release), **({"TERM": term} if tty else {})},
        config=home.env,
        writable=(home.source, paths.storage),
        name="run",
    )
    return server.host.attach(job, tty=tty)


def _environment(app: AppName, release: Release) -> dict[str, str]:
    plain = {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "SHIP_APP": app}
    if release.venv is None:
        return {**plain, "PATH": _PATH}
    return {**plain, "PATH": f"{release.venv}/bin:{_PATH}", "VIRTUAL_ENV": release.venv}
