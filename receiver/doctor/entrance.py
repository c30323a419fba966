"""The way in: the hooks that a push runs, the repositories, and what the machine has for both."""

import os
import stat
from collections.abc import Iterator

from receiver.doctor.seen import AppSeen, Seen
from receiver.machine import git
from receiver.machine.files import text_at
from receiver.machine.interpreter import lasting
from receiver.model.finding import Finding, GiveTree, SetAccess, SetUpRepo
from receiver.model.program import HOOKS


def look(seen: Seen) -> Iterator[Finding]:
    """What keeps people out, or the boot from undoing what a power cut interrupted."""
    yield from seen.examiner.of_pushes()
    yield from _hooks(seen)
    yield from seen.examiner.of_machine()


def app(seen: Seen, one: AppSeen) -> Iterator[Finding]:
    """The account and the repository of an app."""
    yield from seen.examiner.of_account(one)
    yield from _repository(seen, one)


def _hooks(seen: Seen) -> Iterator[Finding]:
    for name in ("pre-receive", "post-receive"):
        hook = HOOKS / name
        if not hook.is_file():
            yield Finding(
                name="push.hook-missing",
                severity="broken",
                title=f"The hook {name} is missing.",
                seen=(f"There is no {hook}.",),
                means="A push is taken and nothing is deployed.",
                advice="Install ship again: `./installer.sh`.",
            )
            continue
        found = hook.stat()
        by_another = seen.server.host.accounts.separate
        if not found.st_mode & stat.S_IXOTH and (by_another or not os.access(hook, os.X_OK)):
            yield Finding(
                name="push.hook-not-executable",
                severity="broken",
                title=f"The hook {name} cannot be run.",
                seen=(f"{hook} has mode {stat.S_IMODE(found.st_mode):04o}.",),
                means="A push is refused, or taken and nothing is deployed.",
                does="give it mode 0755",
                repair=(SetAccess(str(hook), found.st_uid, found.st_gid, 0o755, folder=False),),
            )


def _repository(seen: Seen, one: AppSeen) -> Iterator[Finding]:
    repo = seen.server.layout.repo(one.name)
    config = text_at(repo / "config") or ""
    hooks = [
        line.partition("=")[2].strip()
        for line in config.splitlines()
        if line.strip().lower().startswith("hookspath")
    ]
    there = (repo / "HEAD").is_file()
    set_up = hooks == [str(lasting(HOOKS))] and there
    if set_up and git.is_whole(repo):
        return
    receiver = seen.server.host.accounts.receiver()
    give = (
        (
            GiveTree(str(repo), receiver.uid, receiver.gid),
            SetAccess(str(repo), receiver.uid, receiver.gid, 0o755, folder=True),
        )
        if receiver
        else ()
    )
    if set_up:
        yield Finding(
            name="push.repository-damaged",
            app=one.name,
            severity="broken",
            title=f"The repository of {one.name} is damaged.",
            seen=(f"`git fsck` of {repo} ends with an error.",),
            means="A push is refused, or cannot be deployed. What serves is not touched.",
            does="put it right, or aside for an empty one: the next push brings all commits",
            repair=(SetUpRepo(one.name), *give),
        )
        return
    yield Finding(
        name="push.repository",
        app=one.name,
        severity="broken",
        title=f"The repository of {one.name} is "
        + ("not set up as ship does." if there else "missing, or none."),
        seen=(
            f"core.hooksPath of {repo} is {hooks[0]}."
            if hooks
            else f"{repo} has no core.hooksPath."
            if there
            else f"There is no {repo}.",
        ),
        means="A push is refused, or taken and nothing is deployed.",
        does="set it up" + ("" if there else ", empty: the next push brings all commits again"),
        repair=(SetUpRepo(one.name), *give),
    )
