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

    files: Mapping[str, str]
    advice: str
    """What has to be among the lines of the refusal, apart from where they are wrapped."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What somebody fills in for `...`, by config var."""
    gives: str = "ok"
    """The page, after following it and another push."""


_READS = wsgi("ok")["app.py"]
_NEEDS = f'import os\nos.environ["NEEDED"]\n{_READS}'
_FACTORY = f"{_READS}\ndef create_app():\n    return app\n"

PUSHES: dict[str, OfPush] = {
    "a config var at the start": OfPush(
        {"app.py": _NEEDS, "requirements.txt": ""},
        "Set it with `ship config:set NEEDED=...`, then push again.",
        {"NEEDED": "here"},
    ),
    "a config var in the release phase": OfPush(
        wsgi("ok")
        | {
            "Procfile": "web: gunicorn app:app\nrelease: python up.py\n",
            "up.py": 'import os\nos.environ["MIGRATES"]\n',
        },
        "Set it with `ship config:set MIGRATES=...`. Then push again.",
        {"MIGRATES": "here"},
    ),
    "a config var in a script": OfPush(
        wsgi("ok") | {"bin/post_compile": "python -c 'import os; os.environ[\"BUILDS\"]'\n"},
        "Set it with `ship config:set BUILDS=...`, then push again.",
        {"BUILDS": "here"},
    ),
    "a config var that app.json requires": OfPush(
        wsgi("ok") | {"app.json": '{"env": {"REQUIRED": {"required": true}}}'},
        "Set it, then push again: `ship config:set REQUIRED=...`.",
        {"REQUIRED": "here"},
    ),
    "another name in the module": OfPush(
        wsgi("ok") | {"Procfile": "web: gunicorn app:application\n"},
        "Did you mean `app:app`?",
    ),
    "a misspelt module": OfPush(
        wsgi("ok") | {"Procfile": "web: gunicorn ap:app\n"},
        "Did you mean `app:app`? Write it so in the web line of your Procfile.",
    ),
    "a factory": OfPush(
        {"app.py": _FACTORY, "requirements.txt": "", "Procfile": "web: gunicorn app:create_app\n"},
        "Call it in the web line of your Procfile: `web: gunicorn 'app:create_app()'`.",
    ),
    "a module in a folder": OfPush(
        {
            "backend/api.py": _READS,
            "requirements.txt": "",
            "Procfile": "web: gunicorn api:app\n",
        },
        "name that, as in `web: gunicorn --chdir backend api:app`.",
    ),
    "a file that hides a package": OfPush(
        wsgi("ok")
        | {"app.py": f"from colorsys import rgb_to_hsv\n{_READS}", "colorsys.py": "x = 1\n"},
        "Give colorsys.py another name and push again.",
    ),
    "a package that is not asked for": OfPush(
        wsgi("ok") | {"app.py": f"import ship_row_tool\n{_READS}"},
        "add the line `ship_row_tool` to requirements.txt and push again.",
    ),
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
