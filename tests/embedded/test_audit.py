"""What the audit of a real embedded server tells: commands, pushes both ways, refusals, and
never a value."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from receiver.access import audit
from tests.embedded.embedded_server import wait_until
from tests.embedded.keyboard import SHIP
from tests.embedded.office import Office, open_office

pytestmark = pytest.mark.embedded

SECRET = "s3cr3t-that-is-nowhere"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        opened.key("lead", blog="manage")
        opened.key("viewer", blog="view")
        yield opened


def told(office: Office, *options: str) -> list[dict[str, Any]]:
    done = office.owner("audit", "--json", *options)
    assert done.status == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


def newest(office: Office, *options: str) -> dict[str, Any]:
    return told(office, "-n", "1", *options)[0]


def raw(office: Office) -> bytes:
    return b"".join(path.read_bytes() for path in audit.segments(office.server.layout))


def test_a_change_is_told_with_who_from_where_and_what_came_of_it(office: Office) -> None:
    done = office.run(
        "lead",
        str(SHIP.with_name("ship-gate")),
        "--key",
        "lead",
        SSH_ORIGINAL_COMMAND=f"config:set -a blog TOKEN={SECRET} OTHER=b",
        SSH_CLIENT="203.0.113.7 4711 22",
    )
    assert done.status == 0, done.err
    found = newest(office)
    assert (found["key"], found["from"], found["app"], found["command"]) == (
        "lead",
        "203.0.113.7",
        "blog",
        "config:set",
    )
    assert (found["status"], found["words"], found["refused"]) == (0, [], False)
    assert found["result"].startswith("Set ")
    assert "OTHER, TOKEN" in found["result"]
    assert found["ended_at"] >= found["at"]
    assert SECRET.encode() not in raw(office)


def test_values_that_are_read_are_told_by_name(office: Office) -> None:
    assert office.ask("lead", "config:set -a blog --no-restart PENDING=x").status == 0
    for line, words in (
        ("config:get -a blog PENDING", ["PENDING"]),
        ("config -a blog", []),
        ("releases:info -a blog", []),
    ):
        assert office.ask("lead", line).status == 0
        found = newest(office)
        assert (found["command"], found["words"], found["key"]) == (line.split()[0], words, "lead")
    count = len(told(office, "-n", "1000"))
    for line in ("releases:info -a blog", "logs -a blog -n 1", "ps -a blog", "apps", "whoami"):
        assert office.ask("viewer", line).status == 0
    assert len(told(office, "-n", "1000")) == count


def test_a_value_that_stands_where_a_name_belongs_is_not_told(office: Office) -> None:
    for key, line in (
        ("lead", f"config:get -a blog TOKEN={SECRET}"),
        ("lead", f"config:unset -a blog TOKEN '{SECRET} and more'"),
        ("viewer", f"config:unset -a blog TOKEN={SECRET}"),
    ):
        assert office.ask(key, line).status in {2, 21}
        found = newest(office)
        assert (found["command"], found["words"][-1]) == (line.split()[0], "...")
    assert SECRET.encode() not in raw(office)


def test_a_run_is_told_with_its_command_and_exit_code(office: Office) -> None:
    assert office.ask("lead", "run -a blog -- sh -c 'exit 7'").status == 7
    found = newest(office)
    assert (found["command"], found["words"], found["status"]) == ("run", ["sh", "-c", "exit 7"], 7)
    assert "exit code 7" in office.owner("audit", "-n", "1").out


@pytest.mark.parametrize("way", ["ssh", "http"])
def test_pushes_are_told_and_so_are_those_that_were_refused(office: Office, way: str) -> None:
    def target(key: str, app: str) -> str:
        return f"ship@vps:{app}" if way == "ssh" else office.address(key, app)

    office.git("lead", "commit", "-q", "--allow-empty", "-m", way)
    pushed = office.git("lead", "push", target("lead", "blog"), "main")
    assert pushed.status == 0, pushed.err
    found = newest(office)
    commit = office.git("lead", "rev-parse", "HEAD").out[:12]
    assert (found["key"], found["command"], found["words"]) == (
        "lead",
        "git push",
        ["main", commit],
    )
    assert (found["status"], found["from"]) == (0, None if way == "ssh" else "127.0.0.1")
    assert found["result"].startswith(f"Deploy {commit[:7]}, v")
    office.git("viewer", "push", target("viewer", "blog"), "main")
    found = newest(office)
    assert (found["key"], found["command"], found["app"]) == ("viewer", "git push", "blog")
    assert (found["refused"], found["status"], found["reason"]) == (True, 21, "access/not-granted")
    office.git("viewer", "clone", target("viewer", "shop"), f"none-{way}")
    found = newest(office)
    assert (found["command"], found["app"], found["reason"]) == (
        "git fetch",
        "shop",
        "not-found/app",
    )


def test_a_failed_change_and_a_refused_command_are_told(office: Office) -> None:
    assert office.ask("lead", "rollback v999 -a blog").status == 20
    found = newest(office)
    assert (found["command"], found["status"], found["reason"]) == (
        "releases:rollback",
        20,
        "not-found/release",
    )
    assert office.ask("viewer", "run -a blog -- cat secrets").status == 21
    found = newest(office)
    assert (found["command"], found["words"], found["refused"]) == ("run", ["cat", "secrets"], True)
    assert office.ask("lead", "apps:create another").status == 21
    assert (newest(office)["command"], newest(office)["reason"]) == (
        "apps:create",
        "access/not-granted",
    )


def test_the_owner_is_told_by_the_name_of_the_account(office: Office) -> None:
    assert office.owner("access:add", "viewer", "view", "-a", "blog").status == 0
    found = newest(office)
    assert (found["key"], found["words"]) == (None, ["viewer", "view"])
    assert found["user"]


def test_a_change_that_was_killed_began_and_did_not_end(office: Office) -> None:
    running = subprocess.Popen(
        (str(SHIP), "run", "-a", "blog", "--", "sleep", "60"),
        env=office.environment(""),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: newest(office)["words"] == ["sleep", "60"])
    assert newest(office)["status"] is None
    os.killpg(running.pid, signal.SIGKILL)
    running.wait(20)
    assert (newest(office)["status"], newest(office)["ended_at"]) == (None, None)
    assert office.owner("audit", "-n", "1").out.rstrip().endswith("began")


def test_each_is_shown_what_it_manages(office: Office) -> None:
    assert office.ask("boss", "apps:lock -a shop -m hidden-reason").status == 0
    assert office.ask("boss", "apps:unlock -a shop").status == 0
    seen = office.ask("lead", "audit -n 1000")
    assert "config:set" in seen.out
    assert "hidden-reason" not in seen.out
    assert "shop" not in seen.out
    assert office.ask("viewer", "audit").out == ""
    assert office.ask("viewer", "audit -a blog").status == 21
    assert office.ask("lead", "audit -a shop").status == 20
    assert "hidden-reason" in office.ask("boss", "audit -n 1000").out
    assert office.ask("lead", "audit:verify").status == 21


def test_what_is_told_can_be_chosen(office: Office) -> None:
    office.ask("boss", "apps:lock -a shop")
    office.ask("boss", "apps:unlock -a shop")
    assert {each["app"] for each in told(office, "-a", "shop")} == {"shop"}
    assert {each["key"] for each in told(office, "--key", "boss")} == {"boss"}
    assert told(office, "--since", "2030-01-01") == []
    assert len(told(office, "--since", "1h", "-n", "3")) == 3
    assert office.owner("audit", "--since", "yesterdayish").status == 2


def test_the_chain_holds_and_a_changed_line_is_found(office: Office) -> None:
    office.ask("lead", "config -a blog")  # a line of lead's, in any order of tests
    verified = office.ask("boss", "audit:verify")
    assert verified.status == 0, verified.err
    assert office.ask("boss", f"audit:verify --head {verified.out.strip()}").status == 0
    assert office.ask("boss", f"audit:verify --head {'0' * 64}").status == 8
    path = audit.segments(office.server.layout)[0]
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"key":"lead"', b'"key":"boss"', 1))
    broken = office.ask("boss", "audit:verify")
    assert (broken.status, "(server/audit-changed)" in broken.err) == (8, True)
    path.write_bytes(before)


def test_it_is_followed_as_it_grows(office: Office) -> None:
    following = subprocess.Popen(
        (str(SHIP), "audit", "-t", "-n", "1"),
        env=office.environment(""),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout is not None
    assert following.stdout.readline()  # the last that was there: it follows by now
    office.owner("apps:lock", "shop", "-m", "followed")
    began = following.stdout.readline()
    assert "followed" in began
    assert began.rstrip().endswith("began")
    assert following.stdout.readline().rstrip().endswith("ok")
    following.terminate()
    following.wait(20)
    following.stdout.close()
    office.owner("apps:unlock", "shop")
