"""`ship import`: what is said of the files of other platforms, whole, and what goes into
ship.toml."""

import json
from pathlib import Path

import pytest

from receiver.cli.main import main
from receiver.importing import translation as importing
from receiver.importing.dokku_checks import import_checks
from receiver.importing.heroku import import_config
from receiver.importing.piku import import_env, import_process, import_scaling
from receiver.importing.tables import missing_tables, tables_text
from receiver.importing.values import FATES, Imported
from receiver.model.errors import ShipError
from receiver.model.manifest import parse_manifest
from tests.embedded.transcript import assert_as_recorded

SAMPLES = Path(__file__).parents[2] / "imports"
Captured = pytest.CaptureFixture[bytes]


def said(captured: Captured) -> tuple[str, str]:
    out, err = captured.readouterr()
    return out.decode(), err.decode()


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_each_line_is_told(
    name: str, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SAMPLES / name)
    config = ["--config", "config.json"] if Path("config.json").exists() else []
    before = sorted(Path().rglob("*"))
    assert main(["import", *config]) == 0
    out, err = said(capfdbinary)
    assert err == ""
    assert_as_recorded(f"import-{name}", out)
    for secret in ("hunter2", "keeps its quotes", "u:p@", "guests.db"):
        assert secret not in out
    assert sorted(Path().rglob("*")) == before


def test_it_is_json_for_programs(capfdbinary: Captured) -> None:
    assert main(["import", "--json", str(SAMPLES / "piku-flask")]) == 0
    told = json.loads(capfdbinary.readouterr().out)
    assert told["commands"] == [
        ["domains:add", "guestbook.example.com"],
        ["domains:add", "www.guestbook.example.com"],
        ["ps:scale", "web=4"],
        ["ps:scale", "worker=2"],
    ]
    assert told["config"] == [
        "BASE",
        "DATABASE",
        "GREETING",
        "GUNICORN_CMD_ARGS",
        "SECRET_KEY",
        "WORKERS",
    ]
    assert {finding["fate"] for finding in told["findings"]} <= set(FATES)
    parse_manifest(told["ship_toml"].encode())


def test_config_vars_are_put_together_as_piku_does() -> None:
    text = (SAMPLES / "piku-flask" / "ENV").read_text()
    config = import_env(text).config
    assert config["DATABASE"] == "sqlite:////home/piku/.piku/data/guestbook/guests.db"
    assert config["SECRET_KEY"] == '"keeps its quotes"'
    assert config["GREETING"] == "hello $NOBODY"


def test_a_domain_is_a_command_where_there_is_one() -> None:
    found = import_env("NGINX_SERVER_NAME=a.example.com, b.example.com")
    assert found.commands == (("domains:add", "a.example.com"), ("domains:add", "b.example.com"))
    assert (
        found.findings[0].told == "ship domains:add a.example.com; ship domains:add b.example.com"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("UWSGI_PROCESSES=auto", "Without a number, web has 2 workers."),
        ("UWSGI_MAX_REQUESTS=", "It is no number."),
        (
            "NGINX_STATIC_PATHS=static",
            "Write [static] of ship.toml by hand: '/static/' = 'static'.",
        ),
        ("NGINX_SERVER_NAME=_", "Every app answers at its own name."),
        ("=x", "No config var can have this name."),
    ],
)
def test_odd_settings_are_told(line: str, told: str) -> None:
    found = import_env(line)
    assert [finding.told for finding in found.findings] == [told]
    assert not found.config
    assert not found.manifest


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("/", {"path": "/"}),
        ("http://a.example.com", {"path": "/", "host": "a.example.com"}),
        ("//a.example.com/x  Hi there", {"path": "/x", "host": "a.example.com"}),
        ("ATTEMPTS=0\nWAIT=5", {"wait_s": 5}),
        ("nonsense\n# only this\n\n", {}),
    ],
)
def test_checks(text: str, check: dict[str, object]) -> None:
    found = import_checks(text)
    assert found.manifest == ({"check": check} if check else {})
    parse_manifest(tables_text(found.manifest).encode())


def test_kinds_of_processes_that_only_piku_has() -> None:
    fates = {
        name: found.findings[0].fate
        for name, command in {
            "wsgi": "a:b",
            "php": "site",
            "static": "/public/",
            "preflight": "x",
            "cron2": "* * * * * y",
        }.items()
        if (found := import_process("", name, command))
    }
    assert fates == {
        "wsgi": "hand",
        "php": "lost",
        "static": "toml",
        "preflight": "hand",
        "cron2": "toml",
    }
    for name, command in {
        "web": "x",
        "worker": "x",
        "cron": "python tidy.py",
        "crony": "x",
    }.items():
        assert import_process("", name, command) is None


