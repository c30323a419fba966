"""Why a release did not come up, told from its log."""

import traceback

import pytest

from receiver.diagnosis.explain import explain
from receiver.diagnosis.pushed import Pushed
from receiver.health.answers import disallowed_host
from receiver.model.errors import CheckError

ENDED = CheckError("The web process ended before it answered /.", reason="check/ended")
TRACEBACK = (
    'Traceback (most recent call last):\n  File "/x/app.py", line 3, in <module>\n    run()\n'
)

CASES = [
    (
        "import flask_sqlalchemy\nModuleNotFoundError: No module named 'flask_sqlalchemy'",
        3,
        "check/missing-module",
        "flask_sqlalchemy",
    ),
    (
        '  File "/x/source/app.py", line 7\n    def (:\n        ^\nSyntaxError: invalid syntax',
        3,
        "check/syntax-error",
        "Syntax error in app.py, line 7: invalid syntax",
    ),
    (
        (
            'Traceback (most recent call last):\n  File "/x/source/app.py", line 1, in <module>\n'
            '    import shop.cart\n  File "/x/source/shop/cart.py", line 12\n    if x\n        ^\n'
            "IndentationError: unexpected indent"
        ),
        3,
        "check/syntax-error",
        "Syntax error in shop/cart.py, line 12: unexpected indent",
    ),
    (
        (
            '  File "/v/lib/python3.8/site-packages/new/core.py", line 3\n    match x:\n'
            "SyntaxError: invalid syntax"
        ),
        3,
        "check/syntax-error",
        "Syntax error in new/core.py, line 3: invalid syntax",
    ),
    (
        "Failed to find attribute 'application' in 'app'.",
        4,
        "check/missing-attribute",
        "application",
    ),
    ("os.environ['SECRET_KEY']\nKeyError: 'SECRET_KEY'", 3, "check/missing-variable", "SECRET_KEY"),
    (
        "ImportError: cannot import name 'url_quote' from 'werkzeug.urls'",
        3,
        "check/import-error",
        "url_quote",
    ),
    ("RuntimeError", 3, "check/app-error", "RuntimeError"),
    ("SystemExit: 7", None, "check/exited", "sys.exit(7)"),
    (
        "ship: The program hypercron cannot be run: No such file or directory.",
        69,
        "check/no-such-program",
        "hypercron",
    ),
    ("", 0, "check/exited", "exit status 0"),
    ("", 137, "check/killed", "killed"),
    (
        "django.core.exceptions.ImproperlyConfigured: Set DATABASE_URL",
        3,
        "check/app-error",
        "Set DATABASE_URL",
    ),
]


@pytest.mark.parametrize(
    ("log", "status", "reason", "told"), CASES, ids=[f"{case[2]} {case[3]}" for case in CASES]
)
def test_the_cause_is_named(log, status, reason, told):
    found = explain(ENDED, TRACEBACK + log if log else "", status)
    assert found.reason == reason
    assert told in found.title + found.detail
    assert found.advice


def test_without_a_cause_the_error_of_outside_stands_with_the_end_of_the_log():
    lines = "\n".join(f"line {number}" for number in range(50))
    found = explain(CheckError("It never answered.", reason="check/never-answered"), lines, None)
    assert found.reason == "check/never-answered"
    assert "line 49" in found.detail
    assert "line 29" not in found.detail


def test_one_traceback_is_shown_once_and_without_the_machines_lines():
    raised = f"{TRACEBACK}RuntimeError: odd\n"
    machine = "systemd: ship-blog.port@b.service: Failed with result 'exit-code'.\n"
    found = explain(ENDED, f"before\n{raised}{raised}between\n{raised}{machine}after\n", None)
    assert found.detail.count("RuntimeError: odd") == 1
    assert "before\nbetween\nTraceback" in found.detail
    assert found.detail.endswith("RuntimeError: odd\nafter")
    alone = explain(CheckError("It ended.", reason="check/ended"), machine, None)
    assert machine.strip() in alone.detail


