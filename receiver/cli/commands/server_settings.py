"""`ship server:info` and `server:set`: the server itself, and its settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from receiver.cli import show
from receiver.cli.command import Call, command, with_json
from receiver.model.errors import AccessError
from receiver.model.mounts import shown_size

if TYPE_CHECKING:
    from receiver.setup.overview import Certificates, Overview
    from receiver.setup.server_settings import Outcome

_RUN_AS_ROOT = frozenset({"python_mirror", "python_list"})
"""Where programs come from that root runs: no key decides that."""


@command(
    "server:info",
    example="$ ship server:info\nVersion:      0.1.0\nDomain:       example.com\n"
    "Addresses:    203.0.113.5\nProcesses:    systemd\nnginx:        http on 80, https on 443\n"
    "Apps:         3\nDisk:         39.1G, of which 12.0G are free\n"
    "Memory:       2.0G, of which 1.4G are available\nPythons:      3.13.1, 3.11.2\n"
    "Certificates: 4 of 5 names; the first ends on 2027-02-27\n"
    "Hardening:    6 of 6 points",
)
@with_json
def info(call: Call, *, as_json: bool) -> None:
    """Show the server: version, domain, addresses, ports, room, Pythons, certificates and
    hardening.
    """
    import msgspec

    from receiver.setup import overview

    found = overview.look(call.server)
    if as_json:
        show.as_json(msgspec.to_builtins(found))
        return
    show.fields({label: text for label, text in _lines(found).items() if text})


@command(
    "server:set",
    example="$ ship server:set domain=new.example.com keep_releases=5\n"
    "domain: example.com, now new.example.com\nformer_domains: (none), now example.com\n"
    "keep_releases: 10, now 5\n\n"
    "Apps answer at NAME.new.example.com. Visitors of NAME.example.com are redirected.\n"
    "Certificates are ordered once *.new.example.com points to this server.\n"
    "SHIP_HOST and SHIP_HOSTS change when an app is next started: ship ps:restart -a blog",
)
@click.argument("words", nargs=-1, metavar="KEY=VALUE...")
def set_(call: Call, words: tuple[str, ...]) -> None:
    """Change settings of the server's ship.toml, several as one change.

    Lists are separated by commas. With another `domain`, every app gets a new address, and visitors
    of the old one are redirected until `ship server:unset former_domains`.
    """
    from receiver.model import typed_settings

    _change(call, typed_settings.parse(words))


@command(
    "server:unset",
    example="$ ship server:unset former_domains\nformer_domains: example.com, now (none)",
)
@click.argument("names", nargs=-1, metavar="KEY...")
def unset(call: Call, names: tuple[str, ...]) -> None:
    """Take settings of the server's ship.toml back to their defaults."""
    from receiver.setup import server_settings

    _change(call, server_settings.parsed_names(names))


def _change(call: Call, values: Mapping[tuple[str, ...], Any]) -> None:
    from receiver.model.output import Output
    from receiver.model.typed_settings import shown
    from receiver.setup import server_settings

    if call.key is not None and (own := _RUN_AS_ROOT & {path[0] for path in values}):
        raise AccessError(
            f"{', '.join(sorted(own))} cannot be set over ssh.",
            detail="Root runs the Pythons that come from there.",
            advice="Type it on the server itself, as root.",
            reason="access/on-server-only",
        )
    before = call.server.settings.domain
    done = server_settings.change(call.server, values, Output(show.transcript))
    for each in done.changes:
        show.data(f"{each.name}: {shown(each.before)}, now {shown(each.after)}")
    if not done.changes:
        show.progress("Nothing to change: these are the values already.")
    if not done.comments_kept:
        path = call.server.layout.server_settings
        show.warning(f"{path} was written anew, without the comments that were in it.")
    _tell_of_domain(call, done, before)


def _tell_of_domain(call: Call, done: "Outcome", before: str) -> None:
    """What a new domain of the server means for its apps."""
    from receiver.setup import server_settings
    from receiver.state import records

    if "domain" not in {each.name for each in done.changes}:
        return
    server = call.server.with_settings(done.settings)
    now, apps = server.settings.domain, records.app_names(server.layout)
    redirected = f" Visitors of NAME.{before} are redirected." * (
        before in server.settings.former_domains
    )
    show.progress(f"\nApps answer at NAME.{now}.{redirected}")
    if server.settings.tls_port and server.settings.certificates == "auto":
        show.progress(f"Certificates are ordered once *.{now} points to this server.")
    if apps:
        show.progress(
            "SHIP_HOST and SHIP_HOSTS change when an app is next started: "
            f"ship ps:restart -a {apps[0]}"
        )
    for app, names in server_settings.left_in_config(server, before):
        show.warning(f"Config vars of {app} name {app}.{before}: {', '.join(names)}.")


def _lines(found: "Overview") -> dict[str, str]:
    https = f", https on {found.https_port}" if found.https_port else ", no https"
    return {
        "Version": found.version,
        "Domain": found.domain,
        "Redirected": ", ".join(found.former_domains),
        "Addresses": ", ".join(found.addresses) or "unknown",
        "Processes": found.host,
        "nginx": f"http on {found.http_port}{https}",
        "Apps": str(found.apps),
        "Disk": f"{shown_size(found.disk_bytes)}, of which "
        f"{shown_size(found.disk_free_bytes)} are free",
        "Memory": f"{shown_size(found.memory_bytes)}, of which "
        f"{shown_size(found.memory_available_bytes)} are available",
        "Pythons": ", ".join(found.pythons) or "none",
        "Certificates": _of_certificates(found.certificates) if found.https_port else "",
        "Hardening": _of_hardening(found) if found.points else "",
    }


def _of_hardening(found: "Overview") -> str:
    told = f"{found.hardened} of {found.points} points"
    return told if found.hardened == found.points else f"{told}: ship server:harden --check"


def _of_certificates(found: "Certificates") -> str:
    if not found.names:
        return "no names yet"
    ends = f"; the first ends on {found.next_end[:10]}" if found.next_end else ""
    trouble = f"; trouble with {', '.join(found.troubled)}" if found.troubled else ""
    return f"{found.served} of {found.names} names{ends}{trouble}"
