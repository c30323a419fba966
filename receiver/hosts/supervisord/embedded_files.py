"""Decides the files of an embedded server as a whole: supervisord's, nginx's. Pure."""

import shlex
from pathlib import Path

import msgspec

from receiver.hosts.supervisord.embedded_places import EmbeddedPlaces
from receiver.model.plan import WriteFile
from receiver.nginx.sites import Front, receiver_file, shared_file
from receiver.planner.render import render

NGINX_PROCESS = "ship.nginx:ship.nginx"
RECEIVER_PROCESS = "ship.http:ship.http"
"""As supervisord names the processes of the programs in its template."""


class Owner(msgspec.Struct, frozen=True):
    """The user who starts the server, and whether that is root."""

    user: str
    group: str
    home: Path
    is_root: bool


class Programs(msgspec.Struct, frozen=True):
    """The programs an embedded server is made of."""

    python: Path
    nginx: Path
    code: Path
    """Folder that ship's own packages are imported from."""


def server_files(front: Front, owner: Owner, programs: Programs) -> tuple[WriteFile, ...]:
    """Files that are written at every start, so that they are those of the ship that starts."""
    places = EmbeddedPlaces(front.layout)
    root_user = owner.user if owner.is_root else ""
    nginx_conf = render(
        "nginx/nginx.conf",
        root_user=root_user,
        root_group=owner.group,
        pid_file=str(front.layout.nginx_pid),
        logs=str(places.nginx / "logs"),
        temporary=str(places.nginx / "tmp"),
        sites_enabled=str(front.layout.sites_enabled),
        receiver_file=str(places.nginx / "receiver.conf"),
    )
    supervisor_conf = render(
        "supervisor/supervisord.conf",
        root=places.root,
        root_user=root_user,
        control=places.control,
        run=front.layout.run,
        logs=places.supervisor_logs,
        home=owner.home,
        nginx_command=shlex.join(_nginx(places, programs)),
        http_command=shlex.join(_receiver(places, programs)),
    )
    return (
        shared_file(front),
        receiver_file(
            front,
            places.nginx / "receiver.conf",
            places.http,
            places.nginx / "logs" / "receiver.log",
            ("127.0.0.1", "localhost", "[::1]"),
            sealed=False,  # whoever reaches those names is on this machine, or in its container
        ),
        WriteFile(str(places.nginx / "nginx.conf"), nginx_conf),
        WriteFile(str(places.supervisor_conf), supervisor_conf),
    )


def _nginx(places: EmbeddedPlaces, programs: Programs) -> tuple[str, ...]:
    main = places.nginx / "nginx.conf"
    return (str(programs.nginx), "-p", f"{places.nginx}/", "-e", "stderr", "-c", str(main))


def _receiver(places: EmbeddedPlaces, programs: Programs) -> tuple[str, ...]:
    # threads, since a push waits for its deploy; a worker is never taken for dead while one runs
    return (
        str(programs.python),
        "-m",
        "gunicorn",
        "--pythonpath",
        str(programs.code),
        "--bind",
        f"unix:{places.http}",
        "--umask",
        "0o077",
        "--worker-class",
        "gthread",
        "--workers",
        "1",
        "--threads",
        "256",
        "--timeout",
        "120",
        "--graceful-timeout",
        "5",
        "--no-control-socket",
        "receiver.push.http.serve:application()",
    )
