"""The links that say what the boot starts."""

from pathlib import Path

import pytest

from receiver.hosts.systemd.boot import BootLinks
from receiver.hosts.systemd.units import SlotKind
from receiver.model.names import AppName

BLOG = AppName("blog")


def wanted(units: Path, target: str = "multi-user.target") -> dict[str, str]:
    return {link.name: str(link.readlink()) for link in (units / f"{target}.wants").iterdir()}


@pytest.mark.parametrize("first", ["web", "port"])
@pytest.mark.parametrize("second", ["web", "port"])
def test_one_slot_is_enabled_after_each_change(
    tmp_path: Path, first: SlotKind, second: SlotKind
) -> None:
    links = BootLinks(tmp_path)
    links.enable_slot(BLOG, (first, "a"))
    assert wanted(tmp_path) == {f"ship-blog.{first}@a.service": f"../ship-blog.{first}@.service"}
    for _ in range(2):
        links.enable_slot(BLOG, (second, "b"))
        assert wanted(tmp_path) == {
            f"ship-blog.{second}@b.service": f"../ship-blog.{second}@.service"
        }
    links.enable_slot(BLOG, None)
    assert wanted(tmp_path) == {}


def test_leftovers_are_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "multi-user.target.wants"
    folder.mkdir()
    for unit in ("ship-blog.web@a", "ship-blog.web@b", "ship-blog.port@a"):
        (folder / f"{unit}.service").symlink_to("../elsewhere")
    BootLinks(tmp_path).enable_slot(BLOG, ("web", "b"))
    assert list(wanted(tmp_path)) == ["ship-blog.web@b.service"]


def test_links_of_other_apps_and_units_stay(tmp_path: Path) -> None:
    links = BootLinks(tmp_path)
    links.enable_slot(AppName("blog-staging"), ("web", "a"))
    (tmp_path / "multi-user.target.wants" / "ssh.service").symlink_to("/lib/ssh.service")
    links.enable_slot(BLOG, ("web", "a"))
    links.enable_slot(BLOG, None)
    assert set(wanted(tmp_path)) == {"ship-blog-staging.web@a.service", "ssh.service"}


def test_a_socket_is_enabled_and_disabled_any_number_of_times(tmp_path: Path) -> None:
    links = BootLinks(tmp_path)
    for _ in range(2):
        links.enable_socket(BLOG)
        assert wanted(tmp_path, "sockets.target") == {
            "ship-blog.web.socket": "../ship-blog.web.socket"
        }
    for _ in range(2):
        links.disable_socket(BLOG)
        assert wanted(tmp_path, "sockets.target") == {}
