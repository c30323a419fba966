"""What hooks/post-receive calls for each deploy: takes the tree as a tar file on stdin, and
deploys it. `settle` is for who took the push, where that was killed: it tells how the deploy ended.
`clear-up` comes before a push, where an earlier one left something in the repository.

On a VPS it runs as root through sudo. The name of the key comes from the gate; what it may do is
asked here once more.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.access import audit
from receiver.access import grants as access
from receiver.changes import folders
from receiver.deploy import commits, detached
from receiver.deploy.commits import Commit
from receiver.deploy.tree.spool import limits_of, spool
from receiver.model.address import parse_address
from receiver.model.audit import Line, shortened
from receiver.model.errors import EXIT_CODES, ShipError
from receiver.model.grant import FOR_GIT
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import Server, open_server

_ABSENT = "0" * 40
_MISUSED = 2
"""Exit status, as of other programs whose words are wrong."""


def main(argv: Sequence[str] | None = None) -> int:
    """Receive a tree and deploy it; returns the deploy's exit code."""
    arguments = _asked(sys.argv[1:] if argv is None else argv)
    out = Output(_show)
    try:
        server = open_server(_root(os.environ.get("SHIP_ROOT")))
        return _COMMANDS[arguments.command](server, arguments)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the edge: a fault of ship's own is told like any other
        from receiver.machine import full_disk  # noqa: PLC0415 - only an error needs it

        told = full_disk.in_words(error, (_layout().state,))
        out.error(told)
        return told.exit_code


def _layout() -> Layout:
    return Layout.at(_root(os.environ.get("SHIP_ROOT")))


class _Asked(msgspec.Struct):
    """What the hook asks for."""

    command: str
    app: str
    key: str
    ref: str = ""
    commit: str = ""
    old: str = _ABSENT
    push: str = ""
    """What tells this push from every other."""
    owner: bool = False
    """Whether the owner of an embedded server asks."""
    submodule: tuple[str, ...] = ()
    """COMMIT PATH of each."""
    force: bool = False
    check: bool = False
    plan: bool = False


_FLAGS = frozenset({"--owner", "--force", "--check", "--plan"})
_VALUES = frozenset({"--app", "--key", "--ref", "--commit", "--old", "--push"})


def _asked(argv: Sequence[str]) -> _Asked:
    """The words of a hook, which writes no other: argparse would take a tenth of the start."""
    command, words = argv[0] if argv else "", iter(argv[1:])
    found: dict[str, str | bool] = {}
    submodules: list[str] = []
    try:
        for word in words:
            if word in _FLAGS:
                found[word[2:]] = True
            elif word in _VALUES:
                found[word[2:]] = next(words)
            elif word == "--submodule":
                submodules.append(next(words))
            else:
                raise _misused(f"unknown argument: {word}")
    except StopIteration:
        raise _misused("the last argument lacks its value") from None
    if command not in _COMMANDS or not found.keys() >= {"app", "key"}:
        raise _misused(f"a command ({', '.join(_COMMANDS)}), --app and --key are required")
    return msgspec.convert({"command": command, "submodule": submodules, **found}, _Asked)


def _misused(why: str) -> SystemExit:
    sys.stderr.write(f"ship-deploy: {why}\n")
    return SystemExit(_MISUSED)


def _deploy(server: Server, arguments: _Asked) -> int:
    app = AppName.parse(arguments.app)
    _admit(server, app, arguments)
    folders.restore(server, server.app(app))
    archive = spool(server.app(app), sys.stdin.fileno(), limits_of(server.settings))
    commit = _commit(app, archive, arguments)
    if arguments.plan:
        commits.plan(server, commit, Output(_show))
        return 0
    entry = audit.Entry(server.layout, server.clock, _line(server, app, arguments), _warn).begin()
    do, title = (commits.check, "Check {}") if arguments.check else (commits.deploy, "Deploy {}")
    return commits.take(server, commit, do, title, _show, entry)


def _settle(server: Server, arguments: _Asked) -> int:
    """Tell how a push's deploy ends, for whose follower was killed; returns its exit code."""
    app = AppName.parse(arguments.app)
    _admit(server, app, arguments)
    number = detached.of_push(server, app, arguments.push)
    if number is None:
        _warn("The process that took this push was killed before the deploy began.")
        return EXIT_CODES["server"]
    return detached.follow_again(server, app, number, _show)


def _clear_up(server: Server, arguments: _Asked) -> int:
    from receiver.changes import repositories  # noqa: PLC0415 - few pushes need it

    app = AppName.parse(arguments.app)
    _admit(server, app, arguments)
    repositories.clear_up(server, app, wait=True)
    return 0


_COMMANDS = {"push": _deploy, "settle": _settle, "clear-up": _clear_up}


def _admit(server: Server, app: AppName, arguments: _Asked) -> None:
    """Ask for the grant once more: the gate is run by an account that is trusted less than root.

    An embedded server is all its owner's, as whom we run ourselves.
    """
    if _is_owner(arguments):
        return
    try:
        access.admit(server.layout, arguments.key, app, FOR_GIT)
    except ShipError as error:
        line = _line(server, app, arguments)
        how = {"event": "refused", "status": error.exit_code, "reason": error.reason}
        audit.note(server.layout, replace(line, **how), _warn)
        raise


def _is_owner(arguments: _Asked) -> bool:
    return bool(arguments.owner) and "SHIP_ROOT" in os.environ


def _line(server: Server, app: AppName, arguments: _Asked) -> Line:
    """What the audit is told of a push."""
    options = [f"-o {name}" for name in ("check", "force") if getattr(arguments, name)]
    return Line(
        at=server.clock.stamp(),
        id=audit.new_id(),
        event="began",
        command="git push",
        key=None if _is_owner(arguments) else arguments.key,
        user=arguments.key if _is_owner(arguments) else "",
        address=parse_address(os.environ.get("SSH_CLIENT", "")),
        app=app,
        words=shortened(
            [*options, arguments.ref.removeprefix("refs/heads/"), arguments.commit[:12]]
        ),
    )


def _warn(text: str) -> None:
    Output(_show).warn(text)


def _commit(app: AppName, archive: Path, arguments: _Asked) -> Commit:
    return Commit(
        app=app,
        id=arguments.commit,
        by=arguments.key,
        archive=archive,
        # a check moves no ref that would have to go back, and a plan neither
        ref=None if arguments.check or arguments.plan else arguments.ref,
        before=None if set(arguments.old) == {"0"} else arguments.old,
        push=arguments.push,
        submodules=tuple(arguments.submodule),
    )


def _root(text: str | None) -> Path | None:
    return Path(text) if text else None


def _show(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
