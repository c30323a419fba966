"""Why a release did not come up, told from its log."""

import pytest

from receiver.model.errors import CheckError
from receiver.planner.diagnosis import explain

ENDED = CheckError("The web process ended before it answered /.", reason="check/ended")
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/x/app.py", line 3, in <module>\n    run()\n'
)

CASES = [
    ("import flask_sqlalchemy\nModuleNotFoundError: No module named 'flask_sqlalchemy'", 3,
     "check/missing-module", "flask_sqlalchemy"),
    ('  File "/x/source/app.py", line 7\n    def (:\n        ^\nSyntaxError: invalid syntax', 3,
     "check/syntax-error", "SyntaxError: invalid syntax"),
    ("Failed to find attribute 'application' in 'app'.", 4, "check/missing-attribute", "application"),
    ("os.environ['SECRET_KEY']\nKeyError: 'SECRET_KEY'", 3, "check/missing-variable", "SECRET_KEY"),
    ("ImportError: cannot import name 'url_quote' from 'werkzeug.urls'", 3, "check/import-error", "url_quote"),
    ("RuntimeError", 3, "check/app-error", "RuntimeError"),
    ("SystemExit: 7", None, "check/exited", "sys.exit(7)"),
    ("ship: The program hypercron cannot be run: No such file or directory.", 69, "check/no-such-program", "hypercron"),
    ("", 0, "check/exited", "exit status 0"),
    ("", 137, "check/killed", "killed"),
    ("django.core.exceptions.ImproperlyConfigured: Set DATABASE_URL", 3, "check/app-error", "Set DATABASE_URL"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("log", "status", "reason", "told"), CASES, ids=[f"{case[2]} {case[3]}" for case in CASES]
)
def test_the_cause_is_named(log, status, reason, told):
    found = explain(ENDED, TRACEBACK + log if log else "", status)
    assert found.reason == reason
    assert told in found.title + found.detail
    assert found.advice


def test_without_a_cause_the_error_of_outside_stands_with_the_end_of_the_log():
    lines = "\n".join(f"line {number}" for number in range(50))
    found = explain(CheckError("It never answered.", reason="check/never-answered"), lines, None)
    assert found.reason == "check/never-answered"
    assert "line 49" in found.detail
    assert "line 29" not in found.detail


def test_a_key_error_of_the_apps_own_data_is_no_missing_variable():
    assert explain(ENDED, TRACEBACK + "KeyError: 'name'", 1).reason != "check/missing-variable"


@pytest.mark.parametrize(
    ("missing", "reason"),
    [("blog", "check/wrong-module"), ("blog.wsgi", "check/wrong-module"), ("flask", "check/missing-module")],
)  # fmt: skip
def test_a_module_that_only_the_web_line_names_is_told_from_a_package(missing, reason):
    log = f"ModuleNotFoundError: No module named '{missing}'"
    assert explain(ENDED, log, None, "blog.wsgi").reason == reason


def test_what_is_certain_from_outside_is_not_explained_away_by_the_log():
    outside = CheckError("It listens elsewhere.", reason="check/wrong-port")
    assert (
        explain(outside, TRACEBACK + "ValueError: of yesterday", None).reason == "check/wrong-port"
    )
