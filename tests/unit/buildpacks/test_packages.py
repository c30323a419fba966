"""Which file names the packages of a tree, what is installed of it, and what is said of that."""

import pytest

from buildpacks import python
from buildpacks.python.packages import choose_source
from buildpacks.python.packaging import is_package
from receiver.model.build import BuildPlan, Command
from receiver.model.errors import BuildError
from tests.unit.buildpacks.test_python import BUILD, PROJECT, plan
from tests.unit.trees import FACTS, FLASK, tree

Files = dict[str, str | bytes]

DEPENDENCIES = PROJECT + "dependencies = ['flask>=3', 'gunicorn']\n"
POETRY = """
[tool.poetry.dependencies]
python = "^3.9"
flask = "^3.0"
redis = { version = "~5.1", extras = ["hiredis"], markers = "sys_platform == 'linux'" }
toy = { git = "https://git.example/toy.git", tag = "v1" }
pywin32 = { version = "*", platform = "win32" }
more = { version = "*", optional = true }
old = { version = "*", python = "<3.9" }
"""
PIPFILE = """
[[source]]
url = "https://pypi.org/simple"
[[source]]
url = "https://house.example/simple"
[packages]
flask = "*"
gunicorn = {version = ">=22", markers = "python_version > '3'"}
own = {path = ".", editable = true}
"""


TOY = "git+https://git.example/toy.git@main#egg=toy&subdirectory=py"
WORKSPACE_LOCK = """
[[package]]
name = "core"
version = "0"
source = { editable = "libs/core" }
dependencies = [{ name = "flask" }]
[[package]]
name = "flask"
version = "3"
"""


@pytest.mark.parametrize(
    ("names", "path", "manager"),
    [
        (["requirements.txt", "uv.lock", "poetry.lock", "pyproject.toml"], "uv.lock", "uv"),
        (["requirements.txt", "poetry.lock", "pyproject.toml"], "poetry.lock", "poetry"),
        (["requirements.txt", "poetry.lock"], "requirements.txt", "requirements"),
        (["requirements.txt", "Pipfile.lock", "Pipfile"], "Pipfile.lock", "pipenv"),
        (["requirements.txt", "pyproject.toml"], "requirements.txt", "requirements"),
        (["requirements.txt", "Pipfile"], "requirements.txt", "requirements"),
        (["pyproject.toml", "setup.py"], "pyproject.toml", "project"),
        (["Pipfile", "setup.py"], "Pipfile", "pipfile"),
        (["setup.py"], "setup.py", "project"),
        (
            ["requirements/base.txt", "requirements/dev.txt", "requirements/production.txt"],
            "requirements/production.txt",
            "requirements",
        ),
        (
            ["requirements/base.txt", "requirements/dev.txt"],
            "requirements/base.txt",
            "requirements",
        ),
        (
            ["requirements/dev.txt", "requirements/server.txt"],
            "requirements/server.txt",
            "requirements",
        ),
        (
            ["requirements-prod.txt", "requirements-dev.txt"],
            "requirements-prod.txt",
            "requirements",
        ),
        (["requirements.in", "requirements-dev.txt"], "requirements.in", "requirements"),
        (
            ["deploy/requirements.txt", "docs/requirements.txt"],
            "deploy/requirements.txt",
            "requirements",
        ),
        (["a/b/requirements.txt"], "a/b/requirements.txt", "requirements"),
        (["a/requirements.txt", "b/requirements.txt"], "", "none"),
        (["requirements/dev.txt", "requirements/test.txt"], "", "none"),
        (["docs/requirements.txt"], "", "none"),
    ],
)
def test_order(names: list[str], path: str, manager: str) -> None:
    found = choose_source(tree({name: _text(name) for name in names}))
    assert (found.path, found.manager) == (path, manager)


def _text(name: str) -> str:
    return DEPENDENCIES if name == "pyproject.toml" else "\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"requirements.txt": "-e .\n", "pyproject.toml": DEPENDENCIES}, ""),
        ({"requirements.txt": "flask\n", "pyproject.toml": PROJECT}, ""),
        (
            {"requirements.txt": "flask\n", "pyproject.toml": DEPENDENCIES},
            "not from pyproject.toml",
        ),
        (
            {"requirements.txt": "", "uv.lock": "", "pyproject.toml": DEPENDENCIES},
            "Packages come from uv.lock, not from requirements.txt. To choose: `[build]` with",
        ),
        ({"uv.lock": "", "pyproject.toml": DEPENDENCIES}, ""),
        ({"Pipfile.lock": "{}", "Pipfile": ""}, ""),
        (
            {"requirements/prod.txt": "", "requirements/base.txt": ""},
            "come from requirements/prod.txt",
        ),
        ({"api/requirements.txt": ""}, "come from api/requirements.txt"),
        ({"a/requirements.txt": "", "b/requirements.txt": ""}, 'packages = "a/requirements.txt"'),
    ],
)
def test_what_is_passed_over_is_said_in_one_line(files: Files, said: str) -> None:
    notices = choose_source(tree(files)).notices
    assert len(notices) == bool(said)
    assert said in "".join(notices)


