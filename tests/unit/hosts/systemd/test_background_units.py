"""The units of processes besides web, compared as they are written; `SHIP_UPDATE_GOLDEN=1`
writes them anew."""

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from receiver.hosts.systemd.background_units import (
    instance_of,
    process_files,
    process_template,
    process_unit,
    process_units,
)
from receiver.hosts.systemd.jobs import deploy_job_units, lasting_job_units
from receiver.hosts.systemd.units import slot_template
from receiver.model.formation import Formation, Group, Instance
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.settings import App

GOLDEN = Path(__file__).parents[3] / "golden" / "systemd"
RUNTIME = Path("/opt/ship/receiver/runtime")
SETTINGS = App(port=20_000, port_a=20_001, port_b=20_002)
APPS = ("blog", "blog-staging", "blog2", "a", "a-b")
TYPES = ("worker", "worker2", "a", "a-b", "a_b", "a--b", "port", "ps", "Clock")


def text(group: Group, name: str = "worker") -> str:
    (file,) = process_files(Layout.vps(), AppName("blog"), {name: group}, RUNTIME, SETTINGS)
    assert Path(file.path) == Layout.vps().units / process_template(AppName("blog"), name)
    return file.text


def test_a_unit_is_as_it_was_agreed() -> None:
    group = Group(version=3, count=2, stop_signal="SIGQUIT", graceful_s=60)
    golden = GOLDEN / "ship-blog.ps.send.mail@.service"
    if os.environ.get("SHIP_UPDATE_GOLDEN"):
        golden.write_text(text(group, "send-mail"))
    assert text(group, "send-mail") == golden.read_text()


def test_each_type_has_a_template_and_nothing_runs_without_one() -> None:
    formation: Formation = {name: Group(version=1, count=1) for name in TYPES}
    files = process_files(Layout.vps(), AppName("blog"), formation, RUNTIME, SETTINGS)
    assert len({file.path for file in files}) == len(TYPES)
    assert process_files(Layout.vps(), AppName("blog"), {}, RUNTIME, SETTINGS) == ()


def test_a_scale_or_a_release_changes_no_unit() -> None:
    assert text(Group(version=1, count=1)) == text(Group(version=2, count=7))


def test_a_shell_has_its_children_told() -> None:
    assert "KillMode=mixed\n" in text(Group(version=1, count=1))
    assert "KillMode=control-group\n" in text(Group(version=1, count=1, shell=True))


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("name", TYPES)
def test_a_unit_is_read_back(app: str, name: str) -> None:
    instance = Instance(name, 12)
    assert instance_of(process_unit(AppName(app), instance)) == instance


def test_no_two_share_a_unit_and_no_pattern_fits_anothers() -> None:
    units = {
        (app, name): process_unit(AppName(app), Instance(name, 1)) for app in APPS for name in TYPES
    }
    assert len(set(units.values())) == len(units)
    for (app, _), unit in units.items():
        for other in APPS:
            assert fnmatchcase(unit, process_units(AppName(other))) == (app == other)
            assert not fnmatchcase(unit, deploy_job_units(AppName(other)))
            assert not fnmatchcase(unit, lasting_job_units(AppName(other)))


def test_a_type_named_like_a_slot_is_no_slot() -> None:
    slots = {slot_template(AppName("blog"), "web"), slot_template(AppName("blog"), "port")}
    assert not slots & {process_template(AppName("blog"), name) for name in TYPES}
    assert instance_of("ship-blog.web@a.service") is None
