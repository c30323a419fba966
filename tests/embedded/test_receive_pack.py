"""Real pushes by real git clients: what is deployed, what is refused with which words, and what
happens when somebody goes away."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from dulwich.protocol import pkt_seq

from receiver.machine import git
from receiver.model.errors import PUSH_VERDICTS, GitError
from tests.embedded.receive_laptop import HOOKS, Laptop, wait_until
from tests.embedded.receive_sides import (
    ABSENT,
    Scratch,
    commands,
    leftovers,
    objects,
    parse_answer,
    push_bytes,
)

pytestmark = pytest.mark.embedded

MAIN = "refs/heads/main"


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop.make(tmp_path)


@pytest.fixture(params=["ship", "git"])
def receiver(request: pytest.FixtureRequest, laptop: Laptop) -> str:
    """The hooks do the same below our receive-pack and below git's."""
    laptop.environment["SHIP_TEST_RECEIVER"] = request.param
    return str(request.param)


@pytest.mark.usefixtures("receiver")
def test_push_deploys_what_was_committed(laptop: Laptop) -> None:
    pushed = laptop.push("main")
    assert pushed.returncode == 0, pushed.stderr
    commit = laptop.commit()
    call = f"push --app blog --key laptop --ref {MAIN} --commit {commit} --old {ABSENT}"
    assert laptop.calls() == [f"called: {call}", "ended"]
    assert "remote: -----> Deploying" in pushed.stderr
    assert "remote:        app.py" in pushed.stderr
    assert laptop.server_refs() == {MAIN: commit}


@pytest.mark.parametrize(("status", "words"), [*PUSH_VERDICTS.items(), (3, "deploy failed")])
def test_failed_deploy_is_a_refused_ref(status: int, words: str, laptop: Laptop) -> None:
    pushed = laptop.push("main", SHIP_TEST_STATUS=str(status))
    assert pushed.returncode == 1
    assert f"! [remote rejected] main -> main ({words})" in pushed.stderr
    assert laptop.server_refs() == {}


def test_ref_goes_back_to_where_it_was(laptop: Laptop) -> None:
    before = laptop.commit()
    assert laptop.push("main").returncode == 0
    laptop.write("app.py", "broken")
    assert laptop.push("main", SHIP_TEST_STATUS="6").returncode == 1
    assert laptop.server_refs() == {MAIN: before}
    assert laptop.push("main").returncode == 0, "the same commit can be pushed again"
    assert laptop.server_refs() == {MAIN: laptop.commit()}


@pytest.mark.usefixtures("receiver")
def test_master_becomes_the_deploy_branch_if_it_comes_first(laptop: Laptop) -> None:
    first = laptop.push("main:master")
    assert first.returncode == 0
    assert "-----> master is the branch of this app from now on: git push prod master" in (
        first.stderr
    )
    assert git.head_branch(laptop.repo) == "master"
    late = laptop.push("main")
    assert late.returncode == 1
    assert "The branch main was pushed, and only the branch master is deployed." in late.stderr
    assert "    git push prod main:master" in late.stderr
    assert list(laptop.server_refs()) == ["refs/heads/master"]


