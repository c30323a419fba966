"""What the Python buildpack decides about a tree: interpreter, packages, processes, or a clear
refusal."""

import pytest
from msgspec.structs import replace

from buildpacks import python
from receiver.model.build import BuildFacts, BuildPlan, Interpreter
from receiver.model.errors import BuildError
from tests.unit.trees import FACTS, FASTAPI, FLASK, PLAIN, PYTHON_311, PYTHON_312, tree

APP: dict[str, str | bytes] = {"app.py": FLASK, "requirements.txt": "flask"}
UTF16 = "flask\n".encode("utf-16")
PROJECT = "[project]\nname = 'blog'\nversion = '1'\nrequires-python = '>=3.11'\n"
LOCK = """
[[package]]
name = "blog"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "flask" }, { name = "fastapi", extra = ["standard"] }]

[package.dev-dependencies]
dev = [{ name = "gunicorn" }]

[[package]]
name = "flask"
version = "3.1.0"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "werkzeug" }]

[[package]]
name = "fastapi"
version = "1"

[package.optional-dependencies]
standard = [{ name = "uvicorn" }]

[[package]]
name = "uvicorn"
version = "1"

[[package]]
name = "gunicorn"
version = "23.0.0"
"""
BUILD = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
SCM = "[build-system]\nrequires = ['setuptools_scm']\nbuild-backend = 'setuptools.build_meta'\n"
LOCKED: dict[str, str | bytes] = {"app.py": FLASK, "pyproject.toml": PROJECT, "uv.lock": LOCK}


def plan(files: dict[str, str | bytes], facts: BuildFacts = FACTS) -> BuildPlan:
    return python.plan(tree(files), facts)


def refusal(files: dict[str, str | bytes], facts: BuildFacts = FACTS) -> BuildError:
    with pytest.raises(BuildError) as refused:
        plan(files, facts)
    assert refused.value.title.endswith((".", "?")), refused.value.title
    assert refused.value.advice.endswith("."), refused.value.advice
    return refused.value


def digest(files: dict[str, str | bytes], facts: BuildFacts = FACTS) -> str:
    virtualenv = plan(files, facts).virtualenv
    assert virtualenv is not None
    return virtualenv.digest


def installs(files: dict[str, str | bytes], facts: BuildFacts = FACTS) -> list[str]:
    virtualenv = plan(files, facts).virtualenv
    assert virtualenv is not None
    return [" ".join(command.argv) for command in virtualenv.install]


@pytest.mark.parametrize(
    ("files", "version", "why"),
    [
        ({}, "3.12.4", "newest installed; pin one in .python-version"),
        ({".python-version": "3.11\n"}, "3.11.2", ".python-version asks for 3.11"),
        ({".python-version": "# pinned\r\n\r\n  3.11.2  \r\n"}, "3.11.2", "asks for 3.11.2"),
        ({"runtime.txt": "python-3.11.2\n"}, "3.11.2", "runtime.txt asks for 3.11.2"),
        (
            {"runtime.txt": "python-3.11", ".python-version": "3.12"},
            "3.11.2",
            "runtime.txt asks for",
        ),
        ({"pyproject.toml": "[project]\nrequires-python = '>=3.9,<3.12'"}, "3.11.2", ">=3.9,<3.12"),
        ({"pyproject.toml": "[project]\nrequires-python = '==3.11.*'"}, "3.11.2", "==3.11.*"),
        ({"pyproject.toml": "[project]\nrequires-python = '~=3.11.1'"}, "3.11.2", "~=3.11.1"),
        ({"pyproject.toml": "[project]\nrequires-python = '!=3.12.4,>3.10'"}, "3.11.2", "!="),
        ({"pyproject.toml": "[project]\nrequires-python = '>=3.11'"}, "3.12.4", ">=3.11"),
        ({"pyproject.toml": "[tool.ruff]\n"}, "3.12.4", "newest installed"),
    ],
)
def test_interpreter(files: dict[str, str | bytes], version: str, why: str) -> None:
    found = plan({**APP, **files})
    assert found.virtualenv is not None
    assert found.virtualenv.interpreter.version == version
    assert found.notices[0].startswith(f"Using Python {version} (")
    assert why in found.notices[0]


