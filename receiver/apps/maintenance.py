"""The story of an app's maintenance: visitors see a page of 503, while the app goes on running
behind it.
"""

import secrets
from html import escape
from tarfile import TarError
from typing import NamedTuple

from msgspec.structs import replace

from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState
from receiver.changes.change import changing
from receiver.model.build import Tree
from receiver.model.errors import BuildError, UsageError
from receiver.model.maintenance import Maintenance
from receiver.model.names import AppName
from receiver.model.plan import Plan, RemoveFile, WriteFile
from receiver.planner.render import template_text
from receiver.server import Server
from receiver.state import records

LARGEST_PAGE = 256 * 1024
PAGE_IN_TREE = "maintenance.html"
"""File in the top folder of the app that visitors are shown, where nothing else was said."""
_NO_MESSAGE = "Please come back in a little while."
_KEY_BYTES = 16


class Wish(NamedTuple):
    """How somebody wants an app to be in maintenance."""

    by: str
    message: str | None = None
    page: str | None = None
    """The whole page, in place of one that says `message`."""
    allow: tuple[str, ...] = ()
    """What is not said stays as it is."""


def look(server: Server, name: AppName) -> Maintenance | None:
    """Since when and by whom an app is in maintenance; None when it is not."""
    return records.read_app(server.app(name)).maintenance


def switch_on(server: Server, name: AppName, wish: Wish) -> Maintenance:
    """Show visitors a page in place of the app; who asked for it before stays on record as the
    first.

    Raises:
        UsageError: the page cannot be shown
    """
    with changing(server, name, "maintenance:on") as change:
        wanted = _wanted(change.state, wish)
        change.apply(_plan_on(change.state, wanted, wish))
    return wanted


def switch_off(server: Server, name: AppName) -> None:
    """Have visitors reach the app again."""
    with changing(server, name, "maintenance:off") as change:
        change.apply(_plan_off(change.state))


def _wanted(app: AppState, wish: Wish) -> Maintenance:
    before = app.settings.maintenance
    return Maintenance(
        since=before.since if before else app.server.clock.stamp(),
        by=before.by if before else wish.by,
        key=before.key if before else secrets.token_hex(_KEY_BYTES),
        allow=wish.allow or (before.allow if before else ()),
    )


def _plan_on(app: AppState, wanted: Maintenance, wish: Wish) -> Plan:
    same_page = app.settings.maintenance is not None and wish.message is None and wish.page is None
    page = () if same_page else (_page_file(app, wish),)
    return (*page, *_route(app, wanted))


def _page_file(app: AppState, wish: Wish) -> WriteFile:
    """The page as a file that nginx reads."""
    gid = app.server.host.accounts.nginx_gid
    return WriteFile(str(app.paths.maintenance_page), _page(app, wish), 0o640, gid)


def _plan_off(app: AppState) -> Plan:
    if app.settings.maintenance is None:
        return ()
    # the page goes last: until nginx has read its file, it may still be asked for
    return (*_route(app, None), RemoveFile(str(app.paths.maintenance_page)))


def _route(app: AppState, maintenance: Maintenance | None) -> Plan:
    after = app.with_settings(replace(app.settings, maintenance=maintenance))
    return (change_steps.settings_step(after), *change_steps.site_steps(after))


def _page(app: AppState, wish: Wish) -> str:
    """What visitors see: the given page, else a message, else the app's own page, else ours."""
    if wish.page is not None:
        return _checked(wish.page)
    if wish.message is None:
        own = _page_in_tree(app)
        if own is not None:
            return _checked(own)
    text = template_text("nginx/maintenance.html")
    values = {"app": app.name, "message": wish.message or _NO_MESSAGE}
    for name, value in values.items():
        text = text.replace(f"[{name}]", escape(value))
    return text


def _page_in_tree(app: AppState) -> str | None:
    """maintenance.html of the live release as it was built, from its slug, which is root's own."""
    if app.live is None:
        return None
    try:
        with app.paths.release(app.live.release).slug.open("rb") as archive:
            tree = Tree(archive)
            return (
                tree.read(PAGE_IN_TREE).decode("utf-8", "replace")
                if tree.has(PAGE_IN_TREE)
                else None
            )
    except (OSError, TarError, BuildError):
        return None  # the page of ours is there for it


def _checked(page: str) -> str:
    if not page.strip() or len(page.encode("utf-8", "surrogateescape")) > LARGEST_PAGE:
        raise UsageError(
            "The page for visitors is empty."
            if not page.strip()
            else "The page for visitors is too large.",
            detail=f"It is one file of HTML, of {LARGEST_PAGE // 1024} KiB at most, with its "
            "styles in it.",
            reason="usage/bad-page",
        )
    return page