def test_a_traceback_begins_with_the_apps_own_code():
    top = (
        '  File "/var/apps/blog/releases/v1/source/app.py", line 2, in <module>\n    import shop\n'
    )
    below = '  File "/var/apps/blog/releases/v1/source/shop.py", line 1, in <module>\n    boom()\n'
    frames = (
        '  File "/var/apps/blog/venvs/1a/lib/uvicorn/config.py", line 434, in load\n    f()\n\n'
    )
    raised = f"{top}{frames}{below}ValueError: 1"
    for above in (frames, ""):
        log = f"Process X:\nTraceback (most recent call last):\n{above}{raised}\n"
        shown = explain(ENDED, log, 1).detail.partition("Process X:\n")[2]
        assert shown == f"Traceback (most recent call last):\n{raised}"


def test_a_key_error_of_the_apps_own_data_is_no_missing_variable():
    assert explain(ENDED, TRACEBACK + "KeyError: 'name'", 1).reason != "check/missing-variable"


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("blog", "check/wrong-module"),
        ("blog.wsgi", "check/wrong-module"),
        ("flask", "check/missing-module"),
    ],
)
def test_a_module_that_only_the_web_line_names_is_told_from_a_package(missing, reason):
    log = f"ModuleNotFoundError: No module named '{missing}'"
    assert explain(ENDED, log, None, Pushed(app="blog.wsgi:app")).reason == reason


def test_what_is_certain_from_outside_is_not_explained_away_by_the_log():
    outside = CheckError("It listens elsewhere.", reason="check/wrong-port")
    assert (
        explain(outside, TRACEBACK + "ValueError: of yesterday", None).reason == "check/wrong-port"
    )


FRAME = (
    'Traceback (most recent call last):\n  File "/x/releases/v2/source/{}", line 3, in '
    "<module>\n    {}\n"
)
TREE = Pushed(
    app="main:create_app",
    files=(
        "main.py",
        "shop/models.py",
        "shop/views.py",
        "backend/api.py",
        "requirements.txt",
        "manage.py",
        "flask.py",
    ),
    requirements="Flask==3.0\nopencv_python\n",
    found="main:app",
)


def told(text: str, *, pushed: Pushed = TREE, status: int | None = None) -> CheckError:
    return explain(ENDED, text, status, pushed)


@pytest.mark.parametrize(
    ("module", "advice"),
    [
        ("PIL", "Add the line `Pillow` to requirements.txt"),
        ("yaml", "Add the line `PyYAML` to"),
        ("sklearn.linear_model", "`scikit-learn`"),
        ("requests", "and requests is its name: add the line `requests` to"),
        ("distutils", "Choose an older Python in .python-version"),
        ("api", "name the folder with `--chdir`"),
        ("shop.forms", "Upper and lower case count"),
        ("flask_admin", "`flask_admin`"),
    ],
)
def test_a_missing_module_is_told_with_what_to_write(module: str, advice: str) -> None:
    found = told(f"ModuleNotFoundError: No module named '{module}'")
    assert found.reason == "check/missing-module"
    assert advice in found.advice


def test_what_the_push_asks_for_already_is_not_to_be_added_again() -> None:
    pushed = Pushed(files=("requirements.txt",), requirements="PyYAML>=6  # ours\n")
    found = told("ModuleNotFoundError: No module named 'yaml'", pushed=pushed)
    assert "Add" not in found.advice
    assert "asks for PyYAML" in found.detail


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        (("uv.lock", "pyproject.toml"), "`uv add PyJWT`"),
        (("poetry.lock", "pyproject.toml"), "`poetry add PyJWT`"),
        (("Pipfile.lock",), "`pipenv install PyJWT`"),
        (("pyproject.toml",), "to pyproject.toml"),
        ((), "to requirements.txt"),
    ],
)
def test_a_package_is_added_as_the_project_does_it(files: tuple[str, ...], advice: str) -> None:
    assert (
        advice
        in told("ModuleNotFoundError: No module named 'jwt'", pushed=Pushed(files=files)).advice
    )


@pytest.mark.parametrize(
    ("listed", "package", "asked"),
    [
        ("Flask_Cors==4\n", "flask-cors", True),
        ('dependencies = ["psycopg[binary]>=3"]', "psycopg[binary]", True),
        ("flask-cors\n", "flask", False),
        ("my-flask\n", "flask", False),
        ("python.dateutil\n", "python-dateutil", True),
    ],
)
def test_a_requirement_is_found_in_whatever_spelling(
    listed: str, package: str, *, asked: bool
) -> None:
    assert Pushed(requirements=listed).requires(package) == asked


