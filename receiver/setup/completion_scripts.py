"""The scripts that make shells complete the words of `ship`, and where a system keeps those of
its programs.
"""

from pathlib import Path

from receiver.planner.render import template_text

_SHARE = Path("/usr/share")
PLACES = {
    "bash": _SHARE / "bash-completion" / "completions" / "ship",
    "zsh": _SHARE / "zsh" / "vendor-completions" / "_ship",
    "fish": _SHARE / "fish" / "vendor_completions.d" / "ship.fish",
}
"""By shell: the file that is read there without a line in anybody's settings."""


def script(shell: str) -> str:
    """The script for a shell; it asks `ship completion:words` at each press of the key."""
    return template_text(f"completion/ship.{shell}")
