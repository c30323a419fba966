"""Git over ssh: reads which app is meant, asks at the door, and serves git on the connection."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.model.errors import AccessError, ShipError, UsageError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.patterns import regex
from receiver.model.program import HOOKS
from receiver.push import door
from receiver.push.door import Caller
from receiver.push.limits import Limits

if TYPE_CHECKING:
    from receiver.push.hooks import Push

_STDERR = 2
_ARCHIVES = frozenset({"git:from-archive", "git-from-archive"})
"""An archive in place of a push, also as `git from-archive`."""
_REPO = regex(r"(?:/|~/)?([^/]+?)(?:\.git)?/?")


def serve(key: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve git's command; returns the exit status for sshd.

    Raises:
        ShipError: the command is not served, or not for this key
    """
    service = words[0]
    root = environment.get("SHIP_ROOT")
    layout = Layout.at(Path(root) if root else None)
    caller = Caller(layout, key, environment, lambda app: _to_make(layout, app), _to_stderr)
    if service in _ARCHIVES:
        return _take_archive(caller, words[1:])
    if service not in door.SERVICES:
        raise _not_served(service)
    app = _app(words)
    door.admit(caller, app, service)
    if service == door.UPLOAD:
        from receiver.push import upload_pack  # noqa: PLC0415 - one of two is needed

        quiet_s = limits_of(layout).quiet_s
        protocol = environment.get("GIT_PROTOCOL", "")
        return upload_pack.serve_ssh(layout.repo(app), protocol, quiet_s)
    return _receive(caller, app)


def _take_archive(caller: Caller, words: Sequence[str]) -> int:
    from receiver.push import from_archive  # noqa: PLC0415 - few pushes come so

    typed = from_archive.parse(words)
    if typed.app is None:
        raise from_archive.no_app()
    app = AppName.parse(typed.app)
    door.admit(caller, app, door.RECEIVE)
    return from_archive.serve(push_to(caller, app), typed, caller.key)


def _receive(caller: Caller, app: AppName) -> int:
    from receiver.push import receive_pack  # noqa: PLC0415 - as above

    return receive_pack.serve_ssh(push_to(caller, app))


def push_to(caller: Caller, app: AppName) -> "Push":
    """What is known of a push to an app before its first byte."""
    from receiver.push.hooks import Push  # noqa: PLC0415 - a fetch does not need it

    variables = door.for_hooks(caller.key, app, caller.environment)
    return Push(caller.layout.repo(app), HOOKS, variables, limits_of(caller.layout))


def limits_of(layout: Layout) -> Limits:
    """The settings that a push needs here, read without the import of all settings."""
    import tomllib  # noqa: PLC0415 - a refusal does not need it

    try:
        settings = tomllib.loads(layout.server_settings.read_text(encoding="utf-8"))
        return Limits.of(settings)
    except (OSError, ValueError, TypeError):
        from msgspec.structs import asdict  # noqa: PLC0415 - as below

        from receiver.state import records  # noqa: PLC0415 - slow, and only for an error

        return Limits.of(asdict(records.read_server(layout)))  # which says what is wrong


def _app(words: Sequence[str]) -> AppName:
    """The app that a git command names, as `blog`, `/blog`, `~/blog` or any of them with `.git`."""
    found = _REPO.fullmatch(words[1]) if len(words) == len((door.RECEIVE, "app")) else None
    if found is None:
        raise UsageError(
            "The address of this git remote does not name an app.",
            detail=f"git asked for: {shlex.join(words)}",
            advice="The address of an app is ship@HOST:NAME.",
            reason="usage/bad-remote",
        )
    return AppName.parse(found[1])


def _to_stderr(data: bytes) -> None:
    os.write(_STDERR, data)


def _to_make(layout: Layout, app: AppName) -> str:
    from receiver.state import records  # noqa: PLC0415 - slow, and only for an error

    return f"ssh ship@{records.read_server(layout).domain} apps:create {app}"


def _not_served(command: str) -> ShipError:
    return AccessError(
        f"The command {command} is not served here.",
        detail="Of git, pushing, cloning and fetching are.",
        advice="`git push`, `git clone` and `git fetch` do all that an app needs.",
        reason="access/git-command",
    )
