"""Apps that start their own server, bots, and web lines: what runs them, and what is told."""

import runpy

import pytest
from msgspec.structs import replace

from buildpacks import procfile, python, scripts, static
from receiver.model.build import BuildPlan
from receiver.model.errors import BuildError
from receiver.model.program import RUNTIME
from tests.unit.trees import FACTS, FLASK, PLAIN, tree

STREAMLIT = "--server.address 127.0.0.1 --server.port $PORT --server.headless true"
AIOHTTP = """
from aiohttp import web
async def make():
    return web.Application()
web.run_app(make())
"""
SOCKETIO = FLASK + "from flask_socketio import SocketIO\nsocketio = SocketIO(app)\n"
SCHEDULER = FLASK + "s = BackgroundScheduler()\n"


def plan(requirements: str, files: dict[str, str | bytes], **config: str) -> BuildPlan:
    pushed = tree({"requirements.txt": requirements, **files})
    return python.plan(pushed, replace(FACTS, config=config))


@pytest.mark.parametrize(
    ("package", "path", "code", "process", "command"),
    [
        (
            "streamlit",
            "streamlit_app.py",
            "import streamlit as st\nst.title('x')\n",
            "web",
            f"streamlit run streamlit_app.py {STREAMLIT}",
        ),
        (
            "gradio",
            "app.py",
            "import gradio as gr\ngr.Interface(len, 'text', 'text').launch()\n",
            "web",
            "GRADIO_SERVER_NAME=127.0.0.1 GRADIO_SERVER_PORT=$PORT python app.py",
        ),
        (
            "panel",
            "board.py",
            "import panel as pn\npn.panel('x').servable()\n",
            "web",
            "panel serve board.py --address 127.0.0.1 --port $PORT --allow-websocket-origin '*'",
        ),
        ("nicegui", "main.py", "from nicegui import ui\nui.run()\n", "web", "python main.py"),
        (
            "tornado",
            "server.py",
            "import tornado.web\ndef main():\n    app = make()\n    app.listen(8888)\nmain()\n",
            "web",
            "python server.py",
        ),
        (
            "aiohttp",
            "main.py",
            AIOHTTP,
            "web",
            "python main.py",
        ),
        (
            "flask",
            "hello.py",
            "from flask import Flask\ndef main():\n    Flask('x').run(port=5000)\nmain()\n",
            "web",
            "python hello.py",
        ),
        (
            "discord.py",
            "bot.py",
            "import discord\nclient = discord.Client()\nclient.run('x')\n",
            "worker",
            "python bot.py",
        ),
        (
            "python-telegram-bot",
            "main.py",
            "from telegram.ext import Application\nApplication.builder().build().run_polling()\n",
            "worker",
            "python main.py",
        ),
    ],
)
def test_a_framework_with_a_server_of_its_own_is_started_its_way(
    package: str, path: str, code: str, process: str, command: str
) -> None:
    found = plan(package, {path: code})
    assert found.processes == {process: command}
    assert any(f"{process} runs `{command}`" in notice for notice in found.notices)
    assert found.fixed_port is (process == "web" and command.startswith("python"))


@pytest.mark.parametrize("code", ["os.environ.get('PORT', 8080)", 'int(os.environ["PORT"])'])
def test_code_that_reads_its_port_is_left_alone(code: str) -> None:
    files: dict[str, str | bytes] = {"main.py": f"from nicegui import ui\nui.run(port={code})\n"}
    assert not plan("nicegui", files).fixed_port


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("python main.py", True),
        ("exec MODE=live python3 -u main.py --fast", True),
        ("python -m main", True),
        ("uwsgi --ini uwsgi.ini", False),
        ("cd x && python main.py", False),
        ("./serve", False),
    ],
)
def test_a_port_is_said_to_be_replaced_where_it_is(line: str, *, told: bool) -> None:
    files: dict[str, str | bytes] = {"main.py": "serve(8000)\n", "Procfile": f"web: {line}\n"}
    notices = plan("uwsgi", files).notices
    assert any("replaced by $PORT" in one for one in notices) is told
    launch = runpy.run_path(str(RUNTIME / "launch.py"))
    words = launch["simple_words"](line, {}) or ["sh"]
    words = [word for word in words if word != "exec" and "=" not in word]
    assert (launch["listening"](words) != words) is told


