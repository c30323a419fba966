"""Pushes that cannot work: each is refused with words that say why, and the site goes on as it
was."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from receiver.machine import git
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, with_settings
from tests.embedded.pushing import wsgi
from tests.embedded.transcript import assert_as_recorded, error_block, masked

pytestmark = pytest.mark.embedded

APP = "blog"
WEB = "web: gunicorn app:app\n"
ELSEWHERE = """
import http.server
handler = http.server.BaseHTTPRequestHandler
http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler).serve_forever()
"""
ANSWERS = """
def app(environ, start_response):
    status = "{status}" if environ["PATH_INFO"] == "/health" else "200 OK"
    start_response(status, [])
    return [b"The database is away.\\n"]
"""
RAISES = """
def app(environ, start_response):
    return render(environ)

def render(environ):
    raise LookupError("no such template")
"""
NEEDY = """
from setuptools import setup
raise SystemExit("src/db.c:1:10: fatal error: sqlite3.h: No such file or directory")
"""
DJANGO = """
def app(environ, start_response):
    start_response("400 Bad Request", [])
    return [b"<!doctype html><h1>Bad Request (400)</h1><p></p>"]
"""
UNIX = """
import os, socket, time
place = os.path.join(os.environ["HOME"], "web.sock")
listener = socket.socket(socket.AF_UNIX)
listener.bind(place)
listener.listen()
time.sleep(60)
"""
TAKEN = """
# nothing like int(os.environ["PORT"])
import http.server, socket
other = socket.create_server(("127.0.0.1", 0))
http.server.HTTPServer.allow_reuse_address = False
http.server.HTTPServer(other.getsockname(), http.server.BaseHTTPRequestHandler)
"""
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 123456\n"


def code(text: str) -> dict[str, str]:
    """An app.py whose web process is named, so that it is not looked for in the source."""
    return {"app.py": text, "Procfile": WEB}


def link(path: str, target: str) -> Callable[[Checkout], None]:
    return lambda laptop: (laptop.folder / path).symlink_to(target)


def submodule(laptop: Checkout) -> None:
    (laptop.folder / ".gitmodules").write_text('[submodule "lib"]\n\tpath = lib\n\turl = ../lib\n')
    laptop.git("add", ".gitmodules")
    laptop.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib")
    (laptop.folder / "lib").mkdir(exist_ok=True)  # as it is after `git submodule add`


@dataclass(frozen=True)
class Case:
    """Changes to an app that works, and the reason for which the push is refused."""

    name: str
    reason: str
    files: Mapping[str, str | bytes | None] = field(default_factory=dict)
    prepare: Callable[[Checkout], None] | None = None
    verdict: str = "build failed"
    check_limit_s: int = 60


def unready(name: str, reason: str, files: Mapping[str, str], *, check_limit_s: int = 60) -> Case:
    """One that is built, and turns out not to answer."""
    return Case(name, reason, files, verdict="check failed", check_limit_s=check_limit_s)


CASES = [
    Case(
        "no-buildpack",
        "build/no-buildpack",
        {"app.py": None, "requirements.txt": None, "notes.md": "Hello."},
    ),
    Case("empty-tree", "build/no-buildpack", {"app.py": None, "requirements.txt": None}),
    Case("no-entry", "build/no-entry", {"app.py": None, "tool.py": "print(1)\n"}),
    Case(
        "requirements-contradict",
        "build/requirements-unresolvable",
        {"requirements.txt": "gunicorn==23.0.0\ngunicorn==22.0.0\n"},
    ),
    Case(
        "requirements-no-such-version",
        "build/requirements-unresolvable",
        {"requirements.txt": "gunicorn==999.1\n"},
    ),
    Case(
        "requirements-utf16",
        "build/requirements-encoding",
        {"requirements.txt": "flask\r\n".encode("utf-16")},
    ),
    Case(
        "requirements-no-such-package",
        "build/package-not-found",
        {"requirements.txt": "ship-has-no-such-package\n"},
    ),
    Case(
        "requirements-not-a-requirement",
        "build/requirements-invalid",
        {"requirements.txt": "flask=3.0\n"},
    ),
    Case(
        "requirements-misspelt",
        "build/requirements-misspelt",
        {"requirements.txt": None, "requirments.txt": "flask\n"},
    ),
    Case("procfile-misspelt", "build/procfile-misspelt", {"procfile": WEB}),
    Case("procfile-empty", "build/procfile-empty", {"Procfile": ""}),
    Case(
        "procfile-comments-only",
        "build/procfile-empty",
        {"Procfile": "# web: gunicorn app:app\n"},
    ),
    Case("procfile-no-colon", "build/procfile-invalid", {"Procfile": "gunicorn app\n"}),
    Case("procfile-no-command", "build/procfile-invalid", {"Procfile": "web:\n"}),
    Case("procfile-twice", "build/procfile-invalid", {"Procfile": WEB + WEB}),
    Case("procfile-utf16", "build/procfile-encoding", {"Procfile": WEB.encode("utf-16")}),
    Case("link-leaves-tree", "build/link-leaves-tree", prepare=link("secrets", "/etc/shadow")),
    Case(
        "link-leaves-tree-relative",
        "build/link-leaves-tree",
        prepare=link("up", "../../other/config.json"),
    ),
    Case("lfs-pointer", "build/lfs-pointer", {"logo.png": LFS}),
    Case("submodule", "build/submodules", prepare=submodule),
    Case("virtualenv-committed", "build/venv-committed", {"venv/pyvenv.cfg": "home = /usr/bin\n"}),
    Case(
        "python-committed", "build/python-committed", {".heroku/python/bin/python": "#!/bin/sh\n"}
    ),
    Case(
        "hidden-virtualenv-committed",
        "build/venv-committed",
        {".venv/pyvenv.cfg": "home = /usr/bin\n"},
    ),
    Case("procfile-with-an-ending", "build/procfile-misspelt", {"Procfile.txt": WEB}),
    Case("profile", "build/procfile-misspelt", {"Profile": WEB}),
    Case(
        "requirements-of-conda",
        "build/requirements-local-path",
        {"requirements.txt": "blinker @ file:///home/conda/blinker\n"},
    ),
    Case(
        "requirements-pkg-resources",
        "build/package-not-found",
        {"requirements.txt": "pkg-resources==0.0.0\n"},
    ),
    Case(
        "package-without-header",
        "build/package-build-failed",
        {"requirements.txt": "./needy\n", "needy/setup.py": NEEDY},
    ),
    Case(
        "manifest-unknown-setting",
        "build/manifest-invalid",
        {"ship.toml": "[check]\npaht = '/health'\n"},
    ),
    Case(
        "manifest-no-such-signal",
        "build/manifest-invalid",
        {"ship.toml": "[process.worker]\nstop_signal = 'QUIT'\n"},
    ),
    Case(
        "cron-no-such-hour",
        "build/cron-invalid",
        {"ship.toml": "[cron.nightly]\nschedule = '0 25 * * *'\ncommand = 'true'\n"},
    ),
    Case("manifest-not-toml", "build/manifest-invalid", {"ship.toml": "[check]\npath = /health\n"}),
    Case(
        "static-folder-missing",
        "build/static-folder",
        {"ship.toml": "[static]\n'/static/' = 'assets'\n"},
    ),
    Case("python-end-of-life", "build/python-end-of-life", {".python-version": "3.5\n"}),
    Case(
        "pre-compile-fails",
        "build/pre-compile-failed",
        {"bin/pre_compile": "#!/bin/bash\necho preparing\nls no-such-file\n"},
    ),
    Case(
        "post-compile-fails",
        "build/post-compile-failed",
        {"bin/post_compile": "echo finishing && exit 7\n"},
    ),
    Case(
        "hook-with-windows-lines",
        "build/hook-line-ends",
        {"bin/post_compile": "#!/bin/sh\r\necho hello\r\n"},
    ),
    Case(
        "hook-without-interpreter",
        "build/pre-compile-failed",
        {"bin/pre_compile": "#!/usr/bin/zish -e\necho hello\n"},
    ),
    Case(
        "hook-without-env-program",
        "build/post-compile-failed",
        {"bin/post_compile": "#!/usr/bin/env zish\necho hello\n"},
    ),
    Case(
        "release-phase-fails",
        "release/failed",
        {"Procfile": WEB + "release: echo no such table && exit 3\n"},
        verdict="release phase failed",
    ),
    Case(
        "release-phase-too-slow",
        "release/timeout",
        {
            "Procfile": WEB + ("release: echo locked && exec sleep 60\n"),
            "ship.toml": "[release]\nlimit_s = 1\n",
        },
        verdict="release phase failed",
    ),
    Case(
        "manifest-no-such-occasion",
        "build/manifest-invalid",
        {"ship.toml": "[release]\non = ['deploy', 'restart']\n"},
    ),
    Case("app-json-not-json", "build/app-json-invalid", {"app.json": '{\n  "env": {},\n}\n'}),
    Case(
        "app-json-bad-entry",
        "build/app-json-invalid",
        {"app.json": ('{"env": {"PORT": {"value": 80}}}')},
    ),
    Case("app-json-bad-name", "build/app-json-invalid", {"app.json": '{"env": {"API-KEY": "x"}}'}),
    Case(
        "app-json-config-var-missing",
        "build/config-var-required",
        {
            "app.json": (
                '{"env": {"API_KEY": {"description": "Of the bank."}, "TOKEN": {}, "DSN": '
                '{"required": false}}}'
            )
        },
    ),
    Case(
        "app-json-predeploy-fails",
        "release/predeploy-failed",
        {"app.json": '{"scripts": {"dokku": {"predeploy": "echo no assets; exit 4"}}}'},
        verdict="release phase failed",
    ),
    Case(
        "app-json-predeploy-too-slow",
        "release/timeout",
        {
            "app.json": ('{"scripts": {"predeploy": "exec sleep 60"}}'),
            "ship.toml": "[release]\nlimit_s = 1\n",
        },
        verdict="release phase failed",
    ),
    unready(
        "syntax-error",
        "check/syntax-error",
        code("def app(environ, start_response:\n    return []\n"),
    ),
    unready("missing-module", "check/missing-module", code("import no_such_module\n")),
    unready("import-error", "check/import-error", code("from os import no_such_name\n")),
    unready("exit-at-import", "check/exited", code("import sys\n\nsys.exit()\n")),
    unready("exit-with-a-status", "check/exited", code("import sys\n\nsys.exit(7)\n")),
    unready(
        "exception-at-import",
        "check/app-error",
        code("def connect():\n    raise OSError('no database')\n\nconnect()\n"),
    ),
    unready(
        "variable-not-set",
        "check/missing-variable",
        code("import os\n\nKEY = os.environ['API_KEY']\n"),
    ),
    unready("wrong-module", "check/wrong-module", {"Procfile": "web: gunicorn blog:app\n"}),
    unready(
        "missing-attribute",
        "check/missing-attribute",
        {"Procfile": "web: gunicorn app:application\n"},
    ),
    unready(
        "boot-hangs", "check/boot-timeout", code("import time\n\ntime.sleep(60)\n"), check_limit_s=3
    ),
    unready(
        "answers-500",
        "check/status",
        code(ANSWERS.replace("{status}", "500 Error"))
        | {"ship.toml": "[check]\npath = '/health'\n"},
    ),
    unready("answers-another-status", "check/status", {"ship.toml": "[check]\nstatus = 204\n"}),
    unready("raises-when-asked", "check/app-error", code(RAISES)),
    unready(
        "ignores-port",
        "check/wrong-port",
        {"Procfile": "web: python server.py\n", "server.py": ELSEWHERE},
        check_limit_s=4,
    ),
    unready(
        "listens-nowhere", "check/never-answered", {"Procfile": "web: sleep 60\n"}, check_limit_s=3
    ),
    unready(
        "web-ends-at-once",
        "check/ended",
        {"Procfile": "web: python server.py\n", "server.py": "print('bye')\n"},
    ),
    unready(
        "web-fails-at-once",
        "check/missing-module",
        {"Procfile": "web: python server.py\n", "server.py": "import no_such_module\n"},
    ),
    unready("package-by-another-name", "check/missing-module", code("import yaml\n")),
    unready(
        "module-in-a-folder",
        "check/missing-module",
        code("import tools\n") | {"lib/tools.py": "A = 1\n"},
    ),
    unready(
        "circular-import",
        "check/circular-import",
        code("import shop\n")
        | {
            "shop.py": "from cart import add\n\ndef sell(): ...\n",
            "cart.py": "from shop import sell\n\ndef add(): ...\n",
        },
    ),
    unready(
        "hidden-package",
        "check/hidden-package",
        code("from wave import open\n") | {"wave.py": "A = 1\n"},
    ),
    unready(
        "factory-not-called",
        "check/app-factory",
        {
            "Procfile": "web: gunicorn app:create_app\n",
            "app.py": "def create_app():\n    return None\n",
        },
    ),
    unready("not-an-app", "check/not-an-app", code("app = 3\n")),
    unready(
        "database-away",
        "check/unreachable",
        code("import asyncio\n\nasyncio.run(asyncio.open_connection('127.0.0.1', 1))\n"),
    ),
    unready(
        "no-such-table",
        "check/missing-table",
        code("import sqlite3\n\nsqlite3.connect('a.db').execute('select * from posts')\n"),
    ),
    unready("no-such-file", "check/no-such-file", code("MODEL = open('model.bin')\n")),
    unready(
        "crashes",
        "check/crashed",
        code("import os, signal\n\nos.kill(os.getpid(), signal.SIGSEGV)\n"),
    ),
    unready(
        "killed",
        "check/killed",
        code("import os, signal\n\nos.kill(os.getpid(), signal.SIGKILL)\n"),
    ),
    unready(
        "host-refused",
        "check/disallowed-host",
        code(DJANGO)
        | {
            "site/settings.py": (
                "import os\nALLOWED_HOSTS = os.environ.get('HOSTS', '').split(',')\n"
            )
        },
    ),
    unready(
        "unix-socket",
        "check/wrong-port",
        {"Procfile": "web: python server.py\n", "server.py": UNIX},
        check_limit_s=3,
    ),
    unready(
        "port-taken",
        "check/port-taken",
        {"Procfile": "web: python server.py\n", "server.py": TAKEN},
        check_limit_s=5,
    ),
    unready("no-such-program", "check/no-such-program", {"Procfile": "web: hypercron app:app\n"}),
]


@dataclass(frozen=True)
class Site:
    """An app that is live, and a laptop that can push to it."""

    server: EmbeddedServer
    laptop: Checkout
    good: str

    def state(self) -> tuple[object, ...]:
        """All that a refused push must leave as it was."""
        return (
            self.server.ask(APP),
            self.server.live(APP),
            git.resolve_commit(self.server.layout.repo(self.server.paths(APP).name), "main"),
            self.server.leftovers(APP),
            sorted(path.name for path in self.server.paths(APP).releases.iterdir()),
        )

    def commit(self, case: Case) -> None:
        self.laptop.git("reset", "-q", "--hard", self.good)
        self.laptop.git("clean", "-q", "-f", "-d", "-x")
        if case.prepare is not None:
            case.prepare(self.laptop)
        self.laptop.commit(case.files)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with embedded_server() as server:
        server.create(APP)
        laptop = server.checkout(APP)
        good = laptop.commit(wsgi("old"))
        pushed = laptop.push()
        assert pushed.status == 0, pushed.text
        yield Site(server, laptop, good)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_push_that_cannot_work_is_refused_in_words(site: Site, case: Case) -> None:
    app = site.server.paths(APP).name
    site.commit(case)
    before = site.state()
    with_settings(site.server, app, check_limit_s=case.check_limit_s)
    pushed = site.laptop.push("+main")
    with_settings(site.server, app, check_limit_s=60)
    assert pushed.status == 1, pushed.text
    assert f"! [remote rejected] main -> main ({case.verdict})" in pushed.text, pushed.text
    assert f"({case.reason})" in pushed.text, pushed.text
    assert site.state() == before
    assert before[0] == (200, "old")
    assert before[3] == []
    assert_as_recorded(case.name, masked(site.server, error_block(pushed)))


def test_the_next_good_push_works(site: Site) -> None:
    site.commit(CASES[0])
    assert site.laptop.push("+main").status == 1
    site.commit(Case("good", "", wsgi("new")))
    pushed = site.laptop.push("+main")
    assert pushed.status == 0, pushed.text
    assert site.server.ask(APP) == (200, "new")
    site.laptop.git("reset", "-q", "--hard", site.good)
    assert site.laptop.push("+main").status == 0
    assert site.server.ask(APP) == (200, "old")


@pytest.mark.parametrize(
    "procfile",
    ["web: gunicorn app:app\r\n", "\ufeffweb: gunicorn app:app\n", "web:gunicorn app:app"],
    ids=["line-ends-of-windows", "utf-8-mark", "no-blank-no-line-end"],
)
def test_a_procfile_as_other_systems_write_it_works(site: Site, procfile: str) -> None:
    site.commit(Case("procfile", "", {"Procfile": procfile}))
    pushed = site.laptop.push("+main")
    assert pushed.status == 0, pushed.text
    assert site.server.ask(APP) == (200, "old")


def test_a_procfile_without_web_says_that_nothing_is_served(site: Site) -> None:
    app = site.server.create("worker")
    laptop = site.server.checkout(app)
    laptop.commit({"Procfile": "clock: sleep 3600\n", "README": "No web here."})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert "No web process: nothing will be served." in pushed.text
    assert site.server.ask(app)[0] == 404
