"""What the sandbox of an app lets it see and write."""

from pathlib import Path

import pytest

from receiver.hosts.systemd.sandbox import account, hides, sandbox_properties
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.planner.render import quote_for_nginx, quote_for_unit, render

BLOG = AppName("blog")


def values(name: str, *writable: str) -> list[str]:
    properties = sandbox_properties(Layout.vps(), BLOG, [Path(each) for each in writable], None)
    return [value for key, value in properties if key == name]


def test_only_what_is_named_is_writable() -> None:
    assert values("ReadWritePaths") == []
    assert values("ReadWritePaths", "/one", "/two") == ["/one", "/two"]
    assert values("ProtectSystem") == ["strict"]


def test_of_all_apps_only_its_own_folder_is_seen() -> None:
    assert {"/var/lib/ship:ro", "/run/ship:ro"} <= set(values("TemporaryFileSystem"))
    assert values("BindReadOnlyPaths") == ["-/run/systemd/resolve", "/var/lib/ship/apps/blog"]
    assert values("BindPaths") == ["-/run/ship/apps/blog"]
    assert "-/etc/ship" in values("InaccessiblePaths")


def test_of_run_it_sees_neither_other_journals_nor_what_no_app_needs() -> None:
    assert "/run/systemd:ro" in values("TemporaryFileSystem")
    hidden = [path for value in values("InaccessiblePaths") for path in value.split()]
    assert {"-/run/dbus", "-/run/snapd.socket"} <= set(hidden)
    for path in ("/run/systemd/journal.shop/socket", "/run/dbus/system_bus_socket", "/run/user/0"):
        assert hides(Layout.vps(), BLOG, Path(path))
    for path in (
        "/run/postgresql/.s.PGSQL.5432",
        "/run/mysqld/mysqld.sock",
        "/run/redis/redis.sock",
    ):
        assert not hides(Layout.vps(), BLOG, Path(path))


def test_it_runs_as_the_account_of_the_app_and_gains_nothing() -> None:
    assert values("User") == [account(BLOG)] == ["ship-blog"]
    assert values("NoNewPrivileges") == ["yes"]
    assert values("CapabilityBoundingSet") == [""]


def test_the_longest_name_of_an_app_makes_an_account_that_linux_allows() -> None:
    longest = "a" * 27
    assert len(account(AppName.parse(longest))) == 32
    with pytest.raises(Exception, match="cannot be the name of an app"):
        AppName.parse(longest + "a")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("/opt/ship/launch.py", "/opt/ship/launch.py"),
        (5, "5"),
        ("100%", '"100%%"'),
        ("a b", '"a b"'),
        ("$HOME", '"$$HOME"'),
        ('say "x" \\', '"say \\"x\\" \\\\"'),
        ("", '""'),
        ("a;b", '"a;b"'),
    ],
)
def test_a_word_of_a_unit_file_is_quoted(value: object, written: str) -> None:
    assert quote_for_unit(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("blog.example.com", "blog.example.com"),
        ("/srv/a b;c", '"/srv/a b;c"'),
        ('say "x" \\', '"say \\"x\\" \\\\"'),
        ("{", '"{"'),
        ("#", '"#"'),
    ],
)
def test_a_word_of_an_nginx_file_is_quoted(value: str, written: str) -> None:
    assert quote_for_nginx(value) == written


@pytest.mark.parametrize("text", ["a\nb", "a\0b", "a\rb", "\x7f"])
def test_a_control_character_is_refused_everywhere(text: str) -> None:
    for quote in (quote_for_unit, quote_for_nginx):
        with pytest.raises(ValueError, match="control character"):
            quote(text)


def test_a_dollar_sign_is_refused_by_nginx_files() -> None:
    with pytest.raises(ValueError, match="dollar sign"):
        quote_for_nginx("$request_uri")


def test_a_template_with_a_missing_value_is_an_error() -> None:
    with pytest.raises(Exception, match="'port' is undefined"):
        render("systemd/web.socket", app="blog", placeholder="x")
