"""`git push -o check`: what is tried and told, and that nothing is left of it, on the server or
in the checkout."""

import subprocess
from collections.abc import Iterator

import pytest

from receiver.apps import lifecycle as apps
from receiver.machine import git
from receiver.model.names import AppName
from receiver.state import records
from tests.checkout import Checkout, Pushed
from tests.embedded.embedded_server import EmbeddedServer, own_name
from tests.embedded.pushing import wsgi
from tests.embedded.test_push_trouble import serve
from tests.embedded.transcript import assert_as_recorded, error_block, masked

pytestmark = pytest.mark.embedded

DJANGO = {
    "requirements.txt": "django\n",
    "manage.py": "import os, sys\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n"
    "from django.core.management import execute_from_command_line\n"
    "execute_from_command_line(sys.argv)\n",
    "site_/__init__.py": "",
    "site_/settings.py": "import os\nSECRET_KEY = os.environ['SECRET_KEY']\nALLOWED_HOSTS = ['*']\n"
    "ROOT_URLCONF = 'site_.urls'\nINSTALLED_APPS = ['shop']\n"
    "DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n"
    "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\n",
    "site_/urls.py": "from django.http import HttpResponse\nfrom django.urls import path\n"
    "urlpatterns = [path('', lambda request: HttpResponse('shop'))]\n",
    "site_/wsgi.py": "import os\nfrom django.core.wsgi import get_wsgi_application\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n"
    "application = get_wsgi_application()\n",
    "shop/__init__.py": "",
    "shop/models.py": "",
    "shop/migrations/__init__.py": "",
}
MODEL = "from django.db import models\n\nclass Item(models.Model):\n    name = models.TextField()\n"
AUDIT = """
import os
from django.core.checks import register

@register(deploy=True)
def audit(app_configs, **kwargs):
    os.environ["AUDIT_URL"]
    return []
"""
NOWHERE = "ForeignKey('Nothing', models.CASCADE"
KEY = "a-key-of-fifty-characters-and-more-0123456789-abcdef"


@pytest.fixture
def app(server: EmbeddedServer, request: pytest.FixtureRequest) -> Iterator[AppName]:
    made = server.create(own_name(request))
    yield made
    apps.destroy(server.server, made)


@pytest.fixture
def laptop(server: EmbeddedServer, app: AppName) -> Checkout:
    return server.checkout(app)


def told(server: EmbeddedServer, app: AppName, pushed: Pushed) -> str:
    return masked(server, "\n".join(pushed.lines).replace(app, "APP")) + "\n"


def state(server: EmbeddedServer, app: AppName) -> tuple[object, ...]:
    """All that a check must leave as it was."""
    repo = server.layout.repo(app)
    objects = subprocess.run(
        ("git", "-C", repo, "count-objects", "-v"), capture_output=True, text=True, check=True
    )
    return (
        server.ask(app),
        git.refs(repo),
        git.head_branch(repo),
        objects.stdout,
        server.live(app),
        server.leftovers(app),
        records.release_versions(server.paths(app)),
    )


def test_a_check_that_passes_leaves_nothing_and_says_so(
    server: EmbeddedServer, app: AppName, laptop: Checkout
) -> None:
    first = laptop.commit(wsgi("old"))
    assert laptop.push().status == 0
    before = state(server, app)
    laptop.commit(wsgi("new") | {"settings.py": "import os\nKEY = os.environ['API_KEY']\n"})
    checked = laptop.push("-o", "check", "main")
    assert checked.status == 0, checked.text
    assert_as_recorded("check-passed", told(server, app, checked))
    assert "* [new reference] main -> refs/ship/checked" in " ".join(checked.text.split())
    assert state(server, app) == before
    assert laptop.git("rev-parse", "prod/main").stdout.strip() == first
    assert laptop.git("rev-list", "--count", "prod/main..main").stdout.strip() == "1"
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask(app) == (200, "new")


