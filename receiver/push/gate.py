"""The forced command of every ssh key: git's two commands are served, all else becomes a `ship`
command as root.

Its start is part of every push over ssh, so whatever is not needed to decide is imported later.
"""

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.model.limits import MAX_PUSH_MB

if TYPE_CHECKING:
    from receiver.model.errors import ShipError
    from receiver.model.layout import Layout
    from receiver.model.names import AppName

_RECEIVE, _UPLOAD = "git-receive-pack", "git-upload-pack"
_OTHER_GIT = re.compile(r"git-[a-z-]+|git")
_WITH_VALUES = frozenset({"config", "drains", "plan"})
"""Commands of which any word may be a value of a config var, also by a mistake in typing, or an
address with a token."""
_REPO = re.compile(r"(?:/|~/)?([^/]+?)(?:\.git)?/?")
_MIB = 1024 * 1024
_STDERR = 2
_GREETING = """Hello {key}. This is a ship server. What can be typed, for example:

    ssh ship@HOST apps                      list the apps
    ssh ship@HOST apps:create blog          make one
    git push ship@HOST:blog main            put code live
    ssh ship@HOST logs --app blog           see what it writes
    ssh ship@HOST help                      all commands

"""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one ssh connection; returns the exit status for sshd."""
    arguments = sys.argv[1:] if argv is None else argv
    key = _key(arguments)
    line = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    try:
        return _serve(key, line)
    except Exception as error:
        from receiver.model.errors import ShipError  # noqa: PLC0415 - see above

        if not isinstance(error, ShipError):
            raise
        return _tell(error)


def _serve(key: str, line: str) -> int:
    words = _words(line)
    if not words:
        os.write(_STDERR, _GREETING.format(key=key).encode())
        return 0
    if words[0] == "git" and len(words) > 1:  # `git receive-pack` is how some clients write it
        words = [f"git-{words[1]}", *words[2:]]
    if words[0] in {_RECEIVE, _UPLOAD}:
        return _serve_git(key, words)
    if _OTHER_GIT.fullmatch(words[0]):
        raise _not_served(words[0])
    return _become_ship(key, words)


def _words(line: str) -> list[str]:
    """The words of a command line, as a shell would make them; nothing else of a shell's
    happens.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        from receiver.model.errors import UsageError  # noqa: PLC0415 - see above

        raise UsageError(
            "This command line has a quotation mark without its partner.",
            detail=line,
            reason="usage/bad-quoting",
        ) from error


def _serve_git(key: str, words: Sequence[str]) -> int:
    from receiver.access import grants as access  # noqa: PLC0415 - see above
    from receiver.model.grant import suffices  # noqa: PLC0415 - see above
    from receiver.model.layout import Layout  # noqa: PLC0415 - see above

    root = os.environ.get("SHIP_ROOT")
    layout = Layout.embedded(Path(root)) if root else Layout.vps()
    app = _app(words)
    repo = layout.repo(app)
    held = access.held(layout, key, app)
    if not repo.is_dir() or not suffices(held, "deploy"):
        _record_refusal(key, app, words[0])
    if not repo.is_dir() or held is None:
        raise _no_such_app(layout, key, app)
    if not suffices(held, "deploy"):
        raise access.not_granted(key, app, held, "deploy")
    if words[0] == _UPLOAD:
        from receiver.push import upload_pack  # noqa: PLC0415 - see above

        upload_pack.serve_ssh(repo, os.environ.get("GIT_PROTOCOL", ""))
    return _receive(layout, key, app)


def _record_refusal(key: str, app: "AppName", service: str) -> None:
    from receiver.push import refusals  # noqa: PLC0415 - see above

    refusals.record(key, app, service, os.environ, sudo=_needs_sudo(os.environ))


def _receive(layout: "Layout", key: str, app: "AppName") -> int:
    from receiver.model.program import HOOKS  # noqa: PLC0415 - see above
    from receiver.push import receive_pack  # noqa: PLC0415 - see above
    from receiver.push.hooks import Push  # noqa: PLC0415 - see above

    push = Push(layout.repo(app), HOOKS, _for_hooks(key, app, os.environ), _limit_bytes(layout))
    return receive_pack.serve_ssh(push)


def _limit_bytes(layout: "Layout") -> int:
    """The one setting that a push needs here, read without the import of all settings."""
    import tomllib  # noqa: PLC0415 - see above

    settings = tomllib.loads(layout.server_settings.read_text(encoding="utf-8"))
    return int(settings.get("max_push_mb", MAX_PUSH_MB)) * _MIB


