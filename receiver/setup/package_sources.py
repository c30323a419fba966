"""Runs pip with what this machine's settings say of where packages come from, and with nothing
else of them: `package_sources.py install ...`.

What is installed stands in a lock file. A file of constraints, a target or a refusal of wheels that
somebody set for other programs must not change it, nor end the installer. It is run by a Python
that has pip and nothing of Ship yet, so it imports the standard library alone.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

_SOURCES = frozenset({
    "cert", "client-cert", "default-timeout", "disable-pip-version-check", "extra-index-url",
    "find-links", "index-url", "keyring-provider", "no-index", "proxy", "pypi-url", "retries",
    "timeout", "trusted-host",
})  # fmt: skip
"""Options that say where packages come from, and how to get there."""
_CACHES = frozenset({"cache-dir", "no-cache-dir"})
_SECTIONS = ("global", "install", ":env:")
"""Each before the next, which wins."""


def sources(listing: str) -> dict[str, str]:
    """Variables that say the same as those settings, of the text of `pip config list`."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listing.splitlines():
        name, _, text = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in found and option in _SOURCES | _CACHES:
            found[section][option] = " ".join(str(ast.literal_eval(text)).split())
    merged: dict[str, str] = {}
    for section in _SECTIONS:
        merged |= found[section]
    return {f"PIP_{option.upper().replace('-', '_')}": value for option, value in merged.items()}


def environment(variables: Mapping[str, str], listing: str) -> dict[str, str]:
    """Variables for pip: it reads no file, and no other setting of somebody's."""
    others = {
        name: value
        for name, value in variables.items()
        if not name.startswith(("PIP_", "PYTHON")) and name != "VIRTUAL_ENV"
    }
    return {**others, **sources(listing), "PIP_CONFIG_FILE": os.devnull}


def main(argv: Sequence[str]) -> int:
    """Run pip; returns its exit status."""
    pip = (sys.executable, "-I", "-m", "pip")
    asked = (sys.executable, "-m", "pip", "config", "list")
    listing = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
    done = subprocess.run((*pip, *argv), env=environment(os.environ, listing), check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
