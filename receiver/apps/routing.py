"""The story of an app's routing settings: what holds and who said so, and a change of them, which
nginx tests before any visitor meets it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from receiver.changes.app_state import AppState, state_of
from receiver.changes.change import changing
from receiver.changes.steps import password_steps, settings_step, site_steps
from receiver.model import routing
from receiver.model.errors import NotFoundError
from receiver.model.names import AppName
from receiver.model.routing import Place, Routing, Setting, Source
from receiver.model.settings import OF_NGINX, App
from receiver.nginx import snippets
from receiver.server import Server

_SNIPPETS = "The operator's own nginx files; run `nginx:apply` after an edit."
_AUTH = "Visitors who have a password; with none, everyone may visit."


class Wish(NamedTuple):
    """What is to be set, and what is to be as the code has it again."""

    values: Mapping[str, Any] = {}
    removed: tuple[Place, ...] = ()


def report(server: Server, name: AppName) -> list[Setting]:
    """All settings as they hold now."""
    return _report(state_of(server, name))


def change(server: Server, name: AppName, wish: Wish) -> list[Setting]:
    """Change settings and have nginx follow; returns all as they hold now.

    Raises:
        NotFoundError: what is to be taken back was never set
        ServerError: nginx refuses its file with these; all is as it was
    """
    with changing(server, name, "change of its routing") as work:
        _refuse_unset(work.state, wish.removed)
        after = work.state.with_settings(_changed(work.state.settings, wish))
        work.apply((settings_step(after), *site_steps(after)))
    return _report(after)


def _report(app: AppState) -> list[Setting]:
    found = routing.report(_of_code(app), app.settings.own_routing)
    visitors = tuple(sorted(app.settings.passwords))
    source: Source = "nginx:auth" if visitors else "default"
    own = tuple(it.path for it in snippets.read(app.server.layout.snippets(app.name)))
    return [
        *found,
        Setting("auth", visitors, source, _AUTH),
        Setting("snippets", own, "the server" if own else "default", _SNIPPETS),
    ]


def apply(server: Server, name: AppName) -> bool:
    """Have nginx follow what is set and what the operator's own files say; returns whether it did
    not yet.

    Raises:
        ServerError: nginx refuses one of them; all is as it was
    """
    with changing(server, name, "nginx:apply") as work:
        steps = (*password_steps(work.state), *site_steps(work.state))
        work.apply(steps)
    return bool(steps)


def _of_code(app: AppState) -> Routing:
    return Routing() if app.release is None else app.release.nginx


def _changed(settings: App, wish: Wish) -> App:
    """The settings after it. A line above the tables goes where `nginx:set` has the same one."""
    default = Routing()
    named = {*wish.values, *(place.name for place in wish.removed)}
    lines = {name: getattr(default, name) for name in OF_NGINX if name in named}
    kept = routing.without(settings.nginx, wish.removed)
    return replace(settings, nginx=routing.merged(kept, wish.values), **lines)


def _refuse_unset(app: AppState, places: tuple[Place, ...]) -> None:
    known = app.settings.own_routing
    for place in places:
        if not routing.has(known, place):
            raise NotFoundError(
                f"{place} is not set for {app.name}.",
                detail=f"Set by nginx:set: {', '.join(known) or 'nothing'}.",
                advice="To change [nginx] of ship.toml, push.",
                reason="not-found/nginx-setting",
            )
