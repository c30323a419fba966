"""A journal of an older ship, found by one that was upgraded meanwhile, is read as it was meant."""

from pathlib import Path
from typing import get_args

from receiver.changes.checkpoint import About, Checkpoint
from receiver.model import plan as steps
from receiver.model.check import Check
from receiver.model.cron import Timer
from receiver.model.formation import Group
from receiver.model.plan import AnyStep, Plan
from receiver.model.process_limits import Limit

JOURNAL = Path(__file__).with_name("old_journal")
"""As it was written before the house had rooms; it is never made anew."""
SINCE = "2026-01-01T00:00:00Z"
NIGHTLY = Timer(schedule="@daily", timezone="UTC", catch_up=False, since=SINCE)
UNDONE: Plan = (
    steps.WriteFile("/f", "it\n", 0o600, 7),
    steps.RemoveFile("/f"),
    steps.RemoveTree("/t"),
    steps.Link("/l", "to"),
    steps.ChangeUnits("blog", {"/u": "x", "/v": None}),
    steps.ChangeSite("blog", "/p", "/l", None),
    steps.ApplyLimits("blog", {"web": Limit(memory="1G")}),
    steps.HoldSocket("blog"),
    steps.ReleaseSocket("blog"),
    steps.AimSlot("blog", "a", 3, reload=True),
    steps.StartSlot("blog", "a"),
    steps.StopSlot("blog", "b"),
    steps.EnableSlot("blog", None),
    steps.SetTimers("blog", {"nightly": NIGHTLY}),
    steps.AwaitRelease("blog", "a", 3, 60.0),
    steps.AwaitAnswer("blog", "a", 5001, 60.0, Check(path="/up")),
    steps.AskThroughNginx("blog", Check(path="/up")),
    steps.SetFormation("blog", {"worker": Group(version=3, count=2)}),
    steps.RestartProcesses("blog", ("worker.1",)),
)


def test_every_step_of_it_is_read():
    assert Checkpoint(JOURNAL).undo_plan() == UNDONE[::-1]


def test_what_it_was_of_is_read():
    about = About(title="deploy of 1a2b3c4 by laptop", build=7, ref="refs/heads/main", commit="1a")
    assert Checkpoint(JOURNAL).about() == about


def test_it_holds_every_step_there_is():
    assert {type(step) for step in UNDONE} == set(get_args(AnyStep))
