"""Where a command acts, and which app it means."""

from pathlib import Path

import pytest

from receiver.cli import place
from receiver.cli.checkout import Checkout, Destination
from receiver.cli.context import Environment
from receiver.cli.place import Here, Said, choose_app, choose_place
from receiver.model.errors import ShipError


class Remotes(Checkout):
    """A checkout of which only its remotes are asked for."""

    def __init__(self, **urls: str) -> None:
        self._urls = urls

    def urls(self) -> dict[str, str]:
        return self._urls


VPS = Remotes(prod="ship@vps:blog", origin="git@github.com:me/blog.git")
TWO = Remotes(prod="ship@vps:blog", staging="ship@vps:blog-staging")
LOCAL = Remotes(prod="http://127.0.0.1:8080/git/blog.git")
NOTHING = Remotes()


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """A laptop without any server."""
    monkeypatch.setattr(place, "is_vps", lambda: False)
    return Environment(
        app=None,
        server=None,
        root=None,
        home=tmp_path / "home",
        user="me",
        is_root=False,
        program=tmp_path / "program" / "bin",
        term="dumb",
        types=False,
        has_terminal=False,
        variables={},
    )


def reason(function: object, *arguments: object) -> ShipError:
    with pytest.raises(ShipError) as caught:
        function(*arguments)  # type: ignore[operator]  # one of the two functions above
    return caught.value


def test_the_app_is_named_chosen_or_the_only_one(around: Environment) -> None:
    assert choose_app(Said("named", "prod"), around, VPS) == "named"
    assert choose_app(Said(None, "staging"), around._replace(app="x"), TWO) == "blog-staging"
    assert choose_app(Said(), around._replace(app="from-env"), VPS) == "from-env"
    assert choose_app(Said(), around, VPS) == "blog"


def test_two_apps_are_listed_with_how_to_choose(around: Environment) -> None:
    error = reason(choose_app, Said(), around, TWO)
    assert error.reason == "usage/several-remotes"
    assert error.detail == "prod  (blog)\nstaging  (blog-staging)"
    assert error.advice == "Say which one: `--remote prod`, or `--app blog`."


def test_two_remotes_of_one_app_are_no_question(around: Environment) -> None:
    same = Remotes(prod="ship@vps:blog", ship="ship@vps:blog.git")
    assert choose_app(Said(), around, same) == "blog"


def test_no_app_at_all(around: Environment) -> None:
    assert reason(choose_app, Said(), around, NOTHING).reason == "usage/no-app"
    assert reason(choose_app, Said(), around, None).reason == "usage/no-app"


def test_a_remote_that_is_none_lists_those_that_are(around: Environment) -> None:
    error = reason(choose_app, Said(None, "prdo"), around, TWO)
    assert (error.reason, error.exit_code) == ("not-found/remote", 20)
    assert error.detail == "Remotes of this checkout: prod, staging."
    assert reason(choose_app, Said(None, "origin"), around, VPS).detail.startswith("It leads to")


def test_what_is_said_goes_before_what_lies_around(around: Environment) -> None:
    told = around._replace(root=Path("/r"), server="other")
    assert choose_place(Said(None, "prod"), told, VPS) == Destination("ship@vps")
    assert choose_place(Said(), told, VPS) == Here(Path("/r"))
    assert choose_place(Said(), told._replace(root=None), VPS) == Destination("ship@other")
    assert choose_place(Said(), around, VPS) == Destination("ship@vps")


def test_a_server_means_itself(around: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "is_vps", lambda: True)
    assert choose_place(Said(), around, NOTHING) == Here(None)
    assert choose_place(Said(), around, VPS) == Here(None)


def test_a_named_app_leads_to_its_server(around: Environment) -> None:
    apart = Remotes(prod="ship@one:blog", staging="ship@two:blog-staging")
    assert choose_place(Said("blog-staging"), around, apart) == Destination("ship@two")
    assert choose_place(Said("third"), around, TWO) == Destination("ship@vps")
    assert reason(choose_place, Said("third"), around, apart).reason == "usage/several-remotes"


@pytest.mark.parametrize("folder", ["home/.ship", "."])
def test_an_embedded_server_is_found_where_it_usually_lies(
    around: Environment, tmp_path: Path, folder: str
) -> None:
    root = (tmp_path / folder).resolve()
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "ship.toml").touch()
    assert choose_place(Said(), around, LOCAL) == Here(root)
    assert choose_place(Said(), around, NOTHING) == Here(root)


def test_no_server_at_all(around: Environment) -> None:
    assert reason(choose_place, Said(), around, NOTHING).reason == "server/none"
    assert "over HTTP" in reason(choose_place, Said(), around, LOCAL).detail
