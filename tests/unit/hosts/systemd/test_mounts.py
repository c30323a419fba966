"""Mounts as they are typed and kept, and what they are in an app's sandbox."""

from pathlib import Path

import pytest

from receiver.hosts.systemd.sandbox import sandbox_properties
from receiver.model.errors import UsageError
from receiver.model.layout import Layout
from receiver.model.mounts import Wish, in_tree, overlapping, parse_mount, parse_place, shown_size
from receiver.model.names import AppName
from receiver.model.settings import App


@pytest.mark.parametrize(
    ("typed", "wish"),
    [
        ("media", Wish("media", None)),
        ("./media/", Wish("media", None)),
        ("db.sqlite3", Wish("db.sqlite3", None)),
        ("uploads:static/uploads", Wish("static/uploads", "uploads")),
        ("/data", Wish("/data", None)),
        ("/data/", Wish("/data", None)),
        ("media:/app/media", Wish("/app/media", "media")),
        (".:media", Wish("media", "")),
    ],
)
def test_a_mount_is_read_as_it_is_typed(typed: str, wish: Wish) -> None:
    assert parse_mount(typed) == wish


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "/",
        ".",
        "..",
        "a/../b",
        "../a",
        ".git",
        "a/.git/hooks",
        "a b",
        "a\nb",
        "a%b",
        "a$b",
        "a:b:c",
        "/srv/x:/data",
        "rescued:media",
        "rescued/v1:media",
        ":",
        "a:",
        "x" * 101,
    ],
)
def test_what_could_lead_elsewhere_is_refused(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_mount(typed)
    assert refused.value.reason == "usage/bad-mount"


@pytest.mark.parametrize(
    ("typed", "place"), [("", ""), (".", ""), ("media/", "media"), ("a//b c.txt", "a/b c.txt")]
)
def test_a_place_in_the_storage_is_below_it(typed: str, place: str) -> None:
    assert parse_place(typed) == place


@pytest.mark.parametrize("typed", ["/etc/passwd", "..", "a/../../b", "a\0b"])
def test_a_place_elsewhere_is_refused(typed: str) -> None:
    with pytest.raises(UsageError):
        parse_place(typed)


def test_mounts_do_not_lie_in_each_other() -> None:
    mounts = {"media": "media/", "/data": ""}
    assert overlapping(mounts, "media/cache") == "media"
    assert overlapping({"a/b": "b/"}, "a") == "a/b"
    assert overlapping(mounts, "/data/x") == "/data"
    assert overlapping(mounts, "media") is None
    assert overlapping(mounts, "mediathek") is None
    assert in_tree(mounts) == {"media": "media/"}


def test_only_what_is_roots_is_bound() -> None:
    mounts = {"media": "media/", "/data": "", "/app/media": "media/", "/app/x/y": "y/"}
    settings = App(port=1, port_a=2, port_b=3, mounts=mounts)
    found = sandbox_properties(Layout.vps(), AppName("blog"), [Path("/w")], settings)
    home = "/var/lib/ship/apps/blog"
    assert found[-2:] == (
        ("BindPaths", f"{home}/storage:/data"),
        ("BindReadOnlyPaths", f"{home}/mounts/app:/app"),
    )
    assert found[:-2] == sandbox_properties(Layout.vps(), AppName("blog"), [Path("/w")], None)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (1023, "1023"), (135_168, "132K"), (3_249_152, "3.1M"), (2 * 1024**3, "2.0G")],
)
def test_sizes_are_shown_as_people_read_them(count: int, shown: str) -> None:
    assert shown_size(count) == shown