# what programs and libraries write, line for line as they do
CAUSES = [
    ('Error: Could not import module "mian".', "check/wrong-module", "Did you mean `main:app`?"),
    (
        ('Error loading ASGI app. Attribute "application" not found in module "main".'),
        "check/missing-attribute",
        "main:app",
    ),
    (
        FRAME.format("main.py", "from shop.views import index")
        + (
            "ImportError: cannot import name 'index' from partially initialized module "
            "'shop.views' (most likely due to a circular import) (/x)"
        ),
        "check/circular-import",
        "import each other",
    ),
    (
        FRAME.format("main.py", "shop.views.index")
        + (
            "AttributeError: partially initialized module 'shop.views' has no attribute 'index' "
            "(most likely due to a circular import)"
        ),
        "check/circular-import",
        "index is wanted from shop.views",
    ),
    (
        (
            "ImportError: cannot import name 'Flask' from partially initialized module 'flask' "
            "(most likely due to a circular import) (/x/source/flask.py)"
        ),
        "check/hidden-package",
        "Your file flask.py hides the package flask",
    ),
    (
        (
            "ImportError: cannot import name 'Flask' from 'flask' (consider renaming "
            "'/x/source/flask.py' since it has the same name as the"
            " third-party library you intended to import)"
        ),
        "check/hidden-package",
        "Give flask.py another name",
    ),
    (
        "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
        "check/missing-library",
        "opencv-python-headless",
    ),
    (
        "ImportError: libpq.so.5: cannot open shared object file: No such file or directory",
        "check/missing-library",
        "install libpq5",
    ),
    (
        (
            "ImportError: cannot import name 'url_quote' from 'werkzeug.urls' "
            "(/venv/werkzeug/urls.py)"
        ),
        "check/import-error",
        "werkzeug<",
    ),
    (
        "ImportError: cannot import name 'Post' from 'shop.models' (/x/source/shop/models.py)",
        "check/import-error",
        "shop/models.py",
    ),
    (
        "TypeError: create_app() takes 0 positional arguments but 2 were given",
        "check/app-factory",
        "main:create_app()",
    ),
    (
        "TypeError: create_app() takes from 0 to 1 positional arguments but 2 were given",
        "check/app-factory",
        "main:create_app()",
    ),
    (
        "gunicorn.errors.AppImportError: Application object must be callable.",
        "check/not-an-app",
        "Did you mean `main:app`?",
    ),
    (
        "  File \"/usr/lib/python3.11/os.py\", in __getitem__ of environ\nKeyError: 'API_KEY'",
        "check/missing-variable",
        "API_KEY=...",
    ),
    (
        (
            "decouple.UndefinedValueError: SECRET_KEY not found. Declare it as envvar or define a "
            "default value."
        ),
        "check/missing-variable",
        "SECRET_KEY",
    ),
    (
        "django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable",
        "check/missing-variable",
        "DATABASE_URL",
    ),
    (
        ('environs.exceptions.EnvError: Environment variable "API_TOKEN" not set'),
        "check/missing-variable",
        "API_TOKEN",
    ),
    (
        "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
        "check/missing-variable",
        "SECRET_KEY",
    ),
    ("RuntimeError: STRIPE_KEY is not set", "check/missing-variable", "STRIPE_KEY"),
    (
        (
            "pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings\n"
            "database_url\n  Field required [type=missing]\n"
            "api_key\n  Field required [type=missing]"
        ),
        "check/missing-variable",
        "DATABASE_URL=... API_KEY=...",
    ),
    (
        (
            'psycopg2.OperationalError: connection to server at "localhost" (127.0.0.1), port 5432 '
            "failed: Connection refused"
        ),
        "check/unreachable",
        "localhost port 5432 (PostgreSQL)",
    ),
    (
        (
            "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) could not translate host "
            'name "db" to address: Name or service not known'
        ),
        "check/unreachable",
        "no machine has this name",
    ),
    (
        (
            "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection "
            "refused."
        ),
        "check/unreachable",
        "(Redis)",
    ),
    (
        (
            "pymysql.err.OperationalError: (2003, \"Can't connect to MySQL server on '127.0.0.1' "
            '([Errno 111] Connection refused)")'
        ),
        "check/unreachable",
        "port 3306 (MySQL)",
    ),
    (
        "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 5432)",
        "check/unreachable",
        "127.0.0.1 port 5432",
    ),
    (
        (
            "pymongo.errors.ServerSelectionTimeoutError: localhost:27017: [Errno 111] Connection "
            "refused"
        ),
        "check/unreachable",
        "(MongoDB)",
    ),
    ('FATAL:  password authentication failed for user "blog"', "check/database-refused", "blog"),
    (
        'FATAL:  database "blog" does not exist',
        "check/database-refused",
        ('database "blog" does not exist'),
    ),
    (
        "django.db.utils.OperationalError: no such table: shop_item\nsqlite3",
        "check/missing-table",
        "python manage.py migrate",
    ),
    (
        (
            '_duckdb.IOException: IO Error: Could not set lock on file "/s/pages.db": Conflicting'
            " lock is held in /usr/bin/python3.11 (PID 4711)."
        ),
        "check/store-locked",
        'order = "stop-first"',
    ),
    (
        (
            "rocksdict.DbError: IO error: While lock file: /s/rocks/LOCK: Resource temporarily "
            "unavailable"
        ),
        "check/store-locked",
        "/s/rocks/LOCK",
    ),
    (
        "plyvel._plyvel.IOError: b'IO error: lock /s/LOCK: already held by process'",
        "check/store-locked",
        "/s/LOCK",
    ),
    ("sqlite3.OperationalError: database is locked", "check/store-locked", "ps:scale web=1"),
    (
        "BlockingIOError: [Errno 11] Resource temporarily unavailable",
        "check/store-locked",
        "a file that the app needs",
    ),
    (
        ('psycopg.errors.UndefinedTable: relation "shop_item" does not exist'),
        "check/missing-table",
        "no table shop_item",
    ),
    (
        "django.db.utils.ProgrammingError: (1146, \"Table 'blog.shop_item' doesn't exist\")",
        "check/missing-table",
        "blog.shop_item",
    ),
    (
        "PermissionError: [Errno 13] Permission denied: '/srv/data'",
        "check/file-refused",
        "may not write /srv/data",
    ),
    (
        "OSError: [Errno 30] Read-only file system: '/etc/app.log'",
        "check/file-refused",
        "SHIP_STORAGE",
    ),
    ("sqlite3.OperationalError: unable to open database file", "check/file-refused", "SQLite"),
    (
        "FileNotFoundError: [Errno 2] No such file or directory: 'models/big.bin'",
        "check/no-such-file",
        "models/big.bin",
    ),
    (
        (
            "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): "
            "address already in use"
        ),
        "check/port-taken",
        "port 8000",
    ),
    ("OSError: [Errno 98] Address already in use", "check/port-taken", "a port of its own choice"),
    (
        "[Errno 13] error while attempting to bind on address ('0.0.0.0', 80): permission denied",
        "check/port-taken",
        "port 80",
    ),
    ("[ERROR] Worker (pid:17) was sent SIGKILL! Perhaps out of memory?", "check/killed", "memory"),
    (
        "ship-blog.web@a.service: A process of this unit has been killed by the OOM killer.",
        "check/killed",
        "the machine's memory was used up",
    ),
    ("Traceback\nMemoryError", "check/killed", "ship capacity"),
    ("[ERROR] Worker (pid:17) was sent SIGSEGV!", "check/crashed", "SIGSEGV"),
    (
        "Main process exited, code=dumped, status=4/ILL",
        "check/crashed",
        "this processor does not have",
    ),
]


