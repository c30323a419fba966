"""Advice of a refused push is followed to the letter, by what is printed, and pushed again."""

import re
import shlex
from collections.abc import Callable

import msgspec
import pytest

from receiver.model.names import AppName
from receiver.state import records
from tests.advice import PUSHES, OfPush
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, with_settings
from tests.embedded.keyboard import SHIP, Typed, type_words
from tests.embedded.pushing import wsgi
from tests.embedded.test_push_whole_way import make_wheel

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def laptop(server: EmbeddedServer) -> Checkout:
    """One app for all rows, so that its virtualenv is made once."""
    wheels = server.folder / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "ship_row_tool")
    make_wheel(wheels, "ship_row_fits", version="1.0", code="old = new = 1\n")
    make_wheel(wheels, "ship_row_fits", version="2.0", code="new = 1\n")
    make_wheel(wheels, "ship_row_crash", version="1.0")
    dies = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    make_wheel(wheels, "ship_row_crash", version="2.0", code=dies)
    server.configure(server.create("blog"), PIP_FIND_LINKS=str(wheels))
    return server.checkout("blog")


@pytest.mark.parametrize("name", PUSHES)
def test_followed_to_the_letter_it_works(
    server: EmbeddedServer, laptop: Checkout, name: str
) -> None:
    row = PUSHES[name]
    laptop.git("rm", "-r", "-q", "-f", "--ignore-unmatch", ".")
    laptop.commit(row.files)
    blog = AppName("blog")
    if row.before:
        _type(server, row, row.before)
    with_settings(server, blog, check_limit_s=row.check_limit_s, check={})
    refused = laptop.push()
    with_settings(server, blog, check_limit_s=60)
    said = re.sub(r"\s+", " ", " ".join(line.removeprefix(" !") for line in refused.lines))
    assert refused.status == 1, refused.text
    assert f"({row.reason})" in said, refused.text
    assert row.advice in said, refused.text
    _follow(server, laptop, row, said)
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask("blog") == (200, "ok")


def test_a_first_push_whose_start_is_killed_is_told_so(server: EmbeddedServer) -> None:
    """There is no worker of before, so that gunicorn goes on starting new ones."""
    app = server.create("first")
    with_settings(server, app, check_limit_s=8)
    checkout = server.checkout(app)
    checkout.commit(PUSHES["killed at the start"].files)
    refused = checkout.push()
    assert "(check/killed)" in refused.text, refused.text


def test_faults_below_each_other_are_put_right_one_by_one(
    server: EmbeddedServer, laptop: Checkout
) -> None:
    """What is advised is done, and the next push finds the next fault, until there is none."""
    path, before = server.layout.server_settings, records.read_server(server.layout)
    laptop.git("rm", "-r", "-q", "-f", "--ignore-unmatch", ".")
    laptop.commit(
        wsgi("below")
        | {
            "bin/pre_compile": "ls no-such-file\n",
            "bin/post_compile": "echo a report | tee report.txt\nexit 7\n",
            "ship.toml": "[static]\n'/static/' = 'assets'\n",
        }
    )

    def refused(reason: str, advice: str) -> None:
        pushed = laptop.push()
        assert pushed.status == 1, pushed.text
        assert f"({reason})" in pushed.text, pushed.text
        assert advice in pushed.text, pushed.text

    refused("build/pre-compile-failed", "Correct it and push again.")
    laptop.commit({"bin/pre_compile": "ls app.py\n"})
    refused("build/post-compile-failed", "Correct it and push again.")
    laptop.commit({"bin/post_compile": "echo a report && sleep 3\n"})
    records.write_toml(path, msgspec.structs.replace(before, build_limit_s=2))
    refused("build/timeout", "or raise build_limit_s in the server's ship.toml.")
    records.write_toml(path, before)
    refused("build/static-folder", "Check its spelling there, and that it was committed")
    laptop.commit({"assets/a.txt": "a", "bin/post_compile": "echo a report\n"})
    pushed = laptop.push()
    assert pushed.status == 0, pushed.text
    assert server.ask("blog") == (200, "below")
    assert server.ask("blog", "/static/a.txt") == (200, "a")


def _follow(server: EmbeddedServer, checkout: Checkout, row: OfPush, said: str) -> None:
    """Do what is advised; where nobody could tell what to type, this fails."""
    if row.does:
        checkout.commit(row.does)
    if row.types:
        _type(server, row, row.types.format(port=server.port))
    if row.does or row.types:
        return
    deeds: tuple[tuple[str, Callable[[re.Match[str]], object]], ...] = (
        (
            r"(ship config:set \w+=\"\$\([^)]+\)\")",
            lambda found: _type_to_a_shell(server, found[1]),
        ),
        (r"`ship ((?:config|checks):set [^`]+)`", lambda found: _type(server, row, found[1])),
        (
            r"[Aa]dd the line `([^`]+)` to (\S+)",
            lambda found: _append(checkout, found[2], found[1]),
        ),
        (
            r"`(release: [^`]+)`",
            lambda found: _append(checkout, "Procfile", found[1]),
        ),
        (r"`web: ([^`]+)`", lambda found: _write(checkout, "Procfile", f"web: {found[1]}\n")),
        (
            r"Did you mean `([^`]+)`\?",
            lambda found: _write(checkout, "Procfile", f"web: gunicorn {found[1]}\n"),
        ),
        (r"Give (\S+)\.py another name", lambda found: _rename(checkout, found[1])),
    )
    for pattern, deed in deeds:
        if found := re.search(pattern, said):
            deed(found)
            return
    raise AssertionError(f"nobody can follow this: {said}")


def _type(server: EmbeddedServer, row: OfPush, line: str) -> None:
    filled = re.sub(r"(\w+)=\.\.\.", lambda found: f"{found[1]}={row.values[found[1]]}", line)
    done = server.ship(*shlex.split(filled), "-a", "blog")
    assert done.status == 0, done.err


def _type_to_a_shell(server: EmbeddedServer, line: str) -> None:
    environment = Typed.environment(server.root) | {"SHIP_APP": "blog"}
    environment["PATH"] = f"{SHIP.parent}:{environment['PATH']}"
    done = type_words(("sh", "-c", line), environment, server.folder)
    assert done.status == 0, done.err


def _append(checkout: Checkout, name: str, line: str) -> None:
    path = checkout.folder / name
    _write(checkout, name, f"{path.read_text() if path.exists() else ''}{line}\n")


def _write(checkout: Checkout, name: str, text: str) -> None:
    checkout.commit({name: text})


def _rename(checkout: Checkout, module: str) -> None:
    checkout.git("mv", f"{module}.py", f"{module}_of_ours.py")
    checkout.commit({})
