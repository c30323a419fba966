"""Others at the same app: a command that waits for a push, several pushes at once."""

import os
import random
import subprocess
import time
from contextlib import ExitStack

from receiver.state import records
from tests.embedded.keyboard import Typed
from tests.fault_kinds.ground import Fault, Ground, Kind, a_ground, ended

_AT_ONCE = 5


def second_command(ground: Ground, dice: random.Random) -> Fault:
    """A push, and a command of another kind that waits for its end."""
    commit, value = ground.commit(), str(dice.random())
    with ground.pushing() as client:
        time.sleep(dice.uniform(0.2, 0.8))
        words = (*Typed.argv(), "config:set", f"FAULT={value}", "-a", ground.app)
        environment = Typed.environment(ground.server.root)
        second = subprocess.Popen(
            words,
            env={**environment, "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said, typed = ended(client), ended(second)
    lies = ground.lies({commit: said})
    if said.status or typed.status:
        lies.append(f"one failed: {said.text[-300:]!r} {typed.text[-300:]!r}")
    if records.read_config(ground.paths.config).get("FAULT") != value:
        lies.append("the config var is not set")
    return Fault("config:set beside a push", lies)


def several_pushes(ground: Ground, dice: random.Random) -> Fault:
    """Pushes of different commits, all at about the same time."""
    commits = [ground.commit(number) for number in range(_AT_ONCE)]
    with ExitStack() as stack:
        clients = []
        for number in range(_AT_ONCE):
            clients.append(stack.enter_context(ground.pushing(number)))
            time.sleep(dice.uniform(0.0, 0.3))
        said = [ended(client) for client in clients]
    lies = ground.lies(dict(zip(commits, said, strict=True)))
    if all(pushed.status for pushed in said):
        lies.append("none of them was deployed")
    return Fault(f"{_AT_ONCE} pushes at once", lies)


WAITING = Kind("waiting", 100, "a second command waits for a push", second_command, a_ground)
TOGETHER = Kind("together", 10, "five pushes at once", several_pushes, a_ground)
