"""How pip's configuration of the test computer reaches a machine: rewritten, and only what
exists."""

import tomllib
from pathlib import Path

from tests.vps import registries


def test_a_place_that_does_not_exist_is_left_out(tmp_path: Path) -> None:
    there = f"{tmp_path} file://{tmp_path} https://packages.example.com/simple"
    settings = {"global.find-links": f"/no/such/folder {there}", "global.timeout": "9"}
    kept = dict(registries._with_places_that_exist(settings))
    assert kept == {"global.find-links": there, "global.timeout": "9"}
    gone = {"global.extra-index-url": "file:///no/such/folder"}
    assert dict(registries._with_places_that_exist(gone)) == {}


def test_the_folder_above_a_file_index_comes_along() -> None:
    settings = {
        "global.index-url": "file:///srv/packages/simple",
        "global.find-links": "/srv/wheels",
        "global.cert": "/etc/ssl/some.pem",
    }
    assert registries.local_folders(settings) == (Path("/srv/packages"), Path("/srv/wheels"))


def test_pip_and_uv_are_told_the_same_places() -> None:
    settings = {
        "global.index-url": "https://packages.example.com/simple",
        "global.find-links": "/srv/wheels /srv/more",
        "global.cert": "/etc/ssl/some.pem",
        "install.prefer-binary": "true",
    }
    assert registries.pip_conf(settings).split("\n\n")[0].splitlines() == [
        "[global]",
        f"cert = {registries.CA_BUNDLE}",
        "find-links = /srv/wheels /srv/more",
        "index-url = https://packages.example.com/simple",
    ]
    written = tomllib.loads(registries.uv_toml(settings))
    assert written["index-url"] == settings["global.index-url"]
    assert written["find-links"] == ["/srv/wheels", "/srv/more"]