@pytest.mark.parametrize(
    ("requirements", "code", "config", "command"),
    [
        ("flask-socketio", SOCKETIO, {}, "gunicorn -w 1 --threads 100 app:app"),
        ("flask-socketio\ngevent", SOCKETIO, {}, "gunicorn -k gevent -w 1 app:app"),
        ("flask-socketio", SOCKETIO, {"WEB_CONCURRENCY": "3"}, "gunicorn app:app"),
        ("apscheduler", SCHEDULER, {}, "gunicorn -w 1 --threads 16 app:app"),
        ("flask", FLASK, {}, "gunicorn app:app"),
    ],
)
def test_what_is_kept_in_the_process_has_one(
    requirements: str, code: str, config: dict[str, str], command: str
) -> None:
    found = plan(f"flask\n{requirements}", {"app.py": code}, **config)
    assert found.processes == {"web": command}
    told = [notice for notice in found.notices if notice.startswith("One worker")]
    assert len(told) == ("-w 1" in command)


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("gunicorn app:app", "gunicorn -w 1 --threads 100 app:app"),
        (
            "exec gunicorn --timeout 5 app:app",
            "exec gunicorn -w 1 --threads 100 --timeout 5 app:app",
        ),
        ("gunicorn -k gevent app:app", "gunicorn -w 1 -k gevent app:app"),
        ("gunicorn -w 3 app:app", "gunicorn -w 3 app:app"),
        ("gunicorn --threads 8 app:app", "gunicorn --threads 8 app:app"),
    ],
)
def test_a_web_line_that_chooses_no_workers_gets_one(line: str, runs: str) -> None:
    files: dict[str, str | bytes] = {"app.py": SOCKETIO, "Procfile": f"web: {line}\n"}
    assert plan("flask-socketio", files).processes == {"web": runs}


@pytest.mark.parametrize(
    ("requirements", "line", "added"),
    [
        ("flask\ngunicorn", "gunicorn -k gevent app:app", ("gevent", "packaging")),
        (
            "flask\ngunicorn\ngevent",
            "gunicorn -k geventwebsocket.gunicorn.workers.GeventWebSocketWorker app:app",
            ("gevent-websocket", "packaging"),
        ),
        ("gunicorn", "gunicorn -k uvicorn.workers.UvicornWorker app:app", ("uvicorn",)),
        ("gunicorn", "gunicorn -k tornado app:app", ("tornado",)),
        ("flask\neventlet\ngunicorn", "gunicorn -k eventlet app:app", ("gunicorn<26", "packaging")),
        ("eventlet\ngunicorn==25.1", "gunicorn -k eventlet app:app", ("packaging",)),
        ("requests", "uvicorn app:app --port $PORT", ("uvicorn",)),
        ("requests", "waitress-serve --port $PORT app:app", ("waitress",)),
        ("channels[daphne]", "daphne -p $PORT app:app", ()),
    ],
)
def test_what_a_web_line_calls_is_brought(
    requirements: str, line: str, added: tuple[str, ...]
) -> None:
    found = plan(requirements, {"app.py": PLAIN, "Procfile": f"web: {line}\n"})
    assert found.virtualenv is not None
    (install,) = found.virtualenv.install
    words = install.argv
    assert words[words.index("requirements.txt") + 1 :] == added


def test_a_worker_that_is_gone_is_said_to_be() -> None:
    files: dict[str, str | bytes] = {
        "app.py": FLASK,
        "Procfile": "web: gunicorn -k eventlet app:app",
    }
    with pytest.raises(BuildError, match="no eventlet worker any more") as refused:
        plan("flask\neventlet\ngunicorn==27.0.1", files)
    assert refused.value.reason == "build/no-such-worker"
    assert "`gunicorn<26`" in refused.value.advice


def test_an_old_dash_needs_a_line() -> None:
    files: dict[str, str | bytes] = {"app.py": "from dash import Dash\napp = Dash('x')\n"}
    assert plan("dash", files).processes == {"web": "gunicorn app:app"}
    with pytest.raises(BuildError) as refused:
        plan("dash==2.18.1", files)
    assert "\n  server = app.server\n" in refused.value.advice
    followed: dict[str, str | bytes] = {"app.py": f"{files['app.py']!s}server = app.server\n"}
    assert plan("dash==2.18.1", followed).processes == {"web": "gunicorn app:server"}


def test_a_bot_without_a_procfile_is_told_both_lines() -> None:
    with pytest.raises(BuildError) as refused:
        plan("requests", {"bot.py": "import time\nwhile True:\n    time.sleep(5)\n"})
    assert "\n  worker: python bot.py\n" in refused.value.advice


