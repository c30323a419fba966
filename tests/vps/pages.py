"""Apps that the tests push: one page that says a text, and ways to ask the process what it is."""

import time

PAGE = """
import os

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/env/"):
        body = os.environb.get(path[5:].encode(), b"missing")
    elif path == "/pid":
        body = str(os.getpid()).encode()
    else:
        body = b"{text}"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

SLOW_PACKAGE = """
import time
from setuptools import setup

time.sleep({seconds})
setup(name="slow", version="1", py_modules=[])
"""


def page(text: str) -> dict[str, str]:
    """An app without any dependency; `/env/NAME` answers a variable of the process, byte for
    byte."""
    return {"app.py": PAGE.replace("{text}", text), "requirements.txt": ""}


def slow_build(text: str, seconds: float) -> dict[str, str]:
    """The same app with a package of its own whose setup takes a while, each of the three times
    that it is run; it is another one each time, and is installed anew."""
    setup = SLOW_PACKAGE.replace("{seconds}", f"{seconds:g}") + f"# {time.time_ns()}\n"
    return page(text) | {
        "slow/setup.py": setup,
        "requirements.txt": "./slow\n",
    }
