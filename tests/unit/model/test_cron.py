"""Cron jobs of an app.json, as Dokku writes them: their names, whether they overlap, what is
refused."""

from typing import Any

import pytest

from receiver.model.app_json import FILE_NAME, parse_app_json
from receiver.model.cron import Cron, parse_listed_jobs
from receiver.model.errors import BuildError


def jobs(*entries: dict[str, Any]) -> dict[str, Cron]:
    return parse_listed_jobs(entries, FILE_NAME)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python manage.py clearsessions", "clearsessions"),
        ("python3.12 ./manage.py send_mail --all", "send-mail-all"),
        ("venv/bin/python -m jobs.tidy", "jobs-tidy"),
        ("flask tidy", "flask-tidy"),
        ("7z a b", "job-7z-a-b"),
        ("true; " * 20, "true-true-true-true-true-true"),
    ],
)
def test_a_job_without_a_name_is_called_by_its_command(command: str, name: str) -> None:
    found = jobs({"command": command, "schedule": "@daily"})
    assert found == {name: Cron(schedule="@daily", command=command)}


def test_what_dokku_says_of_a_job() -> None:
    entry = {"command": "x", "schedule": "0 4 * * *", "name": "tidy"}
    assert jobs(entry)["tidy"].overlap is False
    assert jobs({**entry, "concurrency_policy": "forbid"})["tidy"].overlap is False
    assert jobs({**entry, "concurrency_policy": "allow"})["tidy"].overlap is True
    assert jobs({**entry, "catch_up": True, "timezone": "Europe/Berlin"})["tidy"] == Cron(
        schedule="0 4 * * *", command="x", catch_up=True, timezone="Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("entries", "title", "detail"),
    [
        ([{"command": "x"}], "The cron job 'x' in app.json", "It has no `schedule`."),
        ([{"schedule": "@daily"}], "'job'", "It has no `command`."),
        ([{"command": "x", "schedule": "0 0 0 0"}], "'x'", "It has 4 fields"),
        ([{"command": "x", "schedule": "@daily", "name": "A b"}], "'A b'", "A name is a-z first"),
        (
            [{"command": "x", "schedule": "@daily", "concurrency_policy": "replace"}],
            "'x'",
            "`allow` or `forbid`",
        ),
        ([{"command": "x", "schedule": "@daily"}] * 2, "'x'", "Two jobs have this name"),
    ],
)
def test_what_cannot_be_meant(entries: list[dict[str, Any]], title: str, detail: str) -> None:
    with pytest.raises(BuildError) as refused:
        jobs(*entries)
    assert refused.value.reason == "build/cron-invalid"
    assert title in refused.value.title
    assert detail in refused.value.detail


def test_what_is_not_known_of_a_job_is_named() -> None:
    data = b'{"cron": [{"command": "x", "schedule": "@daily", "maintenance": true}]}'
    found, notice = parse_app_json(data)
    assert list(found.jobs) == ["x"]
    assert notice == "app.json: cron.maintenance is of no use here."
