"""What a push leaves in a repository that was killed: the next command puts it right, and nothing
that a living push is at.
"""

import fcntl
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from receiver.changes import repositories
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.machine import git, git_leftovers, proc
from receiver.machine.git_leftovers import Move
from receiver.model import settings
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.release import Build, Live, Release
from receiver.server import Server
from receiver.state import builds, records
from tests.checkout import NOBODYS_SETTINGS

BLOG = AppName("blog")
MAIN = "refs/heads/main"
PUSH = "0123456789abcdef"
WHO = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}
RELEASE = Release(
    version=1,
    app="blog",
    commit="",
    description="Deploy",
    by="laptop",
    created_at="2026-01-01T00:00:00Z",
    buildpack="procfile",
    python=None,
    venv=None,
    processes={},
    attempt=1,
)
BUILD = Build(
    number=0,
    app="blog",
    by="laptop",
    commit="",
    description="Deploy",
    started_at="2026-01-01T00:00:00Z",
    status="running",
    pid=1,
    push=PUSH,
)


@pytest.fixture
def server(tmp_path):
    layout = Layout.embedded(tmp_path)
    paths = layout.app(BLOG)
    for folder in (paths.home, paths.builds, paths.incoming, paths.release(1).home):
        folder.mkdir(parents=True)
    git.create_repo(layout.repo(BLOG), hooks=tmp_path)
    limits = settings.Server(domain="ship.test", host="supervisord", lock_wait_s=1)
    return Server(layout, limits, SupervisordHost(layout))


@pytest.fixture
def repo(server):
    return server.layout.repo(BLOG)


@pytest.fixture
def commits(repo):
    """Two commits, of which the first is on the branch."""

    def run(*words):
        env = {"PATH": os.environ["PATH"], **NOBODYS_SETTINGS, **WHO}
        argv = ("git", f"--git-dir={repo}", *words)
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # the empty one, which git always knows
    old = run("commit-tree", tree, "-m", "old")
    new = run("commit-tree", tree, "-m", "new", "-p", old)
    assert git.move_refs(repo, [(MAIN, git.ABSENT, old)]) == ""
    return old, new


def begin(repo, old, new, *, moves=True):
    """What a gate does before the hook; returns what keeps its note."""
    held = git_leftovers.note(repo, Move(PUSH, old, new), f"{old} {new} {MAIN}\n")
    if moves:
        assert git.move_refs(repo, [(MAIN, old, new)]) == ""
    return held


def tip(repo):
    return git.resolve_commit(repo, MAIN)


def notes(repo):
    return [note.move.push for note in git_leftovers.notes(repo)]


def make_live(server, commit):
    paths = server.layout.app(BLOG)
    records.write_json(paths.release(1).record, replace(RELEASE, commit=commit))
    records.write_json(paths.live, Live(release=1, slot="a"))


def test_a_branch_that_moved_without_a_deploy_goes_back(server, repo, commits):
    os.close(begin(repo, *commits))
    assert repositories.half_pushed(server.layout.app(BLOG), repo)
    repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (commits[0], [])


def test_files_of_a_push_that_has_ended_arrive_no_more_though_nobody_fetches_it(
    server, repo, commits
):
    os.close(begin(repo, *commits))
    with subprocess.Popen(("sleep", "60")) as receives:
        archive = server.layout.app(BLOG).incoming / f"{receives.pid}.tar"
        archive.touch()
        repositories.clear_up(server, BLOG)
        assert tip(repo) == commits[1]
        receives.kill()
        os.waitid(os.P_PID, receives.pid, os.WEXITED | os.WNOWAIT)
        repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (commits[0], [])


def test_a_first_branch_goes(server, repo, commits):
    assert git.move_refs(repo, [(MAIN, commits[0], git.ABSENT)]) == ""
    os.close(begin(repo, git.ABSENT, commits[1]))
    repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (None, [])


def test_a_push_that_lives_is_left_alone(server, repo, commits):
    held = begin(repo, *commits)
    assert os.read(held, 200).decode() == f"{commits[0]} {commits[1]} {MAIN}\n"
    repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (commits[1], [PUSH])
    os.close(held)


