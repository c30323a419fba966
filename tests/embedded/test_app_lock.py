"""An app that somebody locked: no change of any kind goes through, by whom and over which way it
may come."""

import json
from collections.abc import Iterator

import pytest

from tests.embedded.embedded_server import ask
from tests.embedded.office import Office, open_office

pytestmark = pytest.mark.embedded

REASON = "The accounts are being closed."
CHANGES = (
    "config:set A=b",
    "config:set --no-restart A=b",
    "config:unset SECRET",
    "releases:rollback v1",
    "releases:retry",
    "ps:scale web=1",
    "ps:restart",
    "ps:stop",
    "ps:start",
    "checks:set path=/x",
    "buildpacks:set python",
    "maintenance:on",
    "maintenance:off",
    "apps:destroy --confirm blog",
    "apps:lock -m another",
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        opened.key("lead", blog="manage")
        yield opened


@pytest.fixture
def locked(office: Office) -> Iterator[Office]:
    made = office.ask("lead", f"apps:lock -a blog -m '{REASON}'")
    assert (made.status, made.err) == (0, "Locking blog... done\n")
    yield office
    undone = office.ask("lead", "apps:unlock -a blog")
    assert undone.err.startswith("Unlocking blog... done. It was locked by lead since 20")


def test_every_change_is_refused_with_who_since_when_and_why(locked: Office) -> None:
    before = locked.owner("releases", "-a", "blog", "--json").out
    for line in CHANGES:
        command, _, rest = line.partition(" ")
        for refused in (
            locked.ask("boss", f"{command} -a blog {rest}"),
            locked.owner(command, "-a", "blog", *rest.split()),
        ):
            assert (refused.status, "(locked/by-hand)" in refused.err) == (10, True), (
                line,
                refused,
            )
            assert "Locked by lead since 20" in refused.err
            assert REASON in refused.err
            assert "ship apps:unlock -a blog" in refused.err
    renamed = locked.ask("boss", "apps:rename -a blog journal")
    assert (renamed.status, "(locked/by-hand)" in renamed.err) == (10, True)
    assert locked.owner("releases", "-a", "blog", "--json").out == before
    assert "failed" not in locked.owner("releases", "-a", "blog").err


@pytest.mark.parametrize("way", ["ssh", "http"])
def test_a_push_is_refused_and_its_branch_goes_back(locked: Office, way: str) -> None:
    target = "ship@vps:blog" if way == "ssh" else locked.address("boss", "blog")
    before = locked.git("boss", "ls-remote", target, "refs/heads/main").out
    locked.git("boss", "commit", "-q", "--allow-empty", "-m", "more")
    pushed = locked.git("boss", "push", target, "main")
    assert (pushed.status, "main -> main (app is locked)" in pushed.err) == (1, True), pushed.err
    assert REASON in pushed.err
    assert locked.git("boss", "ls-remote", target, "refs/heads/main").out == before
    checked = locked.git("boss", "push", "-o", "check", target, "main")
    assert "app is locked" not in checked.err


def test_what_runs_and_what_only_looks_goes_on(locked: Office) -> None:
    server = locked.server
    status, text = ask(server.port, "blog.ship.test")
    assert (status, "one" in text) == (200, True)
    for line in (
        "logs -a blog -n 1",
        "ps -a blog",
        "releases -a blog",
        "config -a blog",
        "run -a blog -- true",
    ):
        seen = locked.ask("boss", line)
        assert seen.status == 0, (line, seen)
    assert "Locked:     by lead since" in locked.ask("boss", "apps:info -a blog").out
    assert locked.ask("boss", "access:add lead manage -a blog").status == 0


def test_scripts_ask_by_the_exit_code(office: Office) -> None:
    assert office.ask("lead", "apps:locked -a blog").status == 1
    assert office.owner("lock", "blog").status == 0
    found = office.ask("lead", "apps:locked -a blog --json")
    assert (found.status, json.loads(found.out)["reason"]) == (0, "")
    office.key("reader", blog="view")
    assert office.ask("reader", "apps:unlock -a blog").status == 21
    assert office.owner("unlock", "blog").status == 0
    assert office.owner("unlock", "blog").err == "blog was not locked.\n"


@pytest.mark.parametrize("reason", ["two\nlines", "a\x1b[31mcolour", "long" * 100])
def test_a_reason_is_one_line_that_can_be_shown(office: Office, reason: str) -> None:
    refused = office.owner("apps:lock", "blog", "-m", reason)
    assert (refused.status, "(usage/bad-lock-reason)" in refused.err) == (2, True)
    assert office.owner("apps:locked", "blog").status == 1
