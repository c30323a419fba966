"""Receives a push, over ssh or smart HTTP: the pack is checked aside, the ref moves, and the
deploy's result is the push's result.

The order of events is that of git's own receive-pack, with one difference: the client hears the
verdict after hooks/post-receive, so that a deploy that failed is a ref that was refused.
"""

import errno
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from dulwich.protocol import pkt_seq

from receiver.machine import full_disk, git, git_damage
from receiver.machine.git import ABSENT
from receiver.model.errors import (
    EXIT_FAILED,
    PUSH_VERDICTS,
    BuildError,
    GitError,
    ShipError,
    disk_full,
)
from receiver.model.output import Output
from receiver.model.program import HOOKS
from receiver.model.weight import TreeLimits, refusal
from receiver.push import choice, weighing
from receiver.push import wire as push_wire
from receiver.push.follow import Viewer
from receiver.push.hooks import Hooks, Push, clear_up
from receiver.push.limits import Limits
from receiver.push.objects import Objects
from receiver.push.patience import Client, write_patiently
from receiver.push.quarantine import Quarantine, quarantine
from receiver.push.rules import Rules, hidden_refusal
from receiver.push.wire import Readable, Reply, Request, Update, Write

__all__ = ["Push", "advertise", "serve_own", "serve_rpc", "serve_ssh", "to_stderr"]

DEFAULT_VERDICT = "deploy failed"
_NOT_KEPT = {"check": "refs/ship/checked", "plan": "refs/ship/planned"}
"""Push options with which nothing moves; and what the client is told that it updated, so that it
does not take its branch for moved."""
_LEFT = "refs/ship/ignored"
"""The same for refs beside the one that is deployed."""
_OLD_CLIENT = "nothing failed, nothing was released"
_STDERR = 2
_INCOMPLETE = "missing necessary objects"


def serve_ssh(push: Push, stdin: int = 0, stdout: int = 1) -> int:
    """Serve a push on two file descriptors; return the exit status for the forced command."""
    for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(ending, _end)  # an exception, so that the quarantine is cleared away
    client = Client(stdin, stdout, push.limits)
    try:
        clear_up(push)
        rules = _rules(push.repo)
        push_wire.advertise(client.write, _shown(push, rules))
        request = push_wire.read_request(client)
        reply = Reply(client.write, request, to_stderr)
        return _serve(Hooks(push, request.options, reply), rules, request, client)
    except ShipError as error:
        Output(to_stderr).error(error)
        return error.exit_code
    except BrokenPipeError:
        return EXIT_FAILED


def advertise(push: Push, write: Write) -> None:
    """Answer `GET info/refs?service=git-receive-pack`."""
    clear_up(push)
    write(pkt_seq(b"# service=git-receive-pack\n"))
    push_wire.advertise(write, _shown(push, _rules(push.repo)))


def serve_rpc(push: Push, source: Readable, write: Write) -> None:
    """Answer `POST git-receive-pack`; a ShipError comes before the first byte of the answer or
    not at all.
    """
    request = push_wire.read_request(source)
    if request.updates:
        reply = Reply(write, request, lambda _: None)
        _serve(Hooks(push, request.options, reply), _rules(push.repo), request, source)


def serve_own(push: Push, update: Update, options: Sequence[str], pack: Readable) -> int:
    """Serve a push that was made on this machine, as if it had come; returns the exit code."""
    for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(ending, _end)  # as above
    clear_up(push)
    request = Request([update], frozenset({push_wire.REPORT_STATUS_V2}), tuple(options))
    reply = Reply(lambda _: None, request, to_stderr)
    _serve(Hooks(push, request.options, reply), _rules(push.repo), request, pack)
    if not update.refusal:
        return 0
    codes = {verdict: code for code, verdict in PUSH_VERDICTS.items()}
    return codes.get(update.refusal, EXIT_FAILED)


def _serve(hooks: Hooks, rules: Rules, request: Request, pack: Readable | Client) -> int:
    reply = hooks.reply
    if not request.updates:
        status = _deploy_again(hooks) if request.options else 0
        return _repair(hooks, ()) or status
    try:
        unpacked = _receive(hooks, rules, request, pack)
        if not _instead(request):
            _deploy(hooks, rules, request)
    except (ShipError, OSError) as error:
        told = _disk_full(error) if isinstance(error, OSError) else error
        Output(reply.progress).error(told)
        _refuse(request.updates, PUSH_VERDICTS.get(told.exit_code, "server error"))
        unpacked = "failed"
    _repair(hooks, request.updates)
    reply.report(unpacked, request.updates)
    git.collect_garbage(hooks.push.repo)
    return 0  # the report said it all; the client makes its own exit status of it


