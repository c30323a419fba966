"""The table of advice: what failed, what is advised, and what following that gives.

Rows of `LOGS` are asked in the unit ring, where advice is a pure function of a log. Rows of
`PUSHES` are followed to the letter on a real server, and pushed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from receiver.diagnosis.env_settings import Names
from receiver.diagnosis.pushed import Pushed
from tests.embedded.pushing import wsgi

TRACEBACK = (
    'Traceback (most recent call last):\n  File "/x/source/app.py", line 3, in <module>\n    go()\n'
)
APP = ("app.py", "requirements.txt")


@dataclass(frozen=True)
class OfLog:
    """Advice that a log alone decides, with what is known of the tree."""

    reason: str
    log: str
    advice: str
    gives: str
    """What following it gives; `push: NAME` where a row of PUSHES shows it."""
    pushed: Pushed = field(default_factory=lambda: Pushed(files=APP))


@dataclass(frozen=True)
class OfPush:
    """A push that is refused, and what to do by the letter of its advice."""

    reason: str
    files: Mapping[str, str]
    advice: str
    """What has to be among the lines of the refusal, apart from where they are wrapped. It is
    typed, where nothing below says what somebody does who reads it.
    """
    values: Mapping[str, str] = field(default_factory=dict)
    """What somebody fills in for `...`, by config var."""
    does: Mapping[str, str | None] = field(default_factory=dict)
    """What somebody writes; None is a file that is taken away."""
    types: str = ""
    """The command, without `ship`, where the advice leaves to the reader what is right."""
    before: str = ""
    """A command that is typed before the push."""
    check_limit_s: int = 60
    """Of the app, at the refused push; afterwards it is 60 again."""


_READS = wsgi("ok")["app.py"]
_NEEDS = f'import os\nos.environ["NEEDED"]\n{_READS}'
_FACTORY = f"{_READS}\ndef create_app():\n    return app\n"
_WEB = "web: gunicorn app:app\n"
_SERVER = "web: python server.py\n"
_PORT = 'int(os.environ["PORT"])'
_SERVES = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
"""
_TAKEN = f"""
# nothing like int(os.environ["PORT"])
import socket
other = socket.create_server(("127.0.0.1", 0))
{_SERVES.replace("PORT", "other.getsockname()[1]")}
"""
_ROUTES = """
import os, time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(2)
    if environ["PATH_INFO"] == "/account":
        start_response("301 Moved", [("Location", "https://" + environ["HTTP_HOST"] + "/account")])
        return []
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
_TRUSTS = _ROUTES.replace(
    'environ["PATH_INFO"] == "/account"',
    'environ["PATH_INFO"] == "/account" and environ["HTTP_X_FORWARDED_PROTO"] != "https"',
)
_HOSTS = """
import os
def app(environ, start_response):
    if environ["HTTP_HOST"] not in os.environ.get("HOSTS", "").split(","):
        start_response("400 Bad Request", [])
        return [b"<!doctype html><h1>Bad Request (400)</h1><p></p>"]
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
_MIGRATES = """
import os, sqlite3, sys
if sys.argv[1:] == ["migrate"]:
    rows = sqlite3.connect(os.environ["SHIP_STORAGE"] + "/rows.db")
    rows.execute("create table if not exists posts (a)")
"""


def _reads(code: str) -> dict[str, str]:
    """An app that runs this at its start."""
    return wsgi("ok") | {"app.py": f"import os\n{code}\n{_READS}", "Procfile": _WEB}


