"""Addresses of git remotes and servers, taken apart."""

import pytest

from receiver.cli.checkout import Destination, parse_remote, with_app
from receiver.model.errors import UsageError
from receiver.model.names import AppName


@pytest.mark.parametrize(
    ("url", "app", "address", "port", "is_ship"),
    [
        ("ship@vps:blog", "blog", "ship@vps", None, True),
        ("ship@vps:/blog.git", "blog", "ship@vps", None, True),
        ("ship@vps:~/blog/", "blog", "ship@vps", None, True),
        ("ship@[::1]:blog", "blog", "ship@[::1]", None, True),
        ("ssh://ship@vps:2222/blog.git", "blog", "ship@vps", "2222", True),
        ("ssh://ship@vps/~/blog", "blog", "ship@vps", None, True),
        ("vps:blog", "blog", "vps", None, False),
        ("git@vps:blog", "blog", "git@vps", None, False),
    ],
)
def test_ssh_remotes(url: str, app: str, address: str, port: str | None, *, is_ship: bool) -> None:
    found = parse_remote("prod", url)
    assert found is not None
    assert (found.app, found.destination) == (app, Destination(address, port))
    assert found.is_ship is is_ship


def test_http_remotes_have_no_destination_for_commands() -> None:
    found = parse_remote("prod", "http://ship:secret@127.0.0.1:8080/git/blog.git")
    assert found is not None
    assert (found.app, found.destination, found.is_ship) == ("blog", None, True)


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:someone/blog.git",
        "https://github.com/someone/blog.git",
        "/srv/git/blog.git",
        "file:///srv/blog.git",
        "ship@vps:Blog",
        "ship@vps:",
        "-oProxyCommand=x@vps:blog",
        "ssh://-oProxyCommand=x/blog",
    ],
)
def test_other_addresses_are_no_apps(url: str) -> None:
    assert parse_remote("origin", url) is None


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("ship@vps:blog", "ship@vps:journal"),
        ("ssh://ship@vps:22/blog.git", "ssh://ship@vps:22/journal.git"),
        ("http://a:b@h:1/git/blog.git", "http://a:b@h:1/git/journal.git"),
    ],
)
def test_an_address_is_given_another_app(url: str, changed: str) -> None:
    assert with_app(url, AppName("journal")) == changed


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("vps", "ship@vps", None),
        ("ship@vps", "ship@vps", None),
        ("root@vps:2222", "root@vps", "2222"),
        ("ssh://ship@vps:22", "ship@vps", "22"),
    ],
)
def test_servers(text: str, address: str, port: str | None) -> None:
    assert Destination.parse(text) == Destination(address, port)


@pytest.mark.parametrize("text", ["-oProxyCommand=x", "", "a b", "ship@vps:blog"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Destination.parse(text)
    assert caught.value.reason == "usage/bad-server"


def test_a_remote_with_a_port_is_a_url() -> None:
    assert Destination("ship@vps", None).remote_of("blog") == "ship@vps:blog"
    assert Destination("ship@vps", "22").remote_of("blog") == "ssh://ship@vps:22/blog"
