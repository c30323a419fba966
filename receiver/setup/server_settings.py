"""The story of a change of the server's own settings: what would take sites down is refused, the
file is written whole, and nginx and the machine follow, or all stays as it was.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from receiver.apps.domains import names_server
from receiver.apps.parts.host_names import names_host
from receiver.certificates import asking
from receiver.changes.app_state import AppState
from receiver.changes.change import Change, changing_all, changing_machine
from receiver.changes.steps import name_steps, site_change
from receiver.hosts import memory
from receiver.machine import files
from receiver.model import typed_settings
from receiver.model.errors import ExistsError, ServerError, UsageError
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.model.plan import ChangeSite, Plan, WriteFile
from receiver.model.process_limits import shown_mib
from receiver.model.settings import Server as Settings
from receiver.model.typed_settings import Key
from receiver.nginx import program as nginx
from receiver.nginx.sites import SITE_MODE
from receiver.server import Server
from receiver.setup.installation import front_files
from receiver.state import records, toml_lines
from receiver.state.toml_writer import toml_text

_AS_INSTALLED = {
    "host": "It was decided when this server was made. For the other host, make another server.",
    "dns_hook": "Root runs it: it is named on the server itself, in ship.toml, by root.",
    "http_port": "",
    "https_port": "",
}
"""Settings that more than files hangs on, and why; without a reason, it is a port of nginx's."""
_OF_FRONT = {"domain", "former_domains", "trusted_proxies"}
"""What nginx's files are made of."""
_OF_SLICE = {"apps_memory", "apps_tasks"}
_OF_CERTIFICATES = {"domain", "former_domains", "certificates", "email", "acme_server"}
_TITLE = "server:set"
_LEAST_PORTS = 3
"""What one app takes."""


class Setting(NamedTuple):
    """One that got another value."""

    name: str
    before: object
    after: object


class Outcome(NamedTuple):
    """What a call changed."""

    settings: Settings
    """What holds from now on."""
    changes: tuple[Setting, ...]
    comments_kept: bool = True
    """Whether the file could be changed line by line."""


def change(server: Server, values: Mapping[Key, Any], out: Output) -> Outcome:
    """Set settings of the server, or take those back whose value is None.

    Raises:
        UsageError: one is not changed like this, or would take sites down
        ExistsError: an app has a name that would be the server's or another app's
        ServerError: nginx refuses its files, or the machine the limits; nothing was changed
    """
    for path in values:
        _refuse_installed(server, path[0])
    data = _data(server)
    text, done = _edited(server, data, _with_former(server.settings, values))
    if done.changes:
        _refuse_harm(server, done.settings)
        _apply(server, done.settings, text, out)
        _order_certificates(server.with_settings(done.settings), done)
    return done


def left_in_config(server: Server, domain: str) -> Iterator[tuple[AppName, tuple[str, ...]]]:
    """By app, the config vars in which its name below an earlier domain stands."""
    for app in records.app_names(server.layout):
        config = records.read_config(server.layout.app(app).config)
        found = [name for name, value in config.items() if names_host(value, f"{app}.{domain}")]
        if found:
            yield app, tuple(sorted(found))


def _data(server: Server) -> dict[str, Any]:
    records.read_server(server.layout)  # raises where it cannot be used as it stands
    return tomllib.loads(server.layout.server_settings.read_text(encoding="utf-8"))


def _with_former(settings: Settings, values: Mapping[Key, Any]) -> Mapping[Key, Any]:
    """With the domain of before among the former ones, where another takes its place."""
    fresh = values.get(("domain",))
    if fresh in {None, settings.domain} or ("former_domains",) in values:
        return values
    former = dict.fromkeys((settings.domain, *settings.former_domains))
    kept = [domain for domain in former if domain != fresh]
    return {**values, ("former_domains",): kept}


def _edited(server: Server, data: dict[str, Any], values: Mapping[Key, Any]) -> tuple[str, Outcome]:
    """The text of the file as it is to be, and what that changes."""
    text = server.layout.server_settings.read_text(encoding="utf-8")
    changes, line_by_line = [], True
    for path, value in values.items():
        before, default = _at(data, path), typed_settings.default_of(path)
        if before == value:
            continue
        data = toml_lines.with_value(data, path, value)
        edited = toml_lines.edited(text, path, value)
        line_by_line = line_by_line and edited is not None
        text = edited or toml_text(server.layout.server_settings, data)
        shown = (default if each is None else each for each in (before, value))
        changes.append(Setting(".".join(path), *shown))
    return text, Outcome(typed_settings.with_values(data), tuple(changes), line_by_line)


def _at(data: Mapping[str, Any], path: Key) -> Any:
    found: Any = data
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _refuse_installed(server: Server, name: str) -> None:
    if name not in _AS_INSTALLED:
        return
    path = server.layout.server_settings
    again = (
        "run `./installer.sh` again"
        if server.host.accounts.separate
        else "run `ship server:stop` before and `ship server:start` after it"
    )
    raise UsageError(
        f"{name} is not changed while the server runs.",
        detail=_AS_INSTALLED[name] or "nginx, the firewall and visitors all know this port.",
        advice="" if _AS_INSTALLED[name] else f"Edit {name} in {path}, and {again}.",
        reason="usage/bad-setting",
    )