PUSHES: dict[str, OfPush] = {
    "a config var at the start": OfPush(
        "check/missing-variable",
        {"app.py": _NEEDS, "requirements.txt": ""},
        "Set it with `ship config:set NEEDED=...`, then push again.",
        {"NEEDED": "here"},
    ),
    "a config var in the release phase": OfPush(
        "release/failed",
        wsgi("ok")
        | {
            "Procfile": "web: gunicorn app:app\nrelease: python up.py\n",
            "up.py": 'import os\nos.environ["MIGRATES"]\n',
        },
        "Set it with `ship config:set MIGRATES=...`. Then push again.",
        {"MIGRATES": "here"},
    ),
    "a config var in a script": OfPush(
        "build/post-compile-failed",
        wsgi("ok") | {"bin/post_compile": "python -c 'import os; os.environ[\"BUILDS\"]'\n"},
        "Set it with `ship config:set BUILDS=...`, then push again.",
        {"BUILDS": "here"},
    ),
    "a config var that app.json requires": OfPush(
        "build/config-var-required",
        wsgi("ok") | {"app.json": '{"env": {"REQUIRED": {"required": true}}}'},
        "Set it, then push again: `ship config:set REQUIRED=...`.",
        {"REQUIRED": "here"},
    ),
    "another name in the module": OfPush(
        "check/missing-attribute",
        wsgi("ok") | {"Procfile": "web: gunicorn app:application\n"},
        "Did you mean `app:app`?",
    ),
    "a misspelt module": OfPush(
        "check/wrong-module",
        wsgi("ok") | {"Procfile": "web: gunicorn ap:app\n"},
        "Did you mean `app:app`? Write it so in the web line of your Procfile.",
    ),
    "what cannot be called": OfPush(
        "check/not-an-app",
        _reads("name = 'blog'") | {"Procfile": "web: gunicorn app:name\n"},
        "Did you mean `app:app`?",
    ),
    "a factory": OfPush(
        "check/app-factory",
        {"app.py": _FACTORY, "requirements.txt": "", "Procfile": "web: gunicorn app:create_app\n"},
        "Call it in the web line of your Procfile: `web: gunicorn 'app:create_app()'`.",
    ),
    "a module in a folder": OfPush(
        "check/wrong-module",
        {
            "backend/api.py": _READS,
            "requirements.txt": "",
            "Procfile": "web: gunicorn api:app\n",
        },
        "name that, as in `web: gunicorn --chdir backend api:app`.",
    ),
    "a file that hides a package": OfPush(
        "check/hidden-package",
        wsgi("ok")
        | {"app.py": f"from colorsys import rgb_to_hsv\n{_READS}", "colorsys.py": "x = 1\n"},
        "Give colorsys.py another name and push again.",
    ),
    "a package that is not asked for": OfPush(
        "check/missing-module",
        wsgi("ok") | {"app.py": f"import ship_row_tool\n{_READS}"},
        "add the line `ship_row_tool` to requirements.txt and push again.",
    ),
    "a package without the name": OfPush(
        "check/import-error",
        _reads("from ship_row_fits import old") | {"requirements.txt": "ship_row_fits\n"},
        "Name a version that fits in requirements.txt, such as `ship_row_fits<...`, and push "
        "again.",
        does={"requirements.txt": "ship_row_fits<2\n"},
    ),
    "a package with a fault in memory": OfPush(
        "check/crashed",
        _reads("import ship_row_crash") | {"requirements.txt": "ship_row_crash\n"},
        "Try another version of the compiled packages that the app imports, and push again.",
        does={"requirements.txt": "ship_row_crash<2\n"},
        check_limit_s=15,
    ),
    "modules that import each other": OfPush(
        "check/circular-import",
        _reads("import shop")
        | {
            "shop.py": "from cart import add\n\ndef sell(): ...\n",
            "cart.py": "from shop import sell\n\ndef add(): ...\n",
        },
        "Have one of the two import where it needs the name, inside a function",
        does={"cart.py": "def add():\n    from shop import sell\n    return sell\n"},
    ),
    "a line that Python cannot read": OfPush(
        "check/syntax-error",
        _reads("def other(:\n    pass"),
        "Correct the line and push again.",
        does=_reads("def other():\n    pass"),
    ),
    "an error at the start": OfPush(
        "check/app-error",
        _reads("raise ValueError('no')"),
        "Correct the app and push again.",
        does=wsgi("ok"),
    ),
    "an end at the start": OfPush(
        "check/exited",
        _reads("raise SystemExit(7)"),
        "Have it end only where it is run as a program, below `if __name__ == '__main__':`, then "
        "push again.",
        does=_reads("if __name__ == '__main__':\n    raise SystemExit(7)"),
    ),
    "an end without a word": OfPush(
        "check/ended",
        wsgi("ok") | {"Procfile": _SERVER, "server.py": "print('bye')\n"},
        "Its log is above: correct the app and push again.",
        does={"server.py": _SERVES.replace("PORT", _PORT)},
    ),
    "killed at the start": OfPush(
        "check/killed",
        _reads("os.kill(os.getpid(), 9)"),
        "Make the app use less memory, or give it more: `ship capacity` shows what the machine "
        "has.",
        does=wsgi("ok"),
        check_limit_s=15,
    ),
    "a start that waits": OfPush(
        "check/boot-timeout",
        _reads("import time\ntime.sleep(60)") | {"ship.toml": "[check]\ntimeout_s = 30\n"},
        "Look for what the app waits for when it is imported, such as a database or another server",
        does=wsgi("ok"),
        check_limit_s=10,
    ),
    "nobody listens": OfPush(
        "check/never-answered",
        wsgi("ok") | {"Procfile": "web: sleep 60\n"},
        "Check that the web process listens on the port in $PORT and that it starts in time.",
        does={"Procfile": _SERVER, "server.py": _SERVES.replace("PORT", _PORT)},
        check_limit_s=3,
    ),
    "another port": OfPush(
        "check/wrong-port",
        wsgi("ok") | {"Procfile": _SERVER, "server.py": _SERVES.replace("PORT", "0")},
        'Make the code take its port from the environment, `int(os.environ["PORT"])` in Python, '
        "and push again.",
        does={"server.py": _SERVES.replace("PORT", _PORT)},
        check_limit_s=4,
    ),
    "a port that is taken": OfPush(
        "check/port-taken",
        wsgi("ok") | {"Procfile": _SERVER, "server.py": _TAKEN},
        'Make the code take its port from the environment, `int(os.environ["PORT"])` in Python, '
        "and push again.",
        does={"server.py": _SERVES.replace("PORT", _PORT)},
        check_limit_s=5,
    ),
    "a status that does not count": OfPush(
        "check/status",
        wsgi("ok") | {"ship.toml": "[check]\nstatus = 204\n"},
        "Have the page answer so, or name this `status` too, and push again.",
        does={"ship.toml": "[check]\nstatus = [204, 200]\n"},
    ),
    "a page that is slow": OfPush(
        "check/slow",
        wsgi("ok") | {"app.py": _ROUTES, "ship.toml": "[check]\npath = '/slow'\ntimeout_s = 1\n"},
        "or allow more: `ship checks:set timeout_s=30`.",
    ),
    "a redirect in circles": OfPush(
        "check/redirect-loop",
        wsgi("ok") | {"app.py": _ROUTES, "ship.toml": "[check]\npath = '/account'\nstatus = 200\n"},
        "Make the app trust this header.",
        does={"app.py": _TRUSTS},
    ),
    "a host name that Django refuses": OfPush(
        "check/disallowed-host",
        wsgi("ok")
        | {
            "app.py": _HOSTS,
            "site/settings.py": "import os\nALLOWED_HOSTS = os.environ['HOSTS'].split(',')\n",
        },
        "The settings read it from a config var: `ship config:set HOSTS=blog.ship.test`, then "
        "push again.",
    ),
    "an address where nobody answers": OfPush(
        "check/unreachable",
        _reads(
            "import asyncio\nport = int(os.environ.get('QUEUE_PORT', '1'))\n"
            "asyncio.run(asyncio.open_connection('127.0.0.1', port))"
        ),
        "Check the address in the app's config vars: `ship config`.",
        types="config:set QUEUE_PORT={port}",
    ),
    "a database that refuses": OfPush(
        "check/database-refused",
        _reads(
            "class OperationalError(Exception): ...\n"
            "if 'right' not in os.environ.get('SQL_URL', ''):\n"
            "    raise OperationalError('FATAL:  password authentication failed for user \"a\"')"
        ),
        "Check user, password and name of the database in the app's config vars: `ship config`.",
        types="config:set SQL_URL=sql://a:right@db/a",
    ),
    "an address that SQLAlchemy does not know": OfPush(
        "check/database-address",
        _reads("from sqlalchemy import create_engine\ncreate_engine(os.environ['ENGINE_URL'])")
        | {"requirements.txt": "sqlalchemy<2.1\npsycopg2-binary\n"},
        'ship config:set ENGINE_URL="$(ship config:get ENGINE_URL | '
        'sed s,^postgres://,postgresql://,)"',
        before="config:set ENGINE_URL=postgres://a:b@db/a",
    ),
    "a table that is not there": OfPush(
        "check/missing-table",
        _reads(
            "import sqlite3\n"
            "rows = sqlite3.connect(os.environ['SHIP_STORAGE'] + '/rows.db')\n"
            "rows.execute('select * from posts')"
        )
        | {"manage.py": _MIGRATES},
        "Have them run before each release, by a line in your Procfile: `release: python manage.py "
        "migrate`.",
    ),
    "a database where no folder is": OfPush(
        "check/file-refused",
        _reads("import sqlite3\nsqlite3.connect('/srv/no-such/a.db').execute('select 1')"),
        "Keep the file in the folder that the variable SHIP_STORAGE names.",
        does=_reads(
            "import sqlite3\n"
            "sqlite3.connect(os.environ['SHIP_STORAGE'] + '/a.db').execute('select 1')"
        ),
    ),
    "a store for one process alone": OfPush(
        "check/store-locked",
        _reads(
            "import fcntl\nstore = open(os.environ['SHIP_STORAGE'] + '/store', 'a')\n"
            "fcntl.flock(store, fcntl.LOCK_EX | fcntl.LOCK_NB)"
        ),
        '[deploy] order = "stop-first" To have one worker: `ship ps:scale web=1`.',
        does={"ship.toml": '[deploy]\norder = "stop-first"\n'},
        types="ps:scale web=1",
    ),
    "a file that git ignores": OfPush(
        "check/no-such-file",
        _reads("open('model.bin')") | {".gitignore": "*.bin\n"},
        "check that it was committed: `git status --ignored`.",
        does={".gitignore": None, "model.bin": "1"},
    ),
    "a program that is not there": OfPush(
        "check/no-such-program",
        wsgi("ok") | {"Procfile": "web: gunnicorn app:app\n"},
        "Check its spelling.",
        does={"Procfile": _WEB},
    ),
    "settings that gunicorn refuses": OfPush(
        "check/gunicorn-settings",
        wsgi("ok") | {"Procfile": "web: gunicorn --worker-class odd.Worker app:app\n"},
        "Correct it in the web line of the Procfile",
        does={"Procfile": "web: gunicorn --worker-class gthread app:app\n"},
    ),
}

