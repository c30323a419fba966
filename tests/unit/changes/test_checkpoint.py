"""The journal: what is in it survives, what was cut short does not count."""

import pytest

from receiver.changes.checkpoint import About, Checkpoint
from receiver.model.plan import AimSlot, Link, RemoveTree, StopSlot


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "journal")


def test_without_a_journal_there_is_no_unfinished_change(checkpoint):
    assert checkpoint.about() is None
    assert checkpoint.undo_plan() == ()


def test_opposites_come_back_newest_first_and_in_their_own_order_within_a_step(checkpoint):
    checkpoint.begin(About(title="deploy", ref="refs/heads/main", commit="1" * 40))
    checkpoint.register((RemoveTree("/r/v1"),))
    checkpoint.register((AimSlot("blog", "a", 3, reload=True), StopSlot("blog", "b")))
    assert checkpoint.undo_plan() == (
        AimSlot("blog", "a", 3, reload=True),
        StopSlot("blog", "b"),
        RemoveTree("/r/v1"),
    )


def test_a_line_that_a_power_cut_tore_belongs_to_a_step_that_never_began(checkpoint, tmp_path):
    checkpoint.begin(About(title="deploy"))
    checkpoint.register((Link("/current", "releases/v1"),))
    journal = tmp_path / "journal" / "undo.jsonl"
    journal.write_text(journal.read_text() + '{"undo":[{"type":"RemoveTr')
    assert checkpoint.undo_plan() == (Link("/current", "releases/v1"),)


def test_a_finished_change_leaves_nothing(checkpoint, tmp_path):
    checkpoint.begin(About(title="deploy"))
    checkpoint.register((RemoveTree("/r/v1"),))
    checkpoint.finalize()
    assert checkpoint.about() is None
    assert list(tmp_path.iterdir()) == []


def test_a_new_change_does_not_inherit_steps_of_one_that_was_killed_at_its_start(
    checkpoint, tmp_path
):
    checkpoint.begin(About(title="first"))
    checkpoint.register((RemoveTree("/r/v1"),))
    (tmp_path / "journal" / "about.json").unlink()
    checkpoint.begin(About(title="second"))
    assert checkpoint.undo_plan() == ()


def test_the_journal_is_readable_by_its_owner_alone(checkpoint, tmp_path):
    checkpoint.begin(About(title="deploy"))
    assert (tmp_path / "journal").stat().st_mode & 0o077 == 0
