"""What only a whole machine can be done to: its power is cut in a push, its ship is upgraded while
all is at work.
"""

import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fault_kinds.ground import FAULTS_OF_SHIP, Fault, Kind
from tests.vps import upgrading
from tests.vps.laptop import Laptop, trust_as_root
from tests.vps.machine import Machine
from tests.vps.pages import page
from tests.vps.ship_server import ShipServer, Site, copy_project, end_group, tree_of_a_server

_LATEST = 1.15
"""Of the time that a push takes to which nothing is done."""


@dataclass
class OnMachine:
    """An app on a machine, and which commit answers with which text."""

    site: Site
    texts: dict[str, str] = field(default_factory=dict)
    usual_s: float = 2.0

    def commit(self, dice: random.Random) -> str:
        """Commit an app with a text of its own, sometimes with packages to install."""
        text = f"text-{len(self.texts)}"
        packages = dice.choice(("", "", "click\n", "itsdangerous\n"))
        made = self.site.commit(page(text) | {"requirements.txt": packages})
        self.texts[made] = text
        return made

    def push(self) -> None:
        """Push what was committed last.

        Raises:
            RuntimeError: it failed, though nothing was done to it
        """
        begun_s = time.monotonic()
        pushed = self.site.push("+main")
        if pushed.status:
            raise RuntimeError(pushed.text)
        self.usual_s = (self.usual_s + time.monotonic() - begun_s) / 2

    def lies(self) -> list[str]:
        """What does not agree: the branch, the release that is live, the page; and what is left of
        what was cut off.
        """
        tip = self.site.remote_head()
        text, version = self.site.page(), self.site.live()
        found = []
        if self.texts.get(tip) != text:
            found.append(f"the branch is at {self.texts.get(tip)}, and {text} is served")
        told = self.site.ship("releases:info --json").stdout
        if tip not in told:
            found.append(f"the branch is at {tip}, and v{version} is live: {told}")
        return found + [f"left: {it}" for it in self.site.leftovers()]


@contextmanager
def on_machine() -> Iterator[OnMachine]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Machine.boot(tree_of_a_server(), "vps") as machine,
    ):
        laptop = Laptop(Path(folder))
        laptop.knows(machine)
        trust_as_root(machine, laptop.key())
        copy_project(machine)
        server = ShipServer.on(machine, laptop, Path(folder, "sites"))
        it = OnMachine(server.site("blog"))
        it.commit(random.Random(0))
        it.push()
        yield it


def cut_power(it: OnMachine, dice: random.Random) -> Fault:
    """At any moment of a push; then the machine is switched on again."""
    machine = it.site.server.machine
    commit, delay_s = it.commit(dice), dice.uniform(0.0, _LATEST) * it.usual_s
    client = it.site.start_push("+main")
    time.sleep(delay_s)
    said = client.poll()
    machine.cut_power()
    end_group(client, signal.SIGKILL)
    machine.boot_again()
    lies = it.lies()
    if said == 0 and it.site.page() != it.texts[commit]:
        lies.append("the push had succeeded, and is not live")
    if not lies:
        it.push()
        lies = it.lies()
    return Fault(f"power cut {delay_s:.2f} s into a push", lies)


def upgrade(it: OnMachine, _: random.Random) -> Fault:
    """The installer is killed at its work, and comes to its end while all is at work."""
    seen = upgrading.at_work(it.site)
    it.texts |= {seen.commits[number]: f"push {number}" for number in range(seen.pushed)}
    lies = [*seen.pushes, *seen.commands.splitlines()]
    lies += [word for word in FAULTS_OF_SHIP if word in "".join(lies)]
    if len(seen.trees) != 1:
        lies.append(f"versions of ship that are left: {seen.trees}")
    return Fault(f"an upgrade during {seen.pushed} pushes", lies or it.lies())


CUTS = Kind("cuts", 15, "the power is cut at any moment of a push", cut_power, on_machine)
UPGRADES = Kind("upgrades", 20, "ship is upgraded while all is at work", upgrade, on_machine)
