"""Decides where a command acts and which app it means: here as root, here in an embedded server,
or by ssh.
"""

from pathlib import Path
from typing import NamedTuple

from receiver.cli.checkout import Checkout, Destination, Remote
from receiver.cli.context import Environment
from receiver.model.errors import ServerError, UsageError
from receiver.model.layout import Layout
from receiver.model.names import AppName

_DEFAULT_ROOT = ".ship"


class Here(NamedTuple):
    """This machine is the server; `root` is the folder of an embedded one."""

    root: Path | None


Place = Here | Destination


class Said(NamedTuple):
    """What the command line said about app and remote."""

    app: str | None = None
    remote: str | None = None


def choose_app(said: Said, environment: Environment, checkout: Checkout | None) -> AppName:
    """The app that is meant: --app, else --remote, else SHIP_APP, else the only ship remote.

    Raises:
        UsageError: nothing says which
    """
    if said.app is not None:
        return AppName.parse(said.app)
    if said.remote is not None and checkout is not None:
        return checkout.find(said.remote).app
    if environment.app is not None:
        return AppName.parse(environment.app)
    only = checkout.only_remote() if checkout else None
    if only is None:
        raise UsageError(
            "Which app is meant?",
            detail="Nothing names one: no --app, no SHIP_APP, and no git remote of ship's here.",
            advice="Name it: `--app NAME`. `ship apps` lists the apps.",
            reason="usage/no-app",
        )
    return only.app


def choose_place(said: Said, environment: Environment, checkout: Checkout) -> Place:
    """Where a command acts.

    --remote, SHIP_ROOT and SHIP_SERVER are somebody's word, in this order; then a server's own
    machine is
    meant, then what a checkout's remotes say, then the embedded server that lies where it usually
    does.

    Raises:
        ServerError: there is no server to be found
    """
    if said.remote is not None and (named := checkout.find(said.remote).destination):
        return named
    if environment.root is not None:
        return Here(environment.root)
    if environment.server is not None:
        return Destination.parse(environment.server)
    if is_vps():
        return Here(None)
    remote = _remote_of(said, checkout)
    if remote is not None and remote.destination is not None:
        return remote.destination
    root = embedded_root(environment)
    if root is None:
        raise _no_server(remote)
    return Here(root)


def own_place(environment: Environment) -> Place | None:
    """The server that this machine is or has, whatever a checkout says; None when there is none."""
    if environment.root is None and is_vps():
        return Here(None)
    root = embedded_root(environment)
    return Here(root) if root else None


def is_vps() -> bool:
    """Whether this machine was made a ship server by the installer."""
    return Layout.vps().server_settings.exists()


def embedded_root(environment: Environment) -> Path | None:
    """The folder of the embedded server: SHIP_ROOT, the one this program is part of, or ~/.ship."""
    if environment.root is not None:
        return environment.root
    part_of = environment.program.parent.parent
    for root in (part_of, environment.home / _DEFAULT_ROOT):
        if Layout.embedded(root).server_settings.is_file():
            return root
    return None


def _remote_of(said: Said, checkout: Checkout) -> Remote | None:
    """The remote that leads to the server; with several, those of the app that was named."""
    if said.remote is not None:
        return checkout.find(said.remote)
    remotes = checkout.ship_remotes()
    of_app = [remote for remote in remotes if remote.app == said.app]
    if of_app:
        return of_app[0]
    if len({remote.destination for remote in remotes}) == 1:
        return remotes[0]
    return checkout.only_remote()


def _no_server(remote: Remote | None) -> ServerError:
    over_http = remote is not None
    return ServerError(
        "There is no ship server to ask.",
        detail="The git remote here is reached over HTTP, and commands go over ssh."
        if over_http
        else "This machine is none, and no git remote here leads to one.",
        advice="Name it: SHIP_SERVER=ship@vps, or SHIP_ROOT=FOLDER for an embedded server.",
        reason="server/none",
    )
