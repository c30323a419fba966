"""What an app.json asks for: config vars at the first deploy, and a health check."""

from collections.abc import Mapping

import pytest

from receiver.deploy.app_json.checks import declared_check
from receiver.deploy.app_json.config import initial_config, refuse_unset, unset_values
from receiver.deploy.app_json.scale import initial_scale
from receiver.model.app_json import AppJson, Formation, Header, Healthcheck, Variable
from receiver.model.check import Check
from receiver.model.errors import BuildError

WANTED = AppJson(
    env={
        "PLAIN": "text",
        "VALUE": Variable(value="of the file"),
        "SECRET_KEY": Variable(generator="secret"),
        "BOTH": Variable(value="mine", generator="secret"),
        "OPTIONAL": Variable(required=False),
        "EMPTY": Variable(value="", required=False),
    }
).variables


def test_values_and_secrets_are_given_to_what_is_not_set() -> None:
    found = initial_config(WANTED, {"VALUE": "by hand"}, lambda: "made up")
    assert found == {"PLAIN": "text", "SECRET_KEY": "made up", "BOTH": "mine"}


def test_what_is_set_is_left_alone_also_when_it_is_empty() -> None:
    assert initial_config(WANTED, dict.fromkeys(WANTED, ""), lambda: "made up") == {}


def test_later_only_what_is_required_and_has_a_value_is_told() -> None:
    optional = {"LATER": Variable(value="1", required=False)}
    assert unset_values({**WANTED, **optional}, {"PLAIN": "", "BOTH": ""}) == (
        "VALUE",
        "SECRET_KEY",
    )


@pytest.mark.parametrize(
    ("variables", "config"),
    [
        (WANTED, {}),
        ({"API_KEY": Variable()}, {"API_KEY": ""}),
        ({"API_KEY": Variable(required=False)}, {}),
    ],
)
def test_what_has_a_value_or_needs_none_is_not_refused(
    variables: Mapping[str, Variable], config: Mapping[str, str]
) -> None:
    refuse_unset(variables, config)


@pytest.mark.parametrize(
    ("variables", "title", "detail", "line"),
    [
        (
            {"API_KEY": Variable()},
            "a config var that is not set: API_KEY.",
            "requires API_KEY.",
            "API_KEY=...",
        ),
        (
            {"A": Variable(), "B": Variable()},
            "config vars that are not set: A, B.",
            "A.\napp",
            "A=... B=...",
        ),
        ({"A": Variable("Of the bank.\nMore.")}, "A.", "requires A: Of the bank.", "A=..."),
        (AppJson(env={"A": ""}).variables, "A.", "requires A.", "A=..."),
    ],
)
def test_what_is_required_and_missing_is_refused_with_the_line_to_type(
    variables: Mapping[str, Variable], title: str, detail: str, line: str
) -> None:
    with pytest.raises(BuildError) as refused:
        refuse_unset(variables, {})
    assert refused.value.reason == "build/config-var-required"
    assert refused.value.title.endswith(title)
    assert detail in refused.value.detail
    assert f"`ship config:set {line}`" in refused.value.advice


@pytest.mark.parametrize(
    ("formation", "wanted", "told"),
    [
        ({}, {}, ()),
        ({"worker": Formation(2), "clock": Formation()}, {"worker": 2}, ()),
        ({"worker": Formation(0), "web": Formation(1)}, {"worker": 0}, ()),
        ({"web": Formation(4), "release": Formation(1)}, {"web": 4}, ()),
        (
            {"web": Formation(0)},
            {},
            (("app.json: formation.web does not count: to stop web, type `ship ps:stop web`."),),
        ),
        (
            {"rq": Formation(1)},
            {},
            (("app.json: formation.rq does not count: there is no such process type."),),
        ),
    ],
)
def test_a_formation_is_a_scale(
    formation: Mapping[str, Formation], wanted: Mapping[str, int], told: tuple[str, ...]
) -> None:
    assert initial_scale(formation, ("web", "worker", "clock", "release")) == (wanted, told)


def startup(path: str | None = "/up", **more: object) -> Healthcheck:
    return Healthcheck("startup", path=path, **more)  # type: ignore[arg-type] # the tests say what is


@pytest.mark.parametrize(
    ("checks", "wanted"),
    [
        ({}, Check()),
        ({"web": []}, Check()),
        ({"web": [startup()]}, Check(path="/up")),
        (
            {
                "web": [
                    startup(
                        attempts=2, timeout=3, wait=4, http_headers=(Header("host", "a.example"),)
                    )
                ]
            },
            Check(path="/up", attempts=2, timeout_s=3, wait_s=4, host="a.example"),
        ),
    ],
)
def test_a_health_check_of_dokku_is_a_check(
    checks: Mapping[str, list[Healthcheck]], wanted: Check
) -> None:
    assert declared_check(checks, Check()) == (wanted, ())


def test_what_a_release_starts_with_goes_before_what_is_asked_later() -> None:
    checks = [Healthcheck("liveness", path="/live"), Healthcheck("readiness", path="/ready")]
    found, notices = declared_check({"web": checks}, Check())
    assert found.path == "/ready"
    assert notices == ("Of the healthchecks in app.json, one counts: readiness, /ready.",)
    found, _ = declared_check({"web": [*checks, startup()]}, Check())
    assert found.path == "/up"


def test_ship_toml_goes_before_app_json() -> None:
    own = Check(path="/mine")
    found, notices = declared_check({"web": [startup()]}, own)
    assert found is own
    assert notices == ("[check] in ship.toml counts, not the healthchecks of app.json.",)


def test_what_cannot_be_honoured_is_told() -> None:
    headers = (Header("X-Token", "1"), Header("Host", "a.example"))
    _, notices = declared_check({"worker": [], "web": [startup(http_headers=headers)]}, Check())
    assert notices == (
        "app.json: healthchecks.worker does not count: only web is asked.",
        "Of a health check's headers only Host is sent, not X-Token.",
    )


def test_a_health_check_without_a_path_is_told() -> None:
    checks = [startup(), Healthcheck("liveness"), Healthcheck("readiness", name="database")]
    found, notices = declared_check({"web": checks}, Check())
    assert found == Check(path="/up")
    told = "app.json: a health check without a path does not count: liveness, database."
    assert notices == (told,)
    assert declared_check({"web": checks[1:]}, Check()) == (Check(), (told,))


def test_a_host_that_is_none_is_refused() -> None:
    headers = (Header("Host", "a\r\nX: y"),)
    with pytest.raises(BuildError) as refused:
        declared_check({"web": [startup(http_headers=headers)]}, Check())
    assert refused.value.reason == "build/app-json-invalid"
    assert "`healthchecks.web`: host" in refused.value.detail
