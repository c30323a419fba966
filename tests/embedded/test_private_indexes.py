"""Packages of a private index, with the password in config vars: installed, and the password is
never shown."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.package_index import Index, package_index, wheel

pytestmark = pytest.mark.embedded

USER, PASSWORD = "buyer", "pass:word/of@the-house"
QUOTED = "pass%3Aword%2Fof%40the-house"
PACKAGES = dict([wheel("shipprivate", "2.1")])
APP = """
import shipprivate

def app(environ, start_response):
    body = shipprivate.SAYS.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
PROJECT = """
[project]
name = "blog"
version = "1"
requires-python = ">=3.9"
dependencies = ["shipprivate"]

[[tool.uv.index]]
name = "house"
url = "{url}"
explicit = true

[tool.uv.sources]
shipprivate = {{ index = "house" }}
"""


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with package_index(PACKAGES, USER, PASSWORD) as found:
        yield found


@pytest.mark.parametrize("variable", ["PIP_EXTRA_INDEX_URL", "UV_INDEX"])
def test_requirements_from_an_index_in_a_config_var(
    server: EmbeddedServer, index: Index, variable: str
) -> None:
    app = server.create(f"app-{variable[:2].lower()}")
    laptop = server.checkout(app)
    laptop.commit({"app.py": APP, "requirements.txt": "shipprivate\n"})
    refused = laptop.push()
    assert "(build/package-not-found)" in refused.text
    server.configure(app, **{variable: index.url_as(USER, "wrong-one")})
    wrong = laptop.push()
    assert "One that refuses the name and password in its address counts as empty." in wrong.text
    server.configure(app, **{variable: index.url_as(USER, QUOTED)})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(app) == (200, "shipprivate 2.1")
    for said in (wrong.text, pushed.text):
        assert not any(one in said for one in (PASSWORD, QUOTED, "wrong-one")), said


def test_lock_of_uv_from_an_index_that_it_names(server: EmbeddedServer, index: Index) -> None:
    app = server.create("uv")
    laptop = server.checkout(app)
    laptop.commit({"app.py": APP, "pyproject.toml": PROJECT.format(url=index.url)})
    secrets = {"UV_INDEX_HOUSE_USERNAME": USER, "UV_INDEX_HOUSE_PASSWORD": PASSWORD}
    lock(laptop.folder, secrets)
    laptop.commit({})
    refused = laptop.push()
    assert "(build/index-refused)" in refused.text, refused.text
    assert "from the config vars UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD." in refused.text
    server.configure(app, **secrets)
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert PASSWORD not in pushed.text
    assert server.ask(app) == (200, "shipprivate 2.1")


def test_what_a_build_was_told_is_gone_afterwards(server: EmbeddedServer, index: Index) -> None:
    app = server.create("gone")
    laptop = server.checkout(app)
    laptop.commit({"app.py": APP, "requirements.txt": "shipprivate\n"})
    server.configure(app, PIP_EXTRA_INDEX_URL=index.url_as(USER, QUOTED))
    assert laptop.push().status == 0
    paths = server.paths(app)
    holding = [
        path.relative_to(paths.home)
        for path in sorted(paths.home.rglob("*"))
        if path.is_file() and not path.is_symlink() and QUOTED.encode() in path.read_bytes()
    ]
    assert {path.name for path in holding} == {"config.json", "env.json"}, holding


def lock(folder: Path, secrets: dict[str, str]) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    env = {"HOME": str(folder.parent), "PATH": "/usr/bin:/bin", **secrets}
    argv = (uv, "lock", "-q", "--python", "/usr/bin/python3")
    subprocess.run(argv, cwd=folder, check=True, env=env, timeout=100)
