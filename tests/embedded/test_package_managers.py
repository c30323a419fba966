"""Apps of poetry and of pipenv, locked by the real tools and pushed: what is installed is what
the tool itself installs."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, short_folder
from tests.embedded.package_index import Index, package_index, source_package, wheel

pytestmark = pytest.mark.embedded

USER, PASSWORD = "buyer", "s3cret-Of-The-House"
TOOLS = ("poetry==2.5.1", "pipenv==2026.10.3")
PACKAGES = dict(
    [
        wheel(
            "shipalpha",
            "1.4",
            "shipbeta>=1",
            'shipgamma; sys_platform == "win32"',
            'shipextra; extra == "more"',
        ),
        wheel("shipalpha", "1.3"),
        wheel("shipbeta", "2.0"),
        wheel("shipgamma", "1.0"),
        wheel("shipdelta", "1.0"),
        wheel("shipextra", "1.0"),
        wheel("shipoptional", "1.0"),
        wheel("shipold", "1.0"),
    ]
)
POETRY = """
[project]
name = "shiproot"
version = "1.0"
requires-python = ">=3.9,<4"
dependencies = ["shipalpha[more]<2", "shipold; python_version < '3.9'", "shiplib"]

[project.optional-dependencies]
extra = ["shipoptional"]

[tool.poetry]
package-mode = false

[tool.poetry.dependencies]
shiplib = {{ path = "lib", develop = true }}

[tool.poetry.group.dev.dependencies]
shipdelta = "*"

[[tool.poetry.source]]
name = "house"
url = "{url}"
priority = "primary"
"""
PACKAGED = """packages = [{ include = "shiproot.py" }]"""
BUILD = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
PIPFILE = """
[[source]]
name = "house"
url = "http://${{HOUSE_USER}}:${{HOUSE_PASSWORD}}@127.0.0.1:{port}/simple"
verify_ssl = true

[packages]
shipalpha = {{ version = "<2", extras = ["more"] }}
shipold = {{ version = "*", markers = "python_version < '3.9'" }}
shiplib = {{ path = "./lib", editable = true }}

[dev-packages]
shipdelta = "*"
"""
APP = """
import shipalpha, shiplib

def app(environ, start_response):
    body = f"{shipalpha.SAYS}, {shiplib.SAYS}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
TREE = {"app.py": APP, **source_package("lib", "shiplib", "the library")}