@pytest.mark.parametrize(
    ("files", "reason", "seen"),
    [
        (
            {".python-version": "3.13"},
            "python-not-installed",
            "asks for Python 3.13. Installed here: 3.12.4, 3.11.2.",
        ),
        ({".python-version": "3.1"}, "python-end-of-life", "ended on 2012-04-09"),
        (
            {"runtime.txt": "python-3.10.1"},
            "python-not-installed",
            "runtime.txt asks for Python 3.10.1",
        ),
        (
            {"pyproject.toml": "[project]\nrequires-python='>=3.14'"},
            "python-not-installed",
            ">=3.14",
        ),
        ({".python-version": ""}, "python-version-empty", "blank lines"),
        ({".python-version": "# 3.12\n\n"}, "python-version-empty", "comments"),
        ({".python-version": "3.11\n3.12\n"}, "python-version-several", "3.11, 3.12"),
        ({".python-version": "3.12.*"}, "python-version-invalid", "3.12.*"),
        ({".python-version": "3"}, "python-version-invalid", "`3`"),
        ({".python-version": "python-3.12"}, "python-version-invalid", "python-3.12"),
        ({".python-version": "'3.12'"}, "python-version-invalid", "3.12"),
        ({".python-version": "3.12\x1b[0m"}, "python-version-invalid", "\\x1b[0m"),
        ({".python-version": b"\xef\xbb\xbf3.12"}, "python-version-encoding", "ef bb bf"),
        ({".python-version": "3.12".encode("utf-16")}, "python-version-encoding", "ff fe"),
        ({".python-version": b"3.12 \xff"}, "python-version-encoding", "33 2e"),
        ({"runtime.txt": "3.12"}, "python-version-invalid", "`3.12`"),
        ({"runtime.txt": "python-3"}, "python-version-invalid", "python-3"),
        ({"python-version": "3.12"}, "python-version-misspelt", "no .python-version"),
        ({".python-version.txt": "3.12"}, "python-version-misspelt", "no .python-version"),
        ({"requirements.txt": UTF16}, "requirements-encoding", "UTF-16"),
        ({"requirements.txt": "flask\n".encode("utf-16-le")}, "requirements-encoding", "UTF-16"),
        ({"requirements.txt": b"flask\n# gr\xfc\xdfe\n"}, "requirements-encoding", "Line 2"),
        ({"requirements.txt": "-r base.txt", "base.txt": UTF16}, "requirements-encoding", "UTF-16"),
        ({"requirements.txt": "-r base.txt"}, "requirements-include-missing", "no base.txt"),
        ({"requirements.txt": "-c ../c.txt"}, "requirements-include-missing", "../c.txt"),
        ({"pyproject.toml": "[project\n"}, "toml-invalid", "line 1"),
        ({"pyproject.toml": b"\xff"}, "toml-invalid", "utf-8"),
        ({"app.py": "", "procfile": "web: a"}, "procfile-misspelt", "exactly this name"),
        ({"app.py": "", "Procfile.txt": "web: a"}, "procfile-misspelt", "exactly this name"),
        ({"app.py": "", "Profile": "web: a"}, "procfile-misspelt", "exactly this name"),
        ({"app.py": "print()"}, "no-entry", "1 Python file."),
        ({"app.py": "def ("}, "syntax-error", "in this file the web application"),
        ({"Procfile": ""}, "procfile-empty", "no process type"),
    ],
)
def test_app_is_refused(files: dict[str, str | bytes], reason: str, seen: str) -> None:
    refused = refusal({**APP, **files})
    assert refused.reason == f"build/{reason}"
    assert seen in refused.detail


