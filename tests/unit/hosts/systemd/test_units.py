"""The unit files of an app, compared as they are written; `SHIP_UPDATE_GOLDEN=1` writes them
anew."""

import os
from pathlib import Path

import pytest

from receiver.hosts.systemd.timer_units import timer_files
from receiver.hosts.systemd.units import app_units, slot_units, socket_unit
from receiver.model.cron import Timer
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.settings import App

GOLDEN = Path(__file__).parents[3] / "golden" / "systemd"
RUNTIME = Path("/opt/ship/receiver/runtime")
SETTINGS = App(port=20_000, port_a=20_001, port_b=20_002, graceful_limit_s=45, check_limit_s=90)
TIMER = Timer(schedule="0 3 1 * mon", timezone="Europe/Berlin", catch_up=True)
CRON_NAMES = ("ship-blog.cron.a.b.timer", "ship-blog.cron.a.b.service")
NAMES = (
    "ship-blog.web.socket",
    "ship-blog.web.service",
    "ship-blog.web@.service",
    "ship-blog.port@.service",
    "ship-blog.slice",
    "journald@ship-blog.conf",
)


def units(app: str, settings: App = SETTINGS) -> dict[str, str]:
    written = app_units(Layout.vps(), AppName(app), settings, RUNTIME)
    *of_systemd, of_journald = (Path(each.path) for each in written)
    assert {path.parent for path in of_systemd} == {Layout.vps().units}
    assert of_journald == Path(f"/etc/systemd/journald@ship-{app}.conf")
    return {Path(each.path).name: each.text for each in written}


def test_an_app_has_these_units_and_no_more() -> None:
    assert sorted(units("blog")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_units_are_as_they_were_agreed(name: str) -> None:
    golden, text = GOLDEN / name, units("blog")[name]
    if os.environ.get("SHIP_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", CRON_NAMES)
def test_units_of_cron_jobs_are_as_they_were_agreed(name: str) -> None:
    written = timer_files(Layout.vps(), AppName("blog"), {"a-b": TIMER}, Path("/opt/ship/bin/ship"))
    texts = {Path(each.path).name: each.text for each in written}
    assert sorted(texts) == sorted(CRON_NAMES)
    golden = GOLDEN / name
    if os.environ.get("SHIP_UPDATE_GOLDEN"):
        golden.write_text(texts[name])
    assert texts[name] == golden.read_text()


def test_apps_whose_names_begin_alike_share_no_unit() -> None:
    seen = [set(units(app)) for app in ("blog", "blog2", "blog-staging", "blog-web")]
    assert len(set.union(*seen)) == sum(map(len, seen))


def test_the_socket_never_starts_a_slot() -> None:
    service = next(
        line
        for line in units("blog")[socket_unit(AppName("blog"))].splitlines()
        if line.startswith("Service=")
    )
    assert service == "Service=ship-blog.web.service"
    assert service.partition("=")[2] not in slot_units(AppName("blog"), "a")


def test_a_slot_has_the_limits_of_its_app() -> None:
    text = units("blog", App(port=1, port_a=2, port_b=3, graceful_limit_s=7, check_limit_s=8))
    for name in ("ship-blog.web@.service", "ship-blog.port@.service"):
        assert "TimeoutStopSec=12\n" in text[name]
        assert "TimeoutStartSec=8\n" in text[name]