def test_a_hook_that_outlives_its_gate_holds_the_note(server, repo, commits):
    held = begin(repo, *commits)
    with subprocess.Popen(("sleep", "60"), stdin=held) as hook:
        os.close(held)
        repositories.clear_up(server, BLOG)
        assert tip(repo) == commits[1]
        hook.kill()
        hook.wait()
        repositories.clear_up(server, BLOG)
    assert tip(repo) == commits[0]


def test_a_branch_that_has_not_moved_may_yet(server, repo, commits):
    os.close(begin(repo, *commits, moves=False))
    repositories.clear_up(server, BLOG)
    assert notes(repo) == [PUSH], "the git that moves it may have outlived the gate"
    note = repo / Move(PUSH, *commits).file
    long_ago_s = time.time() - git.LIMIT_S - 1
    os.utime(note, (long_ago_s, long_ago_s))
    repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (commits[0], [])


def test_of_what_is_live_only_the_note_goes(server, repo, commits):
    os.close(begin(repo, *commits))
    make_live(server, commits[1])
    repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (commits[1], [])


def test_a_build_of_it_is_awaited_and_then_decides(server, repo, commits):
    os.close(begin(repo, *commits))
    paths = server.layout.app(BLOG)
    made, held = builds.begin(paths, replace(BUILD, commit=commits[1]), keep=50)
    repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (commits[1], [PUSH])
    fcntl.flock(held, fcntl.LOCK_UN)
    os.close(held)
    ended = builds.look(paths, made.number)
    assert ended is not None
    assert ended.status == "failed"
    repositories.clear_up(server, BLOG)
    assert (tip(repo), notes(repo)) == (commits[0], [])


def test_a_push_on_top_of_one_that_was_killed_is_awaited(server, repo, commits):
    old, new = commits
    os.close(begin(repo, old, new))
    later = git_leftovers.note(repo, Move("f" * 16, new, old), "")
    repositories.clear_up(server, BLOG)
    assert tip(repo) == new
    assert later is not None
    os.close(later)


LOCKS = ["refs/heads/main.lock", "packed-refs.lock", "config.lock", "shallow.lock", "HEAD.lock"]


def lay_lock(repo, name, age_s=60.0):
    lock = repo / name
    lock.touch()
    os.utime(lock, (time.time() - age_s,) * 2)
    return lock


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_of_a_git_that_was_killed_goes(server, repo, commits, name):
    lock = lay_lock(repo, name)
    assert git_leftovers.stale_locks(repo) == [lock]
    repositories.clear_up(server, BLOG)
    assert not lock.exists()
    assert git.move_refs(repo, [(MAIN, *commits)]) == ""


def test_a_young_lock_is_only_waited_for_by_who_has_the_time(server, repo):
    lock = lay_lock(repo, LOCKS[0], age_s=0)
    repositories.clear_up(server, BLOG)
    assert lock.exists()
    repositories.clear_up(server, BLOG, wait=True)
    assert not lock.exists()


@contextmanager
def living_git(repo):
    argv = ("git", f"--git-dir={repo}", "cat-file", "--batch")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as living:
        wait_until_named(living.pid)
        yield
        living.terminate()


def wait_until_named(pid):
    while proc.name(pid) != "git":  # until then it is Python, which is about to become it
        time.sleep(0.01)


def test_no_lock_goes_while_a_git_of_the_repository_lives(server, repo):
    lock = lay_lock(repo, LOCKS[0])
    with living_git(repo):
        repositories.clear_up(server, BLOG, wait=True)
        assert lock.exists()
        assert git_leftovers.stale_locks(repo) == []
    other = repo.with_name("other.git")
    shutil.copytree(repo, other)
    with living_git(other):
        repositories.clear_up(server, BLOG)
    assert not lock.exists()


def test_no_link_leads_a_removal_out_of_the_repository(server, repo, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = lay_lock(outside, "kept.lock")
    (repo / "refs" / "tags").rmdir()
    (repo / "refs" / "tags").symlink_to(outside)
    repositories.clear_up(server, BLOG)
    assert kept.exists()
