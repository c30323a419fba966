"""How a new release takes over: decided from values alone."""

import msgspec
import pytest
from msgspec.structs import replace

from receiver.model.formation import Group
from receiver.model.layout import SlotLetter
from receiver.model.plan import (
    AimSlot,
    AskThroughNginx,
    AwaitAnswer,
    AwaitRelease,
    ChangeSite,
    EnableSlot,
    Link,
    SetFormation,
    StartSlot,
    StopSlot,
)
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.model.webserver import Command, Gunicorn, Process
from receiver.planner.swap import SwapFacts, plan_stop_first, plan_swap

SETTINGS = App(port=20000, port_a=20001, port_b=20002)
CURRENT = Link("/apps/blog/current", "releases/v2")
SITE = ChangeSite("blog", "/site", "/link", "text")
GUNICORN = Gunicorn(app="app:app")
RUNNING: tuple[SlotLetter, ...] = ("a",)


def release(
    version: int, web: Process | None = GUNICORN, venv: str | None = "/v/1", **more
) -> Release:
    return Release(
        version=version,
        app="blog",
        commit="1" * 40,
        description="Deploy 1111111",
        by="laptop",
        created_at="2026-01-01T00:00:00Z",
        buildpack="python",
        python="3.11.2",
        venv=venv,
        processes={} if web is None else {"web": web},
        **more,
    )


def plan(new: Release, old: Release | None = None, **more):
    facts = {
        "new": new,
        "old": old,
        "slot": "a",
        "running": {"a": 4711} if old is not None else {},
        "same_start": True,
        "settings": SETTINGS,
        "current": CURRENT,
        "site": lambda _: None,
    }
    return plan_swap(SwapFacts(**(facts | more)))


def kinds(swap) -> list[type]:
    return [type(step) for step in swap.plan]


def test_the_first_release_starts_slot_a_and_is_asked_through_nginx():
    swap = plan(release(1), site=lambda _: SITE)
    assert swap.slot == "a"
    assert kinds(swap) == [
        AimSlot,
        StartSlot,
        AwaitRelease,
        EnableSlot,
        Link,
        ChangeSite,
        AskThroughNginx,
    ]


def test_the_same_virtualenv_and_server_are_swapped_in_place():
    swap = plan(release(2), release(1))
    assert swap.slot == "a"
    assert swap.plan[:2] == (
        AimSlot("blog", "a", 2, reload=True),
        AwaitRelease("blog", "a", 2, 60.0),
    )
    assert StartSlot not in kinds(swap)
    assert StopSlot not in kinds(swap)


def test_nginx_is_not_reloaded_when_its_file_says_the_right_thing():
    assert ChangeSite not in kinds(plan(release(2), release(1)))


def test_another_virtualenv_is_handed_over_and_the_old_slot_stops_last():
    swap = plan(release(2, venv="/v/2"), release(1))
    assert swap.slot == "b"
    assert swap.plan[-1] == StopSlot("blog", "a")
    assert kinds(swap).index(StartSlot) < kinds(swap).index(AwaitRelease)


def test_another_entry_point_is_handed_over():
    assert plan(release(2, Gunicorn(app="main:app")), release(1)).slot == "b"


def test_a_config_var_that_only_a_fresh_program_reads_is_handed_over():
    assert plan(release(2), release(1), same_start=False).slot == "b"


def test_an_old_release_that_does_not_run_is_not_reloaded():
    swap = plan(release(2), release(1), running={})
    assert swap.slot == "b"
    assert StopSlot("blog", "a") not in swap.plan


def test_an_old_release_that_is_about_to_be_started_again_is_stopped():
    """It has no process now; two seconds later it would serve beside the new one."""
    swap = plan(release(2), release(1), running={"a": 0})
    assert swap.slot == "b"
    assert swap.plan[-1] == StopSlot("blog", "a")


@pytest.mark.parametrize(
    ("new", "running"),
    [
        (release(2), {"a": 4711, "b": 4712}),
        (release(2), {"a": 4711, "b": 0}),
        (release(2, venv="/v/2"), {"a": 4711, "b": 4712}),
        (release(2, None), {"a": 4711, "b": 4712}),
    ],
)
def test_exactly_one_slot_is_left_whatever_ran(new, running):
    swap = plan(new, release(1), running=running)
    left = {slot for slot in running if StopSlot("blog", slot) not in swap.plan}
    started = {step.slot for step in swap.plan if isinstance(step, StartSlot)}
    assert left | started == ({swap.slot} if new.processes else set())


def test_a_slot_that_is_about_to_be_started_and_runs_is_stopped_before():
    swap = plan(release(2, venv="/v/2"), release(1), running={"a": 4711, "b": 0})
    assert swap.plan[:2] == (StopSlot("blog", "b"), AimSlot("blog", "b", 2))


def test_a_slot_that_runs_before_the_first_release_is_stopped():
    assert plan(release(1), running={"b": 4711}).plan[-1] == StopSlot("blog", "b")


def test_where_one_release_says_so_nothing_of_the_new_runs_beside_the_old():
    for new, old in (
        (release(2, order="stop-first"), release(1)),
        (release(2), release(1, order="stop-first")),
    ):
        formation = {"worker": Group(version=1, count=1)}
        way = plan_stop_first(old, new, RUNNING, formation)
        assert way == (SetFormation("blog", {}), StopSlot("blog", "a"))
        swap = plan(new, old)
        assert swap.slot == "b"
        assert StartSlot("blog", "b") in swap.plan
        assert StopSlot("blog", "a") not in swap.plan


def test_otherwise_nothing_is_stopped_before():
    assert plan_stop_first(release(1), release(2), RUNNING, {}) == ()
    assert plan_stop_first(None, release(1, order="stop-first"), RUNNING, {}) == ()


def test_a_command_is_asked_on_the_port_of_its_slot():
    command = Command(command="uvicorn main:app --port $PORT")
    swap = plan(release(2, command), release(1, command), site=lambda _: SITE)
    assert swap.slot == "b"
    assert AwaitAnswer("blog", "b", 20002, 60.0) in swap.plan


def test_nobody_is_routed_to_a_command_before_it_has_answered():
    command = Command(command="python app.py")
    found = kinds(plan(release(2, command), release(1, command), site=lambda _: SITE))
    assert found.index(AwaitAnswer) < found.index(ChangeSite) < len(found) - 1
    assert found[-1] is StopSlot


def test_files_alone_need_no_process_and_stop_the_one_that_was():
    swap = plan(release(2, None, static={"/": "."}), release(1))
    assert StartSlot not in kinds(swap)
    assert swap.plan[-2:] == (StopSlot("blog", "a"), EnableSlot("blog", None))
    assert AskThroughNginx in kinds(swap)


def test_a_stopped_app_stays_stopped():
    swap = plan(release(2), release(1), settings=replace(SETTINGS, stopped=True), running={})
    assert StartSlot not in kinds(swap)
    assert AskThroughNginx not in kinds(swap)


def test_a_push_to_an_app_that_was_stopped_says_so() -> None:
    stopped = msgspec.structs.replace(SETTINGS, stopped=True)
    assert plan(release(1), settings=stopped).how == (
        "Web was stopped, and stays so: `ship ps:start` starts it."
    )
    assert plan(release(1, web=None)).how == "No web process runs."
