"""The web entry of apps as people lay them out, found without running a line of them."""

import pytest

from buildpacks.python.discovery import find_entry
from tests.unit.trees import FASTAPI, FLASK, PLAIN, tree

FACTORY = (
    "from flask import Flask\ndef create_app(config=None):\n    app = Flask(__name__)\n"
    "    return app\n"
)
MANAGE = """
import os, sys
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")
"""
WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
ASGI = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"

FOUND = {
    "flask": ({"app.py": FLASK}, "app:app", "wsgi", "app.py has `app = Flask(...)`"),
    "flask-as-module": (
        {"main.py": "import flask as f\nserver = f.Flask('x')"},
        "main:server",
        "wsgi",
        "`server = f.Flask(...)`",
    ),
    "flask-annotated": (
        {"app.py": "from flask import Flask\napp: Flask = Flask('x')"},
        "app:app",
        "wsgi",
        "app.py",
    ),
    "flask-subclass": (
        {"app.py": "from flask import Flask\nclass Own(Flask): pass\napp = Own('x')"},
        "app:app",
        "wsgi",
        "Own",
    ),
    "flask-in-try": (
        {
            "app.py": (
                "try:\n    from flask import Flask\nexcept ImportError:\n    raise\nif True:\n"
                "    app = Flask('x')"
            )
        },
        "app:app",
        "wsgi",
        "app.py",
    ),
    "middleware": (
        {
            "app.py": (
                f"{FLASK}from werkzeug.middleware.proxy_fix import ProxyFix\napp = ProxyFix(app)\n"
            )
        },
        "app:app",
        "wsgi",
        "app.py",
    ),
    "attribute-middleware": (
        {"app.py": f"{FLASK}app.wsgi_app = Other(app.wsgi_app)\n"},
        "app:app",
        "wsgi",
        "app.py",
    ),
    "factory": (
        {"app.py": FACTORY},
        "app:create_app()",
        "wsgi",
        "app.py has `create_app()`, which makes `Flask(...)`",
    ),
    "factory-package": (
        {"blog/__init__.py": FACTORY},
        "blog:create_app()",
        "wsgi",
        "blog/__init__.py",
    ),
    "factory-called": (
        {
            "wsgi.py": "from blog import create_app\napp = create_app('prod')",
            "blog/__init__.py": FACTORY,
        },
        "wsgi:app",
        "wsgi",
        "wsgi.py has `app`, which comes from blog/__init__.py",
    ),
    "factory-and-variable": (
        {"app.py": f"{FACTORY}app = create_app()\n"},
        "app:app",
        "wsgi",
        "app.py",
    ),
    "factory-imports-inside": (
        {"app.py": "def make_app():\n    from fastapi import FastAPI\n    return FastAPI()"},
        "app:make_app()",
        "asgi",
        "FastAPI",
    ),
    "script-part-is-not-run": (
        {"run.py": f"{FACTORY}if __name__ == '__main__':\n    app = create_app()\n    app.run()"},
        "run:create_app()",
        "wsgi",
        "run.py",
    ),
    "src-package": ({"src/blog/__init__.py": FACTORY}, "blog:create_app()", "wsgi", "src/blog"),
    "relative-import": (
        {"app/__init__.py": "", "app/main.py": "from .core import app", "app/core.py": FASTAPI},
        "app.main:app",
        "asgi",
        "comes from app/core.py",
    ),
    "relative-import-up": (
        {"a/web/main.py": "", "a/main.py": "from .web.app import app", "a/web/app.py": FASTAPI},
        "a.main:app",
        "asgi",
        "a/web/app.py",
    ),
    "imported-module": (
        {
            "wsgi.py": "import blog.site\napplication = blog.site.app",
            "blog/__init__.py": "",
            "blog/site.py": FLASK,
        },
        "wsgi:application",
        "wsgi",
        "blog/site.py",
    ),
    "star-import": (
        {"wsgi.py": "from app import *", "app.py": FLASK},
        "wsgi:app",
        "wsgi",
        "app.py",
    ),
    "fastapi": ({"main.py": FASTAPI}, "main:app", "asgi", "main.py has `app = FastAPI(...)`"),
    "starlette": (
        {"app.py": "from starlette.applications import Starlette\napp = Starlette()"},
        "app:app",
        "asgi",
        "Starlette",
    ),
    "quart": ({"app.py": "from quart import Quart\napi = Quart('x')"}, "app:api", "asgi", "Quart"),
    "litestar": (
        {"app.py": "from litestar import Litestar\napp = Litestar([])"},
        "app:app",
        "asgi",
        "Litestar",
    ),
    "socketio": (
        {
            "app.py": (
                f"{FASTAPI}import socketio\napp = socketio.ASGIApp(socketio.AsyncServer(), app)"
            )
        },
        "app:app",
        "asgi",
        "socketio.ASGIApp",
    ),
    "fasthtml": (
        {"main.py": "from fasthtml.common import *\napp, rt = fast_app()"},
        "main:app",
        "asgi",
        "fast_app",
    ),
    "dash": (
        {"app.py": "from dash import Dash\napp = Dash('x')\nserver = app.server"},
        "app:server",
        "wsgi",
        "Dash",
    ),
    "dash-alone": (
        {"app.py": "from dash import Dash\napp = Dash('x')"},
        "app:app",
        "wsgi",
        "`app = Dash(...)`",
    ),
    "aiohttp": (
        {"main.py": "from aiohttp import web\napp = web.Application()\nweb.run_app(app)"},
        "main:app",
        "aiohttp",
        "`app = web.Application(...)`",
    ),
    "another-name": ({"flask_app.py": FLASK}, "flask_app:app", "wsgi", "flask_app.py has"),
    "another-name-after-packages": (
        {"odd.py": FLASK, "shop/__init__.py": FLASK},
        "shop:app",
        "wsgi",
        "shop/__init__.py has",
    ),
    "pyramid": (
        {
            "app.py": (
                "from pyramid.config import Configurator\nwith Configurator() as config:\n"
                "    app = config.make_wsgi_app()"
            )
        },
        "app:app",
        "wsgi",
        "make_wsgi_app",
    ),
    "falcon-asgi": (
        {"app.py": "import falcon.asgi\napp = falcon.asgi.App()"},
        "app:app",
        "asgi",
        "falcon.asgi.App",
    ),
    "plain-wsgi": ({"app.py": PLAIN}, "app:app", "wsgi", "def app(environ, start_response)"),
    "short-names": (
        {"app.py": "def app(e, start):\n    start('200 OK', [])\n    return [b'hi']\n"},
        "app:app",
        "wsgi",
        "def app(e, start)",
    ),
    "short-names-asgi": (
        {"app.py": "async def app(s, r, send):\n    await send({})\n"},
        "app:app",
        "asgi",
        "async def app(s, r, send)",
    ),
    "plain-asgi": (
        {"main.py": "async def app(scope, receive, send): ..."},
        "main:app",
        "asgi",
        "async def app(scope, receive, send)",
    ),
    "callable-class": (
        {
            "app.py": (
                "class Site:\n    def __call__(self, environ, start_response): ...\n"
                "application = Site()"
            )
        },
        "app:application",
        "wsgi",
        "Site(...)",
    ),
    "newer-syntax-warnings": ({"app.py": f"{FLASK}x = '\\d'\n"}, "app:app", "wsgi", "app.py"),
    "django": (
        {
            "manage.py": MANAGE.format("site.settings"),
            "site/settings.py": "",
            "site/wsgi.py": WSGI,
            "site/asgi.py": ASGI,
        },
        "site.wsgi:application",
        "wsgi",
        "manage.py uses the settings site.settings, and site/wsgi.py has",
    ),
    "django-split-settings": (
        {
            "manage.py": MANAGE.format("config.settings.prod"),
            "config/wsgi.py": WSGI,
            "app.py": FLASK,
        },
        "config.wsgi:application",
        "wsgi",
        "config/wsgi.py",
    ),
    "django-asgi-only": (
        {"manage.py": MANAGE.format("site.settings"), "site/asgi.py": ASGI},
        "site.asgi:application",
        "asgi",
        "site/asgi.py",
    ),
    "django-flat": (
        {"manage.py": MANAGE.format("settings"), "wsgi.py": WSGI},
        "wsgi:application",
        "wsgi",
        "wsgi.py",
    ),
    "django-assigned": (
        {
            "manage.py": "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 's.settings'",
            "s/wsgi.py": WSGI,
        },
        "s.wsgi:application",
        "wsgi",
        "s/wsgi.py",
    ),
    "django-channels": (
        {
            "manage.py": MANAGE.format("site.settings"),
            "site/wsgi.py": WSGI,
            "site/asgi.py": (
                "from channels.routing import ProtocolTypeRouter\n"
                "application = ProtocolTypeRouter({})\n"
            ),
        },
        "site.asgi:application",
        "asgi",
        "site/asgi.py",
    ),
    "django-settings-from-config-vars": (
        {
            "manage.py": "from django.core.management import execute_from_command_line\n",
            "site/__init__.py": "",
            "site/wsgi.py": WSGI,
        },
        "site.wsgi:application",
        "wsgi",
        "manage.py is Django's, and site/wsgi.py has `application =",
    ),
    "manage-of-something-else": (
        {"manage.py": "print()", "app.py": FLASK},
        "app:app",
        "wsgi",
        "app.py",
    ),
}