def test_a_line_that_is_advised_names_a_file_that_is_there() -> None:
    misspelt = "from flaskk import Flask\napp = Flask(__name__)\n"
    with pytest.raises(BuildError) as refused:
        plan("flask", {"app.py": misspelt, "lib/helpers.py": ""})
    assert "\n  web: python app.py\n" in refused.value.advice


@pytest.mark.parametrize("requirements", ["", "flask"])
def test_settings_of_a_gunicorn_file_that_are_ignored_are_named(requirements: str) -> None:
    conf = (
        "import os\nbind = '127.0.0.1:8000'\nworkers = 3\npreload_app = True\ndaemon = False\n"
        "if os.environ.get('X'):\n    reload = True\npidfile = '/run/g.pid'\nuser = 'www-data'\n"
        "errorlog = '/var/log/g.log'\naccesslog = '-'\ndef when_ready(server):\n    bind = 1\n"
    )
    files: dict[str, str | bytes] = {"app.py": PLAIN, "gunicorn.conf.py": conf}
    notices = plan(requirements, files).notices
    told = [one.split(" = ")[0].strip("`") for one in notices if "of gunicorn.conf.py" in one]
    assert sorted(told) == ["bind", "errorlog", "pidfile", "preload_app", "reload", "user"]


def test_the_file_is_the_one_that_the_line_names() -> None:
    conf = "import os\nbind = '0.0.0.0:' + os.environ.get('PORT', '8000')\nreload = True\n"
    line = "web: gunicorn --config python:conf.guni app:app\n"
    files: dict[str, str | bytes] = {"app.py": PLAIN, "conf/guni.py": conf, "Procfile": line}
    notices = plan("", files).notices
    assert [one for one in notices if "conf/guni.py" in one] == [
        "`reload = True` of conf/guni.py is ignored: code changes by a push only."
    ]


def test_a_script_without_its_bit_is_run_all_the_same() -> None:
    lines = {"web": "./start.sh", "worker": "bash start.sh", "other": "python app.py"}
    pushed = tree({"start.sh": "#!/usr/bin/env bash\nexec true\n", "app.py": PLAIN})
    runs, notices = scripts.runnable(pushed, lines)
    assert runs == {**lines, "web": "bash start.sh"}
    (told,) = notices
    assert "`git update-index --chmod=+x start.sh`" in told
    pushed.members["start.sh"].mode = 0o755
    assert scripts.runnable(pushed, lines) == (lines, ())
    compiled = tree({"serve": b"\x7fELF\0\r\n"})
    assert scripts.runnable(compiled, {"web": "./serve"}) == ({"web": "./serve"}, ())


@pytest.mark.parametrize("line", ["./start.sh", "exec ./start.sh --now", "sh start.sh"])
def test_a_script_with_line_ends_of_windows_is_refused(line: str) -> None:
    with pytest.raises(BuildError) as refused:
        scripts.runnable(tree({"start.sh": "#!/bin/bash\r\ntrue\r\n"}), {"web": line})
    assert refused.value.reason == "build/script-line-ends"
    assert "sed -i 's/\\r$//' start.sh" in refused.value.advice


def test_python_is_there_for_every_app_with_processes() -> None:
    pushed = tree({"Procfile": "web: python src/server.py \\\n --fast\n", "src/server.py": ""})
    found = procfile.plan(pushed, FACTS)
    assert found.processes == {"web": "python src/server.py --fast"}
    assert found.virtualenv is not None
    assert found.virtualenv.install == ()
    assert any("backslash" in notice for notice in found.notices)
    pages = {"index.html": "", "Procfile": "worker: python work.py\n"}
    assert static.plan(tree(pages), FACTS).virtualenv is not None
    assert static.plan(tree({"index.html": ""}), FACTS).virtualenv is None


@pytest.mark.parametrize("asked", ["", "==4", "==4.0.0", "<=4", "<5", ">=3"])
def test_a_dash_that_may_be_4_is_served_as_it_is(asked: str) -> None:
    files: dict[str, str | bytes] = {"app.py": "import dash\n\napp = dash.Dash(__name__)\n"}
    assert plan(f"dash{asked}", files).processes == {"web": "gunicorn app:app"}


@pytest.mark.parametrize("asked", [">=26", ">=26.0", "==26", "~=27.0", ">26"])
def test_a_range_without_the_worker_is_refused_however_it_is_written(asked: str) -> None:
    files: dict[str, str | bytes] = {
        "app.py": FLASK,
        "Procfile": "web: gunicorn -k eventlet app:app",
    }
    with pytest.raises(BuildError, match="no eventlet worker any more"):
        plan(f"flask\neventlet\ngunicorn{asked}", files)