@pytest.mark.parametrize(
    ("files", "reason", "seen"),
    [
        ({"poetry.lock": "", "pyproject.toml": PROJECT}, "lock-invalid", "lock-version"),
        ({"poetry.lock": ""}, "pyproject-missing", "both"),
        ({"Pipfile": "", "Pipfile.lock": "{}"}, "lock-outdated", "hash"),
        ({"Pipfile.lock": "{}"}, "pipfile-missing", "both"),
        ({"Pipfile": "", "Pipfile.lock": "[]"}, "lock-invalid", "not a table"),
        ({"pdm.lock": ""}, "package-manager-unsupported", "pdm.lock"),
        ({"Pipfile": "[", "Pipfile.lock": "{}"}, "toml-invalid", "valid TOML"),
        ({"pyproject.toml": PROJECT}, "requirements-not-found", "pyproject.toml names no"),
        ({"pyproject.toml": "[tool.poetry]"}, "requirements-not-found", "pyproject.toml names no"),
        (
            {"a/requirements.txt": "", "b/requirements.txt": ""},
            "requirements-not-found",
            "a/requirements.txt, b/requirements.txt are there",
        ),
        ({"uv.lock": ""}, "pyproject-missing", "both"),
        ({"uv.lock": "<<<<<<< HEAD", "pyproject.toml": PROJECT}, "toml-invalid", "line 1"),
        ({"requeriments.txt": ""}, "requirements-misspelt", "exactly this name"),
        ({"requirement.txt": ""}, "requirements-misspelt", "exactly this name"),
        ({"Requirements.txt": ""}, "requirements-misspelt", "exactly this name"),
        ({"requirements.txt.txt": ""}, "requirements-misspelt", "exactly this name"),
        (
            {"Poetry.lock": "", "pyproject.toml": PROJECT},
            "requirements-misspelt",
            "exactly this name",
        ),
        ({"pipfile.lock": "{}", "pipfile": ""}, "requirements-misspelt", "exactly this name"),
        ({"uv.lock.txt": ""}, "requirements-misspelt", "exactly this name"),
        ({}, "requirements-not-found", "app.py has `app = Flask(...)`"),
    ],
)
def test_packages_are_refused(files: dict[str, str | bytes], reason: str, seen: str) -> None:
    refused = refusal({"app.py": FLASK, **files})
    assert refused.reason == f"build/{reason}"
    assert seen in refused.detail


@pytest.mark.parametrize(
    "files",
    [
        {**LOCKED, ".python-version": "3.11", "pyproject.toml": PROJECT.replace("3.11", "3.12")},
        {
            "app.py": FLASK,
            "poetry.lock": "",
            "runtime.txt": "python-3.11",
            "pyproject.toml": "[tool.poetry.dependencies]\npython = '^3.12'",
        },
    ],
    ids=["uv", "poetry"],
)
def test_python_that_the_project_does_not_allow(files: dict[str, str | bytes]) -> None:
    refused = refusal(files)
    assert refused.reason == "build/python-version-mismatch"
    assert "asks for Python 3.11, and pyproject.toml says" in refused.detail


def test_the_python_of_before_is_kept_where_no_file_names_one() -> None:
    before = replace(FACTS, python_before="3.11.1")
    found = plan(APP, before)
    assert found.virtualenv is not None
    assert found.virtualenv.interpreter == PYTHON_311
    assert "the last release ran on 3.11" in found.notices[0]
    newest = replace(FACTS, python_before="3.12.1")
    assert "newest installed" in plan(APP, newest).notices[0]
    gone = replace(FACTS, python_before="3.10.1")
    assert "newest installed" in plan(APP, gone).notices[0]


