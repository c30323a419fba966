"""What a machine gets of this computer's pip configuration: rewritten, and only what exists."""

import tomllib
from pathlib import Path

import pytest
from pip._internal.commands import commands_dict, create_command

from tests.vps import pip_here, registries
from tests.vps.pip_here import Handed, hand_on


def test_a_place_that_does_not_exist_is_left_out_with_a_word(tmp_path: Path) -> None:
    there = f"{tmp_path} file://{tmp_path} https://packages.example.com/simple"
    given = hand_on({"global.find-links": f"/no/such/folder {there}", "global.timeout": "9"})
    assert given.settings == {"global.find-links": there, "global.timeout": "9"}
    assert given.left_out == ("global.find-links: nothing is at /no/such/folder",)
    gone = hand_on({"global.extra-index-url": "file:///no/such/folder"})
    assert (gone.settings, gone.paths, len(gone.left_out)) == ({}, (), 1)


def test_the_folder_above_a_file_index_comes_along(tmp_path: Path) -> None:
    for name in ("packages/simple", "wheels"):
        (tmp_path / name).mkdir(parents=True)
    given = hand_on(
        {
            "global.index-url": f"file://{tmp_path}/packages/simple",
            "install.find-links": f"{tmp_path}/wheels",
        }
    )
    assert given.paths == (tmp_path / "packages", tmp_path / "wheels")


def test_constraints_come_with_the_files_that_they_name(tmp_path: Path) -> None:
    names = ("first.txt", "second.txt", "deep/third.txt", "deep/fourth.txt", "wheel.whl")
    first, second, third, fourth, a_wheel = (tmp_path / name for name in names)
    third.parent.mkdir()
    first.write_text(f"-c deep/third.txt\n--requirement={fourth}\na<2\n# -c comment.txt\n")
    third.write_text(f"b @ file://{a_wheel}\n-rfourth.txt\n-c ../first.txt\n-c gone.txt\n")
    for file in (second, fourth, a_wheel):
        file.write_bytes(b"\xff\n")
    given = hand_on({"global.constraint": f"{first}\n{second} https://c.example.com/c.txt"})
    assert set(given.paths) == {first, second, third, fourth, a_wheel}
    assert given.settings["global.constraint"].split()[2] == "https://c.example.com/c.txt"
    built = hand_on({"wheel.build-constraint": str(second)})
    assert (built.paths, built.settings) == ((second,), {"wheel.build-constraint": str(second)})


def test_certificates_of_both_kinds_come_along(tmp_path: Path) -> None:
    trusted, own = tmp_path / "ca.pem", tmp_path / "with space.pem"
    trusted.touch()
    own.touch()
    given = hand_on({"global.cert": str(trusted), "install.client-cert": str(own)})
    assert (given.certificates, given.paths) == ((trusted,), (own,))
    assert "cert = /etc/ssl/certs" in registries.pip_conf(given.settings)


def test_paths_of_a_home_or_a_folder_are_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wheels").mkdir()
    given = hand_on({"global.find-links": "~/wheels ./wheels"})
    assert given.settings == {"global.find-links": f"{tmp_path}/wheels {tmp_path}/wheels"}


def test_a_login_of_netrc_is_in_the_addresses_too(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text("machine a.example login me password s/c\n")
    given = hand_on({"global.extra-index-url": "https://a.example/s https://you@a.example"}, file)
    assert given.netrc == file
    assert given.settings["global.extra-index-url"] == (
        "https://me:s%2Fc@a.example/s https://you@a.example"
    )
    file.write_text("nonsense\n")
    assert hand_on({}, file).left_out == ("netrc: it cannot be read (NetrcParseError)",)


def test_variables_are_over_every_section() -> None:
    listing = (
        ":env:.constraint='/c.txt'\n:env:.config-file='/x'\n"
        "download.constraint='/a.txt'\nglobal.constraint='/b.txt'\ninstall.pre='true'\n"
    )
    merged = pip_here.merge_pip_config(listing)
    assert merged == {"global.constraint": "/c.txt", "install.pre": "true"}


def test_pip_and_uv_are_told_the_same_places() -> None:
    settings = {
        "global.index-url": "https://packages.example.com/simple",
        "global.find-links": "/srv/wheels /srv/more",
        "global.cert": "/etc/ssl/some.pem",
        "install.prefer-binary": "true",
        "uv.find-links": "/srv/uv",
    }
    assert registries.pip_conf(settings).split("\n\n")[0].splitlines() == [
        "[global]",
        f"cert = {registries.CA_BUNDLE}",
        "find-links = /srv/wheels /srv/more",
        "index-url = https://packages.example.com/simple",
    ]
    assert "/srv/uv" not in registries.pip_conf(settings)
    written = tomllib.loads(registries.uv_toml(Handed(settings)))
    assert written["index-url"] == settings["global.index-url"]
    assert written["find-links"] == ["/srv/uv", "/srv/wheels", "/srv/more"]


UV_TOML = """
cache-dir = "/var/cache/uv"
find-links = ["/srv/wheels"]
offline = false
[[index]]
url = "https://a.example/simple"
default = true
[[index]]
url = "https://only-for-one.example/simple"
explicit = true
[pip]
extra-index-url = ["https://c.example/simple"]
"""


def test_uvs_own_files_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_CONFIG_FILE", "UV_NO_CONFIG", *pip_here.UV_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "system"))
    file = tmp_path / "uv/uv.toml"
    file.parent.mkdir()
    file.write_text(UV_TOML)
    of_system = tmp_path / "system/uv/uv.toml"  # else this computer's own is read
    of_system.parent.mkdir(parents=True)
    of_system.touch()
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://b.example/simple")
    monkeypatch.setenv("UV_INDEX", "house=https://d.example/simple https://e.example")
    monkeypatch.setenv("UV_CONSTRAINT", "/srv/constraints.txt")
    found = pip_here.uv_settings()
    assert {name: value for name, value in found.items() if not name.startswith("uv.UV_")} == {
        "uv.index-url": "https://b.example/simple",
        "uv.extra-index-url": "https://d.example/simple https://e.example https://c.example/simple",
        "uv.find-links": "/srv/wheels",
        "uv.cache-dir": "/var/cache/uv",
    }
    told = hand_on(found).left_out
    assert "uv.cache-dir: uv of a machine has settings of its own" in told
    assert "uv.UV_CONSTRAINT: uv of a machine has settings of its own" in told


def test_no_option_of_pip_that_names_a_file_is_forgotten() -> None:
    """A setting may have the name of any long option of any of pip's commands."""
    named = {"path", "dir", "file", "path/url", "[path:]group", "url", "URL"}
    options = [
        option
        for command in commands_dict
        for option in create_command(command).parser.option_list_all
        if option.metavar in named or option.type == "path"
    ]
    names = {name.removeprefix("--") for option in options for name in option._long_opts}
    known = {*pip_here.ADDRESSES, *pip_here.CONSTRAINTS, *pip_here.CERTIFICATES}
    assert len(names) > 20
    assert names - known - set(pip_here.LEFT_OUT) == {"index"}, "`index` is that of `pip search`"