def test_of_two_first_branches_at_once_one_deploys(laptop: Laptop) -> None:
    """Both passed pre-receive before either had moved; post-receive of the slower one finds
    this."""
    assert laptop.push("main").returncode == 0
    commit = laptop.commit()
    git.move_refs(laptop.repo, [("refs/heads/master", ABSENT, commit)])
    late = subprocess.run(
        (HOOKS / "post-receive",),
        input=f"{ABSENT} {commit} refs/heads/master\n",
        env={**laptop.environment, "GIT_DIR": str(laptop.repo)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert late.returncode == 9
    assert "main became the deploy branch" in late.stderr
    assert git.head_branch(laptop.repo) == "main"
    assert len(laptop.calls()) == 2, "only main was deployed"


@pytest.mark.usefixtures("receiver")
def test_a_chosen_deploy_branch_is_the_only_one(laptop: Laptop) -> None:
    git.set_head_branch(laptop.repo, "production")
    assert "git push prod main:production" in laptop.push("main").stderr
    assert laptop.push("main:production").returncode == 0


@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize(
    ("refspecs", "said"),
    [
        (("main:feature",), "git push prod feature:main"),
        (("v1",), "git push prod 'v1^{}:main'"),
        (("main:refs/notes/x",), "refs/notes/x was pushed, and only the branch main is deployed."),
        (("main:it's",), r"git push prod 'it'\''s:main'"),
        (("next:new", "next:other"), "(git/several-refs)"),
        (("--delete", "main"), "ship apps:destroy"),
        (("-o", "fast", "next:main"), "The push option 'fast' is unknown."),
        (("with-modules:main",), "libs/they"),
    ],
)
def test_what_does_not_deploy_is_refused_with_advice(
    refspecs: tuple[str, ...], said: str, laptop: Laptop
) -> None:
    before = laptop.commit()
    assert laptop.push("main").returncode == 0
    deploys = laptop.calls()
    laptop.run("git", "tag", "-a", "-m", "one", "v1")
    laptop.run("git", "checkout", "-q", "-b", "next")
    laptop.write("app.py", "next")
    laptop.run("git", "checkout", "-q", "-b", "with-modules")
    module = f"160000,{before},libs/they"
    laptop.run("git", "update-index", "--add", "--cacheinfo", module)
    laptop.run("git", "commit", "-q", "-m", "with a submodule")

    refused = laptop.push(*refspecs)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "[remote rejected]" in refused.stderr
    assert laptop.server_refs() == {MAIN: before}
    assert laptop.calls() == deploys
    assert not leftovers(laptop.repo)


def test_what_comes_beside_the_deploy_branch_is_left(laptop: Laptop) -> None:
    laptop.run("git", "config", "push.followTags", "true")
    laptop.run("git", "tag", "-a", "-m", "one", "v1")
    first = laptop.push("main")
    assert first.returncode == 0, first.stderr
    assert "-----> Ignoring tag v1 (only the branch main is deployed)" in first.stderr
    assert "v1 -> refs/ship/ignored" in first.stderr
    assert laptop.server_refs() == {MAIN: laptop.commit()}

    laptop.run("git", "branch", "topic")
    laptop.write("app.py", "two")
    checked = laptop.push("--tags", "-o", "check", "main", "topic")
    assert checked.returncode == 0, checked.stderr
    assert "main -> refs/ship/checked" in checked.stderr
    both = laptop.push("--atomic", "main", "topic", "v1")
    assert both.returncode == 0, both.stderr
    assert "Ignoring tag v1 and branch topic" in both.stderr
    assert laptop.server_refs() == {MAIN: laptop.commit()}
    assert laptop.commit("prod/main") == laptop.commit()
    assert "topic" not in laptop.run("git", "branch", "-r").stdout, "nothing of it is up there"

    laptop.write("app.py", "three")
    failed = laptop.push("main", "topic", SHIP_TEST_STATUS="6")
    assert failed.returncode == 1
    assert "! [remote rejected] main -> main (check failed)" in failed.stderr


def test_the_lines_that_are_advised_deploy_what_was_meant(laptop: Laptop) -> None:
    assert laptop.push("main").returncode == 0
    laptop.run("git", "checkout", "-q", "-b", "topic")
    tagged = laptop.write("app.py", "tagged")
    laptop.run("git", "tag", "-a", "-m", "one", "v1")
    laptop.run("git", "tag", "v2")

    def follow(*refspecs: str) -> dict[str, str]:
        refused = laptop.push(*refspecs)
        assert refused.returncode == 1
        *_, line = re.findall(r"^remote: +! +(git push prod .*?) *$", refused.stderr, re.MULTILINE)
        done = laptop.run("bash", "-c", line, check=False)
        assert done.returncode == 0, line + done.stderr
        return laptop.server_refs()

    assert follow("v1", "v2") == {MAIN: tagged}
    more = laptop.write("app.py", "more")
    assert follow("topic") == {MAIN: more}


def test_submodules_are_a_failed_build(laptop: Laptop) -> None:
    laptop.run("git", "update-index", "--add", "--cacheinfo", f"160000,{laptop.commit()},lib")
    laptop.run("git", "commit", "-q", "-m", "with a submodule")
    assert "! [remote rejected] main -> main (build failed)" in laptop.push("main").stderr


def test_push_of_what_is_there_is_up_to_date_and_force_deploys_it(laptop: Laptop) -> None:
    assert laptop.push("main").returncode == 0
    again = laptop.push("main")
    assert (again.returncode, again.stderr) == (0, "Everything up-to-date\n")
    assert len(laptop.calls()) == 2

    forced = laptop.push("-o", "force", "main")
    commit = laptop.commit()
    assert forced.returncode == 0, forced.stderr
    assert f"-----> Nothing new was pushed: taking {commit[:7]} of main again" in forced.stderr
    assert laptop.calls()[2].endswith(f"--commit {commit} --old {commit} --force")
    assert laptop.push("-o", "force", "main", SHIP_TEST_STATUS="4").returncode == 1
    assert laptop.server_refs() == {MAIN: commit}


@pytest.mark.usefixtures("receiver")
def test_push_options_reach_the_deploy(laptop: Laptop) -> None:
    assert laptop.push("-o", "force", "main").returncode == 0
    assert laptop.calls()[0].endswith("--force")


def test_forced_push_replaces_history(laptop: Laptop) -> None:
    assert laptop.push("main").returncode == 0
    laptop.run("git", "commit", "-q", "--amend", "-m", "another history")
    assert "non-fast-forward" in laptop.push("main").stderr
    assert laptop.push("--force", "main").returncode == 0
    assert laptop.server_refs() == {MAIN: laptop.commit()}


def test_clone_and_fetch(laptop: Laptop, tmp_path: Path) -> None:
    assert laptop.push("main").returncode == 0
    laptop.run("git", "clone", "-q", f"ship@vps:{laptop.repo}", str(tmp_path / "clone"))
    assert (tmp_path / "clone/app.py").read_text() == "print('v1')\n"


def test_shallow_clone_hears_what_is_missing(laptop: Laptop, tmp_path: Path) -> None:
    laptop.write("app.py", "two")
    shallow = tmp_path / "shallow"
    laptop.run("git", "clone", "-q", "--depth=1", f"file://{laptop.checkout}", str(shallow))
    url = f"ship@vps:{laptop.repo}"
    refused = laptop.run("git", "push", url, "main", cwd=shallow, check=False)
    assert "git fetch --unshallow" in refused.stderr
    assert "(shallow update not allowed)" in refused.stderr


def test_log_is_live(laptop: Laptop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    push = laptop.start_push("main", SHIP_TEST_GATE=str(gate))
    assert push.stdout
    with push, push.stdout as lines:
        while "app.py" not in lines.readline():
            assert push.poll() is None
        assert laptop.calls()[-1] != "ended"
        gate.touch()
        assert "Deployed" in lines.read()
    assert push.returncode == 0


@pytest.mark.parametrize("status", ["0", "4"])
def test_client_that_hangs_up_stops_nothing(status: str, laptop: Laptop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    push = laptop.start_push("main", SHIP_TEST_GATE=str(gate), SHIP_TEST_STATUS=status)
    with push:
        wait_until(gate.with_name("gate.waiting").exists)
        push.kill()
    gate.touch()
    wait_until(lambda: laptop.calls()[-1] == "ended")
    after = {MAIN: laptop.commit()} if status == "0" else {}
    wait_until(lambda: laptop.server_refs() == after)


def _receive_pack_of(push: subprocess.Popen[str]) -> int:
    """Return the pid of the process that serves this push: the client's child."""
    children = Path(f"/proc/{push.pid}/task/{push.pid}/children")
    return int(children.read_text().split()[0])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_deploy_survives_the_end_of_receive_pack(
    how: signal.Signals, laptop: Laptop, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    push = laptop.start_push("main", SHIP_TEST_GATE=str(gate))
    with push:
        wait_until(gate.with_name("gate.waiting").exists)
        os.kill(_receive_pack_of(push), how)
        push.communicate(timeout=20)
    assert push.returncode != 0
    assert laptop.calls()[-1] != "ended"
    gate.touch()  # whether it can write its log is its own affair: in real life that is a file
    assert laptop.server_refs() == {MAIN: laptop.commit()}
    assert not leftovers(laptop.repo)


class TestRestoreRef:
    def test_not_if_somebody_moved_it_since(self, laptop: Laptop) -> None:
        first = laptop.commit()
        assert laptop.push("main").returncode == 0
        second = laptop.write("app.py", "two")
        assert laptop.push("main").returncode == 0
        assert not git.restore_ref(laptop.repo, MAIN, first, None)
        assert laptop.server_refs() == {MAIN: second}
        assert git.restore_ref(laptop.repo, MAIN, second, first)
        assert laptop.server_refs() == {MAIN: first}
        assert git.restore_ref(laptop.repo, MAIN, first, None)
        assert laptop.server_refs() == {}


def test_a_name_is_resolved_to_its_commit(laptop: Laptop) -> None:
    assert laptop.push("main").returncode == 0
    commit = git.resolve_commit(laptop.repo, "main")
    assert commit == laptop.commit()
    assert git.resolve_commit(laptop.repo, "none") is None


def test_repository_is_made_once_and_kept(laptop: Laptop) -> None:
    git.set_head_branch(laptop.repo, "production")
    before = (laptop.repo / "config").read_text()
    git.create_repo(laptop.repo, hooks=HOOKS)
    assert (laptop.repo / "config").read_text() == before
    assert git.head_branch(laptop.repo) == "production"


def test_bad_branch_name(laptop: Laptop) -> None:
    with pytest.raises(GitError, match="not a name"):
        git.set_head_branch(laptop.repo, "a..b")


def test_checked_commit_goes_as_it_came(laptop: Laptop) -> None:
    before = laptop.commit()
    assert laptop.push("main").returncode == 0
    kept = objects(laptop.repo)
    checked = laptop.write("app.py", "print('v2')\n")
    pushed = laptop.push("-o", "check", "main")
    assert pushed.returncode == 0, pushed.stderr
    assert "main -> refs/ship/checked" in pushed.stderr
    assert laptop.calls()[-2] == (
        f"called: push --app blog --key laptop --ref {MAIN} --commit {checked} --old "
        f"{before} --check"
    )
    assert laptop.server_refs() == {MAIN: before}
    assert objects(laptop.repo) == kept
    assert laptop.commit("prod/main") == before
    refused = laptop.push("-o", "check", "main", SHIP_TEST_STATUS="6")
    assert refused.returncode == 1
    assert "! [remote rejected] main -> main (check failed)" in refused.stderr


def test_first_push_can_be_a_check_and_chooses_no_branch(laptop: Laptop) -> None:
    assert laptop.push("-o", "check", "main:master").returncode == 0
    assert laptop.server_refs() == {}
    assert git.head_branch(laptop.repo) == "main"


def test_tip_that_is_there_already_is_checked_when_nothing_is_new(laptop: Laptop) -> None:
    assert laptop.push("main").returncode == 0
    again = laptop.push("-o", "check", "main")
    assert again.returncode == 0
    assert "Nothing new was pushed: taking" in again.stderr
    assert laptop.calls()[-2].endswith("--check")


def test_client_that_cannot_be_told_of_another_ref_is_refused(
    laptop: Laptop, tmp_path: Path
) -> None:
    """git before 2.29 knows report-status alone: an ok would have it take its branch for pushed."""
    scratch = Scratch(tmp_path / "scratch")
    blob = scratch.store("blob", b"print(1)\n")
    tree = scratch.tree((b"100644", b"app.py", blob))
    commit = scratch.commit(tree)
    told = commands((ABSENT, commit, MAIN), capabilities=b"report-status push-options")
    stream = told + pkt_seq(b"check") + scratch.pack(blob, tree, commit)
    done = push_bytes("ship", laptop.repo, stream, **_for_driver(laptop))
    report, _ = parse_answer(done.stdout)
    assert report == ["unpack ok", f"ng {MAIN} nothing failed, nothing was released"]
    assert laptop.server_refs() == {}


def _for_driver(laptop: Laptop) -> dict[str, str]:
    return {name: text for name, text in laptop.environment.items() if name.startswith("SHIP_")}
