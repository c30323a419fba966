"""Each advice on why an app failed has its row in the table, and is what the row says."""

import re
from pathlib import Path

import pytest

from receiver.diagnosis import explain as diagnosis
from receiver.diagnosis.env_settings import Names, classes
from receiver.diagnosis.pushed import Pushed, normal_name
from receiver.health.answers import ended
from receiver.model.errors import CheckError
from tests.advice import CHECKS_ELSEWHERE, CHECKS_UNTRIED, LOGS, PUSHES, OfLog
from tests.followed import TESTS, unnamed

ERRORS = TESTS.parent / "docs/errors.md"
ROOM = Path(diagnosis.__file__).parent
_REASON = re.compile(r'reason="(check/[a-z-]+)"')


def explained(log: str, pushed: Pushed = Pushed()) -> CheckError:  # noqa: B008 - a value
    return diagnosis.explain(ended("/"), log, None, pushed)


@pytest.mark.parametrize("row", LOGS, ids=lambda row: f"{row.reason} {row.gives}")
def test_the_advice_is_that_of_the_table(row: OfLog) -> None:
    found = explained(row.log, row.pushed)
    assert found.reason == row.reason
    assert row.advice in f"{found.title} {found.advice}"


def test_every_reason_has_a_row() -> None:
    given = {name for path in ROOM.glob("*.py") for name in _REASON.findall(path.read_text())}
    assert given <= {row.reason for row in LOGS}


def test_each_reason_of_a_check_is_followed_by_a_test_or_says_why_not() -> None:
    named = set(re.findall(r"^\| `(check/[a-z-]+)` \|", ERRORS.read_text(), re.MULTILINE))
    elsewhere = {reason for reasons in CHECKS_ELSEWHERE.values() for reason in reasons}
    pushed = {row.reason for row in PUSHES.values() if row.reason.startswith("check/")}
    assert named == pushed | elsewhere | CHECKS_UNTRIED.keys()
    assert not (pushed | elsewhere) & CHECKS_UNTRIED.keys()


@pytest.mark.parametrize("place", CHECKS_ELSEWHERE)
def test_a_test_that_follows_advice_on_a_check_names_its_reason(place: str) -> None:
    assert unnamed(place, CHECKS_ELSEWHERE[place]) == []


def test_what_a_row_says_is_shown_by_a_push_is() -> None:
    shown = {row.gives.removeprefix("push: ") for row in LOGS if row.gives.startswith("push: ")}
    assert shown <= PUSHES.keys()
    assert shown


@pytest.mark.parametrize(
    "row", [row for row in LOGS if row.reason in {"check/missing-variable", "check/unreachable"}]
)
def test_causes_are_those_of_any_other_command_too(row: OfLog) -> None:
    found = diagnosis.of_command(row.log, row.pushed)
    assert found is not None
    assert row.advice in found.advice


def test_migrations_are_run_before_what_needs_their_tables() -> None:
    log = "django.db.utils.OperationalError: no such table: shop_item"
    found = diagnosis.of_command(log, Pushed(files=("manage.py",)))
    assert found is not None
    assert found.advice == "Run its migrations first: `python manage.py migrate`."


def test_a_log_is_named_where_there_is_one() -> None:
    assert "Its log is above" in explained("Connecting ...").advice
    silent = explained("")
    assert "above" not in silent.advice
    assert "`ship local`" in silent.advice
    assert "`ship logs`" in ended("/").advice


@pytest.mark.parametrize(
    ("sqlalchemy", "driver", "scheme"),
    [
        ("1.4.54", "psycopg2-binary", "postgresql://"),
        ("2.0.44", "psycopg", "postgresql+psycopg://"),
        ("2.1.0", "psycopg", "postgresql://"),
        ("2.1.0", "psycopg2", "postgresql+psycopg2://"),
    ],
)
def test_the_driver_that_is_installed_is_named_where_it_is_not_the_usual_one(
    sqlalchemy: str, driver: str, scheme: str
) -> None:
    log = "NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:postgres"
    there = {"sqlalchemy": sqlalchemy, driver: "3"}
    assert f",{scheme},)" in explained(log, Pushed(installed=there)).advice


def test_a_model_of_the_apps_own_data_lacks_no_variable() -> None:
    log = "Traceback (most recent call last):\n  x\npydantic_core.ValidationError: 1 validation"
    found = explained(f"{log} error for Item\nname\n  Field required [type=missing]")
    assert found.reason != "check/missing-variable"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class A(BaseSettings):\n    token: str\n", {"A": "TOKEN"}),
        (
            (
                "class A(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='B_')\n"
                "    token: str\n"
            ),
            {"A": "B_TOKEN"},
        ),
        ("class A(pydantic.BaseSettings, env_prefix='b_'):\n    token: str", {"A": "B_TOKEN"}),
        (
            "class A(BaseSettings):\n    class Config:\n        env_prefix = 'B_'\n    token: str",
            {"A": "B_TOKEN"},
        ),
        (
            "class A(BaseSettings):\n    model_config = {'env_prefix': 'B_'}\n    token: str",
            {"A": "B_TOKEN"},
        ),
        (
            (
                "class A(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='B_')\n"
                "class C(A):\n    token: str\n"
            ),
            {"A": "TOKEN", "C": "B_TOKEN"},
        ),
        (
            (
                "class A(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='b_',"
                " case_sensitive=True)\n    token: str\n"
            ),
            {"A": "b_token"},
        ),
        ("class A(BaseModel):\n    token: str\n", {}),
        ("def (:\n", {}),
    ],
)
def test_names_of_pydantics_variables_are_read_from_the_source(
    source: str, names: dict[str, str]
) -> None:
    found = classes([source])
    assert {name: one.variable("token") for name, one in found.items()} == names


def test_an_alias_is_told_as_it_is_written() -> None:
    assert Names("B_", frozenset({"token"})).variable("API_TOKEN") == "API_TOKEN"


def test_names_of_packages_are_compared_as_indexes_do() -> None:
    assert normal_name("Flask_SQLAlchemy[x]<4") == "flask-sqlalchemy"
