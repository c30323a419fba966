"""A release that would leave visitors with nothing is refused, unless somebody said so."""

import pytest

from receiver.model.errors import BuildError
from receiver.model.release import Release
from receiver.model.webserver import Command
from receiver.planner.web_part import WebPart, refuse_lost


def live(*types: str, static: bool = False) -> Release:
    return Release(
        version=3,
        app="shop",
        commit="",
        description="",
        by="",
        created_at="",
        buildpack="",
        python=None,
        venv=None,
        processes={name: Command(command="x") for name in types},
        static={"/": "."} if static else {},
    )


def refusal(lines: dict[str, str], before: Release | None) -> BuildError | None:
    try:
        refuse_lost(WebPart(lines), before, stopped=False)
    except BuildError as error:
        return error
    return None


@pytest.mark.parametrize("before", [live("web"), live("web", "worker"), live(static=True)])
@pytest.mark.parametrize(
    ("lines", "meant"),
    [
        ({"wbe": "gunicorn app:app"}, "wbe"),
        ({"worker": "celery -A shop worker", "we": "gunicorn app:app"}, "we"),
        ({"worker": "python work.py", "site": "cd src && ./bin/gunicorn app:app"}, "site"),
        ({"worker": "python work.py"}, None),
        ({"webhooks": "python hooks.py"}, None),
        ({}, None),
    ],
)
def test_a_site_is_not_ended_by_a_push(
    lines: dict[str, str], meant: str | None, before: Release
) -> None:
    refused = refusal(lines, before)
    assert refused is not None
    assert refused.reason == "build/no-web"
    assert "the site would go down" in refused.title
    assert "ship ps:scale web=0" in refused.advice
    assert "`web = false`" in refused.advice
    if meant:
        assert f"`web:` in place of `{meant}:`" in refused.advice
    else:
        assert "in place of" not in refused.advice


@pytest.mark.parametrize("before", [None, live("worker")])
@pytest.mark.parametrize("name", ["wbe", "webb", "wb", "web1", "ewb", "WBE", "app"])
def test_an_app_does_not_begin_without_a_site_by_a_slip(name: str, before: Release | None) -> None:
    refused = refusal({"worker": "python work.py", name: "uvicorn app:app"}, before)
    assert refused is not None
    assert f"`{name}`" in refused.title
    assert "`web = false`" in refused.advice


@pytest.mark.parametrize("before", [None, live("worker")])
@pytest.mark.parametrize("name", ["worker", "webhook", "clock", "bot", "webhooks", "scheduler"])
def test_an_app_of_workers_is_one(name: str, before: Release | None) -> None:
    assert refusal({name: "python run.py"}, before) is None


def test_what_serves_or_is_meant_not_to_is_let_through() -> None:
    gone = {"wbe": "gunicorn app:app"}
    refuse_lost(WebPart({"web": "x"}), live("web"), stopped=False)
    refuse_lost(WebPart({}, pages=True), live("web"), stopped=False)
    refuse_lost(WebPart(gone, wanted=False), live("web"), stopped=False)
    refuse_lost(WebPart(gone), live("web"), stopped=True)
