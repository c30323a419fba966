"""Limits on an embedded server: there are none."""

from collections.abc import Mapping

from receiver.model.errors import UsageError
from receiver.model.names import AppName
from receiver.model.plan import WriteFile
from receiver.model.process_limits import Limit, Whole
from receiver.model.settings import Server


class NoLimits:
    """Refuses limits: supervisord has no means to keep a process to one."""

    def require(self) -> None:
        """Refuse, whatever the limit."""
        raise UsageError(
            "This server cannot limit what processes use.",
            detail="systemd does that, and an embedded server has none.",
            advice="Limits hold on a server that installer.sh set up. `ship capacity` works here"
            " too.",
            reason="usage/no-such-limit-here",
        )

    def files(self, app: AppName, limits: Mapping[str, Limit]) -> tuple[WriteFile, ...]:
        """None: no limit is taken here."""
        del app, limits
        return ()

    def wholes(
        self, settings: Server, apps: Mapping[AppName, Mapping[str, Limit]]
    ) -> tuple[Whole, ...]:
        """None, as above."""
        del settings, apps
        return ()

    def apply(self, app: AppName, limits: Mapping[str, Limit]) -> None:
        """Nothing: no limit is taken here."""