@pytest.mark.parametrize(
    ("pin", "fetchable", "version", "first"),
    [
        ("3.11.9", "3.12.9", "3.11.2", "Using Python 3.11.2: 3.11.9 is not available here."),
        ("3.11.9", "3.11.9", "3.11.9", "Using Python 3.11.9 (.python-version asks"),
        ("3.10.9", "3.10.12", "3.10.12", "Using Python 3.10.12: 3.10.9 is not available here."),
        ("3.8", "3.8.20", "3.8.20", "Using Python 3.8.20 ("),
    ],
)
def test_a_patch_that_cannot_be_had(pin: str, fetchable: str, version: str, first: str) -> None:
    to_fetch = Interpreter(f"/opt/{fetchable}", fetchable)
    found = plan({**APP, ".python-version": pin}, replace(FACTS, fetchable=(to_fetch,)))
    assert found.virtualenv is not None
    assert found.virtualenv.interpreter.version == version
    assert found.notices[0].startswith(first)
    assert bool(found.warnings) is (pin == "3.8")


def test_where_a_python_cannot_be_fetched_the_patch_that_is_here_does() -> None:
    to_fetch = (Interpreter("/opt/3.11.9", "3.11.9"),)
    found = plan({**APP, ".python-version": "3.11.9"}, replace(FACTS, fetchable=to_fetch))
    assert found.unfetched is not None
    assert found.unfetched.virtualenv is not None
    assert found.unfetched.virtualenv.interpreter == PYTHON_311
    other = replace(FACTS, fetchable=(Interpreter("/opt/3.13.1", "3.13.1"),))
    assert plan({**APP, ".python-version": "3.13.1"}, other).unfetched is None


def test_no_interpreter_at_all_is_said() -> None:
    refused = refusal(APP, replace(FACTS, interpreters=()))
    assert refused.reason == "build/python-not-installed"
    assert "Installed here: none." in refused.detail


def test_the_process_found_and_why() -> None:
    found = plan(APP)
    assert found.processes == {"web": "gunicorn app:app"}
    assert (
        "No Procfile: web runs `gunicorn app:app`, because app.py has `app = Flask(...)`."
        in found.notices
    )


def test_other_entries_are_told() -> None:
    notices = plan({**APP, "main.py": FLASK}).notices
    assert notices[-1] == "main.py has `app = Flask(...)` as well; app.py comes first."


def test_procfile_stands_as_it_is() -> None:
    text = "release: flask db upgrade\nweb: gunicorn --workers 3 app:app\nworker: rq worker"
    found = plan({**APP, "Procfile": text})
    assert list(found.processes) == ["release", "web", "worker"]
    assert found.processes["web"] == "gunicorn --workers 3 app:app"
    assert not any("No Procfile" in notice for notice in found.notices)


def test_procfile_without_web_is_built_and_says_so() -> None:
    found = plan({**APP, "Procfile": "worker: rq worker"})
    assert "nothing will be served" in found.notices[-1]
    assert "`web: gunicorn app:app`" in found.notices[-1]
    assert "gunicorn" not in installs({**APP, "Procfile": "worker: rq worker"})[-1]


@pytest.mark.parametrize(
    ("files", "added"),
    [
        ({}, "gunicorn==27.0.1"),
        ({"requirements.txt": "flask\nGunicorn>=20 ; python_version > '3'"}, ""),
        ({"requirements.txt": "-r a.txt", "a.txt": "gunicorn[gevent]==22"}, ""),
        ({"requirements.txt": "-c a.txt\nflask", "a.txt": "gunicorn==22"}, "gunicorn==27.0.1"),
        ({"requirements.txt": "flask\n# gunicorn"}, "gunicorn==27.0.1"),
        ({"requirements.txt": "gunicorn==22 --hash=sha256:0"}, ""),
        ({"requirements.txt": "gunicorn --hash=sha256:0"}, ""),
        ({"requirements.txt": "gunicorn@https://files.example/g.whl"}, ""),
        ({"requirements.txt": "gunicorn (>=20,<22)"}, ""),
        ({"requirements.txt": "gunicorn-extra"}, "gunicorn==27.0.1"),
        ({"Procfile": "web: waitress-serve app:app"}, ""),
        ({"Procfile": "web: A=b exec venv/bin/gunicorn app:app"}, "gunicorn==27.0.1"),
        ({"Procfile": "web: python -m gunicorn app:app"}, "gunicorn==27.0.1"),
        ({"Procfile": "web: gunicorn 'app:app"}, "gunicorn==27.0.1"),
        ({".python-version": "3.9"}, "gunicorn==23.0.0"),
    ],
)
def test_gunicorn_is_added_where_it_is_called_and_missing(
    files: dict[str, str | bytes], added: str
) -> None:
    facts = replace(
        FACTS, interpreters=(*FACTS.interpreters, Interpreter("/usr/bin/python3.9", "3.9.2"))
    )
    words = installs({**APP, **files}, facts)[-1].split(" ")
    assert [word for word in words if word.startswith("gunicorn")] == ([added] if added else [])


