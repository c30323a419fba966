"""Brings the files of submodules into a pushed archive, where their addresses are public.

git runs as the app's account in its sandbox, and reaches what the app itself reaches; what it wrote
is looked through like everything that was pushed.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tarfile import TarError

from receiver.building import facts
from receiver.building.pip_settings import without_passwords
from receiver.changes.app_state import AppState
from receiver.deploy.stages.requests import Push
from receiver.deploy.tree import archives
from receiver.deploy.tree.refusals import printable
from receiver.hosts import memory
from receiver.hosts.jobs import Job, JobTimeoutError
from receiver.machine.memory_limit import little_memory
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.output import Output
from receiver.model.submodules import FILE_NAME, Submodule, addresses, public_address
from receiver.model.weight import TreeLimits, too_large
from receiver.runs.jobs import plain_variables

_LIMIT_S = 300.0
_SAID_BYTES = 4096
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "https",
    "GIT_ASKPASS": "/bin/true",
}
_DAMAGE = (EOFError, MemoryError, OverflowError, RecursionError, ValueError, TarError)
"""What tarfile raises for what is no tar file, or was made to harm: an app's own code may have a
hand in it."""
FETCH = """
set -u
# those of a fetch that was killed; one that lives takes minutes
find . -maxdepth 1 -name 'submodule.*' -mmin +60 -exec rm -rf {} +
place=$(mktemp -d ./submodule.XXXXXX) || exit 1
trap 'rm -rf "$place"' EXIT
fetch() {
  git init -q "$place/tree" && cd "$place/tree" && git remote add -- origin "$1" &&
    { git fetch -q --depth 1 origin "$2" || git fetch -q origin; } &&
    git -c advice.detachedHead=false checkout -q "$2" &&
    git submodule update -q --init --recursive
}
(fetch "$1" "$2") >"$place/said" 2>&1 || { cat "$place/said"; exit 1; }
tar -c --exclude=.git -f - -C "$place/tree" . 2>/dev/null
"""
"""Prints a tar file of a commit; or, with a status, what git said."""


def bring(app: AppState, push: Push, limits: TreeLimits, out: Output) -> None:
    """Fetch the submodules of a push, and add their files to its archive.

    Raises:
        BuildError: one of them has no public address, or cannot be fetched
    """
    with push.archive.open("rb") as archive:
        tree = Tree(archive, limits)
        text = tree.read(FILE_NAME).decode("utf-8", "replace") if tree.has(FILE_NAME) else ""
    named = addresses(text)
    room = Room(limits, push.archive.stat().st_size)
    with _places(push) as places:
        for module, place in zip(push.submodules, places, strict=True):
            url = _address(module, named.get(module.path, ""), out)
            _fetch(app, module, url, place, room)
        _merge(push, places)


class Room:
    """What a commit may still take on the disk, with all of its submodules together."""

    def __init__(self, limits: TreeLimits, taken_bytes: int) -> None:
        self._limits = limits
        self._left = limits.archive_bytes - taken_bytes

    def take(self, size_bytes: int) -> None:
        """Take some of it, or refuse the commit."""
        self._left -= size_bytes
        if self._left < 0:
            raise too_large("more than that with its submodules", self._limits)


def _merge(push: Push, places: list[Path]) -> None:
    fetched = {it.path: at for it, at in zip(push.submodules, places, strict=True)}
    try:
        with little_memory():
            archives.rewrite(push.archive, lambda name: name, merged=fetched)
    except _DAMAGE as error:
        names = ", ".join(printable(module.path) for module in push.submodules)
        raise BuildError(
            f"The files of the submodules cannot be used: {names}.",
            detail=f"{error}." if str(error) else f"{type(error).__name__}.",
            advice="Push again. If that does not help, commit the files themselves.",
            reason="build/submodules",
        ) from error


@contextmanager
def _places(push: Push) -> Iterator[list[Path]]:
    """Files for what is fetched. The id of this process is in their names: while it lives, nobody
    clears them away.
    """
    count = len(push.submodules)
    places = [push.archive.with_name(f"{os.getpid()}.module{n}.tar") for n in range(count)]
    try:
        yield places
    finally:
        for place in places:
            place.unlink(missing_ok=True)


def _address(module: Submodule, named: str, out: Output) -> str:
    url = public_address(named)
    shown = printable(module.path)
    if not url:
        raise BuildError(
            f"The submodule {shown} has no public address.",
            detail=f"{FILE_NAME} has the address {without_passwords(printable(named))} for it."
            if named
            else f"{FILE_NAME} has no entry for it.",
            advice="Give it an https address: `git submodule set-url "
            f"{shlex.quote(shown)} https://...`, commit "
            "and push again. Or commit its files: `git rm --cached PATH`, delete PATH/.git, `git "
            "add PATH`.",
            reason="build/submodules",
        )
    out.step(f"Fetching the submodule {shown} at {module.commit[:7]}")
    if url != named:
        out.say(f"By https, as a server without a key can: {without_passwords(url)}")
    return url


def _fetch(app: AppState, module: Submodule, url: str, place: Path, room: Room) -> None:
    said = bytearray()
    with place.open("wb") as handle:

        def take(chunk: bytes) -> None:
            room.take(len(chunk))
            said.extend(chunk[: _SAID_BYTES - len(said)])
            handle.write(chunk)

        try:
            status = app.server.engine.jobs.run(_job(app, url, module.commit), take)
        except JobTimeoutError as error:
            raise _failed(module, url, f"It took longer than {_LIMIT_S:g} seconds.") from error
    if status:
        raise _failed(module, url, said.decode("utf-8", "replace").strip())


def _job(app: AppState, url: str, commit: str) -> Job:
    paths, server = app.paths, app.server
    trusted = facts.index_settings(server, {}).env.get("SSL_CERT_FILE")
    certificates: Mapping[str, str] = {"GIT_SSL_CAINFO": trusted} if trusted else {}
    return Job(
        app=paths.name,
        argv=("/bin/sh", "-c", FETCH, "sh", url, commit),
        cwd=paths.cache,
        env={
            **plain_variables(paths, app.hosts),
            **ENVIRONMENT,
            **certificates,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(paths.cache),
        },
        writable=(paths.cache,),
        limit_s=_LIMIT_S,
        name="build",
        most_memory_bytes=memory.bytes_of(server.settings.build_memory),
    )


def _failed(module: Submodule, url: str, said: str) -> BuildError:
    shown = printable(module.path)
    return BuildError(
        f"The submodule {shown} could not be fetched.",
        detail=without_passwords(f"{url} at {module.commit[:7]}:\n{said}"),
        advice="A server fetches what is public. Push the commit to the submodule's own "
        "repository and make that public; or commit the files themselves (`git rm --cached PATH`, "
        "delete PATH/.git, `git add PATH`), or install it as a package.",
        reason="build/submodules",
    )
