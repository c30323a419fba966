"""What an administrator set for pip, as uv is told it."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from receiver.building.pip_settings import parse_pip_conf, standard_files, to_uv, uv_settings
from receiver.model.build import Command
from receiver.model.errors import BuildError

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
        ({"timeout": "12.5"}, {"UV_HTTP_TIMEOUT": "13"}),
        ({"retries": "0"}, {"UV_HTTP_RETRIES": "0"}),
        ({"keyring-provider": "subprocess"}, {"UV_KEYRING_PROVIDER": "subprocess"}),
        ({"keyring-provider": "auto"}, {}),
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
            "constraint": f"{gone} {here}",
            "client-cert": f"{gone} and more",
        }
    )
    assert found.env["UV_FIND_LINKS"] == str(here)
    assert found.env["UV_INDEX"] == f"file://{here} https://me:secret@i.example"
    assert "UV_DEFAULT_INDEX" not in found.env
    assert "SSL_CERT_FILE" not in found.env
    assert found.told["constraint"]["choose"].env == {"UV_CONSTRAINT": str(here)}
    assert "SSL_CLIENT_CERT" not in found.env
    assert len(found.notices) == 6
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


def test_a_place_that_the_apps_account_cannot_read_is_left_out_and_named() -> None:
    found = to_uv({"constraint": "/root/c.txt"}, lambda _: "unreadable")
    assert found.told == {}
    (notice,) = found.notices
    assert notice == (
        "The pip setting `constraint /root/c.txt` is left out,"
        " because the app's account cannot read it."
    )


def test_what_uv_cannot_be_told_is_named_once_and_without_its_value() -> None:
    found = to_uv({"prefer-binary": "yes", "target": "/secret", "timeout": "soon"})
    prefer, target, timeout = found.notices
    assert prefer.startswith("The pip setting `prefer-binary` is not used: uv takes the newest")
    assert target == (
        "The pip setting `target` is not used: packages go into the app's own virtualenv."
    )
    assert timeout == "The pip setting `timeout` is not used: its value is not a number."


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("prefer-binary", "no"), ("user", "false"), ("use-feature", "truststore"),
        ("progress-bar", "off"), ("no-such-option", "1"), ("target", " "),
    ],
)  # fmt: skip
def test_what_asks_for_nothing_is_silent(option: str, value: str) -> None:
    found = to_uv({option: value})
    assert (found.notices, found.told) == ((), {})


def test_other_names_of_an_option_are_the_same_option(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\ndefault-timeout = 9\n[install]\npypi_url = https://a.example\n")
    config = {"PIP_TIMEOUT": "3", "PIP_NO_DEPENDENCIES": "1"}
    found = uv_settings(config, (file,))
    assert (found.env["UV_HTTP_TIMEOUT"], found.env["UV_DEFAULT_INDEX"]) == (
        "3",
        "https://a.example",
    )
    assert found.told["no-deps"]["choose"].options == ("--no-deps",)


INSTALL = Command(("{uv}", "pip", "install", "-r", "requirements.txt"), env={"A": "b"})
LOCKED = replace(INSTALL, locked=True)
SYNC = Command(("{uv}", "sync"), locked=True)
HOOK = Command(("sh", "bin/pre_compile"))
SETTINGS = to_uv(
    {
        "pre": "1",
        "no-index": "1",
        "no-binary": "foo,bar",
        "no-deps": "yes",
        "require-hashes": "1",
        "timeout": "3",
    }
)


def test_each_command_is_told_what_concerns_it() -> None:
    chosen = SETTINGS.applied(INSTALL)
    assert chosen.argv == (*INSTALL.argv, "--no-index", "--no-binary=foo,bar", "--no-deps")
    assert chosen.env.items() >= {"A": "b", "UV_PRERELEASE": "allow"}.items()
    assert SETTINGS.applied(LOCKED).argv == (*INSTALL.argv, "--no-index", "--no-binary=foo,bar")
    assert "UV_PRERELEASE" not in SETTINGS.applied(LOCKED).env
    synced = SETTINGS.applied(SYNC)
    assert synced.argv == SYNC.argv
    assert synced.env == {**SETTINGS.env, "UV_NO_BINARY_PACKAGE": "foo bar"}
    hooked = SETTINGS.applied(HOOK)
    assert hooked.argv == HOOK.argv
    assert hooked.env["UV_PRERELEASE"] == "allow"


def test_an_index_that_a_lock_file_names_is_asked_all_the_same() -> None:
    named = replace(LOCKED, argv=(*LOCKED.argv, "--default-index", "house=https://a.example"))
    assert "--no-index" not in SETTINGS.applied(named).argv


def test_what_does_not_count_beside_a_lock_file_is_said() -> None:
    assert SETTINGS.left_to_lock(INSTALL) == ""
    said = "The lock file decides, not the pip settings `pre` and `no-deps`."
    assert SETTINGS.left_to_lock(LOCKED) == said
    assert "`no-index`" in SETTINGS.left_to_lock(SYNC)
    assert to_uv({"no-binary": "foo"}).left_to_lock(SYNC) == ""
    assert to_uv({"pre": "1"}).left_to_lock(SYNC) == (
        "The lock file decides, not the pip setting `pre`."
    )


@pytest.mark.parametrize(
    ("reason", "detail", "named"),
    [
        ("build/requirements-unresolvable", "you require foo-bar==2 and foo-bar<2, so", True),
        ("build/requirements-unresolvable", "you require foo-bar-baz==2 and foo>1.", False),
        ("build/network", "foo-bar could not be fetched", False),
    ],
)
def test_a_constraint_is_named_where_its_package_does_not_fit(
    reason: str, detail: str, named: bool
) -> None:
    found = replace(to_uv({"constraint": "https://me:x@a.example"}), texts={"c": "Foo_bar<2\n"})
    error = found.explained(BuildError("No.", detail=detail, advice="Widen.", reason=reason))
    word = " The pip setting `constraint https://***@a.example` limits versions too."
    assert error.advice == f"Widen.{word if named else ''}"


def test_only_what_decides_is_part_of_a_virtualenvs_name() -> None:
    assert to_uv({"index-url": "https://a.example", "timeout": "3"}).options == {}
    assert to_uv({"pre": "1", "timeout": "3"}).options == {"pre": "1"}


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