def _receive(hooks: Hooks, rules: Rules, request: Request, pack: Readable | Client) -> str:
    """Take the pack and move the refs that nothing speaks against; return git's word on the
    pack.
    """
    updates, push, reply = request.updates, hooks.push, hooks.reply
    with quarantine(push.repo) as room:
        if not all(update.deletes for update in updates):
            said = bytearray()

            def show(data: bytes) -> None:
                said.extend(data)
                reply.progress(data)

            source = pack.wait_for_pack() if isinstance(pack, Client) else pack
            if not room.take(source, push.limits, Viewer(show), quiet=request.quiet):
                full = full_disk.is_full(push.repo)
                told = _pack_error(request, said.decode(errors="replace"), full=full)
                Output(reply.progress).error(told)
                _refuse(
                    updates, "shallow update not allowed" if request.shallow else "unpacker error"
                )
                return "the pack was refused"
        _leave_others(hooks, request)
        if _arriving(updates):
            _refuse_incomplete(room, request, reply)
        _refuse_hidden(rules, updates)
        _ask(hooks, updates, room)
        _refuse_heavy(hooks, updates, room)
        if _instead(request):
            _check(hooks, request, room)
            return "ok"
        if _standing(updates):
            room.move_in()
    return "ok"


def _disk_full(error: OSError) -> ShipError:
    """The error for a disk without room for even the folder of a pack; any other is a fault of
    ship's.
    """
    if error.errno != errno.ENOSPC:
        raise error
    return disk_full(str(error))


def _repair(hooks: Hooks, updates: Iterable[Update]) -> int:
    """Repair the repository where a failure may come of its damage, and tell; the exit status of
    that.
    """
    incomplete = any(update.refusal == _INCOMPLETE for update in updates)
    if not (incomplete or hooks.reply.tells_of_damage):
        return 0
    if (told := git_damage.repaired(hooks.push.repo, hooks.push.hooks or HOOKS)) is None:
        return 0
    Output(hooks.reply.progress).error(told)
    return told.exit_code


def _pack_error(request: Request, said: str, *, full: bool) -> ShipError:
    if full or full_disk.is_named_in(said):
        return disk_full(said.strip().rpartition("\n")[2])
    if request.shallow:
        return GitError(
            "The push comes from a shallow clone, and lacks history that the server does not have.",
            advice="Type git fetch --unshallow, and push again.",
            reason="git/shallow-push",
        )
    return GitError(
        "The server did not take the pushed objects.",
        detail="git's own words stand above.",
        advice="If the pack is too large, take large files out of the history, or raise "
        "max_push_mb in the server's ship.toml; if objects are damaged, see git fsck.",
        reason="git/pack-refused",
    )


def _leave_others(hooks: Hooks, request: Request) -> None:
    """Of several refs, take only the branch that is deployed: people push tags with it, or all
    their branches.
    """
    updates = request.updates
    if hooks.push.hooks is None or len(updates) == 1:
        return
    try:
        chosen = choice.choose(updates, git.deploy_branches(hooks.push.repo))
    except GitError as error:
        Output(hooks.reply.progress).error(error)
        _refuse(updates, "nothing to deploy")
        return
    left = [update for update in updates if update is not chosen]
    for update in left:
        update.instead = _LEFT
    branch = chosen.ref.removeprefix(git.BRANCHES)
    Output(hooks.reply.progress).step(choice.ignored(left, branch))


def _refuse_incomplete(room: Quarantine, request: Request, reply: Reply) -> None:
    arriving = _arriving(request.updates)
    if room.is_complete([update.new for update in arriving], Viewer(reply.progress)):
        return
    for update in arriving:
        if not room.is_complete([update.new], Viewer(lambda _: None)):
            update.refusal = _INCOMPLETE


def _refuse_hidden(rules: Rules, updates: list[Update]) -> None:
    for update in _standing(updates):
        if rules.hides(update.ref):
            update.refusal = hidden_refusal(update)


def _ask(hooks: Hooks, updates: list[Update], room: Quarantine) -> None:
    """Let hooks/pre-receive look at what still stands; it can see the new objects."""
    if not (standing := _standing(updates)):
        return
    if status := hooks.before(standing, room.environment):
        _refuse(standing, PUSH_VERDICTS.get(status, "pre-receive hook declined"))


def _refuse_heavy(hooks: Hooks, updates: list[Update], room: Quarantine) -> None:
    """Refuse a commit that would become more than it may, or not what its author thinks.

    From here on its files are written out.
    """
    if not (arriving := _arriving(updates)):
        return
    with room.objects() as objects:
        for update in arriving:
            if error := _too_heavy(update.new, hooks.push.limits.tree, objects):
                Output(hooks.reply.progress).error(error)
                _refuse([update], PUSH_VERDICTS[error.exit_code])


def _too_heavy(commit: str, limits: TreeLimits, objects: Objects) -> BuildError | None:
    tree = weighing.read(objects, commit, limits.entries)
    if tree is None:
        return None
    error = refusal(weighing.weigh(tree, objects), limits)
    return error or (None if tree.names_submodules() else _hollow(tree.submodules()))


