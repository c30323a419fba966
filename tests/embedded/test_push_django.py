"""Django projects whose static files are collected in the build, hooks around it, config vars in
its way: real uv, real Django."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from receiver.state import records
from tests.checkout import Checkout, Pushed
from tests.embedded.embedded_server import EmbeddedServer, embedded_server
from tests.embedded.pushing import wsgi
from tests.embedded.transcript import assert_as_recorded, error_block, masked

pytestmark = pytest.mark.embedded

APP = "shop"
MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
if __name__ == "__main__":
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""
SETTINGS = """
import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = "for-the-test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.staticfiles"]
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware", \
"django.middleware.common.CommonMiddleware"]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
"""
URLS = """
from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse(static("site.css")))]
"""
PROJECT: dict[str, str | bytes | None] = {
    "manage.py": MANAGE,
    "shop/__init__.py": "",
    "shop/settings.py": SETTINGS,
    "shop/urls.py": URLS,
    "shop/wsgi.py": WSGI,
    "assets/site.css": "body { color: teal }\n",
    "requirements.txt": "django==5.2.*\nwhitenoise==6.*\n",
}
MANIFEST_STORAGE = SETTINGS[SETTINGS.index("STORAGES") :]
BROKEN = (
    *("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH"),
    *("LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "C_INCLUDE_PATH", "PKG_CONFIG_PATH"),
    *("BUILD_DIR", "CACHE_DIR", "ENV_DIR", "UV_CACHE_DIR", "UV_PROJECT_ENVIRONMENT"),
)
DECOUPLE = "SECRET_KEY = __import__('decouple').config('SHOP_KEY')\n"
ENVIRON = "SECRET_KEY = __import__('environ').Env()('SHOP_KEY')\n"


@dataclass(frozen=True)
class Shop:
    """An app, and the laptop that its projects are pushed from."""

    server: EmbeddedServer
    laptop: Checkout

    def push(self, changes: Mapping[str, str | bytes | None]) -> Pushed:
        """Push the project with these files in place of its own."""
        self.laptop.git("rm", "-r", "-q", "-f", "--ignore-unmatch", ".")
        self.laptop.commit(
            {name: text for name, text in {**PROJECT, **changes}.items() if text is not None}
        )
        return self.laptop.push()

    def deploy(self, changes: Mapping[str, str | bytes | None]) -> str:
        pushed = self.push(changes)
        assert pushed.status == 0, pushed.text
        return "\n".join(pushed.lines)

    def start_project(self, name: str) -> Checkout:
        """Commit what Django makes of the word startproject, in place of all there is."""
        self.deploy({})
        live = self.server.live(APP)
        assert live
        paths = self.server.paths(APP)
        python = paths.venvs / str(records.read_release(paths, live).venv) / "bin/python"
        self.laptop.git("rm", "-r", "-q", "-f", "--ignore-unmatch", ".")
        start = (python, "-m", "django", "startproject", name, ".")
        subprocess.run(start, cwd=self.laptop.folder, check=True, timeout=60)
        self.laptop.commit({"requirements.txt": "django==5.2.*\n"})
        return self.laptop

    def ask(self, path: str) -> tuple[int, str]:
        return self.server.ask(APP, path)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with embedded_server() as server:
        server.create(APP)
        yield Shop(server, server.checkout(APP))


def test_whitenoise_serves_what_the_build_collected_and_a_rollback_brings_it_back(
    shop: Shop,
) -> None:
    said = shop.deploy({})
    assert "-----> $ python manage.py collectstatic --noinput" in said
    assert "1 static file copied to" in said
    status, first = shop.ask("/")
    assert status == 200
    assert first.startswith("/static/site.")
    assert shop.ask(first) == (200, "body { color: teal }\n")

    shop.deploy({"assets/site.css": "body { color: plum }\n"})
    _, second = shop.ask("/")
    assert second != first
    assert shop.ask(second) == (200, "body { color: plum }\n")
    assert shop.ask(first)[0] == 404

    shop.server.rollback(shop.server.paths(APP).name)
    assert shop.ask("/") == (200, first)
    assert shop.ask(first) == (200, "body { color: teal }\n")


def _from_collectstatic(shop: Shop, said: str) -> str:
    """The later part of a transcript, without the swap: what ran before has its part in that."""
    begin = said.index("-----> $ python manage.py collectstatic")
    built, live = re.split(r"-----> Swapping(?:.*\n)+?(?=-----> v)", said[begin:])
    return masked(shop.server, f"{built}{live}").replace(f":{shop.server.port}", ":PORT")


def test_a_project_as_startproject_makes_it_is_live_after_one_push(shop: Shop) -> None:
    """With styled admin; following the three lines of advice leaves nothing to look at."""
    laptop = shop.start_project("mysite")
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    said = "\n".join(pushed.lines) + "\n"
    assert_as_recorded("startproject", _from_collectstatic(shop, said))
    assert "install worked successfully" in shop.ask("/")[1]
    status, login = shop.ask("/admin/login/")
    assert status == 200
    styles = re.findall(r'href="(/static/[^"]+[.]css)"', login)
    assert styles
    assert all(shop.ask(style)[0] == 200 for style in styles)

    assert shop.server.ship("storage:mount", "db.sqlite3", "-a", APP).status == 0
    assert shop.server.ship("run", "-a", APP, "python", "manage.py", "migrate").status == 0
    settings = (laptop.folder / "mysite/settings.py").read_text()
    for name, value in re.findall(r"(?m)^ !        +(\w+) = (.*)$", said):
        settings = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", settings)
    laptop.commit({"mysite/settings.py": f"import os\n{settings}"})
    again = laptop.push()
    assert again.status == 0, again.text
    assert "to look at" not in again.text
    assert shop.ask("/admin/login/")[0] == 200
    assert shop.ask(styles[0])[0] == 200
    shop.server.ship("storage:unmount", "db.sqlite3", "-a", APP)


def test_a_config_var_leaves_it_out(shop: Shop) -> None:
    app = shop.server.paths(APP).name
    shop.server.configure(app, DISABLE_COLLECTSTATIC="1")
    try:
        said = shop.deploy({"shop/settings.py": SETTINGS.replace(MANIFEST_STORAGE, "")})
    finally:
        shop.server.configure(app, DISABLE_COLLECTSTATIC="0")
    assert "collectstatic is skipped: the config var DISABLE_COLLECTSTATIC is set." in said
    assert shop.ask("/static/site.css")[0] == 404


@pytest.mark.parametrize(
    ("name", "reason", "changes"),
    [
        (
            "variable-decouple",
            "variable",
            {
                "shop/settings.py": SETTINGS + DECOUPLE,
                "requirements.txt": "django==5.2.*\nwhitenoise==6.*\npython-decouple\n",
            },
        ),
        (
            "variable-environ",
            "variable",
            {
                "shop/settings.py": SETTINGS + ENVIRON,
                "requirements.txt": "django==5.2.*\nwhitenoise==6.*\ndjango-environ\n",
            },
        ),
        (
            "settings-module",
            "failed",
            {"manage.py": MANAGE.replace("shop.settings", "shop.production")},
        ),
        ("syntax", "failed", {"shop/settings.py": SETTINGS + "if\n"}),
        (
            "improper",
            "failed",
            {"shop/settings.py": SETTINGS.replace('"assets"]', '"staticfiles"]')},
        ),
    ],
)
def test_what_failed_is_told_with_the_line_to_type(
    shop: Shop, name: str, reason: str, changes: Mapping[str, str | bytes | None]
) -> None:
    before = shop.server.live(APP)
    pushed = shop.push(changes)
    assert pushed.status == 1, pushed.text
    assert "main -> main (build failed)" in pushed.text
    assert f"(build/collectstatic-{reason})" in pushed.text, pushed.text
    assert shop.server.live(APP) == before
    assert shop.server.leftovers(APP) == []
    assert_as_recorded(f"collectstatic-{name}", masked(shop.server, error_block(pushed)))


def test_what_is_advised_on_static_files_leads_to_a_release(shop: Shop) -> None:
    """For build/collectstatic-variable and build/collectstatic-failed: a project with a fault below
    the other, each put right by its advice.
    """
    files: dict[str, str | bytes | None] = {
        "shop/settings.py": SETTINGS.replace("INSTALLED_APPS", "LOCAL_APPS")
        + "SECRET_KEY = os.environ['STORE_KEY']\nimport storages\n",
        "assets/site.css": "body { background: url('gone.png') }\n",
    }

    def refused(name: str, advice: str) -> None:
        pushed = shop.push(files)
        assert pushed.status == 1, pushed.text
        assert advice in pushed.text, pushed.text
        assert_as_recorded(f"collectstatic-{name}", masked(shop.server, error_block(pushed)))

    refused("variable", "`ship config:set STORE_KEY=...`")
    assert shop.server.ship("config:set", "STORE_KEY=secret", "-a", APP).status == 0
    refused("module", "If it is a file of yours, check that it was committed")
    files["storages.py"] = ""
    refused("not-enabled", "Add 'django.contrib.staticfiles' to the INSTALLED_APPS")
    files["shop/settings.py"] = str(files["shop/settings.py"]).replace("LOCAL_", "INSTALLED_")
    refused("reference", "Correct the address in it, or commit the file")
    files["assets/gone.png"] = "a picture"
    assert "2 static files copied to" in shop.deploy(files)
    assert shop.ask("/")[0] == 200


def test_config_vars_of_another_machine_do_not_break_a_build(shop: Shop) -> None:
    app = shop.server.create("broken")
    shop.server.configure(app, **dict.fromkeys(BROKEN, "/invalid-path"))
    laptop = shop.server.checkout(app)
    hook = "#!/bin/sh\npython -c 'import sys; print(sys.prefix)'\nls manage.py\n"
    laptop.commit(PROJECT | {"bin/post_compile": hook})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert "Config vars that the build does without: BUILD_DIR," in pushed.text
    assert "1 static file copied" in pushed.text
    assert str(shop.server.paths(app).venvs) in pushed.text
    assert shop.server.ask(app)[0] == 200


def test_hooks_run_in_the_tree_with_the_config_vars_and_what_they_make_is_served(
    shop: Shop,
) -> None:
    app = shop.server.create("hooked")
    shop.server.configure(app, COLOUR="teal")
    laptop = shop.server.checkout(app)
    code = wsgi("hello")["app.py"] + "from made import COLOUR\nassert COLOUR == 'teal'\n"
    before = (
        "#!/bin/bash\n[[ $PWD = $BUILD_DIR && -w $CACHE_DIR && -d $SHIP_STORAGE ]]\n"
        "echo \"COLOUR = '$COLOUR'\" > made.py\n"
    )
    before += "echo six >> requirements.txt\n"
    after = (
        "#!/usr/bin/env python\nimport sys\nsys.path.insert(0, '.')\nimport six, made\n"
        "print('after', made.COLOUR, six.__name__)\n"
    )
    laptop.commit(
        {**wsgi("hello"), "app.py": code, "bin/pre_compile": before, "bin/post_compile": after}
    )
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    said = "\n".join(pushed.lines)
    order = [
        said.index(f"-----> {step}")
        for step in (
            "Running bin/pre_compile",
            "Installing from",
            "Running bin/post_compile",
            "Discovering",
        )
    ]
    assert order == sorted(order)
    assert "       after teal six" in said
    assert shop.server.ask(app) == (200, "hello")
    shop.server.configure(app, COLOUR="plum")
    assert shop.server.ask(app) == (200, "hello")
    assert len(records.release_versions(shop.server.paths(app))) == 2


def test_a_hook_that_deletes_the_cache_spoils_no_build(shop: Shop) -> None:
    """Case 57: what a build keeps for the next one is the app's to lose."""
    app = shop.server.create("cacheless")
    laptop = shop.server.checkout(app)
    hook = '#!/bin/bash\nrm -rf "$CACHE_DIR"/* "$CACHE_DIR"/.[!.]*\n'
    for text, package in (("one", "idna"), ("two", "six")):
        laptop.commit(wsgi(text) | {"requirements.txt": package, "bin/pre_compile": hook})
        pushed = laptop.push()
        assert pushed.status == 0, pushed.text
        assert shop.server.ask(app) == (200, text)
    assert shop.server.leftovers(app) == []


def test_nltk_data_that_cannot_be_loaded_is_told(shop: Shop) -> None:
    app = shop.server.create("words")
    shop.server.configure(app, NLTK_DOWNLOAD_URL="http://127.0.0.1:9/index.xml")
    laptop = shop.server.checkout(app)
    laptop.commit(wsgi("words") | {"requirements.txt": "nltk\n", "nltk.txt": "stopwords\n"})
    pushed = laptop.push()
    assert pushed.status == 1, pushed.text
    assert "-----> Downloading NLTK data: stopwords" in pushed.text
    assert "The NLTK data could not be downloaded." in pushed.text
    assert "(build/nltk-data)" in pushed.text
    assert shop.server.leftovers(app) == []
