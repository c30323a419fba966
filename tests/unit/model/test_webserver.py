"""Procfile lines, and what becomes of them."""

import msgspec
import pytest

from receiver.model.webserver import (
    Command,
    Gunicorn,
    Process,
    needs_fresh_start,
    parse_web_command,
    plain_command,
)


@pytest.mark.parametrize(
    "text",
    [
        "gunicorn app:app",
        "exec gunicorn app:app",
        "python -m gunicorn app:app",
        "python3.12 -u -m gunicorn app:app",
        "poetry run gunicorn app:app",
        "pipenv run gunicorn app:app",
        "uv run gunicorn app:app",
        "uv run --frozen --no-dev python -m gunicorn app:app",
        ".venv/bin/gunicorn app:app",
        "gunicorn 'app:app'",
        'gunicorn "app:app"',
        "gunicorn app:app --bind 0.0.0.0:$PORT",
        "gunicorn app:app --bind=0.0.0.0:${PORT}",
        "gunicorn -b0.0.0.0:$PORT app:app",
        'gunicorn -b ":$PORT" app:app',
        "gunicorn --bi :${PORT:-8000} app:app",
        "  gunicorn   app:app  ",
    ],
)
def test_plain_calls_of_gunicorn_come_to_the_same(text: str) -> None:
    assert parse_web_command(text) == Gunicorn(app="app:app")


@pytest.mark.parametrize(
    "text",
    [
        "cd backend && gunicorn app:app --bind 0.0.0.0:$PORT",
        "cd ./backend/ && exec gunicorn app:app",
        "cd 'backend'; gunicorn app:app",
        "cd backend&&poetry run gunicorn app:app",
    ],
)
def test_a_call_of_gunicorn_in_a_folder_is_one_of_ours(text: str) -> None:
    assert parse_web_command(text) == Gunicorn(app="app:app", folder="backend")


def test_what_else_a_call_in_a_folder_names_begins_there() -> None:
    line = "cd back/end && gunicorn app:app --chdir web -c conf.py"
    found = parse_web_command(line)
    assert found == Gunicorn(app="app:app", folder="back/end", chdir="web", config="conf.py")


@pytest.mark.parametrize(
    "text",
    [
        "uvicorn main:app --port $PORT",
        "python app.py",
        "cd $WHERE && gunicorn app:app",
        "cd /srv/app && gunicorn app:app",
        "cd ../app && gunicorn app:app",
        "cd a b && gunicorn app:app",
        "cd src && cd more && gunicorn app:app",
        "cd src && gunicorn app:app | tee log",
        "cd src || gunicorn app:app",
        "python manage.py migrate; gunicorn app:app",
        "gunicorn app:app | tee log",
        "gunicorn app:app > log",
        "gunicorn app:app &",
        "gunicorn $(cat app)",
        "gunicorn `cat app`",
        "gunicorn $APP",
        "gunicorn $OPTIONS app:app",
        "gunicorn app:app --chdir $WHERE",
        "gunicorn app:app -c ${CONFIG}",
        "gunicorn app:app --pythonpath '*'*",
        "gunicorn app:app -n '$literal'",
        "gunicorn app:app 'unclosed",
        'gunicorn app:app --name "a `b`"',
        "gunicorn app:app -n ${X%y}",
        "gunicorn --paste development.ini",
        "gunicorn --check-config app:app",
        "gunicorn app:app --workers",
        "gunicorn app (x)",
        "ddtrace-run gunicorn app:app",
        "",
        "FOO=1",
        "uv run",
    ],
)
def test_what_only_a_shell_or_another_program_can_do_stays_a_command(text: str) -> None:
    assert parse_web_command(text) == Command(command=text)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("uv run uvicorn main:app --port $PORT", "uvicorn main:app --port $PORT"),
        ("uv run --frozen --no-dev -- python server.py", "python server.py"),
        ("uv run server.py", "python server.py"),
        ("uv run -m board", "python -m board"),
        ("exec poetry run hypercorn app:app", "exec hypercorn app:app"),
        (
            "cd src && DEBUG=0 pipenv run python a.py; poetry run b",
            "cd src && DEBUG=0 python a.py; b",
        ),
        ("uv run --with rich a", "uv run --with rich a"),
        ("echo poetry run", "echo poetry run"),
        ("uv runs", "uv runs"),
        ("./poetry run a", "./poetry run a"),
    ],
)
def test_tools_that_enter_a_virtualenv_are_left_out(line: str, command: str) -> None:
    assert plain_command(line) == Command(command=command)
    assert parse_web_command(line) == Command(command=command)


def test_options_find_their_places() -> None:
    line = (
        "FOO=1 gunicorn main:app -w 4 -k gevent --chdir src -c conf.py -e A=b -e B=c=d"
        " --pythonpath a,b --threads=2 -t30 --keep 5 --access-logfile - --log-config log.ini"
    )
    parsed = parse_web_command(line)
    assert parsed == Gunicorn(
        app="main:app",
        workers=4,
        chdir="src",
        config="conf.py",
        environment={"FOO": "1", "A": "b", "B": "c=d"},
        pythonpath=("a", "b"),
        arguments=(
            "--worker-class=gevent",
            "--threads=2",
            "--timeout=30",
            "--keep-alive=5",
            "--access-logfile=-",
            "--log-config=log.ini",
        ),
    )


