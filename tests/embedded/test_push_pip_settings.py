"""Settings of pip in config vars, on the whole way of a push: what counts, what is said."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.package_index import Index, package_index, wheel

pytestmark = pytest.mark.embedded

PACKAGES = dict([wheel("shiplimited", version) for version in ("1.0", "1.5", "2.0")])
APP = """
import shiplimited

def app(environ, start_response):
    body = shiplimited.SAYS.encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
PYPI = [{"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": True}]
PIPFILE = {"_meta": {"sources": PYPI, "requires": {}}, "default": {}, "develop": {}}
DIGEST = hashlib.sha256(json.dumps(PIPFILE, sort_keys=True, separators=(",", ":")).encode())
LOCK = {
    "_meta": {"hash": {"sha256": DIGEST.hexdigest()}, "sources": PYPI},
    "default": {"shiplimited": {"version": "==2.0"}},
}


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with package_index(PACKAGES) as found:
        yield found


def test_a_constraint_of_the_pushed_tree(server: EmbeddedServer, index: Index) -> None:
    app = server.create("limited")
    laptop = server.checkout(app)
    server.configure(app, PIP_EXTRA_INDEX_URL=index.url, PIP_CONSTRAINT="limits.txt")
    limits = {"limits.txt": "-c a.txt\n", "a.txt": "shiplimited<2\n"}
    laptop.commit({"app.py": APP, "requirements.txt": "shiplimited\n", **limits})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(app) == (200, "shiplimited 1.5")
    laptop.commit({"README": "changes no package"})
    assert "Dependencies unchanged, virtualenv reused" in laptop.push().text
    laptop.commit({"a.txt": "shiplimited<1.5\n"})
    assert laptop.push().status == 0
    assert server.ask(app) == (200, "shiplimited 1.0")
    laptop.commit({"requirements.txt": "shiplimited==2.0\n"})
    refused = laptop.push()
    assert "The pip setting `constraint [hidden]` limits versions too." in refused.text


def test_what_is_not_used_is_named(server: EmbeddedServer, index: Index) -> None:
    app = server.create("named")
    laptop = server.checkout(app)
    server.configure(
        app,
        PIP_EXTRA_INDEX_URL=index.url,
        PIP_CONSTRAINT="gone.txt",
        PIP_PREFER_BINARY="1",
        PIP_PROGRESS_BAR="off",
    )
    laptop.commit({"app.py": APP, "requirements.txt": "shiplimited\n"})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(app) == (200, "shiplimited 2.0")
    told = [line for line in pushed.lines if "The pip setting" in line]
    assert [line.split("`")[1] for line in told] == ["constraint [hidden]", "prefer-binary"]


def test_a_lock_file_goes_before_a_constraint(server: EmbeddedServer, index: Index) -> None:
    app = server.create("locked")
    laptop = server.checkout(app)
    server.configure(app, PIP_EXTRA_INDEX_URL=index.url, PIP_CONSTRAINT="limits.txt")
    files = {"Pipfile": "", "Pipfile.lock": json.dumps(LOCK), "limits.txt": "shiplimited<2\n"}
    laptop.commit({"app.py": APP, **files})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(app) == (200, "shiplimited 2.0")
    assert "The lock file decides, not the pip setting `constraint`." in pushed.text