@pytest.mark.parametrize(
    ("files", "target", "interface", "because"), FOUND.values(), ids=FOUND.keys()
)
def test_is_found(files: dict[str, str | bytes], target: str, interface: str, because: str) -> None:
    entry = find_entry(tree(files)).entry
    assert entry is not None
    assert (entry.target, entry.interface) == (target, interface)
    assert because in entry.because


NOT_FOUND: dict[str, dict[str, str | bytes]] = {
    "nothing": {},
    "no-application": {"app.py": "app = 3\napplication = object()\n"},
    "factory-with-arguments": {
        "app.py": "from flask import Flask\ndef create_app(config):\n    return Flask('x')\n"
    },
    "async-factory": {
        "app.py": "from fastapi import FastAPI\nasync def create_app():\n    return FastAPI()\n"
    },
    "only-as-a-script": {
        "app.py": (
            f"from flask import Flask\nif __name__ == '__main__':\n    {FLASK.splitlines()[-1]}\n"
        )
    },
    "blueprint": {"app.py": "from flask import Blueprint\napp = Blueprint('x', 'x')\n"},
    "in-tests": {"tests/app.py": FLASK},
    "circle": {"app.py": "from main import app\n", "main.py": "from app import app\n"},
    "recursion": {"app.py": "def create_app():\n    return create_app()\napp = create_app()\n"},
    "shadowed-by-module": {"main.py": "from pkg import app\n", "pkg/app/__init__.py": ""},
}


