"""Hooks, collectstatic and NLTK: when they belong to a build, and what the log says where they
do not."""

import json

import pytest
from msgspec.structs import replace

from buildpacks import python
from buildpacks.python.collectstatic_failures import explain_collectstatic
from buildpacks.python.hooks import explain_hook
from buildpacks.python.nltk import explain_nltk
from receiver.model.build import BuildPlan, Command
from receiver.model.errors import BuildError
from tests.unit.trees import FACTS, PLAIN, tree

APP: dict[str, str | bytes] = {"app.py": PLAIN, "requirements.txt": ""}
SETTINGS = "INSTALLED_APPS = ['django.contrib.staticfiles']\n"
MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
WSGI = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
DJANGO: dict[str, str | bytes] = {
    "manage.py": MANAGE, "shop/settings.py": SETTINGS, "shop/wsgi.py": WSGI,
    "requirements.txt": "Django==5.2\n",
}  # fmt: skip


def plan(files: dict[str, str | bytes], **config: str) -> BuildPlan:
    return python.plan(tree(files), replace(FACTS, config=config))


def lines(found: BuildPlan) -> list[str]:
    return [" ".join(command.argv) for command in found.commands]


def test_collectstatic_is_the_last_part_of_a_django_build() -> None:
    found = plan(DJANGO)
    (line,) = lines(found)
    assert line.startswith("{venv}/bin/python /")
    assert line.endswith("/runtime/django_project.py manage.py collectstatic --noinput")
    assert found.commands[0].title == "$ python manage.py collectstatic --noinput"
    assert found.changes_tree


@pytest.mark.parametrize(
    ("changes", "config", "notice", "looks"),
    [
        ({"shop/settings.py": "INSTALLED_APPS = []\n"}, {}, "no settings name", 1),
        ({}, {"DISABLE_COLLECTSTATIC": "1"}, "config var DISABLE_COLLECTSTATIC is set", 1),
        (
            {".heroku/collectstatic_disabled": ""},
            {},
            "there is a file .heroku/collectstatic_disabled",
            1,
        ),
        ({"manage.py": "print('mine')\n", "app.py": PLAIN}, {}, "no manage.py", 0),
    ],
)
def test_collectstatic_is_skipped_and_the_log_says_why(
    changes: dict[str, str | bytes], config: dict[str, str], notice: str, looks: int
) -> None:
    found = plan({**DJANGO, **changes}, **config)
    assert [command.only_looks for command in found.commands] == [True] * looks
    assert not found.changes_tree
    assert any("collectstatic is skipped" in one and notice in one for one in found.notices)


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_a_config_var_that_says_no_disables_nothing(value: str) -> None:
    assert plan(DJANGO, DISABLE_COLLECTSTATIC=value).commands


@pytest.mark.parametrize(
    ("path", "runs"),
    [("a/manage.py", True), ("a/b/manage.py", True), ("a/b/c/manage.py", False)],
)
def test_manage_py_is_looked_for_in_three_levels(path: str, *, runs: bool) -> None:
    files = {**DJANGO, path: MANAGE, "app.py": PLAIN}
    del files["manage.py"]
    assert bool(plan(files).commands) is runs


def test_other_apps_hear_nothing_of_collectstatic() -> None:
    assert not any("collectstatic" in notice for notice in plan(APP).notices)


def test_hooks_run_before_the_packages_and_last_of_all() -> None:
    found = plan({**DJANGO, "bin/pre_compile": "true\n", "bin/post_compile": "true\n"})
    assert [command.title for command in found.before] == ["Running bin/pre_compile hook"]
    assert [command.title for command in found.commands] == [
        "$ python manage.py collectstatic --noinput",
        "Running bin/post_compile hook",
    ]
    assert "VIRTUAL_ENV" not in found.before[0].env
    assert found.commands[1].env["PATH"].startswith("{venv}/bin:")


def test_a_hook_that_may_change_the_requirements_gets_a_virtualenv_per_commit() -> None:
    files = {**APP, "bin/pre_compile": "true\n"}
    one = python.plan(tree(files), replace(FACTS, commit="a" * 40)).virtualenv
    other = python.plan(tree(files), replace(FACTS, commit="b" * 40)).virtualenv
    assert one is not None
    assert other is not None
    assert one.digest != other.digest


