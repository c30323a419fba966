"""What a server is, in a few lines: for `ship server:info`. Looks, and changes nothing."""

import os

import msgspec

import receiver
from receiver.building.facts import interpreters_of
from receiver.certificates.leading import own_addresses
from receiver.hardening import story
from receiver.machine import proc
from receiver.server import Server
from receiver.state import certificates, records


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """How the host names of all apps stand with https."""

    names: int
    """Host names that visitors reach an app by."""
    served: int
    """Those of them with a certificate."""
    next_end: str
    """When the first of these ends, UTC; empty without any."""
    troubled: tuple[str, ...]
    """Those whose last order, or look at the DNS, came to nothing."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A server."""

    version: str
    domain: str
    former_domains: tuple[str, ...]
    host: str
    addresses: tuple[str, ...]
    http_port: int
    https_port: int
    """0 where nginx does not listen for https."""
    apps: int
    disk_bytes: int
    disk_free_bytes: int
    memory_bytes: int
    memory_available_bytes: int
    pythons: tuple[str, ...]
    """Newest first."""
    certificates: Certificates
    hardened: int
    """Points of hardening that are done, or need not be."""
    points: int
    """All of them; 0 where the machine is none to harden."""


def look(server: Server) -> Overview:
    """The server as it is now."""
    settings, space = server.settings, os.statvfs(server.layout.state)
    memory = proc.machine_memory()
    hardening = story.look(server) if story.is_possible(server) else ()
    return Overview(
        version=receiver.__version__,
        domain=settings.domain,
        former_domains=settings.former_domains,
        host=settings.host,
        addresses=own_addresses(),
        http_port=settings.http_port,
        https_port=settings.tls_port,
        apps=len(records.app_names(server.layout)),
        disk_bytes=space.f_blocks * space.f_frsize,
        disk_free_bytes=space.f_bavail * space.f_frsize,
        memory_bytes=memory.total,
        memory_available_bytes=memory.available,
        pythons=tuple(one.version for one in interpreters_of(server)),
        certificates=_certificates(server),
        hardened=sum(each.seen.state in {"done", "left out"} for each in hardening),
        points=len(hardening),
    )


def _certificates(server: Server) -> Certificates:
    names = [name for app in records.app_names(server.layout) for name in server.hosts(app)]
    found = {name: certificates.of_name(server.layout, name) for name in names}
    ends = [each.ends for each in found.values() if each is not None]
    return Certificates(
        names=len(names),
        served=len(ends),
        next_end=min(ends, default=""),
        troubled=tuple(name for name in names if _is_troubled(server, name)),
    )


def _is_troubled(server: Server, name: str) -> bool:
    return certificates.read(server.layout, name).trouble is not None
