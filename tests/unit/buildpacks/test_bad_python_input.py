"""What is read by who pushes a tree whose package or Python files are wrong: whole texts, one
for each case.

The numbers are those of the cases that Heroku's own tests of its Python buildpack know. The texts
lie in tests/transcripts.
"""

import json
import shlex

import pytest
from msgspec.structs import replace

from buildpacks import choose, python
from receiver.deploy.tree.refusals import refuse_unsafe
from receiver.model.build import BuildFacts, Command, Interpreter
from receiver.model.errors import BuildError
from receiver.model.output import Output
from tests.embedded.transcript import assert_as_recorded
from tests.unit.trees import FACTS, FLASK, PYTHON_311, PYTHON_312, tree

Files = dict[str, str | bytes]

FETCHABLE = tuple(
    Interpreter(f"/opt/ship/pythons/{version}/bin/python", version)
    for version in ("3.9.25", "3.12.9", "3.13.5")
)
HERE = replace(FACTS, fetchable=FETCHABLE)
WITH_39 = replace(
    HERE, interpreters=(*HERE.interpreters, Interpreter("/usr/bin/python3.9", "3.9.2"))
)
WITH_310 = replace(
    HERE, interpreters=(*HERE.interpreters, Interpreter("/usr/bin/python3.10", "3.10.4"))
)
APP: Files = {"app.py": FLASK, "requirements.txt": "flask\n"}
PROJECT = "[project]\nname = 'blog'\nversion = '1'\nrequires-python = '>=3.12'\n"
UV: Files = {"app.py": FLASK, "pyproject.toml": PROJECT, "uv.lock": "version = 1\n"}
POETRY: Files = {
    "app.py": FLASK,
    "pyproject.toml": (
        "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = '^3.12'\n"
    ),
    "poetry.lock": "[metadata]\nlock-version = '2.1'\ncontent-hash = 'of-another-time'\n",
}
PIPFILE_HASH = "ebffa69a1fa192d1cef7cb42ad79231ca976565c5ce371a70160b3048d3cbc06"


def pipenv(**requires: str) -> Files:
    """An app of pipenv, with what its lock requires of Python."""
    meta = {"hash": {"sha256": PIPFILE_HASH}, "requires": requires, "sources": []}
    lock = json.dumps({"_meta": meta, "default": {}, "develop": {}})
    return {"app.py": FLASK, "Procfile": "web: python app.py", "Pipfile": "", "Pipfile.lock": lock}