@dataclass(frozen=True)
class Tool:
    """A package manager on the laptop."""

    name: str
    program: Path
    home: Path
    env: Mapping[str, str]

    def run(self, folder: Path, *argv: str) -> None:
        own = {
            "PATH": f"{self.program.parent}:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PIP_CONFIG_FILE": "/dev/null",
            "NO_COLOR": "1",
        }
        done = subprocess.run(
            (self.program, *argv),
            cwd=folder,
            env=own | dict(self.env),
            text=True,
            timeout=200,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with package_index(PACKAGES, USER, PASSWORD) as found:
        yield found


@pytest.fixture(scope="module")
def tools() -> Iterator[Path]:
    with short_folder() as folder:
        uv = str(Path(sys.executable).with_name("uv"))
        environment = {"HOME": str(Path.home()), "PATH": "/usr/bin:/bin", "UV_SYSTEM_CERTS": "1"}
        python = ("--python", "/usr/bin/python3")
        for argv in (
            (uv, "venv", "-q", *python, str(folder / "venv")),
            (uv, "pip", "install", "-q", "--python", str(folder / "venv/bin/python"), *TOOLS),
        ):
            subprocess.run(argv, check=True, env=environment, timeout=300)
        yield folder


def poetry(tools: Path) -> Tool:
    env = {
        "POETRY_VIRTUALENVS_IN_PROJECT": "1",
        "POETRY_KEYRING_ENABLED": "false",
        "POETRY_NO_INTERACTION": "1",
        "POETRY_HTTP_BASIC_HOUSE_USERNAME": USER,
        "POETRY_HTTP_BASIC_HOUSE_PASSWORD": PASSWORD,
    }
    return Tool("poetry", tools / "venv/bin/poetry", tools, env)


def pipenv(tools: Path) -> Tool:
    env = {
        "PIPENV_VENV_IN_PROJECT": "1", "PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_YES": "1",
        "HOUSE_USER": USER, "HOUSE_PASSWORD": PASSWORD,
    }  # fmt: skip
    return Tool("pipenv", tools / "venv/bin/pipenv", tools, env)


def installed(venv: Path) -> set[str]:
    """Names and versions, as the folder of packages has them."""
    folders = venv.glob("lib/python3*/site-packages/*.dist-info")
    return {folder.name.removesuffix(".dist-info").lower() for folder in folders}


def without(found: set[str], *names: str) -> set[str]:
    return {one for one in found if one.partition("-")[0] not in names}


def live_virtualenv(server: EmbeddedServer, app: str) -> Path:
    paths = server.paths(app)
    version = server.live(app)
    assert version is not None
    found = records.read_release(paths, version).venv
    assert found is not None
    return Path(found)


EXPECTED = {"shipalpha-1.4", "shipbeta-2.0", "shipextra-1.0", "shiplib-1.0"}


def test_poetry_app_gets_what_poetry_installs(
    server: EmbeddedServer, index: Index, tools: Path
) -> None:
    tool = poetry(tools)
    laptop = _locked(server, "poet", tool, {"pyproject.toml": POETRY.format(url=index.url)})
    tool.run(laptop.folder, "sync", "--only", "main", "--no-interaction")
    theirs = installed(laptop.folder / ".venv")
    app = server.server.app(server.paths("poet").name).name
    refused = laptop.push()
    assert "(build/package-not-found)" in refused.text, refused.text
    assert "POETRY_HTTP_BASIC_HOUSE_USERNAME" in refused.text
    said = server.configure(app, **_secrets(tool))
    assert PASSWORD not in said
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert PASSWORD not in pushed.text
    ours = installed(live_virtualenv(server, "poet"))
    assert without(theirs, "pip", "setuptools") == EXPECTED
    assert without(ours, "gunicorn", "packaging") == EXPECTED
    assert server.ask("poet") == (200, "shipalpha 1.4, the library")


def test_poetry_project_that_is_a_package_is_installed_anew_for_each_release(
    server: EmbeddedServer, index: Index, tools: Path
) -> None:
    tool = poetry(tools)
    project = POETRY.format(url=index.url).replace("package-mode = false", PACKAGED)
    root = source_package("", "shiproot", "the first")
    files = {
        **root,
        "pyproject.toml": project + BUILD,
        "app.py": APP.replace("shiplib", "shiproot"),
    }
    laptop = _locked(server, "package", tool, files)
    tool.run(laptop.folder, "sync", "--only", "main", "--no-interaction")
    theirs = installed(laptop.folder / ".venv")
    app = server.paths("package").name
    server.configure(app, **_secrets(tool))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    ours = installed(live_virtualenv(server, "package"))
    assert without(theirs, "pip") == without(ours, "gunicorn", "packaging")
    assert "shiproot-1.0" in ours
    laptop.commit({"shiproot.py": "SAYS = 'the second'\n"})
    assert laptop.push().status == 0
    assert server.ask(app) == (200, "shipalpha 1.4, the second")
    server.rollback(app)
    assert server.ask(app) == (200, "shipalpha 1.4, the first")


def test_pipenv_app_gets_what_pipenv_installs(
    server: EmbeddedServer, index: Index, tools: Path
) -> None:
    tool = pipenv(tools)
    laptop = _locked(server, "pip", tool, {"Pipfile": PIPFILE.format(port=index.port)})
    tool.run(laptop.folder, "install", "--deploy")
    theirs = installed(laptop.folder / ".venv")
    server.configure(server.paths("pip").name, **_secrets(tool))
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert PASSWORD not in pushed.text
    ours = installed(live_virtualenv(server, "pip"))
    assert without(theirs, "pip", "setuptools") == EXPECTED
    assert without(ours, "gunicorn", "packaging") == EXPECTED
    assert server.ask("pip") == (200, "shipalpha 1.4, the library")


def test_an_editable_package_is_that_of_its_own_release(
    server: EmbeddedServer, index: Index, tools: Path
) -> None:
    tool = pipenv(tools)
    laptop = _locked(server, "editable", tool, {"Pipfile": PIPFILE.format(port=index.port)})
    app = server.paths("editable").name
    server.configure(app, **_secrets(tool))
    assert laptop.push().status == 0
    laptop.commit({"lib/shiplib.py": "SAYS = 'the second one'\n"})
    assert laptop.push().status == 0
    assert server.ask(app) == (200, "shipalpha 1.4, the second one")
    server.rollback(app)
    assert server.ask(app) == (200, "shipalpha 1.4, the library")
    server.rollback(app, target=2)
    assert server.ask(app) == (200, "shipalpha 1.4, the second one")


def _secrets(tool: Tool) -> dict[str, str]:
    return {name: value for name, value in tool.env.items() if "HOUSE" in name}


def _locked(server: EmbeddedServer, name: str, tool: Tool, files: Mapping[str, str]) -> Checkout:
    """A checkout with the lock file that the tool makes of `files`."""
    server.create(name)
    laptop = server.checkout(name)
    laptop.commit({".gitignore": ".venv\n", **TREE, **files})
    tool.run(laptop.folder, "lock")
    laptop.commit({})
    return laptop
