"""One ship server: its places, its settings and its host, as everything below the command line
knows it.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model import settings
from receiver.model.address import TlsAddress
from receiver.model.layout import AppPaths, Layout
from receiver.model.names import AppName
from receiver.state import certificates, formats, records

if TYPE_CHECKING:
    from receiver.engine import Engine
    from receiver.hosts import Host


class Server:
    """Handed to every story; values below it come from here, never from the environment."""

    def __init__(
        self,
        layout: Layout,
        settings: "settings.Server",
        host: "Host | None" = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Without a host, it is the one that the settings name."""
        self.layout = layout
        self.settings = settings
        self.clock = clock
        self._given = host

    @cached_property
    def host(self) -> "Host":
        """What runs the processes of its apps. Many a command looks at records alone: for those,
        nothing of a host is imported.
        """
        return self._given or _host(self.layout, self.settings)

    def with_settings(self, settings: "settings.Server") -> "Server":
        """The same server, with other settings."""
        return Server(self.layout, settings, self.host, self.clock)

    def app(self, name: AppName) -> AppPaths:
        """The folder of an app that exists; NotFoundError with similar names otherwise."""
        return records.find_app(self.layout, name)

    def address(self, name: AppName) -> str:
        """Host name of an app."""
        return f"{name}.{self.settings.domain}"

    @property
    def engine(self) -> "Engine":
        """What runs the releases of its apps."""
        from receiver.engine.machine import Machine  # noqa: PLC0415 - only changes and looks need it

        return Machine(self)

    def hosts(self, name: AppName, app: "settings.App | None" = None) -> tuple[str, ...]:
        """All host names of an app, its own first; `app` has its settings, where they are known."""
        return settings.server_names(self.settings, name, app or records.read_app(self.app(name)))

    def former_addresses(self, name: AppName) -> tuple[str, ...]:
        """Host names of an app below earlier domains of the server."""
        return tuple(f"{name}.{domain}" for domain in self.settings.former_domains)

    def git_remote(self, name: AppName) -> str:
        """What stands behind `git remote add prod` of an app."""
        return self.host.git_remote(self.settings, name)

    def http_remote(self, name: AppName) -> str:
        """Where git finds an app over HTTP, with a token."""
        if not self.host.accounts.separate:
            return self.git_remote(name)
        return f"https://{settings.receiver_names(self.settings)[0]}/git/{name}.git"

    def url(self, name: AppName) -> str:
        """Where a visitor finds an app."""
        return self.url_of(self.address(name))

    def url_of(self, host: str) -> str:
        """Where a visitor finds what answers to a host name: by https once it has a certificate."""
        if self.has_certificate(host):
            port = self.settings.tls_port
            return f"https://{host}" + ("" if port == settings.HTTPS_PORT else f":{port}")
        port = self.settings.http_port
        return f"http://{host}" + ("" if port == settings.HTTP_PORT else f":{port}")

    def way_in(self, host: str) -> "tuple[str, int] | TlsAddress":
        """Where nginx of this machine is asked for a host name, as a visitor is led."""
        if self.has_certificate(host):
            return TlsAddress("127.0.0.1", self.settings.tls_port, host)
        return "127.0.0.1", self.settings.http_port

    def has_certificate(self, host: str) -> bool:
        """Whether visitors of a host name are sent on to https."""
        return bool(self.settings.tls_port and certificates.of_name(self.layout, host))


def open_server(root: Path | None) -> Server:
    """The server of this machine, or the embedded one under `root`.

    Raises:
        ServerError: there is none, its settings cannot be used, or a newer Ship wrote its files
    """
    layout = Layout.at(root)
    formats.refuse_newer(layout)
    found = records.read_server(layout)
    return Server(layout, found)


def _host(layout: Layout, found: settings.Server) -> "Host":
    match found.host:
        case "systemd":
            from receiver.hosts.systemd.host import SystemdHost  # noqa: PLC0415 - one is needed

            return SystemdHost(layout)
        case "supervisord":
            from receiver.hosts.supervisord.host import SupervisordHost  # noqa: PLC0415 - as above

            return SupervisordHost(layout)