CASES: dict[str, tuple[Files, BuildFacts]] = {
    "case-01-no-project-files": ({"README.md": "", "docs/": ""}, HERE),
    "case-02-pyproject-only": ({"app.py": FLASK, "pyproject.toml": PROJECT}, HERE),
    "case-02-pyproject-of-poetry-only": (
        {"app.py": FLASK, "pyproject.toml": "[tool.poetry]\n"},
        HERE,
    ),
    "case-03-requirements-misspelt": ({"app.py": FLASK, "requeriments.txt": "flask"}, HERE),
    "case-04-setup-py-only": ({"app.py": FLASK, "setup.py": ""}, HERE),
    "case-05-two-package-managers": ({**POETRY, "requirements.txt": "flask"}, HERE),
    "case-05-four-package-managers": (
        {**POETRY, **pipenv(), "requirements.txt": "flask", "uv.lock": "version = 1\n"},
        HERE,
    ),
    "case-06-pipfile-without-lock": ({"app.py": FLASK, "Pipfile": ""}, HERE),
    "case-12-python-version-misspelt": ({**APP, "python-version": "3.12"}, HERE),
    "case-13-python-version-wildcard": ({**APP, ".python-version": "3.12.*\n"}, HERE),
    "case-13-python-version-quoted": ({**APP, ".python-version": "'3.12'\n"}, HERE),
    "case-13-python-version-prefixed": ({**APP, ".python-version": "python-3.12\n"}, HERE),
    "case-13-python-version-control-characters": (
        {**APP, ".python-version": "3.12\x1b[0m\x00"[:-1]},
        HERE,
    ),
    "case-14-python-version-utf8-mark": ({**APP, ".python-version": b"\xef\xbb\xbf3.12\n"}, HERE),
    "case-14-python-version-utf16": ({**APP, ".python-version": "3.12\n".encode("utf-16")}, HERE),
    "case-15-python-version-empty": ({**APP, ".python-version": "# 3.12\n\n \t\u00a0\n"}, HERE),
    "case-16-python-version-several": (
        {**APP, ".python-version": "3.11\r\n# or\r\n3.12\r\n"},
        HERE,
    ),
    "case-17-python-end-of-life": ({**APP, ".python-version": "3.9\n"}, HERE),
    "case-17-python-end-of-life-but-here": ({**APP, ".python-version": "3.9\n"}, WITH_39),
    "case-17-python-2": ({**APP, ".python-version": "2.7.18\n"}, HERE),
    "case-18-python-of-before-at-its-end": (
        APP,
        replace(WITH_39, python_before="3.9.2"),
    ),
    "case-19-python-never-was": ({**APP, ".python-version": "9.9\n"}, HERE),
    "case-19-python-not-yet": ({**APP, ".python-version": "3.99.1\n"}, HERE),
    "case-20-patch-never-was": ({**APP, ".python-version": "3.12.999"[:7]}, HERE),
    "case-21-patch-outdated": ({**APP, ".python-version": "3.12.4\n"}, HERE),
    "case-22-python-near-its-end": ({**APP, ".python-version": "3.10\n"}, WITH_310),
    "case-23-python-unspecified": (APP, HERE),
    "case-24-runtime-txt-invalid": ({**APP, "runtime.txt": "3.12\n"}, HERE),
    "case-25-runtime-txt-end-of-life": ({**APP, "runtime.txt": "python-3.8.20\n"}, HERE),
    "case-26-runtime-txt-and-python-version": (
        {**APP, "runtime.txt": "python-3.11.2\n", ".python-version": "3.12"},
        HERE,
    ),
    "case-27-pipfile-lock-invalid": ({**pipenv(), "Pipfile.lock": "{<<<<<<< HEAD\n"}, HERE),
    "case-28-pipfile-python-version-invalid": (pipenv(python_version="^3.12"), HERE),
    "case-29-pipfile-python-full-version-invalid": (pipenv(python_full_version="3.9.*"), HERE),
    "case-30-pipfile-python-end-of-life": (pipenv(python_version="3.8"), HERE),
    "case-31-pipfile-full-version-comes-first": (
        pipenv(python_version="3.12", python_full_version="3.11.2"),
        HERE,
    ),
    "case-32-pipfile-and-python-version": (
        {**pipenv(python_version="3.12"), ".python-version": "3.11\n"},
        HERE,
    ),
    "case-33-uv-without-python-version": (UV, HERE),
    "case-34-uv-with-runtime-txt": ({**UV, "runtime.txt": "python-3.12.4\n"}, HERE),
    "case-34-uv-with-both": (
        {**UV, "runtime.txt": "python-3.11\n", ".python-version": "3.12\n"},
        HERE,
    ),
    "case-35-uv-python-not-allowed": ({**UV, ".python-version": "3.11\n"}, HERE),
    "case-36-poetry-python-not-allowed": ({**POETRY, ".python-version": "3.11\n"}, HERE),
    "case-41-pipfile-lock-outdated": ({**pipenv(), "Pipfile": "[packages]\nflask = '*'\n"}, HERE),
    "case-42-poetry-lock-outdated": (POETRY, HERE),
}


def told(files: Files, facts: BuildFacts) -> str:
    """What a push of these files says of its build."""
    said = bytearray()
    out = Output(said.extend)
    pushed = tree(files)
    try:
        refuse_unsafe(pushed)
        plan = choose(pushed).plan(pushed, facts)
    except BuildError as error:
        out.error(error)
        return said.decode()
    out.step(plan.title)
    for notice in plan.notices:
        out.say(notice)
    return said.decode()


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_what_is_read(name: str, case: tuple[Files, BuildFacts]) -> None:
    assert_as_recorded(name, told(*case))