def _hollow(submodules: list[str]) -> BuildError | None:
    if not submodules:
        return None
    return BuildError(
        "The commit holds submodules, and no .gitmodules says where their files are.",
        detail="\n".join(submodules),
        advice="Folders that are repositories of their own were added. Add them by `git submodule "
        "add URL PATH`; or commit their files: `git rm --cached PATH`, delete PATH/.git, `git add "
        "PATH`.",
        reason="build/submodules",
    )


def _move(repo: Path, rules: Rules, request: Request, reply: Reply) -> None:
    """Move the refs, each from where the client saw it: who lost a race is refused."""
    for update in _standing(request.updates):
        update.refusal = rules.refusal(repo, update)
    standing = _standing(request.updates)
    if not request.atomic:
        for update in standing:
            _move_together(repo, [update], "failed to update ref", reply)
    elif any(update.refusal for update in request.updates):
        _refuse(standing, "atomic push failure")
    else:
        _move_together(repo, standing, "atomic transaction failed", reply)


def _move_together(repo: Path, updates: list[Update], word: str, reply: Reply) -> None:
    moves = [(update.ref, update.old, update.new) for update in updates]
    if why := git.move_refs(repo, moves):
        error = GitError(
            "The push was received, and yet nothing moved: the branch is no longer where it was.",
            detail=why,
            advice="Somebody else may have pushed. Type git fetch, look at what came, and push "
            "again.",
            reason="git/ref-not-moved",
        )
        Output(reply.progress).error(error)
        _refuse(updates, word)


def _deploy(hooks: Hooks, rules: Rules, request: Request) -> None:
    """Move the refs, and let hooks/post-receive deploy what moved; when that fails, it has not
    moved.
    """
    moving = [update for update in _standing(request.updates) if update.old != update.new]
    with hooks.noted(moving) as note:
        _move(hooks.push.repo, rules, request, hooks.reply)
        moved = _standing(moving)
        status = hooks.after(moved, note=note.descriptor) if moved else 0
        if status:
            are_back = [_moved_back(hooks.push.repo, update) for update in moved]
            note.is_settled = all(are_back)
            _refuse(moved, PUSH_VERDICTS.get(status, DEFAULT_VERDICT))
    if status:
        clear_up(hooks.push)  # an earlier one that failed could not move back from under this one


def _moved_back(repo: Path, update: Update) -> bool:
    """Take a move back, and tell whether the ref is where it was: another push may have moved it
    on.
    """
    before = None if update.old == ABSENT else update.old
    git.restore_ref(repo, update.ref, update.new, before)
    return git.resolve_commit(repo, update.ref) == before


def _check(hooks: Hooks, request: Request, room: Quarantine) -> None:
    """Let hooks/post-receive try what was pushed: no ref moves, and the objects go with the
    quarantine (0011).
    """
    tried = _standing(request.updates)
    status = hooks.after(tried, room.environment) if tried else 0
    if status:
        _refuse(tried, PUSH_VERDICTS.get(status, DEFAULT_VERDICT))
    elif not request.tells_another_ref:
        _refuse(tried, _OLD_CLIENT)
    for update in _standing(tried):
        update.instead = _instead(request)


def _instead(request: Request) -> str:
    """What is told of instead of the branch that was named, where nothing moves; nothing for
    other pushes.
    """
    return next((ref for option, ref in _NOT_KEPT.items() if option in request.options), "")


def _deploy_again(hooks: Hooks) -> int:
    """Serve `git push -o force` (or `-o check`) with nothing new: git sends the options alone
    (decision 0003).
    """
    repo = hooks.push.repo
    branch = git.head_branch(repo)
    tip = git.resolve_commit(repo, git.BRANCHES + branch)
    if tip is None:
        return 0
    Output(hooks.reply.progress).step(f"Nothing new was pushed: taking {tip[:7]} of {branch} again")
    same = [Update(tip, tip, git.BRANCHES + branch)]
    return hooks.before(same, {}) or hooks.after(same)


def _standing(updates: list[Update]) -> list[Update]:
    """Those that may move: neither refused nor left."""
    return [update for update in updates if not (update.refusal or update.instead)]


def _arriving(updates: list[Update]) -> list[Update]:
    return [update for update in _standing(updates) if not update.deletes]


def _refuse(updates: list[Update], word: str) -> None:
    for update in _standing(updates):
        update.refusal = word


def _rules(repo: Path) -> Rules:
    return Rules.parse(git.settings(repo))


def _shown(push: Push, rules: Rules) -> list[tuple[str, str]]:
    """The refs that a client is told of; of a damaged repository those that are left."""
    try:
        found = git.refs(push.repo)
    except GitError:
        if git_damage.repaired(push.repo, push.hooks or HOOKS) is None:
            raise
        found = git.refs(push.repo)
    return [(name, object_id) for name, object_id in found if not rules.hides(name)]


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def to_stderr(data: bytes) -> None:
    """Show something to whoever waits at the other end."""
    with suppress(BrokenPipeError):
        write_patiently(_STDERR, data, Limits().begin_s)
