"""A push whose process is killed between the move of its refs and its deploy."""

import os
import signal

import pytest

from receiver.machine import git
from receiver.push import undecided
from receiver.push.wire import Update
from tests.checkout import NOBODYS_SETTINGS, Checkout

pytestmark = pytest.mark.embedded
MAIN = "refs/heads/main"


@pytest.fixture
def repo(tmp_path):
    found = tmp_path / "blog.git"
    git.create_repo(found, hooks=tmp_path / "no-hooks")
    return found


@pytest.fixture
def commits(repo, tmp_path):
    """Two, of which the first is where the branch is."""
    laptop = Checkout(
        tmp_path / "laptop", str(repo), {"PATH": os.environ["PATH"], **NOBODYS_SETTINGS}
    )
    made = [laptop.commit({"a": "1"}), laptop.commit({"a": "2"})]
    laptop.git("push", "-q", "prod", "main:refs/heads/elsewhere")
    assert git.move_refs(repo, [(MAIN, git.ABSENT, made[0])]) == ""
    return made


def cut_off(repo, old, new):
    """A process that moves the branch, and is killed before its deploy begins."""
    child = os.fork()
    if child == 0:
        with undecided.moving(repo, "ab12") as note:
            note([Update(old, new, MAIN)])
            git.move_refs(repo, [(MAIN, old, new)])
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert git.resolve_commit(repo, "main") == new


@pytest.mark.parametrize(("ended", "stays"), [(0, True), (14, False)])
def test_the_branch_goes_back_unless_it_was_deployed(repo, commits, ended, stays):
    cut_off(repo, *commits)
    asked = []

    def decide(push):
        asked.append(push)
        return ended

    undecided.settle(repo, decide)
    undecided.settle(repo, decide)
    assert git.resolve_commit(repo, "main") == commits[1 if stays else 0]
    assert asked == ["ab12"]


def test_where_nobody_knows_it_is_asked_again(repo, commits):
    cut_off(repo, *commits)
    undecided.settle(repo, lambda _: None)
    assert git.resolve_commit(repo, "main") == commits[1]
    undecided.settle(repo, lambda _: 14)
    assert git.resolve_commit(repo, "main") == commits[0]


def test_a_first_push_that_was_cut_off_leaves_no_branch(repo, commits):
    git.move_refs(repo, [(MAIN, commits[0], git.ABSENT)])
    cut_off(repo, git.ABSENT, commits[0])
    undecided.settle(repo, lambda _: 14)
    assert git.resolve_commit(repo, "main") is None


def test_a_push_that_is_under_way_or_over_is_left_alone(repo, commits):
    def decide(push):
        raise AssertionError(push)

    with undecided.moving(repo, "cd34") as note:
        note([Update(commits[0], commits[1], MAIN)])
        undecided.settle(repo, decide)
    undecided.settle(repo, decide)
    assert list(repo.glob(".undecided-*")) == []
