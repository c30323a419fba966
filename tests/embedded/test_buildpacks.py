"""The planned commands, really run by uv; the entry that was found, really served by gunicorn."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from receiver.building import interpreters
from receiver.machine import shell
from receiver.model.build import Command
from tests.embedded.planned_build import Builder, FailedCommandError
from tests.unit.trees import FASTAPI, FLASK, PLAIN

pytestmark = pytest.mark.embedded

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def uv_program(require_program: Callable[[str], Path]) -> Path:
    beside_python = Path(sys.executable).parent / "uv"
    return beside_python if beside_python.exists() else require_program("uv")


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def builder(tmp_path: Path, uv_program: Path, uv_cache: Path) -> Builder:
    folder = tmp_path / "app"
    (folder / "source").mkdir(parents=True)
    return Builder(folder, uv_program, uv_cache)


def files_of(folder: Path) -> dict[str, str | bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


EXAMPLES = REPOSITORY / "examples"
APPS = REPOSITORY / "tests" / "apps"


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (EXAMPLES / "flask-hello", "Good evening"),
        (EXAMPLES / "fastapi-hello", "Good evening"),
        (EXAMPLES / "django-hello", "Good evening"),
        (APPS / "plain-wsgi", "Good evening 1 /"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_app_is_built_and_serves(
    builder: Builder, free_port: Callable[[], int], app: Path, expected: str
) -> None:
    plan = builder.build(files_of(app))
    with builder.serving(plan, free_port(), GREETING="Good evening") as get:
        assert expected in get("/")


FACTORY = """
def create_app():
    from flask import Flask

    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: "hello")
    return app
"""
FASTAPI_PAGE = f"{FASTAPI}\n\n@app.get('/')\ndef page():\n    return 'hello'\n"
FASTAPI_FACTORY = """
from fastapi import FastAPI

def make_app():
    app = FastAPI()
    app.get("/")(lambda: "hello")
    return app
