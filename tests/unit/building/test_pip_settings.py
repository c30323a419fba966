"""What an administrator set for pip, as uv is told it."""

from pathlib import Path

import pytest

from receiver.building.pip_settings import parse_pip_conf, standard_files, to_uv, uv_settings

ALWAYS = set(to_uv({}).env)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        (
            "[global]\nindex-url = https://a.example/simple\n",
            {"index-url": "https://a.example/simple"},
        ),
        ("[global]\nindex_url=https://a.example\n", {"index-url": "https://a.example"}),
        ("[install]\nfind-links=/b\n[global]\nfind-links=/a\n", {"find-links": "/b"}),
        (
            "[global]\nextra-index-url =\n  https://a.example\n  https://b.example\n",
            {"extra-index-url": "\nhttps://a.example\nhttps://b.example"},
        ),
        ("[list]\nformat=columns\n", {}),
        ("[global]\nproxy = 100%\n", {"proxy": "100%"}),
        ("no section = 1", {}),
        ("[global\n", {}),
    ],
)
def test_pip_conf_is_read(text: str, options: dict[str, str]) -> None:
    assert parse_pip_conf(text) == options


@pytest.mark.parametrize(
    ("options", "env"),
    [
        ({}, {}),
        (
            {"index-url": "https://a.example/simple"},
            {"UV_DEFAULT_INDEX": "https://a.example/simple"},
        ),
        (
            {"extra-index-url": "\nhttps://a.example\nhttps://b.example"},
            {
                "UV_INDEX": "https://a.example https://b.example",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        (
            {"find-links": "https://a.example https://b.example"},
            {"UV_FIND_LINKS": "https://a.example,https://b.example"},
        ),
        ({"timeout": "180"}, {"UV_HTTP_TIMEOUT": "180"}),
        ({"no-index": "true"}, {"UV_NO_INDEX": "true"}),
        ({"no-index": "false"}, {}),
        ({"trusted-host": "a.example"}, {"UV_INSECURE_HOST": "a.example"}),
        ({"disable-pip-version-check": "1"}, {}),
        ({"index-url": ""}, {}),
    ],
)
def test_options_become_variables(options: dict[str, str], env: dict[str, str]) -> None:
    found = to_uv(options)
    assert {name: value for name, value in found.env.items() if name not in ALWAYS} == env
    assert found.notices == ()


def test_places_that_are_not_there_are_left_out_and_named(tmp_path: Path) -> None:
    here, gone = tmp_path / "wheels", tmp_path / "gone"
    here.mkdir()
    found = to_uv(
        {
            "find-links": f"{gone} {here}",
            "extra-index-url": f"file://{gone} file://{here} https://me:secret@i.example",
            "index-url": f"file://{gone}",
            "cert": str(gone),
        }
    )
    assert found.env["UV_FIND_LINKS"] == str(here)
    assert found.env["UV_INDEX"] == f"file://{here} https://me:secret@i.example"
    assert "UV_DEFAULT_INDEX" not in found.env
    assert "SSL_CERT_FILE" not in found.env
    assert len(found.notices) == 4
    assert all(str(gone) in notice for notice in found.notices)


def test_later_files_and_config_vars_win(tmp_path: Path) -> None:
    first, second = tmp_path / "a.conf", tmp_path / "b.conf"
    first.write_text("[global]\nindex-url = https://a.example\ntimeout = 1\ncert = \n")
    second.write_text("[global]\nindex-url = https://b.example\n")
    files = (first, tmp_path / "not-there.conf", second)
    env = uv_settings({}, files).env
    assert (env["UV_DEFAULT_INDEX"], env["UV_HTTP_TIMEOUT"]) == ("https://b.example", "1")
    own = uv_settings({"PIP_INDEX_URL": "https://c.example", "SECRET": "x"}, files).env
    assert own["UV_DEFAULT_INDEX"] == "https://c.example"
    assert "SECRET" not in own


def test_passwords_stay_out_of_notices() -> None:
    (notice,) = to_uv({"extra-index-url": "file://me:secret@host/not/there"}).notices
    assert "secret" not in notice


def test_uv_neither_downloads_pythons_nor_draws() -> None:
    env = to_uv({}).env
    assert env["UV_PYTHON_DOWNLOADS"] == "never"
    assert env["UV_NO_PROGRESS"] == "1"
    assert env["UV_SYSTEM_CERTS"] == "1"


def test_files_of_a_user_come_last() -> None:
    home = Path("/home/me")
    assert standard_files()[-1] == Path("/etc/pip.conf")
    assert standard_files(home)[-1] == home / ".config/pip/pip.conf"