def _for_hooks(key: str, app: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What hooks/post-receive needs to hand the pushed tree to the deploy."""
    told = {
        "SHIP_APP": app,
        "SHIP_KEY": key,
        "SHIP_DEPLOY": str(Path(sys.executable).with_name("ship-deploy")),
    }
    for name in ("SHIP_ROOT", "SSH_CLIENT"):
        if name in environment:
            told[name] = environment[name]
    if _needs_sudo(environment):
        told["SHIP_SUDO"] = "1"
    return told


def _needs_sudo(environment: Mapping[str, str]) -> bool:
    """Whether root must do it: always on a VPS; an embedded server is all its owner's."""
    return os.geteuid() != 0 and "SHIP_ROOT" not in environment


def _become_ship(key: str, words: Sequence[str]) -> int:
    """Go on as `ship`, as root: streams, terminal and exit status are its own."""
    ship = str(Path(sys.executable).with_name("ship"))
    sudo = ("sudo", "-n", "--") if _needs_sudo(os.environ) else ()
    # `--` ends what the gate says: nobody can call themselves by another key's name
    argv = (*sudo, ship, "--by", key, "--as-sent", "--", *_without_values(words))
    os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted


def _without_values(words: Sequence[str]) -> list[str]:
    """A command line for the eyes of others: every account sees it in the list of processes, and
    sudo writes it down.

    `ship` reads what was sent from SSH_ORIGINAL_COMMAND, which only root sees of a process of
    root's.
    """
    if any(word.partition(":")[0] in _WITH_VALUES for word in words):
        return [words[0], *(["..."] if words[1:] else [])]
    shown: list[str] = []
    for word in words:
        name, sign, _ = word.partition("=")
        # what follows may be more of the value: ssh drops the quotation marks of a laptop's shell
        if sign:
            return [*shown, f"{name}=..."]
        shown.append(word)
    return shown


def _app(words: Sequence[str]) -> "AppName":
    """The app that a git command names, as `blog`, `/blog`, `~/blog` or any of them with `.git`."""
    from receiver.model.errors import UsageError  # noqa: PLC0415 - see above
    from receiver.model.names import AppName  # noqa: PLC0415 - see above

    found = _REPO.fullmatch(words[1]) if len(words) == len((_RECEIVE, "app")) else None
    if found is None:
        raise UsageError(
            "The address of this git remote does not name an app.",
            detail=f"git asked for: {shlex.join(words)}",
            advice="The address of an app is ship@HOST:NAME.",
            reason="usage/bad-remote",
        )
    return AppName.parse(found[1])


def _no_such_app(layout: "Layout", key: str, app: str) -> "ShipError":
    """The error for what is no app, or none that the key may see."""
    import difflib  # noqa: PLC0415 - only this error needs it

    from receiver.access import grants as access  # noqa: PLC0415 - see above
    from receiver.model.errors import NotFoundError  # noqa: PLC0415 - see above
    from receiver.model.names import AppName  # noqa: PLC0415 - see above
    from receiver.state import records  # noqa: PLC0415 - see above

    known = [AppName(path.stem) for path in layout.repos.glob("*.git")]
    close = difflib.get_close_matches(app, access.visible(layout, key, known), n=3)
    host = records.read_server(layout).domain
    return NotFoundError(
        f"There is no app {app} on this server.",
        detail=f"Did you mean {' or '.join(close)}?" if close else "",
        advice=access.advice_for(layout, key, app)
        or f"Make it with: ssh ship@{host} apps:create {app}",
        reason="not-found/app",
    )


def _not_served(command: str) -> "ShipError":
    from receiver.model.errors import ShipError  # noqa: PLC0415 - see above

    return ShipError(
        f"The command {command} is not served here.",
        detail="Of git, pushing, cloning and fetching are.",
        advice="`git push`, `git clone` and `git fetch` do all that an app needs.",
        reason="access/git-command",
    )


def _key(arguments: Sequence[str]) -> str:
    """The name behind `--key`, which only authorized_keys gives."""
    if len(arguments) != len(("--key", "name")) or arguments[0] != "--key":
        sys.exit("usage: ship-gate --key NAME, as the forced command of an ssh key")
    return arguments[1]


def _tell(error: "ShipError") -> int:
    from receiver.model.output import Output  # noqa: PLC0415 - see above

    Output(lambda data: os.write(_STDERR, data)).error(error)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
