"""The check of an app: how it is typed, laid over that of the code, and which answers are alive
for both who ask."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from receiver.health import answers
from receiver.health.answers import Answer, Question
from receiver.model.check import Check, overlaid, parse_name, parse_settings
from receiver.model.errors import UsageError
from receiver.model.release import Release
from receiver.model.settings import App
from receiver.model.webserver import Gunicorn

RUNTIME = Path(answers.__file__).parents[1] / "runtime"
HOST = "blog.example.com"


@pytest.fixture(scope="module")
def asking() -> Any:
    """runtime/question.py, as a worker loads it."""
    for name in ("launch", "worker", "unsaid", "question"):
        spec = importlib.util.spec_from_file_location(
            f"ship_runtime_{name}", RUNTIME / f"{name}.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    yield sys.modules["ship_runtime_question"]
    for name in ("launch", "worker", "unsaid", "question"):
        del sys.modules[f"ship_runtime_{name}"]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("path=/health", "status=204"), {"path": "/health", "status": 204}),
        (("status=200, 204",), {"status": (200, 204)}),
        (("timeout=3", "attempts=2", "wait=1"), {"timeout_s": 3, "attempts": 2, "wait_s": 1}),
        (("host=blog.test:8000",), {"host": "blog.test:8000"}),
    ],
)
def test_settings_are_typed(words: tuple[str, ...], values: dict[str, Any]) -> None:
    assert parse_settings(words) == values
    App(port=1, port_a=2, port_b=3, check=values)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("path=health", "path cannot be 'health'"),
        ("status=99", "status cannot be '99'"),
        ("status=200,many", "status cannot be '200,many'"),
        ("attempts=0", "attempts cannot be '0'"),
        ("host=a b", "host cannot be 'a b'"),
        ("paht=/", "no setting 'paht'"),
        ("path", "'path' is not a setting and its value"),
        ("path=", "'path=' is not a setting and its value"),
    ],
)
def test_what_cannot_be_is_refused_by_name(word: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_settings((word,))
    assert told in refused.value.title
    assert refused.value.reason == "usage/bad-check"


def test_an_unknown_name_is_refused() -> None:
    assert parse_name("wait") == "wait_s"
    with pytest.raises(UsageError):
        parse_name("delay")


def test_what_was_meant_and_what_can_be_is_told() -> None:
    with pytest.raises(UsageError) as refused:
        parse_settings(("pth=/x",))
    assert refused.value.detail == "Did you mean path?"
    for word in ("path=x", "status=9", "host=a b", "timeout_s=0", "attempts=x", "wait_s=-1"):
        with pytest.raises(UsageError) as refused:
            parse_settings((word,))
        assert refused.value.detail.startswith("It ")


def test_what_the_server_says_counts_above_the_code() -> None:
    code = Check(path="/code", status=200)
    assert overlaid(code, {"path": "/set"}) == Check(path="/set", status=200)
    assert overlaid(code, {}) == code


def test_a_check_that_cannot_be_is_refused_with_its_file() -> None:
    with pytest.raises(msgspec.ValidationError, match="nonsense"):
        msgspec.convert({"port": 1, "port_a": 2, "port_b": 3, "check": {"nonsense": 1}}, App)


def test_a_check_that_takes_time_is_put_to_a_canary() -> None:
    def of(check: Check) -> Release:
        return Release(
            version=1,
            app="blog",
            commit="1" * 40,
            description="",
            by="",
            created_at="",
            buildpack="python",
            python=None,
            venv=None,
            processes={"web": Gunicorn(app="app:app")},
            check=check,
        )

    assert of(Check(path="/health")).checks_itself
    assert not of(Check(timeout_s=3)).checks_itself
    assert not of(Check(attempts=2)).checks_itself


DISALLOWED = "<h1>Bad Request (400)</h1>"
HERE, ELSEWHERE = f"https://{HOST}/x?y=1", "https://login.example.com/"


@pytest.mark.parametrize(
    ("answer", "wanted", "alive"),
    [
        (Answer(200, {}, ""), None, True),
        (Answer(204, {}, ""), [200, 204], True),
        (Answer(204, {}, ""), 200, False),
        (Answer(401, {}, ""), None, True),
        (Answer(403, {}, ""), None, True),
        (Answer(404, {}, ""), None, True),
        (Answer(400, {}, ""), None, True),
        (Answer(400, {}, DISALLOWED), None, False),
        (Answer(400, {}, DISALLOWED), 400, True),
        (Answer(500, {}, ""), None, False),
        (Answer(503, {}, ""), 503, True),
        (Answer(301, {"location": HERE}, ""), 200, True),
        (Answer(301, {"location": HERE}, "", by_https="/other"), None, True),
        (Answer(301, {"location": HERE}, "", by_https="/x?y=1"), None, False),
        (Answer(301, {"location": HERE}, "", by_https="/x?y=1"), 301, True),
        (Answer(301, {"location": ELSEWHERE}, ""), 200, False),
        (Answer(302, {"location": ELSEWHERE}, ""), None, True),
    ],
)
def test_ship_and_a_worker_that_asks_itself_judge_alike(
    asking: Any, answer: Answer, wanted: int | list[int] | None, *, alive: bool
) -> None:
    question = Question.by(msgspec.convert({"status": wanted}, Check), HOST)
    assert (answers.verdict(answer, question) is None) == alive
    release = SimpleNamespace(check={"status": wanted}, address=HOST)
    assert asking._may_serve(release, msgspec.to_builtins(answer)) == alive


def test_a_worker_asks_itself_again_as_if_by_https(asking: Any) -> None:
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append((environ["wsgi.url_scheme"], environ["PATH_INFO"], environ["HTTP_HOST"]))
        if environ["HTTP_X_FORWARDED_PROTO"] == "http":
            start_response("301 Moved", [("Location", HERE)])
            return []
        start_response("200 OK", [])
        return [b"in"]

    release = SimpleNamespace(check={"path": "/health"}, address=HOST)
    assert asking._answer(app, release) == (200, {}, b"in", "/x?y=1")
    assert seen == [("http", "/health", HOST), ("https", "/x", HOST)]