@pytest.mark.parametrize(("log", "reason", "named"), CAUSES, ids=[f"{c[1]} {c[2]}" for c in CAUSES])
def test_what_programs_write_is_understood(log: str, reason: str, named: str) -> None:
    found = told(log)
    assert found.reason == reason
    assert (
        named in f"{found.title} {found.detail.partition('The end of its log')[0]} {found.advice}"
    )
    assert found.advice.endswith((".", "`"))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (137, "check/killed"),
        (-9, "check/killed"),
        (-11, "check/crashed"),
        (132, "check/crashed"),
        (1, "check/exited"),
    ],
)
def test_a_signal_is_told_by_the_exit_status_too(status: int, reason: str) -> None:
    assert told("", status=status).reason == reason


@pytest.mark.parametrize(
    "code",
    [
        "import json.nothing_like_it",
        "from collections import Mapping",
        "import os\nos.environ['NO_SUCH_KEY']",
        "open('no such file')",
        "import sqlite3\nsqlite3.connect(':memory:').execute('select * from posts')",
    ],
)
def test_this_pythons_own_words_are_understood(code: str) -> None:
    reasons = {
        "json": "missing-module",
        "coll": "import-error",
        "os.e": "missing-variable",
        "open": "no-such-file",
        "sqli": "missing-table",
    }
    with pytest.raises(Exception) as raised:  # noqa: PT011 - any of them
        exec(compile(code, "/x/source/app.py", "exec"), {})
    said = "".join(traceback.format_exception(raised.value))
    key = next(key for key in reasons if key in code)
    assert told(said).reason == f"check/{reasons[key]}"