def test_a_check_that_fails_is_a_refused_ref(
    server: EmbeddedServer, app: AppName, laptop: Checkout
) -> None:
    laptop.commit(wsgi("old"))
    assert laptop.push().status == 0
    before = state(server, app)
    laptop.commit({"app.py": "import not_there\n" + wsgi("new")["app.py"]})
    checked = laptop.push("-o", "check", "main")
    assert checked.status == 1
    assert "! [remote rejected] main -> main (check failed)" in checked.text
    assert "(check/missing-module)" in checked.text
    assert state(server, app) == before
    assert records.read_build(server.paths(app), 2).description.startswith("Check ")  # type: ignore[union-attr] # it is there


@pytest.mark.parametrize("files", [wsgi("first"), serve("first"), {"index.html": "first"}])
def test_a_first_push_can_be_a_check_whatever_serves_it(
    server: EmbeddedServer, app: AppName, laptop: Checkout, files: dict[str, str]
) -> None:
    laptop.commit(files)
    before = state(server, app)
    checked = laptop.push("-o", "check", "main")
    assert checked.status == 0, checked.text
    assert "Nothing was released: nothing is live yet." in checked.text
    assert state(server, app) == before
    assert laptop.push().status == 0
    assert server.ask(app)[1].strip() == "first"


def test_the_release_phase_is_not_run(
    server: EmbeddedServer, app: AppName, laptop: Checkout
) -> None:
    laptop.commit(serve("page", 'touch "$SHIP_STORAGE/migrated"'))
    checked = laptop.push("-o", "check", "main")
    assert checked.status == 0, checked.text
    assert "The release phase is not run by a check: `touch" in checked.text
    assert not (server.paths(app).storage / "migrated").exists()


def test_django_is_asked_as_well(server: EmbeddedServer, app: AppName, laptop: Checkout) -> None:
    laptop.commit(DJANGO)
    lacking = laptop.push("-o", "check", "main")
    assert lacking.status == 1
    assert "SECRET_KEY  (site_/settings.py, line 2)" in lacking.text
    server.configure(app, SECRET_KEY=KEY)
    checked = laptop.push("-o", "check", "main")
    assert checked.status == 0, checked.text
    assert "security.W001" in checked.text
    assert "No changes detected" in checked.text
    laptop.commit({"shop/models.py": MODEL})
    lacking = laptop.push("-o", "check", "main")
    assert lacking.status == 1
    assert_as_recorded("check-migrations-missing", masked(server, error_block(lacking)))
    assert server.live(app) is None


def test_what_django_finds_is_put_right_as_advised(
    server: EmbeddedServer, app: AppName, laptop: Checkout
) -> None:
    server.configure(app, SECRET_KEY=KEY)

    def refused(reason: str, advice: str) -> None:
        checked = laptop.push("-o", "check", "main")
        assert checked.status == 1, checked.text
        assert f"({reason})" in checked.text, checked.text
        assert advice in " ".join(checked.text.replace("remote:  !", "").split()), checked.text

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        python = next(server.paths(app).venvs.glob("*/bin/python"))
        return subprocess.run(
            (python, "manage.py", *words),
            cwd=laptop.folder,
            env={"SECRET_KEY": KEY},
            capture_output=True,
            text=True,
            check=False,
        )

    laptop.commit(DJANGO | {"shop/models.py": MODEL.replace("TextField(", NOWHERE)})
    refused("check/framework-errors", "Correct it, and check again: `python manage.py check --de")
    assert "fields.E300" in typed("check", "--deploy").stderr
    laptop.commit({"shop/models.py": f"{MODEL}{AUDIT}"})
    refused("check/framework-command", "or set the config var that it lacks; then check again.")
    server.configure(app, AUDIT_URL="http://localhost")
    refused("check/migrations-missing", "Type `python manage.py makemigrations`, commit the files")
    assert typed("makemigrations").returncode == 0
    laptop.commit({})
    checked = laptop.push("-o", "check", "main")
    assert checked.status == 0, checked.text
    assert laptop.push().status == 0
    assert "shop" in server.ask(app)[1]


def test_unknown_words_are_still_refused(laptop: Checkout) -> None:
    laptop.commit(wsgi("old"))
    pushed = laptop.push("-o", "chekc", "main")
    assert pushed.status == 1
    assert "-o check, which tries a commit without releasing it" in pushed.text
