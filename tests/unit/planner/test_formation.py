"""Which processes besides web a release has running, and what is told of them."""

from receiver.model.formation import Group, instances
from receiver.model.release import Release
from receiver.model.settings import App, ProcessRule
from receiver.model.webserver import Command, Gunicorn
from receiver.planner.formation import (
    background_types,
    plan_formation,
    tell_formation,
    unknown_rules,
)

LINES = {
    "web": "gunicorn app:app",
    "release": "python manage.py migrate",
    "worker": "celery -A shop worker",
    "clock": "cd src && python clock.py",
}
SETTINGS = App(port=1, port_a=2, port_b=3)


def release(version: int = 4, *, rules: dict[str, ProcessRule] | None = None) -> Release:
    processes = {name: Command(command=line) for name, line in LINES.items() if name != "web"}
    return Release(
        version=version,
        app="shop",
        commit="",
        description="",
        by="",
        created_at="",
        buildpack="python",
        python=None,
        venv=None,
        lines=LINES,
        processes={"web": Gunicorn(app="app:app"), **processes},
        rules=rules or {},
    )


def stopped(*types: str) -> App:
    return App(port=1, port_a=2, port_b=3, stopped_types=types)


def test_web_and_release_go_ways_of_their_own() -> None:
    assert background_types(release()) == ["worker", "clock"]
    assert background_types(None) == []


def test_nothing_runs_that_nobody_asked_for() -> None:
    assert plan_formation(release(), {}, SETTINGS) == {}
    assert (
        plan_formation(release(), {"web": 3, "worker": 0, "release": 2, "gone": 1}, SETTINGS) == {}
    )
    assert plan_formation(None, {"worker": 1}, SETTINGS) == {}


def test_what_was_asked_for_is_of_the_release_and_ends_by_its_rule() -> None:
    rules = {"worker": ProcessRule(stop_signal="SIGQUIT", graceful_s=60)}
    found = plan_formation(release(rules=rules), {"worker": 2, "clock": 1}, SETTINGS)
    assert found == {
        "worker": Group(version=4, count=2, stop_signal="SIGQUIT", graceful_s=60),
        "clock": Group(version=4, count=1, stop_signal="SIGTERM", graceful_s=30, shell=True),
    }
    assert [each.name for each in instances(found)] == ["worker.1", "worker.2", "clock.1"]


def test_what_was_stopped_does_not_run() -> None:
    scale = {"worker": 2, "clock": 1}
    assert list(plan_formation(release(), scale, stopped("worker"))) == ["clock"]
    assert plan_formation(release(), scale, stopped("*")) == {}


def test_who_pushes_is_told_what_runs_what_is_gone_and_what_waits() -> None:
    before = {"worker": Group(version=3, count=1), "old": Group(version=3, count=2)}
    scale = {"worker": 2, "old": 2}
    wanted = plan_formation(release(), scale, SETTINGS)
    assert list(tell_formation(release(), wanted, before, scale)) == [
        "Now of v4: worker=2.",
        "old is in the Procfile no more; its processes are stopped.",
        "No clock runs yet. To start one: ship ps:scale clock=1",
    ]


def test_a_scale_of_none_is_an_answer_too() -> None:
    assert list(tell_formation(release(), {}, {}, {"worker": 0, "clock": 0})) == []


def test_a_rule_for_no_type_is_told() -> None:
    rules = {"wroker": ProcessRule(), "worker": ProcessRule()}
    assert list(unknown_rules(release(rules=rules))) == [
        "ship.toml has [process.wroker], but no process type is called wroker."
    ]