@pytest.mark.parametrize("files", NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_is_not_guessed(files: dict[str, str | bytes]) -> None:
    assert find_entry(tree(files)).entry is None


@pytest.mark.parametrize(
    "source",
    [
        b"def broken(:\n",
        b"\0\0\0",
        b"\xff\xfe",
        b"(" * 5_000,
        b"x = " + b"-" * 20_000 + b"1",
        b"a = " + b".b".join([b"a"] * 5_000),
        b"# " + b"x" * 600_000,
    ],
    ids=["syntax", "zeros", "encoding", "brackets", "signs", "dots", "size"],
)
def test_source_that_cannot_be_read_is_named(source: bytes) -> None:
    search = find_entry(tree({"app.py": source, "main.py": FLASK}))
    assert search.entry is not None
    assert search.entry.target == "main:app"
    assert all(one.startswith("app.py (") for one in search.unreadable)


def test_calls_that_multiply_end() -> None:
    calls = [f"f{number}(), " * 10 for number in range(31)]
    functions = [f"def f{n}():\n    return g({calls[n + 1]})" for n in range(30)]
    search = find_entry(tree({"app.py": "\n".join([*functions, "app = f0()"])}))
    assert search.entry is None


def test_the_order_is_told_when_several_would_do() -> None:
    wrapped = "from app import app\nfrom x import Middleware\napp = Middleware(app)\n"
    search = find_entry(tree({"main.py": FLASK, "app.py": FLASK, "wsgi.py": wrapped}))
    assert search.entry is not None
    assert search.entry.target == "wsgi:app"
    # app.py is what wsgi.py wraps, so it is no other entry; main.py is.
    assert [other.target for other in search.others] == ["main:app"]


SIBLINGS = "from flask import Flask\nfrom models import db\nimport os\napp = Flask(__name__)\n"


def test_a_file_that_imports_its_neighbours_starts_in_their_folder() -> None:
    found = find_entry(tree({"backend/app.py": SIBLINGS, "backend/models.py": "db = 1"})).entry
    assert found is not None
    assert (found.target, found.folder, found.path) == ("app:app", "backend", "backend/app.py")
    below = find_entry(tree({"src/back/app.py": SIBLINGS, "src/back/models/a.py": ""})).entry
    assert below is not None
    assert (below.target, below.folder) == ("app:app", "src/back")


@pytest.mark.parametrize(
    "files",
    [
        {"backend/app.py": SIBLINGS, "backend/models.py": "", "models.py": ""},
        {"backend/app.py": FLASK, "backend/models.py": ""},
        {"backend/app.py": f"from . import models\n{SIBLINGS}", "backend/models.py": ""},
        {"backend/app.py": f"from backend.models import x\n{FLASK}", "backend/models.py": ""},
    ],
)
def test_a_package_stays_one(files: dict[str, str]) -> None:
    found = find_entry(tree(files)).entry
    assert found is not None
    assert (found.target, found.folder) == ("backend.app:app", "")
