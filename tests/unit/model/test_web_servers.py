"""Web servers by their command lines: where they listen, and what is advised."""

import pytest

from receiver.model.web_servers import here_advice, on_given_port, port_advice


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("daphne -b 0.0.0.0 -p 8001 x.asgi:app", "daphne -b 0.0.0.0 -p $PORT x.asgi:app"),
        ("uvicorn a:b --host 0.0.0.0 --port=80", "uvicorn a:b --host 0.0.0.0 --port $PORT"),
        ("uvicorn a:b", "uvicorn a:b --port $PORT"),
        ("poetry run uvicorn a:b", "poetry run uvicorn a:b --port $PORT"),
        ("python -m uvicorn a:b --port 80", "python -m uvicorn a:b --port $PORT"),
        ("hypercorn a:b -b 0.0.0.0:8000", "hypercorn a:b -b 127.0.0.1:$PORT"),
        ("waitress-serve --listen=*:80 a:b", "waitress-serve --listen 127.0.0.1:$PORT a:b"),
        ("streamlit run app.py", "streamlit run app.py --server.port $PORT"),
        ("flask --app x run -p5000", "flask --app x run -p $PORT"),
        (
            "python manage.py migrate && python manage.py runserver 0.0.0.0:8000",
            "python manage.py migrate && python manage.py runserver 127.0.0.1:$PORT",
        ),
        ("python -m http.server 8000", "python -m http.server $PORT"),
    ],
)
def test_a_line_without_the_port_is_given_it(line: str, runs: str) -> None:
    changed, told = on_given_port(line)
    assert changed == runs
    assert "$PORT" in told
    assert on_given_port(runs) == (runs, "")


@pytest.mark.parametrize(
    "line",
    [
        "uvicorn a:b --port ${PORT:-8000}",
        "uvicorn a:b --uds /tmp/x.sock",
        "hypercorn -b unix:/tmp/x.sock a:b",
        "daphne -e tcp:8000 a:b",
        "gunicorn a:b -b 0.0.0.0:8000",
        "flask db upgrade",
        "python main.py",
        "./start.sh",
        "uvicorn a:b | tee log",
        "celery -A x worker",
    ],
)
def test_every_other_line_stays_as_it_is(line: str) -> None:
    assert on_given_port(line) == (line, "")


@pytest.mark.parametrize(
    ("line", "port", "here"),
    [
        (
            "newrelic-admin run-program gunicorn a:b",
            "`--bind 127.0.0.1:$PORT`",
            "--bind 127.0.0.1:",
        ),
        ("daphne a:b", "`-p $PORT`", "-b 127.0.0.1"),
        ("streamlit run x.py", "`--server.port $PORT`", "--server.address 127.0.0.1"),
        ("waitress-serve a:b", "`--port $PORT`", "--host 127.0.0.1"),
        ("python main.py", 'int(os.environ["PORT"])', "`127.0.0.1` where"),
        ("", 'int(os.environ["PORT"])', "`127.0.0.1` where"),
    ],
)
def test_advice_names_the_option_that_the_server_has(line: str, port: str, here: str) -> None:
    assert port in port_advice(line)
    assert here in here_advice(line)