def test_a_hook_with_line_ends_of_windows_is_refused_with_the_commands() -> None:
    with pytest.raises(BuildError) as refused:
        plan({**APP, "bin/pre_compile": "#!/bin/bash\r\ntrue\r\n"})
    assert refused.value.reason == "build/hook-line-ends"
    assert "sed -i 's/\\r$//' bin/pre_compile" in refused.value.advice


def test_nltk_data_is_a_part_of_the_virtualenv() -> None:
    needs = {"requirements.txt": "nltk==3.9\n"}
    found = plan({**APP, **needs, "nltk.txt": "stopwords\n# no\r\npunkt\n"})
    assert found.virtualenv is not None
    last = found.virtualenv.install[-1]
    assert last.title == "Downloading NLTK data: stopwords punkt"
    assert last.argv[-3:] == ("{venv}/nltk_data", "stopwords", "punkt")
    other = plan({**APP, **needs, "nltk.txt": "stopwords\n"}).virtualenv
    assert other is not None
    assert other.digest != found.virtualenv.digest


def test_nltk_without_a_list_is_told_and_a_list_without_nltk_is_nothing() -> None:
    assert any("nltk.txt" in one for one in plan({**APP, "requirements.txt": "nltk\n"}).notices)
    found = python.plan(tree({**APP, "nltk.txt": "stopwords\n"}), FACTS)
    assert not any("nltk" in one for one in found.notices)


def test_a_name_of_nltk_data_that_would_be_an_option_is_refused() -> None:
    with pytest.raises(BuildError) as refused:
        plan({**APP, "requirements.txt": "nltk\n", "nltk.txt": "--dir=/\n"})
    assert refused.value.reason == "build/nltk-data"


@pytest.mark.parametrize(
    ("output", "reason", "words"),
    [
        (
            (
                "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be "
                "empty."
            ),
            "variable",
            "SECRET_KEY is empty",
        ),
        (
            (
                "FileNotFoundError: [Errno 2] No such file or directory: "
                "'/x/releases/v1/source/assets'"
            ),
            "failed",
            "there is no assets",
        ),
        (
            "ValueError: The file 'img/a.png' could not be found with <storage>.",
            "failed",
            "img/a.png is referred to",
        ),
        ("ModuleNotFoundError: No module named 'storages'", "failed", "storages is imported"),
        (
            (
                '  File "/x/source/manage.py", line 3\n'
                '  File "/x/source/shop/settings.py", line 15\n'
                "    x\nIndentationError: unexpected indent"
            ),
            "failed",
            "syntax error in shop/settings.py, line 15: unexpected indent",
        ),
        (
            "ImproperlyConfigured: Requested setting DEBUG, but settings are not configured.",
            "failed",
            "the settings cannot be used",
        ),
        ("RuntimeError: odd", "failed", "could not be collected."),
    ],
)
def test_what_collectstatic_says_is_explained(output: str, reason: str, words: str) -> None:
    error = explain_collectstatic(Command(()), f"Traceback (most recent call last):\n{output}\n")
    assert error.reason == f"build/collectstatic-{reason}"
    assert words in error.title
    assert output in error.detail
    assert error.advice.endswith(".")


def test_frames_of_packages_and_errors_before_the_last_are_left_out() -> None:
    output = (
        "KeyError: 'early'\n\nDuring handling of the above exception, another exception "
        "occurred:\n\n"
        "Traceback (most recent call last):\n  File "
        '"/venv/lib/python3.12/site-packages/django/x.py", line 1\n'
        '    call()\n  File "/app/shop/settings.py", line 3, in <module>\n    import gone\n'
        "ModuleNotFoundError: No module named 'gone'\n"
    )
    detail = explain_collectstatic(Command(()), output).detail
    assert "early" not in detail
    assert "django/x.py" not in detail
    assert "call()" not in detail
    assert "shop/settings.py" in detail


def test_a_hook_without_its_program_and_one_that_failed() -> None:
    command = Command(("/bin/sh", "-c", "", "sh", "bin/post_compile", "/usr/bin/zish -e"))
    missing = explain_hook(command, "sh: 1: exec: ./bin/post_compile: not found\n")
    assert "no /usr/bin/zish." in missing.title
    silent = explain_hook(command, "")
    assert silent.detail == "It wrote nothing."
    assert silent.reason == missing.reason == "build/post-compile-failed"


def test_nltk_data_without_a_name_or_a_network() -> None:
    wrong = explain_nltk(Command(()), "ValueError: Package 'stopwrods' not found in index")
    assert "no data named stopwrods" in wrong.title
    assert "could not be downloaded" in explain_nltk(Command(()), "URLError: refused").title