def test_scaling() -> None:
    assert import_scaling("web=0\nworker = 3\n").commands == (
        ("ps:scale", "web=0"),
        ("ps:scale", "worker=3"),
    )


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (
            "app.json",
            '{"formation": {"worker": {"quantity": 2}}}',
            "The first push has 2 run, as app.json says.",
        ),
        ("app.json", '{"formation": {"worker": {"quantity": 0}}}', "ship ps:scale worker=1"),
        ("app.json", "{}", "ship ps:scale worker=1"),
        ("SCALING", "worker=3", "ship ps:scale worker=3"),
        ("SCALING", "worker=0", "ship ps:scale worker=1"),
    ],
)
def test_a_line_of_the_procfile_says_no_other_number_than_the_file_that_has_it(
    file: str, text: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "Procfile").write_text("worker: celery -A shop worker\n")
    (tmp_path / file).write_text(text)
    found = importing.look(tmp_path, {}, "")
    assert found.findings[0].told.endswith(told)


@pytest.mark.parametrize(
    ("value", "fate"),
    [
        ("postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d", "hand"),
        ("postgres://u:p@ec2-1-2-3-4.eu-west-1.compute.amazonaws.com:5432/d", "hand"),
        ("postgres://u:p@c1.cluster-x9.us-east-1.rds.amazonaws.com/d", "hand"),
        ("redis://:p@redis-1.c2.us-east-1-3.ec2.cloud.redislabs.com:1", "hand"),
        ("my-bucket.s3.amazonaws.com", "config"),
        ("https://sqs.us-east-1.amazonaws.com/1/jobs", "config"),
        ("https://shop.herokuapp.com", "config"),
        ("postgres://u:p@db.example.com/d", "config"),
    ],
)
def test_what_leads_to_an_addon_is_left_out(value: str, fate: str) -> None:
    found = import_config({"X_URL": value}, "config.json")
    assert [finding.fate for finding in found.findings] == [fate]
    left = fate == "hand"
    assert (found.config, found.left_out) == (({}, ("X_URL",)) if left else ({"X_URL": value}, ()))


def test_ship_toml_is_added_to_and_nothing_in_it_changed(
    tmp_path: Path, capfdbinary: Captured
) -> None:
    (tmp_path / "CHECKS").write_text("WAIT=9\n/up\n")
    (tmp_path / "Procfile").write_text("web: gunicorn app:app\ncron: 0 3 * * * echo 'a\"b'\n")
    there = '# mine\n[check]\npath = "/mine"'
    (tmp_path / "ship.toml").write_text(there)
    assert main(["import", str(tmp_path), "--write"]) == 0
    out, err = said(capfdbinary)
    assert "[check]" not in out.partition("=== For ship.toml")[2]
    assert err == (
        "[check] stands in ship.toml already, and stays as it is.\n"
        "Added to ship.toml. Look at it, then commit it.\n"
    )
    written = (tmp_path / "ship.toml").read_text()
    assert written.startswith(there + "\n\n[cron.cron]\n")
    assert parse_manifest(written.encode()).cron["cron"].command == "echo 'a\"b'"
    assert main(["import", str(tmp_path), "--write"]) == 0
    assert (tmp_path / "ship.toml").read_text() == written


@pytest.mark.parametrize("there", ["[check\n", "[chek]\n", "static = 1\n"])
def test_a_ship_toml_that_a_push_would_refuse_is_not_added_to(tmp_path: Path, there: str) -> None:
    (tmp_path / "ship.toml").write_text(there)
    with pytest.raises(ShipError) as refused:
        importing.additions(tmp_path, Imported(manifest={"check": {"path": "/"}}))
    assert refused.value.reason == "build/manifest-invalid"


def test_what_cannot_stand_in_ship_toml_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ShipError):
        importing.write(tmp_path, tables_text({"static": {"/../": "x"}}))
    assert not (tmp_path / "ship.toml").exists()


def test_a_table_below_another_is_missing_until_it_is_there() -> None:
    tables = {"cron.a": {"schedule": "@daily"}, "cron.b": {"schedule": "@daily"}}
    missing, there = missing_tables("[cron.a]\ncommand = 'x'\n", tables)
    assert (list(missing), there) == (["cron.b"], ["cron.a"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["/nowhere/at/all"], "usage/unreadable-file"),
        (["--config", "/nowhere", "."], "usage/unreadable-file"),
        (["--by", "laptop"], ""),
    ],
)
def test_what_cannot_be_read(
    words: list[str],
    reason: str,
    capfdbinary: Captured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", *words]) == 2
    assert reason in said(capfdbinary)[1]


def test_an_app_json_that_a_push_would_refuse_is_refused(
    capfdbinary: Captured, tmp_path: Path
) -> None:
    (tmp_path / "app.json").write_text('{"env": ')
    assert main(["import", str(tmp_path)]) == 4
    assert "(build/app-json-invalid)" in said(capfdbinary)[1]


def test_a_folder_of_nothing(capfdbinary: Captured, tmp_path: Path) -> None:
    assert main(["import", str(tmp_path)]) == 0
    assert said(capfdbinary) == (
        "",
        "Nothing here is of Heroku, Dokku or Piku: no Procfile, app.json, CHECKS or ENV.\n",
    )