@pytest.mark.parametrize(
    ("setting", "manager"),
    [
        ("requirements.txt", "requirements"),
        ("pyproject.toml", "project"),
        ("./requirements/web.txt", "requirements"),
        ("a/requirements.txt", "requirements"),
    ],
)
def test_setting_chooses(setting: str, manager: str) -> None:
    files: Files = {
        "requirements.txt": "", "pyproject.toml": DEPENDENCIES, "requirements/web.txt": "",
        "a/requirements.txt": "", "uv.lock": "", "a/uv.lock": "",
    }  # fmt: skip
    assert choose_source(tree(files), setting).manager == manager
    for wrong in ("no.txt", "a/uv.lock"):
        with pytest.raises(BuildError) as refused:
            choose_source(tree(files), wrong)
        assert refused.value.reason == "build/packages-not-found"


def first(found: BuildPlan) -> Command:
    assert found.virtualenv is not None
    return found.virtualenv.install[0]


def words(files: Files) -> str:
    return " ".join(first(plan({"app.py": FLASK, **files})).argv).partition("bytecode ")[2]


def test_project_without_a_lock() -> None:
    files: Files = {"app.py": FLASK, "pyproject.toml": DEPENDENCIES}
    assert words(files) == "--exact --upgrade -r pyproject.toml"
    assert words({**files, "pyproject.toml": DEPENDENCIES + BUILD}) == "--exact --upgrade -e ."
    notices = " ".join(plan(files).notices)
    assert "pyproject.toml is not locked" in notices
    assert "`uv lock`, and commit uv.lock." in notices


def test_poetry_without_a_lock() -> None:
    found = first(plan({"app.py": FLASK, "pyproject.toml": POETRY}))
    assert found.stdin.splitlines() == [
        "flask>=3.0,<4",
        "redis[hiredis]>=5.1,<5.2 ; sys_platform == 'linux'",
        "toy @ git+https://git.example/toy.git@v1",
    ]
    assert found.argv[-3:] == ("-r", "-", "gunicorn==27.0.1")


def test_pipfile_without_a_lock() -> None:
    files: Files = {"app.py": FLASK, "Pipfile": PIPFILE, "setup.py": ""}
    assert first(plan(files)).stdin.splitlines() == [
        "--extra-index-url https://house.example/simple",
        "flask",
        "gunicorn>=22 ; python_version > '3'",
        "-e .",
    ]


@pytest.mark.parametrize(
    ("pyproject", "files", "expected"),
    [
        (DEPENDENCIES, {}, False),
        (DEPENDENCIES, {"src/blog/__init__.py": ""}, True),
        (DEPENDENCIES + BUILD, {"src/blog/__init__.py": ""}, True),
        (DEPENDENCIES + BUILD, {"blog/__init__.py": "", "tests/a.py": ""}, True),
        (DEPENDENCIES + BUILD, {"blog/__init__.py": "", "templates/a.html": ""}, False),
        (DEPENDENCIES + BUILD, {"one.py": "", "two.py": ""}, False),
        (DEPENDENCIES + BUILD, {"app.py": "", "conftest.py": ""}, True),
        (DEPENDENCIES + BUILD + "[tool.setuptools]\npy-modules = []\n", {"a.py": ""}, True),
        (DEPENDENCIES + BUILD + "[tool.uv]\npackage = false\n", {"blog/__init__.py": ""}, False),
        (DEPENDENCIES + "[tool.uv]\npackage = true\n", {}, True),
        ("[tool.poetry]\nname = 'a-b'\npackage-mode = false\n", {"a_b/__init__.py": ""}, False),
        (DEPENDENCIES + BUILD.replace("setuptools", "hatchling"), {"blog/a.py": ""}, True),
        (DEPENDENCIES + BUILD.replace("setuptools", "hatchling"), {"site/a.py": ""}, False),
        (DEPENDENCIES + BUILD.replace("setuptools", "poetry.core"), {"site/a.py": ""}, False),
        (DEPENDENCIES + BUILD.replace("setuptools", "backend"), {}, True),
    ],
)
def test_whether_a_project_is_a_package(pyproject: str, files: Files, expected: bool) -> None:
    assert is_package(tree({"pyproject.toml": pyproject, **files})) is expected


@pytest.mark.parametrize(
    ("requirements", "env"),
    [
        ("flask", {}),
        ("--extra-index-url http://a/simple\nflask", {"UV_INDEX_STRATEGY": "unsafe-best-match"}),
        ("--pre\nflask", {"UV_PRERELEASE": "allow"}),
        ("-r more.txt", {"UV_PRERELEASE": "allow"}),
        ("--trusted-host a\n--trusted-host=b:1\nflask", {"UV_INSECURE_HOST": "a b:1"}),
    ],
)
def test_options_of_a_requirements_file(requirements: str, env: dict[str, str]) -> None:
    files: Files = {"app.py": FLASK, "requirements.txt": requirements, "more.txt": "--pre\nflask\n"}
    assert first(plan(files)).env == env