@pytest.mark.parametrize(
    ("requirements", "version", "worker", "added"),
    [
        ("fastapi", "3.12", "asgi", "gunicorn==27.0.1"),
        ("fastapi\ngunicorn", "3.12", "asgi", ""),
        ("fastapi\ngunicorn>=22,<30", "3.12", "asgi", ""),
        ("fastapi\ngunicorn~=25.0", "3.12", "asgi", ""),
        (
            "fastapi\ngunicorn==23.0.0",
            "3.12",
            "uvicorn_worker.UvicornWorker",
            "uvicorn uvicorn-worker>=0.2",
        ),
        (
            "fastapi\ngunicorn<25\nuvicorn",
            "3.12",
            "uvicorn_worker.UvicornWorker",
            "uvicorn-worker>=0.2",
        ),
        (
            "fastapi",
            "3.9",
            "uvicorn_worker.UvicornWorker",
            "gunicorn==23.0.0 uvicorn uvicorn-worker>=0.2",
        ),
    ],
)
def test_asgi_worker(requirements: str, version: str, worker: str, added: str) -> None:
    facts = replace(FACTS, interpreters=(PYTHON_312, Interpreter("/usr/bin/python3.9", "3.9.2")))
    files: dict[str, str | bytes] = {
        "main.py": FASTAPI, "requirements.txt": requirements, ".python-version": version
    }  # fmt: skip
    assert plan(files, facts).processes == {"web": f"gunicorn -k {worker} main:app"}
    assert installs(files, facts)[-1].endswith(f"-r requirements.txt {added}".rstrip())


def test_plain_application_needs_no_requirements() -> None:
    found = plan({"app.py": PLAIN})
    assert found.processes == {"web": "gunicorn app:app"}
    assert any(notice.startswith("No requirements.txt:") for notice in found.notices)


def test_locked_project() -> None:
    found = plan(LOCKED)
    assert found.virtualenv is not None
    sync, pip = found.virtualenv.install
    assert "--locked" in sync.argv
    assert sync.env == {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_PROJECT_ENVIRONMENT": "{venv}",
    }
    assert pip.argv[-1] == "gunicorn==27.0.1"  # the lock has one for development only


def test_locked_extra_counts_as_installed() -> None:
    lock = LOCK.replace('standard = [{ name = "uvicorn" }]', 'standard = [{ name = "gunicorn" }]')
    assert len(installs({**LOCKED, "uv.lock": lock})) == 1


def test_index_that_the_project_names_itself_is_left_to_uv() -> None:
    own = f"{PROJECT}[[tool.uv.index]]\nurl = 'https://index.example/simple'\n"
    virtualenv = plan({**LOCKED, "pyproject.toml": own}).virtualenv
    assert virtualenv is not None
    assert "UV_DEFAULT_INDEX" not in virtualenv.install[0].env


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (APP, {**APP, "app.py": f"{FLASK}# changed\n"}),
        (APP, {**APP, "README.md": "x"}),
        (APP, {**APP, "pyproject.toml": "[tool.ruff]"}),
        (LOCKED, {**LOCKED, "app.py": f"{FLASK}# changed\n"}),
        (APP, {**APP, "Procfile": "web: gunicorn --threads 8 app:app"}),
    ],
)
def test_equal_needs_give_an_equal_digest(
    before: dict[str, str | bytes], after: dict[str, str | bytes]
) -> None:
    later = replace(FACTS, commit="b" * 40, config={"SECRET": "x"})
    assert digest(before) == digest(after, later)