def test_a_kill_by_ship_itself_is_not_told_as_a_lack_of_memory() -> None:
    late = CheckError("It did not start.", reason="check/boot-timeout")
    assert explain(late, "Worker (pid:1) was sent SIGKILL!", None).reason == "check/boot-timeout"
    assert explain(late, "Worker (pid:1) was sent SIGSEGV!", None).reason == "check/crashed"
    assert explain(late, "killed by the OOM killer.", None).reason == "check/killed"


def test_whether_the_server_has_told_of_a_kill_by_ship_makes_no_difference() -> None:
    late = CheckError("It did not start.", reason="check/boot-timeout")
    told = "[2026-01-01] [7] [ERROR] Worker (pid:1) was sent SIGKILL! Perhaps out of memory?"
    for log in ("", "Connecting ...\n"):
        assert explain(late, log + told, None).detail == explain(late, log, None).detail


def test_the_variable_that_host_names_are_read_from_is_named() -> None:
    refused = disallowed_host("/", "blog.example.com")
    assert 'ALLOWED_HOSTS = ["blog.example.com", "localhost"' in explain(refused, "", None).advice
    found = explain(refused, "", None, Pushed(hosts_variable="HOSTS"))
    assert "`ship config:set HOSTS=blog.example.com`" in found.advice


def test_a_name_that_hides_nothing_is_no_hidden_package() -> None:
    log = "ImportError: cannot import name 'x' from 'main' (/x/source/main.py)"
    assert told(log).reason == "check/import-error"


def test_an_error_that_a_call_of_the_apps_own_raised_is_no_factory() -> None:
    log = FRAME.format("main.py", "render(1, 2)") + (
        "TypeError: render() takes 0 positional arguments but 2 were given"
    )
    assert told(log).reason == "check/app-error"


def test_a_limit_that_was_reached_is_named() -> None:
    found = told("killed by the OOM killer.", pushed=Pushed(memory_limit="64M"))
    assert "its limit of memory, 64M, was used up" in found.detail
    assert "`ship limits:set web.memory=...`" in found.advice


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "Error: Error: '/var/log/g.log' isn't writable [FileNotFoundError(2, 'No such file')]",
            "gunicorn did not start: '/var/log/g.log' isn't writable",
        ),
        (
            "Gunicorn cannot load the worker_class odd.Worker: ModuleNotFoundError('odd').",
            "gunicorn did not start: Gunicorn cannot load the worker_class odd.Worker",
        ),
    ],
)
def test_what_gunicorn_refuses_is_not_the_apps_own_end(log: str, said: str) -> None:
    found = explain(ENDED, f"{log}\nSystemExit: 1\n", 1)
    assert found.reason == "check/gunicorn-settings"
    assert found.title.startswith(said)


def test_a_program_of_a_package_is_named_with_it() -> None:
    log = "ship: The program celery cannot be run: No such file or directory.\n"
    found = explain(ENDED, log, 69, Pushed(files=("requirements.txt",)))
    assert found.advice == "Add the line `celery` to requirements.txt and push again."
