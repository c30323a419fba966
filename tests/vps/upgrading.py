"""An installer that is killed, and one that comes to its end while there are pushes, commands,
reloads and visitors.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.vps.pages import page
from tests.vps.ship_server import DOMAIN, Site, install

# The installer, killed at its work; then what is left of it and of the server.
KILLED = r"""
sed -i '1i # Of a newer ship still.' /root/ship/receiver/model/names.py
before=$(readlink /opt/ship)
timeout --signal=KILL 4 /root/ship/installer.sh --slim >/dev/null 2>&1
flock /opt/ship-versions/.lock true  # what it had started may still be at work
set -e
test "$(readlink /opt/ship)" = "$before"
test "$(ls -d /opt/ship-versions/*.?????? | wc -l)" = 2
/opt/ship/bin/ship apps
"""
WORK = r"""
rm -f /root/failed /root/enough
work() {
  until test -e /root/enough; do
    "$@" >/root/last.$1 2>&1 || { echo "$*"; cat /root/last.$1; } >>/root/failed
  done
}
look() { /opt/ship/bin/ship ps -a blog; }
reload() { /opt/ship/bin/ship ps:restart -a blog; sleep 1; }
fire() { systemctl start ship-logs.service; sleep 3; }
work look &
work reload &
work fire &
wait
cat /root/failed || true
"""


@dataclass
class UnderWay:
    """What went on during an upgrade, and how it went."""

    commits: list[str] = field(default_factory=list)
    """What was pushed; the page of number N says `push N`."""
    pushes: list[str] = field(default_factory=list)
    """What failed pushes said."""
    commands: str = ""
    """Commands and requests that failed, one a line."""
    trees: tuple[str, ...] = ()
    """Versions that are there when all is over."""
    pythons: str = ""

    @property
    def pushed(self) -> int:
        return len(self.commits)


def at_work(site: Site) -> UnderWay:
    """Upgrade the machine of an app `blog`, on which /root/ship is what is installed."""
    machine, seen = site.server.machine, UnderWay()
    machine.run(KILLED)
    over = threading.Event()

    def visit() -> Iterator[str]:
        while not over.wait(0.02):
            status, text = site.server.ask(f"blog.{DOMAIN}")
            if status != 200:
                yield f"{status} {text}"

    with ThreadPoolExecutor() as others:
        work = others.submit(machine.run, WORK, timeout_s=600)
        visits = others.submit(lambda: list(visit()))
        upgrade = others.submit(install, machine)
        try:
            while not upgrade.done():
                text = page(f"push {seen.pushed}")["app.py"]
                seen.commits.append(site.commit({"app.py": text}))
                pushed = site.push()
                seen.pushes += [pushed.text] if pushed.status else []
        finally:  # else those others would go on for ever
            over.set()
            machine.run("touch /root/enough")
        upgrade.result()
        seen.commands = work.result().stdout + "\n".join(visits.result())
    machine.run("/opt/ship/bin/ship server:rotate")
    seen.trees = tuple(machine.run("ls -d /opt/ship-versions/*.??????").stdout.split())
    seen.pythons = machine.run("readlink -f /opt/ship/pythons/kept").stdout.strip()
    return seen
