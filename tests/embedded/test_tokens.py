"""Tokens as somebody makes, uses and revokes them, by a real git over HTTP."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.access import keys
from receiver.model.grant import Grant
from receiver.model.names import AppName
from tests.embedded.embedded_server import NOW, EmbeddedServer, embedded_server
from tests.embedded.places import on_a_laptop

pytestmark = pytest.mark.embedded

APP, OTHER = "shop", "hidden"
PAGE = {"index.html": "pushed with a token", "static.json": "{}"}


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as running:
        assert running.token  # the first key is an admin's
        for app in (APP, OTHER):
            running.create(app)
        yield running


def listed(server: EmbeddedServer) -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in json.loads(server.ship("tokens", "--json").raw)}


def test_a_token_pushes_to_its_app_until_it_is_revoked(server: EmbeddedServer) -> None:
    added = server.ship("tokens:add", "ci", APP, "--expires", "90d")
    assert added.status == 0, added.err
    token = added.out.strip()
    assert "ci may deploy shop." in added.err
    assert f"git push http://ci:TOKEN@127.0.0.1:{server.port}/git/shop.git main" in added.err
    assert listed(server)["ci"]["apps"] == {APP: "deploy"}
    assert token not in server.ship("tokens").out
    checkout = server.checkout(APP)
    checkout.commit(PAGE)
    pushed = checkout.git("push", server.url(APP, token), "main")
    assert "v1 is live" in pushed.stderr
    helper = '!f() { echo username=ci; echo "password=$SHIP_TOKEN"; }; f'  # as docs/ci.md has it
    seen = checkout.git(
        *("-c", f"credential.helper={helper}", "ls-remote"),
        f"http://127.0.0.1:{server.port}/git/{APP}.git",
        environment={**checkout.environment, "SHIP_TOKEN": token},
    )
    assert "refs/heads/main" in seen.stdout
    unseen = checkout.git("ls-remote", server.url(OTHER, token), check=False)
    assert "There is no app hidden on this server." in unseen.stderr
    assert server.ship("tokens:remove", "ci").status == 0
    refused = checkout.git("push", server.url(APP, token), "main", check=False)
    assert refused.returncode != 0
    assert "ci" not in listed(server)


def test_one_that_has_expired_is_told_so_and_listed_as_such(server: EmbeddedServer) -> None:
    over = "2026-02-01T00:00:00Z"
    _, token = keys.add_token(server.layout, "old", NOW, "deploy", expires_at=over)
    seen = server.checkout(APP, place="old").git("ls-remote", server.url(APP, token), check=False)
    assert f"The token old expired at {over}." in seen.stderr
    assert "expired 2026-02-01" in server.ship("tokens").out
    assert listed(server)["old"]["expires_at"] == over


def test_what_cannot_be_made_is_refused_and_makes_no_token(server: EmbeddedServer) -> None:
    unknown = server.ship("tokens:add", "lost", "nobody")
    assert "There is no app nobody on this server." in unknown.err
    sees = server.ship("tokens:add", "reader", "--grant", f"{APP}=view")
    assert (sees.status, "git push" in sees.err) == (0, False)
    late = server.ship("tokens:add", "lost", APP, "--expires", "soon")
    assert "'soon' is no time at which a token could expire." in late.err
    assert "lost" not in listed(server)
    ssh_key = server.ship("tokens:remove", "nobody")
    assert "There is no token nobody." in ssh_key.err


def test_wrong_tokens_are_slowed_down_and_logged_and_right_ones_are_not(
    server: EmbeddedServer,
) -> None:
    checkout = server.checkout(APP, place="wrong")
    (log,) = server.root.rglob("http.log")
    began = time.monotonic()
    for _ in range(3):
        refused = checkout.git("ls-remote", server.url(APP, "wrong"), check=False)
        assert refused.returncode != 0
    assert time.monotonic() - began > 0.25 + 0.5 + 1
    assert log.read_text().count("ship: a wrong token from 127.0.0.1\n") >= 3
    began = time.monotonic()
    assert checkout.git("ls-remote", server.url(APP, server.token)).returncode == 0
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("grant", [None, "view", "deploy"])
def test_ssh_and_http_give_the_same_verdicts(
    server: EmbeddedServer, tmp_path: Path, grant: Grant | None
) -> None:
    """For one key, whichever way it comes in."""
    name = f"same-{grant}".lower()
    _, token = keys.add_token(server.layout, name, NOW)
    keys.grant_app(server.layout, name, AppName(APP), grant)
    for folder in ("home", "app"):
        (tmp_path / folder).mkdir()
    (tmp_path / "app/index.html").write_text("page")
    place = on_a_laptop(server, tmp_path / "home", tmp_path / "app")
    place.environment["SHIP_TEST_KEY"] = name
    said = []
    for app in (APP, "no-such"):
        for url in (f"ship@vps:{app}", server.url(app, token)):
            seen = place.git("ls-remote", url)
            # before the same words stands ` !` over ssh, and `remote:` of git's over HTTP
            ours = [line for line in seen.err.splitlines() if "shop" in line or "no-such" in line]
            first = ours[0].removeprefix("remote:").lstrip(" !") if ours else ""
            said.append((seen.status == 0, first))
    assert said[0] == said[1]
    assert said[2] == said[3]
    assert said[0][0] is (grant == "deploy")
    assert said[2] == (False, "There is no app no-such on this server.")
