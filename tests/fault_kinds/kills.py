"""SIGKILL, at random, of who takes part in a push: the deploy, its follower, the gate, the hook."""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.fault_kinds.ground import SERVED_LIMIT_S, Fault, Ground, Kind, a_ground, ended

_LATEST = 1.15
"""Of the time that a push takes to which nothing is done."""
_ROLES = ("deploy", "deploy", "follower", "gate", "hook", "archive")


def kill_one(ground: Ground, dice: random.Random) -> Fault:
    """One of them, at any moment of a push."""
    while True:  # until there is somebody to kill at that moment
        commit, delay_s = ground.commit(), dice.uniform(0.0, _LATEST) * ground.usual_s
        wanted = dice.choice(_ROLES)
        with ground.pushing() as client:
            time.sleep(delay_s)
            found = ground.actors()
            role = wanted if wanted in found else dice.choice(sorted(found) or ["nobody"])
            killed_s = _kill(found.get(role, []))
            said = ended(client)
        if found:
            until_s = killed_s + SERVED_LIMIT_S if role == "deploy" else None
            lies = ground.lies_or_lost(commit, said, until_s)
            return Fault(f"{role} after {delay_s:.2f} s", lies)


def kill_in_handover(ground: Ground, dice: random.Random) -> Fault:
    """The deploy, once the other slot is about to start; sometimes its follower with it, at once or
    when that is at its undoing.
    """
    commit, delay_s = ground.commit(), dice.uniform(0.0, 0.5)
    pause_s = dice.choice((None, None, 0.0, dice.uniform(0.0, 0.3)))
    steps = ground.paths.journal / "undo.jsonl"
    with ground.pushing() as client:
        while client.poll() is None and "StopSlot" not in _text(steps):
            time.sleep(0.005)
        time.sleep(delay_s)
        found = ground.actors()
        killed_s = _kill(found.get("deploy", []))
        if pause_s is not None:
            time.sleep(pause_s)
            killed_s = _kill(found.get("follower", []))
        said = ended(client)
    what = f"deploy, {delay_s:.2f} s into the handover"
    what += "" if pause_s is None else f", and its follower after {pause_s:.2f} s"
    return Fault(what, ground.lies_or_lost(commit, said, killed_s + SERVED_LIMIT_S))


def _kill(pids: list[int]) -> float:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return time.monotonic()


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    return ""


KILLS = Kind("kills", 200, "one of a push's processes is killed at any moment", kill_one, a_ground)
AIMED = Kind("aimed", 30, "the deploy is killed in its handover", kill_in_handover, a_ground)
