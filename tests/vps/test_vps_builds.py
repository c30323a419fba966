"""Builds that somebody leaves, stops, or overtakes: each ends as it should, and nothing is left."""

import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.vps.pages import page, slow_build
from tests.vps.ship_server import ShipServer, Site, end_group
from tests.vps.visitors import Visitors

BROKEN = page("broken") | {"app.py": "import missing_things\n" + page("broken")["app.py"]}

KILL_ALL = """
until grep -qs StopSlot /var/lib/ship/apps/slow/journal/undo.jsonl; do sleep 0.02; done
systemctl kill --signal=KILL 'ship-deploy.slow.*.scope'
pkill -KILL -f '[s]hip-deploy push --app slow'
pkill -KILL -f '[s]hip-gate'
"""
"""Ends the deploy in its handover, and whoever follows it."""

EATER = "kept = []\nwhile True:\n    kept.append(bytearray(b'x') * 10_000_000)\n"


@pytest.fixture(scope="module")
def slow(ship_server: ShipServer) -> Site:
    return ship_server.site("slow")


@pytest.fixture
def building(slow: Site) -> Iterator["subprocess.Popen[str]"]:
    """A push whose build takes three seconds or so and has begun; the site says `before`
    meanwhile."""
    slow.publish("before")
    slow.commit(slow_build("after", 1))
    push = slow.start_push()
    read_until(push, "-----> Installing")
    yield push
    if push.poll() is None:
        end_group(push, signal.SIGKILL)


def read_until(push: "subprocess.Popen[str]", text: str) -> str:
    """Read what a push says up to a line with this text."""
    seen = ""
    for line in push.stdout or ():
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text} was never said in:\n{seen}")


def test_a_deploy_goes_on_when_the_one_who_pushed_hangs_up(
    slow: Site, building: "subprocess.Popen[str]"
) -> None:
    end_group(building, signal.SIGKILL)
    assert slow.page() == "before"
    slow.server.machine.wait_until(lambda: slow.page() == "after", "serves what was pushed", 60)
    slow.server.machine.wait_until(lambda: not slow.leftovers(), "has cleared up", 20)
    assert slow.remote_head() == slow.git("rev-parse", "HEAD").stdout.strip()
    assert f"v{slow.live()} is live" in slow.ship("releases:output").stdout


def test_a_build_is_cancelled_and_nothing_is_left_of_it(
    slow: Site, building: "subprocess.Popen[str]"
) -> None:
    before = slow.git("rev-parse", "HEAD~1").stdout.strip()
    cancelled = slow.ship("builds:cancel")
    assert "is being stopped." in cancelled.stdout + cancelled.stderr
    said, _ = building.communicate(timeout=60)
    assert building.returncode == 1
    assert "! [remote rejected] main -> main (build cancelled)" in said
    assert (slow.page(), slow.remote_head()) == ("before", before)
    assert slow.leftovers() == []
    assert len(slow.server.root("ps -o pid= -u ship-slow").splitlines()) == 3  # master, two workers
    assert slow.ship("builds:cancel", check=False).returncode == 20


@pytest.mark.parametrize("second_works", [True, False])
def test_the_second_of_two_pushes_waits_and_both_verdicts_are_right(
    slow: Site, building: "subprocess.Popen[str]", *, second_works: bool
) -> None:
    first = slow.git("rev-parse", "HEAD").stdout.strip()
    second = slow.commit(page("second") if second_works else BROKEN)
    pushed = slow.push()
    said, _ = building.communicate(timeout=60)
    assert building.returncode == 0, said
    assert "main -> main" in said
    assert f"Waiting for the deploy of {first[:7]} by laptop (process " in pushed.text
    assert pushed.status == (0 if second_works else 1)
    assert slow.page() == ("second" if second_works else "after")
    assert slow.remote_head() == (second if second_works else first)
    assert slow.leftovers() == []


def test_a_push_that_waited_for_a_broken_one_goes_live(slow: Site) -> None:
    slow.publish("before")
    slow.commit(slow_build("unused", 1) | {"app.py": BROKEN["app.py"]})
    first = slow.start_push()
    read_until(first, "-----> Installing")
    slow.publish("after a broken one")
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "! [remote rejected] main -> main (check failed)" in said
    assert slow.page() == "after a broken one"
    assert slow.remote_head() == slow.git("rev-parse", "HEAD").stdout.strip()
    assert slow.leftovers() == []


def test_a_build_that_eats_memory_is_killed_alone_and_explained(slow: Site) -> None:
    settings = "/etc/ship/ship.toml"
    slow.publish("before")
    slow.server.root(
        f"cp -p {settings} {settings}.kept; sed -i '1i build_memory = \"300M\"' {settings}"
    )
    try:
        slow.commit(page("after") | {"big/setup.py": EATER, "requirements.txt": "./big\n"})
        with Visitors(slow) as visitors:
            pushed = slow.push()
    finally:
        slow.server.root(f"mv {settings}.kept {settings}")
    assert pushed.status == 1
    assert "The build was killed: it used more than 300 MiB of memory." in pushed.text
    assert "! [remote rejected] main -> main (build failed)" in pushed.text
    assert visitors.lost == []
    assert set(visitors.pages) == {"before"}
    assert slow.page() == "before"
    assert slow.leftovers() == []


def test_a_deploy_that_is_killed_with_all_who_follow_it_is_undone_at_the_end_of_its_unit(
    slow: Site,
) -> None:
    before = slow.publish("before")
    slow.commit(page("after") | {"requirements.txt": "# other packages\n"})
    push = slow.start_push()
    slow.server.machine.run(KILL_ALL)
    said, _ = push.communicate(timeout=60)
    assert push.returncode, said
    slow.server.machine.wait_until(lambda: not slow.leftovers(), "has been undone", 20)
    assert {slow.page() for _ in range(10)} == {"before"}
    assert slow.remote_head() == before
    slots = slow.server.root("systemctl list-units --plain --no-legend 'ship-slow.web@*'")
    assert len(slots.splitlines()) == 1, slots
    failed = slow.server.root("systemctl list-units --failed --plain --no-legend 'ship-recover*'")
    assert failed == ""
    slow.publish("again")


def test_a_check_over_ssh_moves_nothing_on_either_side(slow: Site) -> None:
    before = slow.publish("before")
    slow.commit(page("after"))
    checked = slow.push("-o", "check", "main")
    assert checked.status == 0, checked.text
    assert "Nothing was released: v" in checked.text
    assert "main -> refs/ship/checked" in checked.text
    assert (slow.page(), slow.remote_head()) == ("before", before)
    assert slow.git("rev-parse", "prod/main").stdout.strip() == before
    assert slow.leftovers() == []
    slow.commit(BROKEN)
    refused = slow.push("-o", "check", "main")
    assert refused.status == 1
    assert "! [remote rejected] main -> main (check failed)" in refused.text
    assert (slow.page(), slow.remote_head()) == ("before", before)
    again = slow.push("-o", "check", f"{before}:main")
    assert again.status == 0, again.text
    assert "Nothing new was pushed: taking" in again.text
    assert slow.leftovers() == []