def found(**values: object) -> str:
    """What receiver/runtime/django_project.py prints, among what others print."""
    return f"copied\nship: found {json.dumps(values)}\nmore\n"


STARTPROJECT: dict[str, object] = {
    "settings": "mysite/settings.py", "host": "blog.example.com", "debug": True,
    "debug_line": "DEBUG = True", "hosts": [], "static_url": "/static/",
    "static_root": "staticfiles", "static_filled": True, "database": "db.sqlite3", "unapplied": 18,
}  # fmt: skip


def test_a_project_as_startproject_makes_it_has_three_things_to_look_at() -> None:
    learnt = python.learn(found(**STARTPROJECT))
    assert learnt.static == {"/static/": "staticfiles"}
    debug, hosts, database = learnt.remarks
    assert debug.endswith(
        'mysite/settings.py:\n  import os\n  DEBUG = "SHIP_HOST" not in os.environ'
    )
    assert '  ALLOWED_HOSTS = ["blog.example.com", "localhost", "127.0.0.1"]' in hosts
    assert "It lacks 18 migrations." in database
    assert database.endswith(
        "\n  ship storage:mount db.sqlite3\n  ship run python manage.py migrate"
    )


@pytest.mark.parametrize(
    ("changes", "remarks"),
    [
        ({}, []),
        ({"debug": True, "debug_line": "DEBUG = env.bool('DEBUG', True)"}, ["config:set DEBUG=0"]),
        ({"debug": True, "debug_line": "DEBUG = (os.environ['DJ'] == '1')"}, ["config:set DJ=0"]),
        ({"debug": True, "debug_line": "DEBUG = bool(os.getenv('DJ', True))"}, ["set DJ=\n"]),
        ({"debug": True, "debug_line": "DEBUG = os.getenv('DJ') != 'False'"}, ["set DJ=False"]),
        # root looks through the line, and this one would take it hours
        ({"debug": True, "debug_line": "DEBUG " + "=env " * 9999}, ["not in os.environ"]),
        ({"hosts": ["localhost", "127.0.0.1"]}, ["ALLOWED_HOSTS names no host of this app"]),
        ({"hosts": ["www.example.com"]}, []),
        ({"unapplied": 1}, ["lacks 1 migration. "]),
        ({"unapplied": 1, "migrates": True}, []),
        ({"unapplied": 0}, []),
        ({"database": "db.sqlite3", "unapplied": None}, ["storage:mount db.sqlite3"]),
    ],
)
def test_what_is_in_order_is_not_remarked(changes: dict[str, object], remarks: list[str]) -> None:
    learnt = python.learn(found(**{"hosts": ["*"], **changes}))
    assert len(learnt.remarks) == len(remarks)
    assert all(one in f"{said}\n" for one, said in zip(remarks, learnt.remarks, strict=True))


@pytest.mark.parametrize(
    ("changes", "static"),
    [
        ({"static_filled": False}, {"/static/": "staticfiles"}),
        ({"static_filled": False, "serves_itself": True}, {}),
        ({"serves_itself": True}, {"/static/": "staticfiles"}),
        ({"static_url": "https://cdn.example.com/"}, {}),
        ({"static_url": "//cdn.example.com/"}, {}),
        ({"static_url": "/"}, {}),
        ({"static_url": "/assets"}, {"/assets/": "staticfiles"}),
        ({"static_root": ""}, {}),
        ({"static_root": "../other"}, {}),
        ({"static_root": "."}, {}),
        ({"static_root": ".git"}, {}),
        ({"static_url": "/$host/"}, {}),
        ({"static_url": "/a\n/"}, {}),
    ],
)
def test_nginx_serves_what_was_collected_unless_the_app_does(
    changes: dict[str, object], static: dict[str, str]
) -> None:
    assert python.learn(found(**{**STARTPROJECT, **changes})).static == static


def test_a_folder_that_cannot_be_written_is_named() -> None:
    learnt = python.learn(found(**{**STARTPROJECT, "static_root_was": "/var/www/static"}))
    assert learnt.notices[0].startswith("STATIC_ROOT /var/www/static is not writable here;")


@pytest.mark.parametrize("said", ["", "ship: found {", 'ship: found {"debug": "maybe"}'])
def test_a_line_that_is_none_teaches_nothing(said: str) -> None:
    assert python.learn(said).remarks == ()
