"""The way to an app: nginx's file, and the names it answers to."""

from collections.abc import Iterator, Sequence

from receiver.changes.app_state import AppState
from receiver.changes.change import changing
from receiver.changes.part import Copying, Do, Part
from receiver.changes.steps import password_steps, site_steps
from receiver.machine import files
from receiver.model.errors import ServerError
from receiver.model.names import AppName
from receiver.model.plan import ChangeSite
from receiver.model.settings import OF_NGINX
from receiver.nginx import snippets
from receiver.nginx.program import SNIPPET_REFUSED
from receiver.server import Server
from receiver.state import certificates


class Site(Part):
    """nginx's file of the app."""

    settings = (*OF_NGINX, "nginx", "passwords", "proxy_headers", "certificates")
    settings_of_one_app = ("domains", "maintenance")

    def start(self, app: AppState, do: Do, *, booting: bool) -> None:
        do((*password_steps(app), *site_steps(app)))

    def stop(self, app: AppState, do: Do) -> None:
        name, layout = app.name, app.server.layout
        do((ChangeSite(name, str(layout.site(name)), str(layout.site_link(name)), None),))

    def rename(self, server: Server, was: AppName, name: AppName) -> None:
        files.remove_tree(server.layout.nginx_cache(was))
        own = server.layout.snippets(name)
        if not own.exists():  # what the operator has there for this name is not overwritten
            files.move(server.layout.snippets(was), own)

    def remove(self, app: AppState) -> None:
        files.remove_tree(app.server.layout.nginx_cache(app.name))
        for host in (*app.hosts, *app.server.former_addresses(app.name)):
            certificates.forget(app.server.layout, host)

    def copy(self, copying: Copying) -> None:
        if snippets.read(folder := copying.original.server.layout.snippets(copying.original.name)):
            copying.out.say(f"nginx's own lines stay with {copying.original.name}: {folder}.")
        if domains := copying.original.settings.domains:
            copying.out.say(f"Domains stay with {copying.original.name}: {', '.join(domains)}.")

    def renew(self, apps: Sequence[AppState], *, dry_run: bool) -> Iterator[str]:
        for app in apps:
            if password_steps(app) or site_steps(app):
                yield f"write {app.server.layout.site(app.name)}"
                if not dry_run and (why := _write_anew(app)):
                    yield f"leave nginx's file of {app.name} as it was: {why}"


def _write_anew(app: AppState) -> str:
    """Write the file; returns why not, where lines of the operator's own for this app are wrong:
    they keep no other app from being brought up to date.
    """
    try:
        _renew(app)
    except ServerError as error:
        if error.reason != SNIPPET_REFUSED:
            raise
        return f"{error.title} {error.detail}"
    return ""


def _renew(app: AppState) -> None:
    with changing(app.server, app.name, "renewal of nginx's file", frozen_too=True) as change:
        change.apply((*password_steps(change.state), *site_steps(change.state)))
