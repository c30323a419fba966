"""What is measured, in one run and by turns: times, lost requests, a broken push, and memory."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.server import DOMAIN, HAND_HOST, NAME, START_HAND, Installed
from bench.sides import Side, Took
from bench.tiny import Tree

REDEPLOYS = 10
NOTICED_AFTER_S = 15  # longer than systemd's patience with a unit that fails to start
IMPORT = "import time; t = time.perf_counter(); import app; print(time.perf_counter() - t)"
Times = dict[str, dict[str, list[dict[str, float | None]]]]


@dataclass
class Bench:
    """One run on one machine."""

    server: Installed
    folder: Path
    peer: Side | None = None
    say: Callable[[str], object] = print
    times: Times = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    imports: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        address = self.server.machine.address
        self.ship = self._side("ship", f"ship@{NAME}:bench", (address, 80, f"bench.{DOMAIN}"))
        self.hand = self._side("hand", f"deploy@{NAME}:/srv/hand.git", (address, 80, HAND_HOST))
        self.floor = self._side("floor", f"deploy@{NAME}:/srv/floor.git", None)

    @property
    def pushed(self) -> list[Side]:
        """The sides that a page is pushed to."""
        return [side for side in (self.ship, self.hand, self.peer) if side is not None]

    def begin(self) -> None:
        """Bring every side live once; what was never there before is measured by `first`."""
        self.server.ship("apps:create", "bench")
        self.floor.tree.change_code()
        self.floor.push(None)
        for side in self.pushed:
            shown = side.tree.change_code()
            if side is self.hand:
                side.push(None)  # its last line fails: there is nothing to reload yet
                self.server.machine.run(START_HAND)
            else:
                self._note(side, "warm-up", side.push(shown))

    def round(self, number: int) -> None:
        """Every step once, side by side."""
        self.floor.tree.change_code()
        self._note(self.floor, "code", self.floor.push(None))
        turn = number % len(self.pushed)
        sides = self.pushed[turn:] + self.pushed[:turn]  # so that none is always the first
        for side in sides:
            self._note(side, "code", side.push(side.tree.change_code()))
        for side in sides:
            self._note(side, "dependency", side.push(side.tree.change_dependency()))
        self._note(
            self.ship, "config", self._type(f"stamp={number}", "config:set", f"STAMP={number}")
        )
        before = f"version={self.ship.tree.version} stamp={number - 1 if number > 1 else '-'}"
        self._note(self.ship, "rollback", self._type(before, "rollback"))
        self._type(f"stamp={number}", "config:set", f"STAMP={number}")
        self._note(self.ship, "first", self._first(number))
        self.imports.append(self._import_time())

    def _first(self, number: int) -> Took:
        """A new app's first push: nothing of it is cached."""
        name = f"first{number}"
        self.server.ship("apps:create", name)
        page = (self.server.machine.address, 80, f"{name}.{DOMAIN}")
        side = self._side(name, f"ship@{NAME}:{name}", page)
        took = side.push(side.tree.change_code())
        self.server.ship("apps:destroy", "--app", name, "--confirm", name)
        return took

    def redeploy_under_load(self, side: Side) -> dict[str, Any]:
        """Ten code-only pushes while eight clients ask for the page."""
        load = side.load()
        with load:
            for _ in range(REDEPLOYS):
                self._check(side.push(side.tree.change_code()))
        return load.told

    def break_it(self, side: Side) -> dict[str, Any]:
        """Push what cannot be imported; then see what the site answers, and whether a good push
        heals it."""
        side.tree.break_it()
        broken = side.push(None)
        time.sleep(NOTICED_AFTER_S)
        answers = sorted({side.ask()[0] for _ in range(20)})
        side.tree.change_code()
        healed = side.push(None)
        time.sleep(3)
        return {
            "push_status": broken.status,
            "answers": answers,
            "next_good_push_status": healed.status,
            "answers_after_it": side.ask()[0],
        }

    def memory(self) -> list[dict[str, Any]]:
        """Every process that is resident when nothing happens."""
        machine = self.server.machine
        accounts = machine.run(("getent", "passwd")).stdout.splitlines()
        names = {int(line.split(":")[2]): line.split(":")[0] for line in accounts}
        time.sleep(5)
        return [
            {
                "owner": names.get(process.user_id, str(process.user_id)),
                "command": process.command,
                "pss_kib": process.pss_bytes // 1024,
            }
            for process in machine.processes()
        ]

    def _import_time(self) -> float:
        argv = ("/srv/hand/venv/bin/python", "-c", IMPORT)
        command = " ".join(("cd /srv/hand &&", argv[0], argv[1], f"'{argv[2]}'"))
        return float(self.server.machine.run(command, user="deploy").stdout)

    def _type(self, shown: str, *words: str) -> Took:
        ssh = self.server.laptop.ssh_argv(self.server.key)
        return self.ship.do((*ssh, f"ship@{NAME}", *words, "--app", "bench"), shown)

    def _side(self, name: str, remote: str, page: tuple[str, int, str] | None) -> Side:
        environment = self.server.laptop.git_environment(self.server.key)
        return Side(name, Tree(self.folder / name, environment), remote, page, environment)

    def _note(self, side: Side, step: str, took: Took) -> None:
        self._check(took)
        if side.page and took.live_s is None:
            raise RuntimeError(f"What was pushed was never seen at {side.page}:\n{took.said}")
        self.times[side.name][step].append({"live_s": took.live_s, "returned_s": took.returned_s})
        live = "-" if took.live_s is None else f"{took.live_s:.2f}"
        self.say(f"{side.name:6} {step:11} live {live} returned {took.returned_s:.2f}")

    def _check(self, took: Took) -> None:
        if took.status:
            raise RuntimeError(f"A change that was to be measured failed:\n{took.said}")