def test_a_wheel_of_an_older_version_is_preferred_where_pip_is_told_so() -> None:
    found = first(plan({"app.py": FLASK, "requirements.txt": "--prefer-binary\nflask\n"}))
    assert found.argv[-2:] == ("--only-binary", ":all:")
    assert found.instead is not None
    assert found.instead.argv == found.argv[:-2]


def test_an_option_that_cannot_be_followed_is_refused_by_its_name() -> None:
    with pytest.raises(BuildError) as refused:
        plan({"app.py": FLASK, "requirements.txt": "flask --global-option=x\n"})
    assert refused.value.reason == "build/requirements-option"
    assert "--global-option" in refused.value.title


def test_editable_repository_is_installed_as_its_line_without_e() -> None:
    files: Files = {
        "app.py": FLASK,
        "requirements.txt": f"-r base.txt\n-c limits/c.txt\n-e {TOY}\n",
        "base.txt": "--pre\nflask ; python_version > '3'\n",
        "limits/c.txt": "flask<4\n",
    }
    found = first(plan(files))
    assert found.stdin.splitlines() == [
        "--pre",
        "flask ; python_version > '3'",
        "-c limits/c.txt",
        "toy @ git+https://git.example/toy.git@main#subdirectory=py",
    ]


def test_members_of_a_workspace_are_installed() -> None:
    files: Files = {
        "app.py": FLASK,
        "pyproject.toml": PROJECT + "[tool.uv.workspace]\nmembers = ['libs/*']\n",
        "uv.lock": WORKSPACE_LOCK,
        "libs/core/pyproject.toml": PROJECT + BUILD,
        "libs/core/src/core/__init__.py": "",
    }
    found = plan(files)
    assert "--all-packages" in first(found).argv
    assert found.processes == {"web": "gunicorn app:app"}


@pytest.mark.parametrize("root", ["", "[project]\nname = 'root'\nversion = '0'\n"])
def test_a_workspace_without_its_lock_is_told_what_makes_it(root: str) -> None:
    workspace = f"{root}[tool.uv.workspace]\nmembers = ['libs/*']\n"
    notices = choose_source(tree({"app.py": FLASK, "pyproject.toml": workspace})).notices
    assert len(notices) == 1
    assert "`uv lock`, commit uv.lock" in notices[0]


@pytest.mark.parametrize(
    ("files", "added"),
    [
        ({}, False),
        ({"tools/x.py": "import pkg_resources\n"}, True),
        ({"app.py": FLASK + "from pkg_resources import require\n"}, True),
        ({"app.py": FLASK + "try:\n    import pkg_resources\nexcept E: pass\n"}, False),
        ({"x.py": "import pkg_resources", "requirements.txt": "setuptools"}, True),
        ({"x.py": "import pkg_resources", "requirements.txt": "setuptools==70"}, False),
    ],
)
def test_pkg_resources_comes_with_an_older_setuptools(files: Files, added: bool) -> None:
    whole: Files = {"app.py": FLASK, "requirements.txt": "flask", **files}
    assert ("setuptools<82" in first(plan(whole)).argv) is added


@pytest.mark.parametrize(
    ("files", "opened"),
    [
        ({}, False),
        ({"bin/post_compile": "#!/bin/sh\npython manage.py compress\n"}, False),
        ({"bin/post_compile": "#!/bin/sh\npip install tinydb\n"}, True),
        (
            {
                "bin/post_compile": "#!/bin/sh\n./scripts/more.sh\n",
                "scripts/more.sh": "pip3 install x",
            },
            True,
        ),
        ({"Procfile": "web: gunicorn app:app\nrelease: python -m pip install tinydb"}, True),
        (
            {
                "Procfile": "web: gunicorn app:app\nrelease: sh release.sh",
                "release.sh": "uv pip install x",
            },
            True,
        ),
        ({"Procfile": "web: gunicorn app:app\nrelease: flask db upgrade"}, False),
        # made to be slow to look through
        ({"bin/post_compile": "pip " * 60_000}, False),
    ],
)
def test_virtualenv_that_the_apps_scripts_install_into(files: Files, opened: bool) -> None:
    found = plan({"app.py": FLASK, "requirements.txt": "flask", **files})
    assert found.virtualenv is not None
    assert found.virtualenv.opened is opened
    assert any("installs into it" in notice for notice in found.notices) is opened


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project]\nname = 'x'\ndynamic = true\ndependencies = ['flask']\n"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nflask = {version = '*', extras = 1}\n"),
        ("pyproject.toml", "[project]\ndependencies = ['flask']\n[tool.uv]\nindex = 3\n"),
        ("Pipfile", "source = 3\n[packages]\nflask = '*'\n"),
        ("Pipfile", "source = [1]\n[packages]\nflask = '*'\n"),
        ("Pipfile", "[source]\nurl = 'x'\n[packages]\nflask = {extras = 3}\n"),
    ],
)
def test_what_is_no_list_where_one_belongs_is_passed_over(name: str, text: str) -> None:
    others = {"uv.lock": "package = 3\n"} if name == "pyproject.toml" else {}
    for files in ({}, others):
        decided = python.plan(tree({name: text, "app.py": FLASK, **files}), FACTS)
        assert decided.processes == {"web": "gunicorn app:app"}