CHANGES: dict[str, tuple[dict[str, str | bytes], dict[str, str | bytes]]] = {
    "requirement": (APP, {**APP, "requirements.txt": "flask==3"}),
    "python": (APP, {**APP, ".python-version": "3.11"}),
    "server": (APP, {**APP, "Procfile": "web: flask run"}),
    "lock": (LOCKED, {**LOCKED, "uv.lock": f"{LOCK}# x"}),
    "pyproject": (LOCKED, {**LOCKED, "pyproject.toml": f"{PROJECT}dependencies = []"}),
    "included": (
        {**APP, "requirements.txt": "-r d/a.txt", "d/a.txt": "-cb.txt", "d/b.txt": "flask==3.0"},
        {**APP, "requirements.txt": "-r d/a.txt", "d/a.txt": "-cb.txt", "d/b.txt": "flask==3.1"},
    ),
}


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES.keys())
def test_other_needs_give_another_digest(
    before: dict[str, str | bytes], after: dict[str, str | bytes]
) -> None:
    assert digest(before) != digest(after)


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, config={"PIP_INDEX_URL": "https://other.example"}),
        replace(FACTS, config={"UV_NO_BINARY": "1"}),
        replace(FACTS, pip={"pre": "1"}),
        replace(FACTS, interpreters=(PYTHON_311,)),
        replace(FACTS, interpreters=(Interpreter(PYTHON_312.path, "3.12.5"),)),
    ],
)
def test_other_circumstances_give_another_digest(facts: BuildFacts) -> None:
    assert digest(APP, facts) != digest(APP)


@pytest.mark.parametrize(
    ("requirements", "per_commit"),
    [
        ("flask", False),
        ("-e .", False),
        ("./lib", False),
        ("-e ../elsewhere", True),
        ("blog @ file:///srv/blog", True),
        ("flask @ https://files.example/flask-3.0-py3-none-any.whl", False),
        ("git+https://git.example/a.git", True),
        ("git+https://git.example/a.git@main#egg=a", True),
        ("-e git+https://git.example/a.git@main#egg=a", True),
        (f"git+https://git.example/a.git@{'a' * 40}", False),
        (f"-e git+https://git.example/a.git@{'a' * 40}#egg=a", False),
        (f"a @ git+https://git.example/a.git@{'a' * 40}", False),
        ("-r https://files.example/requirements.txt", True),
        ("flask \\\n  --hash=sha256:0", False),
        ("--index-url https://index.example\n--require-hashes\nflask", False),
    ],
)
def test_virtualenv_per_commit(requirements: str, per_commit: bool) -> None:
    files = {**APP, "requirements.txt": requirements}
    later = replace(FACTS, commit="b" * 40)
    assert (digest(files) != digest(files, later)) is per_commit
    assert any("Each commit gets" in notice for notice in plan(files).notices) is per_commit


BLOG: dict[str, str | bytes] = {
    "pyproject.toml": PROJECT + BUILD,
    "src/blog/__init__.py": "__version__ = '1'\n",
}