"""


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (
            {"src/blog/__init__.py": FACTORY, "requirements.txt": "flask"},
            "gunicorn --chdir src 'blog:create_app()'",
        ),
        (
            {"app/main.py": FASTAPI_FACTORY, "requirements.txt": "fastapi"},
            "gunicorn -k asgi 'app.main:make_app()'",
        ),
        (
            {"main.py": FASTAPI_PAGE, "requirements.txt": "fastapi\ngunicorn==23.0.0"},
            "gunicorn -k uvicorn_worker.UvicornWorker main:app",
        ),
        (
            {"app.py": PLAIN, "requirements.txt": b"\xef\xbb\xbf# none\r\n"},
            "gunicorn app:app",
        ),
    ],
    ids=["src-factory", "asgi-factory", "old-gunicorn", "utf-8-mark"],
)
def test_entry_that_was_found_serves(
    builder: Builder,
    free_port: Callable[[], int],
    files: dict[str, str | bytes],
    command: str,
) -> None:
    plan = builder.build(files)
    assert plan.processes["web"] == command
    with builder.serving(plan, free_port()) as get:
        assert get("/").strip('"') == "hello"


def locked_app(builder: Builder) -> dict[str, str | bytes]:
    """tests/apps/uv-flask with the uv.lock that uv makes for it here."""
    shutil.copytree(APPS / "uv-flask", builder.source, dirs_exist_ok=True)
    builder.run(Command(("{uv}", "lock", "--python", "/usr/bin/python3")), {})
    return files_of(builder.source)


def project_of(files: Mapping[str, str | bytes]) -> str:
    content = files["pyproject.toml"]
    return content.decode() if isinstance(content, bytes) else content


def test_locked_project_without_its_development_group(
    builder: Builder, free_port: Callable[[], int]
) -> None:
    files = locked_app(builder)
    files["pyproject.toml"] = project_of(files).replace("itsdangerous", "tomli-w")
    builder.unpack(files)
    builder.run(Command(("{uv}", "lock", "--python", "/usr/bin/python3")), {})
    plan = builder.build(files_of(builder.source))
    assert {"flask", "gunicorn"} <= builder.installed()
    assert "tomli-w" not in builder.installed()
    with builder.serving(plan, free_port()) as get:
        assert get("/") == "hello from a locked app"


def test_lock_holds_on_a_server_with_another_default_index(
    builder: Builder, tmp_path: Path
) -> None:
    files = locked_app(builder)
    (tmp_path / "empty-index").mkdir()
    config = {"UV_DEFAULT_INDEX": f"file://{tmp_path}/empty-index"}
    virtualenv = builder.plan(files, config).virtualenv
    assert virtualenv is not None
    for command in (virtualenv.make, virtualenv.install[0]):
        builder.run(command, config)
    assert "flask" in builder.installed()


def test_lock_that_is_out_of_date_is_explained(builder: Builder) -> None:
    files = locked_app(builder)
    files["pyproject.toml"] = project_of(files).replace('"flask', '"tomli-w", "flask')
    with pytest.raises(FailedCommandError) as failed:
        builder.build(files)
    assert failed.value.explained.reason == "build/lock-outdated"


EXTENSION = (
    "from setuptools import Extension, setup\n"
    "setup(name='needy', version='1', ext_modules=[Extension('needy', ['needy.c'])])\n"
)


def test_c_extension_is_compiled_where_a_compiler_is(
    builder: Builder, require_program: Callable[[str], Path]
) -> None:
    require_program("cc")
    source = (
        "#include <Python.h>\n"
        'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "needy"};\n'
        "PyMODINIT_FUNC PyInit_needy(void) { return PyModule_Create(&module); }\n"
    )
    builder.build(
        {
            "app.py": PLAIN,
            "requirements.txt": "./needy\n",
            "needy/setup.py": EXTENSION,
            "needy/needy.c": source,
        }
    )
    code = "import needy; print(needy.__file__)"
    place = shell.capture((f"{builder.venv}/bin/python", "-c", code)).decode().strip()
    assert place.endswith(".so")


@pytest.mark.parametrize(
    ("requirements", "reason", "words"),
    [
        ("flask==99.1", "requirements-unresolvable", "flask==99.1"),
        ("flask==3.1.0\nwerkzeug==2.0.0", "requirements-unresolvable", "contradict"),
        ("gunicorn[nothing]<1\ngunicorn>2", "requirements-unresolvable", "contradict"),
        (
            "there-is-no-such-package-here-17",
            "package-not-found",
            "there-is-no-such-package-here-17",
        ),
        ("sqlite3", "package-not-found", "sqlite3"),
        ("flask\nplease install this", "requirements-invalid", "requirements.txt"),
        (f"blinker==1.9.0 --hash=sha256:{'0' * 64}", "hash-mismatch", "blinker==1.9.0"),
        ("pywin32==306", "platform-mismatch", "pywin32"),
        ("numpy==1.99", "requirements-unresolvable", "numpy==1.99"),
        ("git+http://127.0.0.1:9/nothing.git", "git-failed", "git"),
        ("./needy", "package-build-failed", "is missing"),
        ("-e git+https://127.0.0.1:9/b.git#egg=b", "git-failed", "git"),
        ("b @ git+ssh://git@127.0.0.1:9/b.git", "git-failed", "by ssh"),
        ("blinker @ file:///home/conda/blinker", "requirements-local-path", "another computer"),
        ("tensorflow==2.5.0", "python-version-mismatch", "tensorflow==2.5.0 has no wheel"),
        ("pkg-resources==0.0.0", "package-not-found", "pkg-resources"),
    ],
)
def test_what_uv_says_is_explained(
    builder: Builder, requirements: str, reason: str, words: str
) -> None:
    files: dict[str, str | bytes] = {"app.py": PLAIN, "requirements.txt": requirements}
    if requirements == "./needy":
        files |= {"needy/setup.py": EXTENSION, "needy/needy.c": "#include <not_there_at_all.h>\n"}
    with pytest.raises(FailedCommandError) as failed:
        builder.build(files)
    explained = failed.value.explained
    assert explained.reason == f"build/{reason}", failed.value
    assert words in explained.title
    assert explained.detail
    assert explained.advice.endswith(".")


@pytest.mark.parametrize(
    ("setup", "words", "advice"),
    [
        (
            "raise SystemExit('Error: pg_config executable not found.')",
            "pg_config is missing",
            "libpq-dev",
        ),
        (
            "raise OSError('mysql_config not found')",
            "mysql_config is missing",
            "default-libmysqlclient-dev",
        ),
        (
            "import subprocess; subprocess.run(['gdal-config'], check=True)",
            "gdal-config is missing",
            "libgdal-dev",
        ),
        ("from numpy.distutils.core import setup", "from its source.", "imports numpy without"),
        (
            "from setuptools import setup; setup(name='needy', version='1', use_2to3=True)",
            "older than",
            "newer one",
        ),
        (
            'raise SystemExit("error: can\'t find Rust compiler")',
            "a Rust compiler is missing",
            "cargo",
        ),
    ],
)
def test_a_package_that_cannot_be_built_is_explained(
    builder: Builder, setup: str, words: str, advice: str
) -> None:
    needs = {"requirements.txt": "./needy\n", "needy/setup.py": setup}
    with pytest.raises(FailedCommandError) as failed:
        builder.build({"app.py": PLAIN, **needs})
    explained = failed.value.explained
    assert explained.reason == "build/package-build-failed", failed.value
    assert words in explained.title
    assert advice in explained.advice


def test_index_that_cannot_be_reached_is_a_network_failure(builder: Builder) -> None:
    config = {"UV_DEFAULT_INDEX": "http://user:secret@127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    with pytest.raises(FailedCommandError) as failed:
        builder.build({"app.py": FLASK, "requirements.txt": "flask"}, config)
    assert failed.value.explained.reason == "build/network"
    assert "secret" not in json.dumps(failed.value.explained.fields())


def test_interpreters_are_asked_and_virtualenvs_are_none(tmp_path: Path, builder: Builder) -> None:
    builder.build({"app.py": PLAIN, "requirements.txt": ""})
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "python3.12").write_text("#!/bin/sh\nexit 1\n")
    (broken / "python3.12").chmod(0o755)
    (broken / "python3.11").write_text("#!/bin/sh\necho 3.11.99\n")
    (broken / "python3.11").chmod(0o755)
    found = interpreters.find([broken, builder.venv / "bin"])
    assert [one.version for one in found] == ["3.11.99"]
