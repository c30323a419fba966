"""What keys may do on a real embedded server: commands through the real gate, pushes and clones
over it and over HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.access import keys
from receiver.model.names import AppName
from tests import door
from tests.embedded.keyboard import SHIP, Typed
from tests.embedded.office import Office, open_office

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened


def test_a_new_key_may_do_nothing_and_is_told_so(office: Office) -> None:
    made = office.owner("keys:add", "--token", "fresh")
    assert (
        "fresh may do nothing yet. To let it push to blog: ship access:add fresh deploy -a blog"
        in made.err
    )
    assert office.ask("fresh", "whoami") == Typed(
        0,
        b"fresh  token\n",
        "It may do nothing yet. An admin can type: ship access:add fresh -a APP\n",
    )
    assert office.ask("fresh", "apps").out == ""
    assert json.loads(office.ask("fresh", "apps --json").out) == []
    for line in ("logs -a blog", "config -a blog", "apps:create fresh", "keys", "capacity"):
        assert office.ask("fresh", line).status in {20, 21}
    assert office.ask("fresh", "version").status == 0


@pytest.mark.parametrize(
    "line", ["logs", "config", "apps:destroy --confirm {app}", "apps:info --json", "git:remote"]
)
def test_what_may_not_be_seen_is_not_there(office: Office, line: str) -> None:
    name = "clerk-" + line.partition(" ")[0].replace(":", "-")
    office.key(name, blog="manage")
    command, _, rest = line.partition(" ")
    told = [
        office.ask(name, f"{command} -a {app} {rest.format(app=app)}") for app in ("shop", "shxp")
    ]
    assert [done.status for done in told] == [20, 20]
    assert told[0].err.replace("shop", "APP") == told[1].err.replace("shxp", "APP")
    assert "blog" not in told[0].err


def test_who_may_view_sees_no_value_of_a_config_var(office: Office) -> None:
    office.key("viewer", blog="view")
    for line in (
        "config",
        "config:get SECRET",
        "run:output run.1",
        "run -- env",
        "logs -p run.1",
        "plan",
    ):
        command, _, rest = line.partition(" ")
        refused = office.ask("viewer", f"{command} -a blog {rest}")
        assert (refused.status, refused.out) == (21, ""), line
        assert "(access/not-granted)" in refused.err
    for line in (
        "releases:info -a blog",
        "releases:info --json -a blog",
        "builds:output -a blog",
        "apps:info -a blog",
    ):
        seen = office.ask("viewer", line)
        assert seen.status == 0, seen.err
        assert "s3cr3t-value" not in seen.out + seen.err
    assert json.loads(office.ask("viewer", "releases:info --json -a blog").out)["config"] == {
        "SECRET": None
    }
    assert "s3cr3t-value" in office.ask("boss", "releases:info -a blog").out


@pytest.mark.parametrize("way", ["ssh", "http"])
def test_code_is_pushed_and_fetched_by_who_may_deploy(office: Office, way: str) -> None:
    for name, grants in {"pusher": {"blog": "deploy"}, "reader": {"blog": "view"}}.items():
        office.key(f"{name}-{way}", **grants)

    def address(name: str, app: str) -> str:
        return f"ship@vps:{app}" if way == "ssh" else office.address(f"{name}-{way}", app)

    def attempt(name: str, app: str) -> list[Typed]:
        key, target = f"{name}-{way}", address(name, app)
        clone = str(office.folder / f"{name}-{way}-{app}")
        return [
            office.git(key, "push", "-o", "force", target, "main"),
            office.git(key, "push", "-o", "check", target, "main"),
            office.git(key, "clone", "-q", target, clone),
            office.git(key, "ls-remote", target),
        ]

    assert [done.status for done in attempt("pusher", "blog")] == [0, 0, 0, 0]
    refused = attempt("reader", "blog")
    assert [done.status for done in refused] == [128, 128, 128, 128]
    assert all("may not do this to blog" in done.err for done in refused)
    for name in ("pusher", "reader"):
        unseen, unknown = attempt(name, "shop"), attempt(name, "shxp")
        assert [done.status for done in unseen] == [128] * 4
        assert [done.err.replace("shop", "APP") for done in unseen] == [
            done.err.replace("shxp", "APP") for done in unknown
        ]
    assert office.server.layout.repo(AppName("shop")).is_dir()


def test_root_does_not_take_the_gates_word(office: Office) -> None:
    """The account that receives could say any name to ship-deploy, but no more than that key may
    do."""
    office.key("weak", blog="view")
    commit = office.git("boss", "rev-parse", "HEAD").out.strip()
    argv = ("--ref", "refs/heads/main", "--commit", commit)
    deploy = str(SHIP.with_name("ship-deploy"))
    refused = office.run("", deploy, "push", "--app", "blog", "--key", "weak", *argv)
    assert (refused.status, "(access/not-granted)" in refused.out) == (21, True)
    unseen = office.run("", deploy, "push", "--app", "shop", "--key", "weak", *argv)
    assert (unseen.status, "(not-found/app)" in unseen.out) == (20, True)


def test_access_is_given_changed_and_taken_back(office: Office) -> None:
    office.key("lead", blog="manage")
    office.key("dev")
    assert office.ask("lead", "access:add dev -a blog").err == "dev may deploy blog.\n"
    assert office.ask("dev", "whoami").out == "dev   token\nblog  deploy\n"
    assert office.ask("dev", "access:add lead view -a blog").status == 21
    assert office.ask("lead", "access:update dev -p view -a blog").err == "dev may view blog.\n"
    listed = {
        it["key"]: it["grant"] for it in json.loads(office.ask("dev", "access --json -a blog").out)
    }
    assert (listed["boss"], listed["lead"], listed["dev"]) == ("admin", "manage", "view")
    assert (
        office.ask("lead", "access:remove dev -a blog").err
        == "dev may do nothing to blog any more.\n"
    )
    assert "(not-found/grant)" in office.ask("lead", "access:update dev view -a blog").err
    assert office.ask("dev", "ps -a blog").status == 20
    for line in (
        "doctor --all -a blog",
        "access:add dev view --all-apps",
        "access:add dev admin",
        "access:add dev -a shop",
    ):
        assert office.ask("lead", line).status in {20, 21}, line
    refused = office.ask("boss", "access:add dev admin -a blog")
    assert (refused.status, "(usage/admin-of-an-app)" in refused.err) == (2, True)
    assert office.ask("boss", "access:add dev view --all-apps").err == "dev may view every app.\n"
    seen = {line.split()[0] for line in office.ask("dev", "apps").out.splitlines()}
    assert {"blog", "shop"} <= seen  # another test has made more
    assert (
        office.ask("boss", "access:add dev admin").err
        == "dev is an admin of the server: it may do everything.\n"
    )
    assert office.ask("dev", "keys").status == 0
    assert office.ask("boss", "access:remove dev --all-apps").status == 0
    assert office.ask("dev", "keys").status == 21


def test_grants_follow_a_rename_and_end_with_the_app(office: Office) -> None:
    office.key("mover", shop="manage")
    assert office.ask("mover", "apps:rename -a shop store").status == 21  # names are the server's
    assert office.ask("boss", "apps:rename -a shop store").status == 0
    assert office.ask("mover", "whoami").out == "mover  token\nstore  manage\n"
    assert office.ask("mover", "apps:destroy -a store --confirm store").status == 0
    assert office.ask("boss", "apps:create shop").status == 0
    assert office.ask("boss", "apps:create store").status == 0
    assert office.ask("mover", "apps:info -a store").status == 20
    assert office.ask("boss", "apps:destroy -a store --confirm store").status == 0


def test_a_removed_key_is_out_at_once_and_its_name_bears_no_grants(office: Office) -> None:
    office.key("temp", blog="deploy")
    assert office.ask("temp", "ps -a blog").status == 0
    assert office.owner("keys:remove", "temp").status == 0
    assert office.ask("temp", "ps -a blog").status == 20
    assert office.git("temp", "ls-remote", "ship@vps:blog").status == 128
    office.key("temp")
    assert office.ask("temp", "ps -a blog").status == 20


def test_the_owner_at_the_keyboard_needs_no_key(office: Office) -> None:
    me = office.owner("whoami")
    assert (me.status, "you may do everything" in me.err) == (0, True)
    assert office.owner("access", "-a", "blog").status == 0


def test_two_grants_at_once_are_both_kept(office: Office) -> None:
    names = [office.key(f"many{number}") for number in range(6)]
    environment = office.environment("")
    running = [
        subprocess.Popen((str(SHIP), "access:add", name, "view", "-a", "blog"), env=environment)
        for name in names
    ]
    assert [process.wait(60) for process in running] == [0] * len(names)
    listed = json.loads(office.owner("access", "-a", "blog", "--json").out)
    assert set(names) <= {it["key"] for it in listed}


def test_a_key_that_comes_twice_is_not_made_more_of(office: Office) -> None:
    assert [key.name for key in keys.list_keys(office.server.layout)].count("boss") == 1
    again = office.owner("keys:add", "--token", "boss", "--admin")
    assert (again.status, "(exists/key)" in again.err) == (22, True)


def state(root: Path) -> dict[str, bytes]:
    """All files that say what the server is; not logs, locks and what runs."""
    folders = (root / "etc", root / "var" / "apps" / "doorway", root / "nginx")
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in found if path.suffix != ".log"}


def test_every_command_is_let_through_by_its_grant_and_by_none_below(office: Office) -> None:
    assert office.ask("boss", "apps:create doorway").status == 0
    for key, grant in door.KEYS.items():
        assert office.owner("keys:add", "--token", key).status == 0
        where = () if grant == "admin" else ("-a", "doorway")
        if grant is not None:
            assert office.owner("access:add", key, grant, *where).status == 0
    tried = list(door.lines("doorway"))
    before = state(office.server.root)
    refused = [line for line in tried if not line.passes]
    assert door.complaints(list(zip(refused, attempt(office, refused), strict=True))) == []
    assert state(office.server.root) == before
    passed = [line for line in tried if line.passes]
    assert door.complaints(list(zip(passed, attempt(office, passed), strict=True))) == []


def attempt(office: Office, lines: list[door.Line]) -> list[tuple[int, str]]:
    done = subprocess.run(
        (sys.executable, "-c", door.DRIVER),
        env=office.environment(""),
        cwd=office.folder,
        input=door.as_input(lines),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return [(status, text) for status, text in json.loads(done.stdout)]
