"""What a command is told by its surroundings; the one place of the command line that reads them."""

import os
import pwd
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from receiver.machine.interpreter import lasting
from receiver.model.address import parse_address
from receiver.model.layout import Layout


class Environment(NamedTuple):
    """Environment variables, standard streams and the user, as values."""

    app: str | None
    """SHIP_APP: the app that is meant when nothing else says so."""
    server: str | None
    """SHIP_SERVER: where commands go, such as `ship@vps`."""
    root: Path | None
    """SHIP_ROOT: folder of an embedded server."""
    home: Path
    user: str
    """Who types, also behind sudo."""
    is_root: bool
    program: Path
    """Folder that the running `ship` lies in."""
    term: str
    types: bool
    """Whether a person can be asked: standard input and error are a terminal."""
    has_terminal: bool
    """Whether standard input and output are a terminal."""
    variables: Mapping[str, str]
    """All of it, for ssh, git and sudo, which are the user's own."""

    @property
    def disks(self) -> tuple[Path, ...]:
        """Folders of the server that is here, if one is, on the disks that it writes to."""
        layout = Layout.at(self.root)
        return layout.state, layout.etc

    address: str = ""
    """From where the one who types has come over ssh."""


def read_environment() -> Environment:
    """Look around, once."""
    variables = dict(os.environ)
    root, user = variables.get("SHIP_ROOT"), _user_name()
    reads, writes, tells = (stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    return Environment(
        app=variables.get("SHIP_APP") or None,
        server=variables.get("SHIP_SERVER") or None,
        root=Path(root).absolute() if root else None,
        home=Path.home(),
        user=variables.get("SUDO_USER", user) if os.geteuid() == 0 else user,
        address=parse_address(variables.get("SSH_CLIENT", "")),
        is_root=os.geteuid() == 0,
        program=lasting(Path(sys.executable).parent),
        term=variables.get("TERM", "dumb"),
        types=reads and tells,
        has_terminal=reads and writes,
        variables=variables,
    )


def words_as_sent() -> list[str] | None:
    """The words of a command that came over ssh, as the gate split them; None where sudo did not
    let them through.
    """
    line = os.environ.pop("SSH_ORIGINAL_COMMAND", None)
    return None if line is None else shlex.split(line)


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
