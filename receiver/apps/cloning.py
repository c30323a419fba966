"""The story of a clone: a new app with the code, config vars and settings of another, at the
same release.

Until it is live, or finished without being deployed, a note is on disk by which whatever ends it
takes it away again.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from receiver.access import grants as access
from receiver.apps import clone_notes
from receiver.apps import lifecycle as apps
from receiver.apps.cloned import advice_for_clone, names_host, with_own_host
from receiver.changes.app_state import AppState
from receiver.changes.change import looking
from receiver.deploy import retrying
from receiver.machine import files, git
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.server import Server
from receiver.state import records
from receiver.storage.copies import copy_storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be made of which app."""

    old: AppName
    new: AppName
    by: str
    deploy: bool = True
    storage: bool = False


class _NotLiveError(Exception):
    """The deploy of the clone failed, which its transcript has told; `status` is its exit code."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def clone(server: Server, wish: Wish, show: Callable[[bytes], object]) -> int:
    """Make an app like another, and put it live; returns the exit code of its deploy.

    Raises:
        ShipError: it could not be made; nothing is left of the attempt
    """
    out = Output(show)
    with looking(server, wish.old, f"clone to {wish.new} by {wish.by}", out) as original:
        config = records.read_config(original.paths.config)
    kept = server.layout.app(wish.new).storage.exists()
    apps.create(server, wish.new, like=_like(original))
    try:
        with clone_notes.unfinished(server, wish.new, keep_storage=kept):
            out.step(f"Cloning {wish.old} to {wish.new}")
            _copy(wish, original, config, out)
            _go_live(wish, original, out, show)
    except _NotLiveError as error:
        out.say(f"{wish.new} was taken away again.")
        return error.status
    return 0


def _like(original: AppState) -> App:
    """Settings for a clone; where there is a release, what a first deploy does was done."""
    return replace(original.settings, clone_of=str(original.name) if original.release else "")


def _copy(wish: Wish, original: AppState, config: Mapping[str, str], out: Output) -> None:
    server = original.server
    paths = server.app(wish.new)
    _copy_code(server, wish, original.release, out)
    own = with_own_host(config, original.address, server.address(wish.new))
    config = {**config, **own}
    records.write_config(paths.config, config, mode=0o600)
    if original.scale:
        files.write_atomically(paths.scale, records.scale_text(original.scale), mode=0o644)
    jobs = sorted(original.release.cron) if original.release else []
    if jobs:
        files.write_atomically(paths.suspended, json.dumps(jobs) + "\n", mode=0o644)
    for line in (*_told_of_config(wish, original, config, own), *_told(wish, original, jobs)):
        out.say(line)
    if wish.storage:
        out.say("Copying the storage")
    if wish.storage and not copy_storage(server.host, original.paths, paths):
        out.warn(f"{wish.old} wrote to its storage while it was copied: look whether it is whole.")


def _copy_code(server: Server, wish: Wish, release: Release | None, out: Output) -> None:
    """All branches; the one that is deployed ends with the commit that is live, also after a
    rollback.
    """
    source, repo = server.layout.repo(wish.old), server.layout.repo(wish.new)
    git.copy_branches(source, repo)
    if release is None:
        out.say(f"{wish.old} has no release yet, so there is nothing to put live.")
        return
    ref = git.BRANCHES + git.head_branch(repo)
    now = git.resolve_commit(repo, ref) or git.ABSENT
    why_not = git.move_refs(repo, [(ref, now, release.commit)]) if now != release.commit else ""
    if why_not:
        raise git.GitError(
            f"The commit of {release.label} of {wish.old} is not in its repository any more.",
            detail=why_not,
            advice=f"Push to {wish.old} once more, then clone it.",
        )
    out.say(f"Code: commit {release.commit[:7]}, which is {release.label} of {wish.old}.")


def _told_of_config(
    wish: Wish, original: AppState, config: Mapping[str, str], own: Collection[str]
) -> Iterator[str]:
    if config:
        yield (
            f"Config vars: {len(config)} copied, secrets among them. What they lead to, such as "
            "a database, both apps use."
        )
    if own:
        old, new = original.address, original.server.address(wish.new)
        yield f"{', '.join(sorted(own))}: {old} became {new}."
    if left := _of_the_original(original, config):
        yield (
            f"These name {wish.old} itself: {', '.join(left)}. To change: ship config:set -a "
            f"{wish.new} {left[0]}=..."
        )


def _told(wish: Wish, original: AppState, jobs: Sequence[str]) -> Iterator[str]:
    """What was taken over and what was not, as far as it may take somebody to do something."""
    if keys := sorted(access.of_app(original.server.layout, wish.old)):
        yield (
            f"Grants stay with {wish.old}: {', '.join(keys)}. To give one: ship access:add -a "
            f"{wish.new} {keys[0]} deploy"
        )
    if original.settings.domains:
        yield f"Domains stay with {wish.old}: {', '.join(original.settings.domains)}."
    if jobs:
        yield (
            f"Cron jobs are suspended: {', '.join(jobs)}. To start them: ship cron:resume -a "
            f"{wish.new} --all"
        )
    if not wish.storage and any(original.paths.storage.iterdir()):
        yield "Storage is not copied; with --storage it is."


def _of_the_original(original: AppState, config: Mapping[str, str]) -> list[str]:
    """Config vars in whose values the original's address or folder stands."""
    hosts, home = (original.address, *original.settings.domains), f"{original.paths.home}/"
    return sorted(
        name
        for name, value in config.items()
        if home in value or any(names_host(value, host) for host in hosts)
    )


def _go_live(wish: Wish, original: AppState, out: Output, show: Callable[[bytes], object]) -> None:
    if original.release is None:
        return
    if not wish.deploy:
        out.say(f"It is not deployed yet. To put it live: ship releases:retry -a {wish.new}")
        return
    title = f"Clone of {wish.old} {original.release.label}, {{}}"
    options = " --storage" if wish.storage else ""
    advise = partial(advice_for_clone, old=wish.old, new=wish.new, options=options)
    status = retrying.first(original.server, wish.new, wish.by, show, title, advise)
    if status:
        raise _NotLiveError(status)
