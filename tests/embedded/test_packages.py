"""Packages as people really name them, pushed: what is linked, added, and installed by scripts."""

import json
from collections.abc import Iterator

import pytest

from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.package_index import Index, package_index, source_package, wheel

pytestmark = pytest.mark.embedded

PACKAGES = dict([wheel("shiptoy", "1.0"), wheel("bottle", "0.1"), wheel("shipmore", "1.0")])
APP = """
import pathlib
import {modules}

def app(environ, start_response):
    body = f"{text}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
PAGE = APP.replace("{modules}", "bottle, shiptoy").replace(
    "{text}",
    "{bottle.__version__[:2]} {shiptoy.SAYS} "
    "{pathlib.Path(__file__).with_name('a.html').read_text()}",
)


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    with package_index(PACKAGES) as found:
        yield found


def package(page: str) -> dict[str, str]:
    """A package below src/, with a template."""
    files = source_package("", "blog", "")
    del files["blog.py"]
    files["backend.py"] = files["backend.py"].replace("Path.cwd()", 'Path.cwd() / "src"')
    return {**files, "src/blog/__init__.py": PAGE, "src/blog/a.html": page}


def test_own_package_is_found_in_the_tree_and_two_indexes_give_the_best_version(
    server: EmbeddedServer, index: Index
) -> None:
    more = f"--extra-index-url {index.url}\n--trusted-host 127.0.0.1\nbottle>=0.12,<1\nshiptoy\n"
    server.create("linked")
    laptop = server.checkout("linked")
    laptop.commit(
        {
            **package("first"),
            "Procfile": "web: gunicorn blog:app\n",
            "requirements/base.txt": more,
            "requirements/production.txt": "-r base.txt\n-e .\n",
        }
    )
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert "Packages come from requirements/production.txt." in pushed.text
    assert server.ask("linked") == (200, "0. shiptoy 1.0 first")
    laptop.commit({"src/blog/a.html": "second"})
    again = laptop.push()
    assert "virtualenv reused" in again.text, again.text
    assert server.ask("linked") == (200, "0. shiptoy 1.0 second")
    run = server.ship(
        "run", "-a", "linked", "--", "python", "-c", "import blog; print(blog.__file__)"
    )
    assert "/releases/v2/source/src/blog/" in run.out, run.out
    server.rollback(server.paths("linked").name)
    assert server.ask("linked") == (200, "0. shiptoy 1.0 first")
    packages = server.ship("releases:info", "v3", "--packages", "-a", "linked").out.splitlines()
    assert {"blog==1.0", "shiptoy==1.0"} <= set(packages)
    told = server.ship("disk", "--json", "-a", "linked")
    assert told.status == 0, told.err
    disk = json.loads(told.out)
    (held,) = disk["apps"]
    assert held["cache"] < held["packages"] / 2
    assert len([path for path in server.paths("linked").venvs.iterdir() if path.is_dir()]) == 1


def test_pip_installs_in_post_compile_and_in_the_release_phase(
    server: EmbeddedServer, index: Index
) -> None:
    page = APP.replace("{modules}", "shiptoy, shipmore")
    install = f"pip install --no-deps --index-url {index.url}"
    server.publish(
        "piped",
        {
            "app.py": page.replace("{text}", "{shiptoy.SAYS} {shipmore.SAYS}"),
            "requirements.txt": "",
            "bin/post_compile": f"{install} shiptoy\n",
            "Procfile": f"web: gunicorn app:app\nrelease: python -m {install} shipmore\n",
        },
    )
    assert server.ask("piped") == (200, "shiptoy 1.0 shipmore 1.0")
    assert "pip" in server.ship("run", "-a", "piped", "pip", "--version").out


def test_a_virtualenv_that_cannot_be_made_is_told_before_anything_is_installed(
    server: EmbeddedServer,
) -> None:
    app = server.create("unmade")
    server.configure(app, UV_VENV_SEED="perhaps")
    laptop = server.checkout("unmade")
    laptop.commit(
        {"app.py": "", "requirements.txt": "shiptoy\n", "Procfile": "web: gunicorn app\n"}
    )
    pushed = laptop.push()
    assert pushed.status != 0
    assert pushed.text.count("perhaps") == 1, pushed.text
    assert "(build/install-failed)" in pushed.text
    assert "Installing from" not in pushed.text
