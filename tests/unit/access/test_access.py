"""Grants: which hold which, where they lie, and that an app which may not be seen is answered as
one that is not there."""

import json
import stat
from pathlib import Path

import click
import pytest

from receiver.access import grants as access
from receiver.access import keys
from receiver.cli.call import Call
from receiver.cli.command import Command
from receiver.cli.commands.access import parse_granted
from receiver.cli.context import read_environment
from receiver.cli.main import program
from receiver.model.catalogue import COMMANDS
from receiver.model.errors import ShipError, UsageError
from receiver.model.grant import GRANTS, Grant, higher, parse_grant, suffices
from receiver.model.layout import Layout
from receiver.model.names import AppName
from tests.door import LINES

NOW = "2026-01-01T00:00:00Z"
BLOG, SHOP = AppName("blog"), AppName("shop")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Two apps, an admin, and a token without any grant."""
    found = Layout.embedded(tmp_path)
    found.keys.mkdir(parents=True)
    for app in (BLOG, SHOP):
        found.app(app).home.mkdir(parents=True)
        found.app(app).settings.write_text("port = 1\nport_a = 2\nport_b = 3\n")
    keys.add_token(found, "boss", NOW)
    keys.add_token(found, "ci", NOW)
    return found


def test_each_grant_holds_those_before_it() -> None:
    for at, held in enumerate(GRANTS):
        assert [needed for needed in GRANTS if suffices(held, needed)] == list(GRANTS[: at + 1])
        assert higher(None, held) == higher(held, None) == held
    assert suffices(None, "nothing")
    assert not any(suffices(None, needed) for needed in GRANTS)
    assert higher("view", "manage") == higher("manage", "view") == "manage"


@pytest.mark.parametrize(
    ("typed", "meant"), [("view", "view"), ("deploy,view", "deploy"), ("view, manage", "manage")]
)
def test_a_grant_as_it_is_typed(typed: str, meant: Grant) -> None:
    assert parse_grant(typed) == meant


@pytest.mark.parametrize("typed", ["", "operate", "Deploy", "deploy;admin", "deploy,"])
def test_what_is_no_grant_is_refused(typed: str) -> None:
    with pytest.raises(ShipError) as caught:
        parse_grant(typed)
    assert caught.value.reason == "usage/bad-grant"


def test_grants_of_a_new_key() -> None:
    assert parse_granted("blog=deploy") == (BLOG, "deploy")
    assert parse_granted("*=view") == (None, "view")
    for text, reason in (
        ("deploy", "usage/bad-grant"),
        ("blog=", "usage/bad-grant"),
        ("Bl=view", "usage/bad-app-name"),
        ("blog=admin", "usage/admin-of-an-app"),
    ):
        with pytest.raises(ShipError) as caught:
            parse_granted(text)
        assert caught.value.reason == reason


def test_a_grant_is_for_its_app_alone(layout: Layout) -> None:
    keys.grant_app(layout, "ci", BLOG, "deploy")
    assert access.held(layout, "ci", BLOG) == "deploy"
    assert access.held(layout, "ci", SHOP) is None
    assert access.visible(layout, "ci", [BLOG, SHOP]) == [BLOG]
    assert access.visible(layout, "boss", [BLOG, SHOP]) == [BLOG, SHOP]
    assert access.visible(layout, None, [BLOG, SHOP]) == [BLOG, SHOP]
    assert access.visible(layout, "gone", [BLOG, SHOP]) == []
    keys.grant_everywhere(layout, "ci", "view")
    assert (access.held(layout, "ci", BLOG), access.held(layout, "ci", SHOP)) == ("deploy", "view")
    keys.grant_app(layout, "ci", BLOG, None)
    assert access.held(layout, "ci", BLOG) == "view"
    assert not layout.app(BLOG).access.exists()


def test_what_is_unknown_and_what_may_not_be_seen_is_told_in_the_same_words(layout: Layout) -> None:
    keys.grant_app(layout, "ci", BLOG, "view")
    told = []
    for app in (SHOP, AppName("shoe")):
        with pytest.raises(ShipError) as caught:
            access.admit(layout, "ci", app, "view")
        told.append(json.dumps(caught.value.fields()).replace(app, "APP"))
    assert told[0] == told[1]
    assert "shop" not in told[1]
    with pytest.raises(ShipError) as typo:
        access.admit(layout, "ci", AppName("blig"), "view")
    assert typo.value.detail == "Did you mean blog?"


def test_what_is_seen_and_not_allowed_is_told_as_such(layout: Layout) -> None:
    keys.grant_app(layout, "ci", BLOG, "view")
    access.admit(layout, "ci", BLOG, "view")
    for needed in ("deploy", "manage", "admin"):
        with pytest.raises(ShipError) as caught:
            access.admit(layout, "ci", BLOG, needed)
        assert (caught.value.reason, caught.value.exit_code) == ("access/not-granted", 21)
        assert f"ship access:add ci {needed} -a blog" in caught.value.advice
    with pytest.raises(ShipError) as caught:
        access.admit_to_server(layout, "ci")
    assert caught.value.reason == "access/not-granted"
    access.admit_to_server(layout, "boss")


def test_who_may_manage_every_app_is_no_admin(layout: Layout) -> None:
    keys.grant_everywhere(layout, "ci", "manage")
    access.admit(layout, "ci", SHOP, "manage")
    with pytest.raises(ShipError):
        access.admit_to_server(layout, "ci")
    with pytest.raises(ShipError) as unknown:
        access.admit(layout, "ci", AppName("none"), "view")
    assert unknown.value.reason == "not-found/app"


def test_an_app_that_is_gone_takes_its_grants_along(layout: Layout) -> None:
    keys.grant_app(layout, "ci", BLOG, "manage")
    layout.app(BLOG).home.rename(layout.app(AppName("journal")).home)
    assert access.held(layout, "ci", BLOG) is None
    assert access.held(layout, "ci", AppName("journal")) == "manage"
    with pytest.raises(ShipError) as caught:
        keys.grant_app(layout, "ci", BLOG, "view")
    assert caught.value.reason == "not-found/app"


def test_grants_can_be_read_by_who_reads_keys_and_by_nobody_else(layout: Layout) -> None:
    keys.grant_app(layout, "ci", BLOG, "view")
    for path in (layout.app(BLOG).access, layout.key("ci")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert layout.app(BLOG).access.stat().st_gid == layout.keys.stat().st_gid


def test_nonsense_on_disk_lets_nobody_in(layout: Layout) -> None:
    layout.app(BLOG).access.write_text('{"ci": "everything", "boss": 7}')
    assert access.of_app(layout, BLOG) == {}
    assert access.held(layout, "ci", BLOG) is None


@pytest.mark.parametrize("name", COMMANDS)
def test_what_takes_a_grant_for_an_app_says_which_app(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert isinstance(command, Command)
    if command.row.needs in {"view", "deploy", "manage"}:
        assert command.of_app


def test_every_command_has_a_line_that_is_tried_at_the_door() -> None:
    """tests/door.py has one harmless line for each; the rings with a server try it with every
    grant."""
    assert set(LINES) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_acts_on_the_server_as_root_because_it_takes_no_grant(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert isinstance(command, Command)
    if command.row.acts == "checkout":
        call = Call(read_environment(), [], "ci")
        with pytest.raises(UsageError) as caught:
            command._admit(call, "ci", {}, whole=False)
        assert caught.value.reason == "usage/only-here"
    elif command.row.acts == "machine":
        assert command.row.needs == "admin"


def test_what_is_not_in_the_catalogue_is_no_command() -> None:
    """Nobody has said which grant it takes."""
    with pytest.raises(KeyError):
        Command("no-such-command")
