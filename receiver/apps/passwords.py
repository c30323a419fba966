"""The story of an app that asks visitors for a name and a password: give one, take one away."""

from msgspec.structs import replace

from receiver.changes.app_state import AppState
from receiver.changes.change import changing
from receiver.changes.steps import password_steps, settings_step, site_steps
from receiver.model.errors import NotFoundError
from receiver.model.names import AppName
from receiver.model.plan import Plan, RemoveFile
from receiver.nginx.passwords import hashed
from receiver.server import Server


def give(server: Server, name: AppName, visitor: str, password: bytes) -> bool:
    """Let a visitor in who has this password, from now on; returns whether it is the app's first.

    Raises:
        UsageError: it cannot be a password
    """
    secret = hashed(password)
    with changing(server, name, "nginx:auth") as change:
        before = change.state.settings.passwords
        change.apply(_plan(change.state, {**before, visitor: secret}))
    return not before


def take_away(server: Server, name: AppName, visitor: str) -> bool:
    """Let a visitor in no more; returns whether others are left, without whom anyone is let in.

    Raises:
        NotFoundError: the app has no such visitor
    """
    with changing(server, name, "nginx:auth:remove") as change:
        before = change.state.settings.passwords
        if visitor not in before:
            raise NotFoundError(
                f"{visitor} has no password for {name}.",
                detail=f"These have one: {', '.join(sorted(before)) or 'nobody'}.",
                advice="`ship nginx:show` lists them as `auth`.",
                reason="not-found/visitor",
            )
        left = {other: secret for other, secret in before.items() if other != visitor}
        change.apply(_plan(change.state, left))
    return bool(left)


def _plan(app: AppState, passwords: dict[str, str]) -> Plan:
    after = app.with_settings(replace(app.settings, passwords=passwords))
    route = (settings_step(after), *site_steps(after))
    if passwords:
        return (*password_steps(after), *route)
    # the file goes last: until nginx has read its own, it may still be asked for
    return (*route, RemoveFile(str(app.paths.passwords)))
