"""The story of an app's maintenance: visitors see a page of 503, while the app goes on running
behind it.
"""

import secrets
from html import escape
from tarfile import TarError
from typing import NamedTuple

from msgspec.structs import replace

from receiver.changes import change as app_change
from receiver.changes import steps as change_steps
from receiver.model.build import Tree
from receiver.model.errors import BuildError, UsageError
from receiver.model.layout import AppPaths
from receiver.model.maintenance import Maintenance
from receiver.model.names import AppName
from receiver.model.plan import Plan, RemoveFile, WriteFile
from receiver.model.settings import App
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
    paths = server.app(name)
    app_change.change(server, paths, lambda: _plan_on(server, paths, wish), "maintenance:on")
    found = records.read_app(paths).maintenance
    assert found is not None  # noqa: S101 - it was written a line above, under the lock
    return found


def switch_off(server: Server, name: AppName) -> None:
    """Have visitors reach the app again."""
    paths = server.app(name)
    app_change.change(server, paths, lambda: _plan_off(server, paths), "maintenance:off")


def _plan_on(server: Server, paths: AppPaths, wish: Wish) -> Plan:
    settings = records.read_app(paths)
    before = settings.maintenance
    wanted = Maintenance(
        since=before.since if before else server.clock.stamp(),
        by=before.by if before else wish.by,
        key=before.key if before else secrets.token_hex(_KEY_BYTES),
        allow=wish.allow or (before.allow if before else ()),
    )
    same_page = before is not None and wish.message is None and wish.page is None
    page = () if same_page else (WriteFile(str(paths.maintenance_page), _page(paths, wish)),)
    return (*page, *_route(server, paths, replace(settings, maintenance=wanted)))


def _plan_off(server: Server, paths: AppPaths) -> Plan:
    settings = records.read_app(paths)
    if settings.maintenance is None:
        return ()
    # the page goes last: until nginx has read its file, it may still be asked for
    routed = _route(server, paths, replace(settings, maintenance=None))
    return (*routed, RemoveFile(str(paths.maintenance_page)))


def _route(server: Server, paths: AppPaths, settings: App) -> Plan:
    live, release = records.read_live_release(paths)
    return (
        change_steps.settings_step(paths, settings),
        *change_steps.site_steps(server, paths, settings, release, live),
    )


def _page(paths: AppPaths, wish: Wish) -> str:
    """What visitors see: the page that was given, else a message, else the app's own page, else
    ours.
    """
    if wish.page is not None:
        return _checked(wish.page)
    if wish.message is None:
        own = _page_in_tree(paths)
        if own is not None:
            return _checked(own)
    text = template_text("nginx/maintenance.html")
    values = {"app": paths.name, "message": wish.message or _NO_MESSAGE}
    for name, value in values.items():
        text = text.replace(f"[{name}]", escape(value))
    return text


def _page_in_tree(paths: AppPaths) -> str | None:
    """maintenance.html of the live release as it was built, from its slug, which is root's own."""
    live = records.read_live(paths)
    if live is None:
        return None
    try:
        with paths.release(live.release).slug.open("rb") as archive:
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