@pytest.mark.parametrize(
    "app",
    [
        "main:create_app()",
        "'main:create_app()'",
        '"main:create_app()"',
    ],
)
def test_factories(app: str) -> None:
    assert parse_web_command(f"gunicorn {app}") == Gunicorn(app="main:create_app()")


def test_factory_with_arguments_needs_quotes() -> None:
    parsed = parse_web_command("gunicorn 'main:create_app(\"prod\", debug=False)' -w 2")
    assert parsed == Gunicorn(app='main:create_app("prod", debug=False)', workers=2)


def test_variables_stay_in_arguments_until_the_release_is_loaded() -> None:
    parsed = parse_web_command("gunicorn a:b -w $WEB_CONCURRENCY --threads ${THREADS:-4}")
    assert parsed == Gunicorn(
        app="a:b", arguments=("--workers=$WEB_CONCURRENCY", "--threads=${THREADS:-4}")
    )


@pytest.mark.parametrize(
    ("option", "shown", "why"),
    [
        ("-b 0.0.0.0:80", "--bind 0.0.0.0:80", "ship chooses"),
        ("--bind unix:/tmp/x", "--bind unix:/tmp/x", "ship chooses"),
        ("-D", "--daemon", "foreground"),
        ("--daem", "--daemon", "foreground"),
        ("-p x.pid", "--pid x.pid", "pid file"),
        ("-u www-data", "--user www-data", "own account"),
        ("-gwww-data", "--group www-data", "own account"),
        ("--preload", "--preload", "old code"),
        ("--reload", "--reload", "by a push"),
        ("--reload-engine poll", "--reload-engine poll", "by a push"),
        ("--reuse-port", "--reuse-port", "holds the app's socket"),
    ],
)
def test_what_ship_decides_is_dropped_with_a_sentence(option: str, shown: str, why: str) -> None:
    parsed = parse_web_command(f"gunicorn {option} app:app")
    assert isinstance(parsed, Gunicorn)
    assert parsed.app == "app:app"
    assert parsed.arguments == ()
    (notice,) = parsed.notices
    assert notice.startswith(f"The option {shown} of gunicorn is ignored: ")
    assert why in notice
    assert notice.endswith(".")


def test_glued_short_flags() -> None:
    parsed = parse_web_command("gunicorn -DRw3 app:app")
    assert isinstance(parsed, Gunicorn)
    assert parsed.workers == 3
    assert parsed.arguments == ("--enable-stdio-inheritance",)
    assert len(parsed.notices) == 1


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("gunicorn --frobnicate 3 app:app", ("--frobnicate", "3")),
        ("gunicorn app:app --work 3", ("--work", "3")),  # gunicorn calls this ambiguous
        ("gunicorn --frobnicate=3 app:app", ("--frobnicate=3",)),
    ],
)
def test_unknown_options_are_left_for_gunicorn_to_refuse(
    line: str, arguments: tuple[str, ...]
) -> None:
    assert parse_web_command(line) == Gunicorn(app="app:app", arguments=arguments)


def test_gunicorn_cmd_args_count_below_the_command_line() -> None:
    parsed = parse_web_command(
        "gunicorn app:app -w 3", "--threads 4 -w 9 --bind=1.2.3.4:5 -e 'A=b c' --chdir src"
    )
    assert parsed == Gunicorn(
        app="app:app",
        workers=3,
        chdir="src",
        environment={"A": "b c"},
        arguments=("--threads=4",),
        notices=(
            (
                "The option --bind 1.2.3.4:5 of gunicorn is ignored: ship chooses where the app "
                "listens."
            ),
        ),
    )


def test_an_app_may_be_named_by_its_gunicorn_file() -> None:
    assert parse_web_command("gunicorn -c conf.py") == Gunicorn(app="", config="conf.py")


@pytest.mark.parametrize("text", ["gunicorn a:b -w 3 -e A=b --preload", "python app.py"])
def test_processes_survive_as_json(text: str) -> None:
    process = parse_web_command(text)
    kept = msgspec.json.decode(msgspec.json.encode(process), type=Process)
    assert kept == process


def test_what_a_hup_can_take_over() -> None:
    one = Gunicorn(app="a:b", workers=1)
    assert Gunicorn(app="a:b", arguments=("--threads=4",)).takes_over(one)
    assert not Gunicorn(app="a:c").takes_over(one)
    assert not one.takes_over(Command(command="x"))
    assert not Command(command="x").takes_over(Command(command="x"))


@pytest.mark.parametrize(
    ("before", "after", "fresh"),
    [
        ({}, {"A": "1"}, False),
        ({"LD_PRELOAD": "x"}, {}, True),
        ({"PYTHONHASHSEED": "0"}, {"PYTHONHASHSEED": "1"}, True),
        ({"PYTHONPATH": "a"}, {"PYTHONPATH": "b"}, False),
        ({"MALLOC_ARENA_MAX": "2"}, {"MALLOC_ARENA_MAX": "2", "B": ""}, False),
    ],
)
def test_config_vars_that_only_a_new_process_reads(
    before: dict[str, str], after: dict[str, str], fresh: bool
) -> None:
    assert needs_fresh_start(before, after) is fresh
