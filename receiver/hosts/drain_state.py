"""Names of what keeps a drain running, and where its process notes how it goes. Pure."""

from pathlib import Path

from receiver.model.layout import Layout
from receiver.model.names import AppName

STATES = Path("/var/lib/private/ship-drains")
"""Where systemd has the state of units whose accounts are made for the time that they run."""


def state_file(layout: Layout, app: AppName, name: str, *, systemd: bool) -> Path:
    """Where the drain's process writes down how it goes."""
    folder = STATES if systemd else layout.state / "drains"
    return folder / f"{app}.{name}" / "state.json"


def program_name(app: str, name: str) -> str:
    return f"ship.drain.{app}.{name}"