@pytest.mark.parametrize(
    ("requirements", "changed", "another"),
    [
        ("-e .", {"src/blog/__init__.py": "__version__ = '1'\nx = 2\n"}, False),
        ("-e .", {"src/blog/pages.html": "new"}, False),
        ("-e .", {"pyproject.toml": PROJECT + BUILD + "# other\n"}, True),
        (".", {"src/blog/pages.html": "new"}, False),
        (".[web]", {"src/blog/pages.html": "new"}, False),
        ("./lib", {"lib/one.py": "x = 2\n"}, True),
        ("./lib", {"other.py": "x = 2\n"}, False),
        ("-e ./lib", {"lib/one.py": "x = 2\n"}, False),
        ("-e ./lib", {"lib/setup.py": "version = 2\n"}, True),
        ("-e ./lib", {"lib/VERSION": "2"}, True),
        ("--editable=./lib", {"lib/more.txt": "flask\n"}, True),
        ("lib/a.whl", {"lib/a.whl": "new"}, True),
    ],
)
def test_what_of_the_tree_makes_another_virtualenv(
    requirements: str, changed: dict[str, str | bytes], another: bool
) -> None:
    setup = {"lib/setup.py": "open('VERSION'); open('more.txt')", "lib/VERSION": "1"}
    files = {**APP, **BLOG, **setup, "lib/one.py": "", "lib/more.txt": "", "lib/a.whl": ""}
    files["requirements.txt"] = requirements
    assert (digest(files) != digest({**files, **changed})) is another


def test_a_project_of_uv_stays_in_the_tree() -> None:
    files = {**LOCKED, **BLOG, "uv.lock": LOCK.replace("virtual", "editable")}
    later = replace(FACTS, commit="b" * 40)
    assert digest(files) == digest(files, later)
    assert "editable" not in installs(files)[0]


@pytest.mark.parametrize(
    "mark",
    ["[tool.setuptools_scm]\nversion_file = 'v.py'\n", "[tool.setuptools]\next-modules = []"],
)
def test_a_package_that_its_build_completes_is_a_copy_for_each_commit(mark: str) -> None:
    files = {**APP, **BLOG, "requirements.txt": "-e .", "pyproject.toml": PROJECT + BUILD + mark}
    assert "--no-editable" in installs(files)[-1]
    assert "its build makes files" in " ".join(plan(files).notices)


def test_version_of_git_is_told_because_there_is_no_history() -> None:
    project = PROJECT.replace("version = '1'", "dynamic = ['version']") + SCM
    virtualenv = plan(
        {**APP, **BLOG, "requirements.txt": "-e .", "pyproject.toml": project}
    ).virtualenv
    assert virtualenv is not None
    assert virtualenv.install[0].env["SETUPTOOLS_SCM_PRETEND_VERSION_FOR_BLOG"] == "0"


def test_digest_of_before_stays_so_that_virtualenvs_are_found() -> None:
    files = {**APP, "app.py": FLASK, "requirements.txt": "flask\ngunicorn==23.0.0\n"}
    assert digest(files) == "82392efa33083ae2811f8eb974b7182b"
    index = replace(FACTS, config={"PIP_INDEX_URL": "https://a.example"})
    assert digest(files, index) == "6ab1e9a12fc450cd12b88af2326de4e2"


def test_digest_is_short_enough_for_a_scripts_first_line() -> None:
    assert len(digest(APP)) == 32
    int(digest(APP), 16)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("python manage.py runserver 0.0.0.0:$PORT", True),
        ("./shop/manage.py runserver", True),
        ("flask run --port $PORT", True),
        ("python app.py", True),
        ("gunicorn app:app", False),
        ("python manage.py serve", False),
    ],
)
def test_a_server_for_development_gets_a_better_line(line: str, *, told: bool) -> None:
    files = {**APP, "app.py": f"{FLASK}if __name__ == '__main__':\n    app.run()\n"}
    notices = plan({**files, "Procfile": f"web: {line}\n"}).notices
    better = "This one serves the same with gunicorn: `web: gunicorn app:app`."
    assert any(line in one and one.endswith(better) for one in notices) is told
    ported = line.replace("runserver", "runserver 127.0.0.1:$PORT") if line[:2] == "./" else line
    assert plan({**APP, "Procfile": f"web: {line}\n"}).processes == {"web": ported}