def _refuse_harm(server: Server, after: Settings) -> None:
    """Refuse settings with which apps could not be served any more."""
    if after.last_port - after.first_port + 1 < _LEAST_PORTS:
        raise _refused(
            f"{after.first_port} to {after.last_port} is no range of ports for apps.",
            "An app takes three. first_port is the lowest, last_port the highest.",
        )
    if after.domain in after.former_domains:
        raise _refused(
            f"{after.domain} cannot be the domain and a former one.",
            "Visitors of a former domain are sent on to the domain.",
        )
    if after.apps_memory != server.settings.apps_memory:
        _refuse_less_than_held(server, after.apps_memory)
    if {after.domain, *after.former_domains} - {
        server.settings.domain,
        *server.settings.former_domains,
    }:
        _refuse_taken(server.with_settings(after))


def _refuse_less_than_held(server: Server, apps_memory: str) -> None:
    from receiver.processes import capacity  # noqa: PLC0415 - only one setting needs it

    held, most = capacity.look(server).apps_bytes, memory.bytes_of(apps_memory)
    if held > most:
        raise _refused(
            f"Apps hold {shown_mib(held)} of memory, and apps_memory={apps_memory} is "
            f"{shown_mib(most)}.",
            "Apps would be killed at once.",
        )


def _refuse_taken(server: Server) -> None:
    """Refuse a domain below which, or as which, an app has a name that would be another's."""
    apps = records.app_names(server.layout)
    own = {
        name: app for app in apps for name in (server.address(app), *server.former_addresses(app))
    }
    for app in apps:
        for name in records.read_app(server.layout.app(app)).domains:
            if names_server(server.settings, name) or own.get(name, app) != app:
                whose = "the server's own" if name not in own else f"that of {own[name]}"
                raise ExistsError(
                    f"{name} is a domain of the app {app}, and would be {whose}.",
                    detail="Nothing was changed.",
                    advice=f"Take it from there first: `ship domains:remove {name} -a {app}`.",
                    reason="exists/domain",
                )


def _apply(server: Server, after: Settings, text: str, out: Output) -> None:
    """Write the file, with all that follows it; or nothing of it."""
    then, names = server.with_settings(after), _changed(server.settings, after)
    path = server.layout.server_settings
    written = WriteFile(str(path), text, path.stat().st_mode & 0o777, path.stat().st_gid)
    if not names & _OF_FRONT:
        with changing_machine(server, _TITLE) as change:
            change.do(written)
            if names & _OF_SLICE:
                _limit(change)
        return
    # what is deployed meanwhile would be routed by the old ones
    with changing_all(server, _TITLE, out) as (change, apps):
        _route(change, then, [replace(app, server=then) for app in apps])
        change.do(written)
        if names & _OF_SLICE:
            _limit(change)


def _changed(before: Settings, after: Settings) -> set[str]:
    return {
        name for name in Settings.__struct_fields__ if getattr(before, name) != getattr(after, name)
    }


def _route(change: Change, then: Server, apps: Collection[AppState]) -> None:
    """Have nginx serve the apps by the new settings."""
    sites = [(app, site) for app in apps if (site := site_change(app, app.release, app.slot))]
    plan = [step for app, site in sites for step in (*name_steps(app), *_files(site))]
    plan += [file for file in front_files(then) if files.read_text(Path(file.path)) != file.text]
    if sites:
        # undone last of all, it has nginx read the files that are back by then
        first = sites[0][1]
        before = files.read_text(Path(first.path))
        change.register((ChangeSite(first.app, first.path, first.link, before),))
    change.apply(tuple(plan))
    if plan:
        _have_read(then)


def _files(site: ChangeSite) -> Plan:
    return () if site.text is None else (WriteFile(site.path, site.text, SITE_MODE),)


def _have_read(server: Server) -> None:
    try:
        nginx.test(server.layout, None)
    except ServerError as error:
        raise ServerError(
            "nginx refused its files with these settings. Nothing was changed.",
            detail=error.detail,
            advice="nginx goes on as before. Correct what it names, or set something else.",
            reason="server/nginx-refused",
        ) from error
    server.host.reload_nginx()


def _limit(change: Change) -> None:
    """Have all apps together kept to the limits that are written."""
    services = change.server.host.services
    units = services.files("apps")
    change.apply(units)
    if units:
        services.start("apps")


def _order_certificates(server: Server, done: Outcome) -> None:
    names = {each.name for each in done.changes}
    if "domain" in names:
        for app in records.app_names(server.layout):
            if not server.has_certificate(server.address(app)):
                asking.begin_to_wait(server, server.address(app))
    if names & _OF_CERTIFICATES:
        asking.wake(server)


def _refused(title: str, detail: str) -> UsageError:
    return UsageError(
        title, detail=detail, advice="Nothing was changed.", reason="usage/bad-setting"
    )


def parsed_names(names: Sequence[str]) -> Mapping[Key, None]:
    """Settings that are to be taken back.

    Raises:
        UsageError: there is none of this name, or it cannot be missing
    """
    if not names:
        raise _refused("Nothing to unset.", "Name settings, such as `keep_releases`.")
    found = dict.fromkeys(map(typed_settings.path_of, names))
    if ("domain",) in found:
        raise _refused("A server has a domain.", "Set another: `ship server:set domain=NAME`.")
    return found
