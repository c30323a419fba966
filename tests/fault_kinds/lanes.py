"""Does faults in several lanes side by side: most of a fault is waiting."""

import multiprocessing
import random
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from typing import Any, NamedTuple

from tests.fault_kinds.ground import Fault, Kind

_FORKING = multiprocessing.get_context("fork")


class Job(NamedTuple):
    """One fault that is to be done."""

    kind: int
    """Its place in the list of kinds."""
    dice: str
    """What its dice are thrown by, whichever lane it comes to."""


class Done(NamedTuple):
    """One that was done."""

    kind: int
    fault: Fault


def do_all(kinds: Sequence[Kind[Any]], jobs: Sequence[Job], lanes: int) -> Iterator[Done]:
    """Do all of them, in as many lanes, each with a server of its own; yields each that is done.

    Raises:
        RuntimeError: a lane broke down, for another reason than a fault
    """
    taken, done = _FORKING.Value("i", 0), _FORKING.SimpleQueue()

    def lane() -> None:
        try:
            _do_some(kinds, _still_to_do(jobs, taken), done)
        except Exception:  # noqa: BLE001 - whatever it is, the table would wait for this lane
            taken.value = len(jobs)
            done.put(traceback.format_exc())

    processes = [_FORKING.Process(target=lane) for _ in range(lanes)]
    for process in processes:
        process.start()
    try:
        for _ in jobs:
            match done.get():
                case str(trouble):
                    raise RuntimeError(trouble)
                case Done() as found:
                    yield found
    finally:
        taken.value = len(jobs)
        for process in processes:
            process.join()


def _still_to_do(jobs: Sequence[Job], taken: "Synchronized[int]") -> Iterator[Job]:
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(jobs):
            return
        yield jobs[number]


def _do_some(
    kinds: Sequence[Kind[Any]], jobs: Iterator[Job], done: "SimpleQueue[Done | str]"
) -> None:
    with ExitStack() as held:
        stages: dict[object, object] = {}
        for job in jobs:
            kind = kinds[job.kind]
            if kind.stage not in stages:
                stages[kind.stage] = held.enter_context(kind.stage())
            fault = kind.do(stages[kind.stage], random.Random(job.dice))
            done.put(Done(job.kind, fault))