@pytest.mark.parametrize(
    "name",
    [
        "requirement.txt",
        "requirements",
        "requirements.text",
        "Requirements.txt",
        "requirements.txt.txt",
        "requirments.txt",
    ],
)
def test_case_03_other_spellings_of_requirements(name: str) -> None:
    one = told({"app.py": FLASK, name: "flask"}, HERE)
    expected = told(*CASES["case-03-requirements-misspelt"])
    assert one == expected.replace("requeriments.txt", name)


@pytest.mark.parametrize(
    "name",
    [
        ".pythonversion",
        ".python.version",
        ".python_version",
        ".python-versions",
        ".python-version.txt",
        ".Python-version",
        ".PYTHON-VERSION",
        ".python-version ",
        " .python-version",
        "python_version",
        "pythonversion",
        "python-version.txt",
        "Python-Version",
        "python-versions",
        "python version",
        ".pyhton-version",
        ".phyton-version",
        ".python-verison",
        ".pyton-version",
        ".python--version",
        ".python-version.md",
    ],
)
def test_case_12_other_spellings_of_python_version(name: str) -> None:
    one = told({**APP, name: "3.12"}, HERE)
    expected = told(*CASES["case-12-python-version-misspelt"])
    assert one == expected.replace("The file python-version", f"The file {name}").replace(
        "git mv python-version", f"git mv {shlex.quote(name)}"
    )


@pytest.mark.parametrize(
    "name",
    [
        "python.py",
        "python-version/",
        "version",
        "pythons.txt",
        ".pythonrc",
        "runtime.py",
        ".runtime",
        "python-versions.md",
        "runtime",
    ],
)
def test_case_12_other_files_are_left_alone(name: str) -> None:
    assert told({**APP, name: ""}, HERE) == told(APP, HERE)


@pytest.mark.parametrize(
    "text",
    [
        "3.11",
        "  3.11\t\r\n",
        "# comment\r\n\r\n3.11\r\n",
        "\u00a0\u20033.11\u3000\n",
        "3.11\n\n# end",
    ],
    ids=["bare", "blanks", "comments-crlf", "unicode-blanks", "comment-below"],
)
def test_forms_of_python_version_that_are_read(text: str) -> None:
    plan = python.plan(tree({**APP, ".python-version": text}), HERE)
    assert plan.virtualenv is not None
    assert plan.virtualenv.interpreter == PYTHON_311


def test_case_43_lock_of_uv_outdated() -> None:
    said = (
        "Resolved 8 packages in 12ms\nerror: The lockfile at `uv.lock` needs to be updated, "
        "but `--locked` was"
        " provided. To update the lockfile, run `uv lock`.\n"
    )
    assert_as_recorded("case-43-uv-lock-outdated", _explained(said))


def test_case_44_index_out_of_reach() -> None:
    said = (
        "error: Request failed after 3 retries\n  Caused by: Failed to fetch: "
        "`https://user:pw@index.example/simple/flask/`\n"
        "  Caused by: error sending request for url\n"
        "  Caused by: dns error: failed to lookup address information\n"
    )
    assert_as_recorded("case-44-network", _explained(said))


def _explained(said: str) -> str:
    text = bytearray()
    Output(text.extend).error(python.explain(Command(("uv",), explain="install"), said))
    return text.decode()


def test_a_python_that_can_be_fetched_is_chosen_where_none_here_fits() -> None:
    plan = python.plan(tree({**APP, ".python-version": "3.13"}), HERE)
    assert plan.virtualenv is not None
    assert plan.virtualenv.interpreter == FETCHABLE[2]
    project = PROJECT.replace(">=3.12", ">=3.13")
    plan = python.plan(tree({**UV, "pyproject.toml": project}), HERE)
    assert plan.virtualenv is not None
    assert plan.virtualenv.interpreter == FETCHABLE[2]
    assert plan.notices[0] == (
        "Using Python 3.13.5 (newest that fits `requires-python = >=3.13`; none installed does)"
    )


def test_one_that_is_here_comes_before_a_newer_patch_to_fetch() -> None:
    plan = python.plan(tree({**APP, ".python-version": "3.12"}), HERE)
    assert plan.virtualenv is not None
    assert plan.virtualenv.interpreter == PYTHON_312
