"""An app with one of everything that can be of an app and run, or wait to run; and how to see
what there is of it."""

from dataclasses import dataclass

from tests.vps.machine import Machine
from tests.vps.ship_server import Site

MADE = (
    "ps.worker@1.service",
    "ps.worker@2.service",
    "nightly",
    ".service.d",
    "run_",
    "sleep 86399",
)
"""What is to be found while it is there."""
_FILES = {
    "Procfile": "web: gunicorn app:app\nworker: sleep 3600\nrelease: echo released\n",
    "ship.toml": "[cron.nightly]\nschedule = '0 3 * * *'\ncommand = 'true'\n",
}
# Wherever systemd keeps such.
_TRACES = (
    "{ find /etc/systemd /run/systemd -name 'ship*'; systemctl list-units --all --plain "
    "--no-legend 'ship*';"
    " ps -eo user:32,args --no-headers | grep '^ship'; } || true"
)


@dataclass(frozen=True)
class Full:
    """What was seen of apps with one of everything."""

    traces: str
    """While they were there."""
    kept: tuple[str, str]
    """Before and after one more install."""
    after_destroy: str
    """When one of two was gone."""
    after_removal: str = ""


def fill(site: Site) -> None:
    """Push it, and have one of everything."""
    site.publish(site.app, _FILES)
    site.ship("ps:scale worker=2")
    site.ship("limits:set web.memory=256M worker.memory=64M")
    site.ship("run:detached -- sleep 86399")


def traces(machine: Machine) -> str:
    """Processes, units, drop-ins and timers of all apps."""
    return machine.run(_TRACES).stdout
