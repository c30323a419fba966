"""Where an embedded server keeps what belongs to no app."""

from pathlib import Path

import msgspec

from receiver.model.layout import Layout


class EmbeddedPlaces(msgspec.Struct, frozen=True):
    """Where an embedded server keeps what belongs to no app."""

    layout: Layout

    @property
    def root(self) -> Path:
        return self.layout.run.parent

    @property
    def control(self) -> Path:
        """Socket on which supervisord takes commands."""
        return self.layout.run / "supervisor.sock"

    @property
    def http(self) -> Path:
        """Socket of the HTTP receiver."""
        return self.layout.run / "http.sock"

    @property
    def platform_home(self) -> Path:
        """HOME of supervisord, nginx and the receiver: their mark, as those of slots lie in
        run/apps.
        """
        return self.layout.run / "platform"

    @property
    def nginx(self) -> Path:
        return self.layout.sites_available.parent

    @property
    def supervisor(self) -> Path:
        return self.layout.units.parent

    @property
    def supervisor_conf(self) -> Path:
        return self.supervisor / "supervisord.conf"

    @property
    def supervisor_logs(self) -> Path:
        return self.supervisor / "logs"

    def folders(self) -> tuple[Path, ...]:
        """All folders of the server, parents first."""
        at, nginx = self.layout, self.nginx
        return (
            self.root,
            at.etc,
            at.keys,
            at.state,
            at.apps,
            at.repos,
            at.run,
            at.run / "apps",
            self.platform_home,
            nginx,
            at.sites_available,
            at.sites_enabled,
            nginx / "logs",
            nginx / "tmp",
            self.supervisor,
            at.units,
            self.supervisor_logs,
        )