CHECKS_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "embedded/test_push_check.py::test_what_django_finds_is_put_right_as_advised": (
        "check/framework-command",
        "check/framework-errors",
        "check/migrations-missing",
    ),
    "vps/test_vps_system_packages.py::test_a_library_that_an_app_lacks_is_installed_as_advised": (
        "check/missing-library",
    ),
}
"""Reasons of a check whose advice is followed by a test of its own."""
CHECKS_UNTRIED: Mapping[str, str] = {
    "check/failed": "stands for a check without a reason of its own, and there is none",
}

LOGS: tuple[OfLog, ...] = (
    OfLog(
        "check/missing-variable",
        f"{TRACEBACK}  File \"<frozen os>\", line 7, in __getitem__\nKeyError: 'NEEDED'",
        "Set it with `ship config:set NEEDED=...`, then push again.",
        "push: a config var at the start",
    ),
    OfLog(
        "check/missing-variable",
        f"{TRACEBACK}pydantic_core._pydantic_core.ValidationError: 1 validation error for Conf\n"
        "token\n  Field required [type=missing]",
        "Set it with `ship config:set BLOG_TOKEN=...`, then push again.",
        "the variable that the class reads: its prefix and the field",
        Pushed(settings={"Conf": Names("BLOG_", frozenset({"token"}))}),
    ),
    OfLog(
        "check/missing-variable",
        f"{TRACEBACK}django.core.exceptions.ImproperlyConfigured: Requested setting INSTALLED_APPS,"
        " but settings are not configured. You must either define the environment variable"
        " DJANGO_SETTINGS_MODULE or call settings.configure() before accessing settings.",
        "Set it with `ship config:set DJANGO_SETTINGS_MODULE=mysite.settings`, then push again.",
        "Django finds the settings of the push",
        Pushed(files=("manage.py", "mysite/settings.py", "mysite/wsgi.py")),
    ),
    OfLog(
        "check/database-address",
        f"{TRACEBACK}sqlalchemy.exc.NoSuchModuleError: Can't load plugin: "
        "sqlalchemy.dialects:postgres",
        'ship config:set DB="$(ship config:get DB | sed s,^postgres://,postgresql://,)"',
        "the same address, by the name and driver that SQLAlchemy has",
        Pushed(postgres=("DB",), installed={"sqlalchemy": "2.0.44", "psycopg2-binary": "2.9"}),
    ),
    OfLog(
        "check/disallowed-host",
        f"{TRACEBACK}django.core.exceptions.DisallowedHost: Invalid HTTP_HOST header: "
        "'blog.example.com'. You may need to add 'blog.example.com' to ALLOWED_HOSTS.",
        'Add "blog.example.com" to ALLOWED_HOSTS in settings.py, and push again.',
        "Django answers to the name of the app",
    ),
    OfLog(
        "check/missing-module",
        f"{TRACEBACK}ModuleNotFoundError: No module named 'ship_row_tool'",
        "add the line `ship_row_tool` to requirements.txt and push again.",
        "push: a package that is not asked for",
    ),
    OfLog(
        "check/missing-module",
        f"{TRACEBACK}ModuleNotFoundError: No module named 'pkg_resources'",
        "Add the line `setuptools<82` to requirements.txt and push again.",
        "the last setuptools that has it",
    ),
    OfLog(
        "check/missing-module",
        f"{TRACEBACK}ModuleNotFoundError: No module named 'pkg_resources'",
        "Write `setuptools<82` in place of the line that asks for it, and push again.",
        "the last setuptools that has it",
        Pushed(files=APP, requirements="flask\nsetuptools\n", installed={"setuptools": "84.0"}),
    ),
    OfLog(
        "check/missing-module",
        f"{TRACEBACK}ModuleNotFoundError: No module named 'yaml'",
        "Add the line `PyYAML` to requirements.txt and push again.",
        "what only a comment names is installed",
        Pushed(files=APP, requirements="# no PyYAML here\n", installed={"flask": "3.0"}),
    ),
    OfLog(
        "check/wrong-module",
        "ModuleNotFoundError: No module named 'ap'",
        "Did you mean `app:app`? Write it so in the web line of your Procfile.",
        "push: a misspelt module",
        Pushed(files=APP, app="ap:app", found="app:app"),
    ),
    OfLog(
        "check/missing-attribute",
        "Failed to find attribute 'application' in 'app'.",
        "Did you mean `app:app`?",
        "push: another name in the module",
        Pushed(files=APP, app="app:application", found="app:app"),
    ),
    OfLog(
        "check/app-factory",
        f"{TRACEBACK}TypeError: create_app() takes 0 positional arguments but 2 were given",
        "Call it in the web line of your Procfile: `web: gunicorn 'app:create_app()'`.",
        "push: a factory",
        Pushed(files=APP, app="app:create_app"),
    ),
    OfLog(
        "check/hidden-package",
        f"{TRACEBACK}ImportError: cannot import name 'rgb_to_hsv' from 'colorsys' (consider "
        "renaming '/x/source/colorsys.py' since it has the same name as the library module)",
        "Give colorsys.py another name and push again.",
        "push: a file that hides a package",
        Pushed(files=(*APP, "colorsys.py")),
    ),
    OfLog(
        "check/unreachable",
        f"{TRACEBACK}ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 5432)",
        "Check the address in the app's config vars: `ship config`.",
        "the database answers, or its right address is set",
    ),
    OfLog(
        "check/database-refused",
        'FATAL:  password authentication failed for user "blog"',
        "Check user, password and name of the database in the app's config vars: `ship config`.",
        "the address with the right user",
    ),
    OfLog(
        "check/missing-table",
        f"{TRACEBACK}django.db.utils.OperationalError: no such table: shop_item",
        "Have them run before each release, by a line in your Procfile: `release: python manage.py "
        "migrate`.",
        "the tables are there before the release is asked",
        Pushed(files=("manage.py",)),
    ),
    OfLog(
        "check/store-locked",
        f"{TRACEBACK}sqlite3.OperationalError: database is locked",
        '[deploy]\n    order = "stop-first"',
        "the old processes end before the new ones open the store",
    ),
    OfLog(
        "check/port-taken",
        "OSError: [Errno 98] Address already in use",
        '`int(os.environ["PORT"])` in Python, and push again.',
        "the port that nginx asks",
    ),
    OfLog(
        "check/file-refused",
        f"{TRACEBACK}PermissionError: [Errno 13] Permission denied: '/srv/data'",
        "Files to keep belong into the folder that the variable SHIP_STORAGE names",
        "a folder that the app may write",
    ),
    OfLog(
        "check/no-such-file",
        f"{TRACEBACK}FileNotFoundError: [Errno 2] No such file or directory: 'big.bin'",
        "check that it was committed: `git status --ignored`.",
        "the file is in the push",
    ),
    OfLog(
        "check/missing-library",
        f"{TRACEBACK}ImportError: libpq.so.5: cannot open shared object file: No such file",
        "Ask the server's administrator to install",
        "the library is on the server",
    ),
    OfLog(
        "check/circular-import",
        f"{TRACEBACK}ImportError: cannot import name 'db' from partially initialized module "
        "'models' (most likely due to a circular import) (/x/source/models.py)",
        "Have one of the two import where it needs the name, inside a function",
        "each module is whole when the other asks it",
    ),
    OfLog(
        "check/import-error",
        f"{TRACEBACK}ImportError: cannot import name 'url_quote' from 'werkzeug.urls' (/v/urls.py)",
        "Name a version that fits in requirements.txt, such as `werkzeug<...`, and push again.",
        "the version that has the name",
    ),
    OfLog(
        "check/not-an-app",
        "gunicorn.errors.AppImportError: Application object must be callable.",
        "Did you mean `app:app`?",
        "the object that can be called",
        Pushed(files=APP, app="app:name", found="app:app"),
    ),
    OfLog(
        "check/syntax-error",
        '  File "/x/source/app.py", line 7\n    def (:\n        ^\nSyntaxError: invalid syntax',
        "Correct the line and push again.",
        "a file that Python reads",
    ),
    OfLog(
        "check/exited",
        f"{TRACEBACK}SystemExit: 7",
        "Have it end only where it is run as a program, below `if __name__ == '__main__':`",
        "an import that does not end the process",
    ),
    OfLog(
        "check/no-such-program",
        "ship: The program hypercron cannot be run: No such file or directory.",
        "hypercron",
        "a program that is there",
    ),
    OfLog(
        "check/killed",
        "[ERROR] Worker (pid:17) was sent SIGKILL! Perhaps out of memory?",
        "`ship capacity` shows what the machine has.",
        "memory that is there",
    ),
    OfLog(
        "check/crashed",
        "[ERROR] Worker (pid:17) was sent SIGSEGV!",
        "Try another version of the compiled packages that the app imports, and push again.",
        "a package for this processor",
    ),
    OfLog(
        "check/gunicorn-settings",
        "Gunicorn cannot load the worker_class odd.Worker\nSystemExit: 1\n",
        "Correct it in the web line of the Procfile, in gunicorn.conf.py or in the config var "
        "GUNICORN_CMD_ARGS, and push again.",
        "settings that gunicorn takes",
    ),
    OfLog(
        "check/app-error",
        f"{TRACEBACK}ValueError: nothing of ship's",
        "Correct the app and push again.",
        "an app that starts",
    ),
)
