"""Text that would give a terminal orders, on every way by which others' text reaches one."""

import json
import re

import pytest

from tests.checkout import Pushed
from tests.embedded.conftest import Ship
from tests.embedded.embedded_server import EmbeddedServer, wait_until

pytestmark = pytest.mark.embedded

HOSTILE = "\x1b]0;owned\x07\x1b]52;c;cHdu\x07\x1b[2J\x1b[1A\x9b2J\x1b[32mgreen\u202e"
_OPEN = "^[]0;owned^G^[]52;c;cHdu^G^[[2J^[[1A<9b>2J\x1b[32mgreen<202e>"
SHOWN = f"{_OPEN}\x1b[0m"
SAYS = f"import sys; print({HOSTILE!r} + 'X' + chr(13) + {HOSTILE!r}, file=sys.stderr)"
APP = f"""
{SAYS}
sys.stderr.flush()

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"fine"]
"""
FAILS = f"raise RuntimeError({HOSTILE!r})\n"
_ORDER = re.compile("\x1b(?!\\[[0-9;:]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e]")


@pytest.fixture(scope="module")
def pushes(server: EmbeddedServer) -> tuple[Pushed, Pushed, Pushed]:
    """A push that says it in its release phase and its log, one that raises it, one of a branch
    that is called so."""
    files = {"Procfile": "release: python say.py\nweb: gunicorn app:app\n", "say.py": SAYS}
    server.create("blog")
    checkout = server.checkout("blog")
    checkout.commit({**files, "app.py": APP, "requirements.txt": ""})
    good = checkout.push()
    checkout.commit({"app.py": FAILS})
    bad = checkout.push()
    other = checkout.push("HEAD:refs/heads/\x9b2J\u202e")
    assert (good.status, bad.status != 0, other.status != 0) == (0, True, True), good.text
    return good, bad, other


def test_a_push_shows_it(pushes: tuple[Pushed, Pushed, Pushed]) -> None:
    good, bad, other = (re.sub(r" *\x1b\[K", "", each.text) for each in pushes)
    assert SHOWN in good
    assert "<9b>2J" in bad
    assert "The branch <9b>2J<202e> was pushed" in other
    for text in (good, bad):
        assert not _ORDER.search(text), ascii(text)


@pytest.mark.usefixtures("pushes")
def test_what_is_kept_of_a_push_shows_it(ship: Ship) -> None:
    for words in (("builds:output", "1"), ("releases:output", "v1"), ("logs:failed",)):
        typed = ship(*words)
        assert "<9b>2J" in typed.out, words
        assert not _ORDER.search(typed.out + typed.err), words
    said = json.loads(ship("logs:failed", "--json").out)
    assert "<9b>2J" in said["output"]


@pytest.mark.usefixtures("pushes")
def test_the_log_shows_it_and_tells_programs_what_it_was(ship: Ship) -> None:
    wait_until(lambda: "owned" in ship("logs", "--source", "app").out)
    typed = ship("logs", "--source", "app")
    assert f"{_OPEN}X^M{SHOWN}" in typed.out
    assert not _ORDER.search(typed.out)
    raw = ship("logs", "--json", "--source", "app").out
    assert not _ORDER.search(raw)
    assert any(HOSTILE in json.loads(line)["text"] for line in raw.splitlines())


@pytest.mark.usefixtures("pushes")
def test_a_run_shows_it_and_hands_it_on_as_it_is_to_who_runs_it(ship: Ship) -> None:
    name = ship("run:detached", "--", "python", "say.py").out.strip()
    wait_until(lambda: "owned" in ship("run:output", name).out)
    assert ship("run:output", name).out == f"{SHOWN}\n"
    assert HOSTILE in ship("run", "--", "python", "say.py").err


@pytest.mark.parametrize("words", [("builds:info", HOSTILE), ("cron:run", HOSTILE)])
@pytest.mark.usefixtures("pushes")
def test_an_error_shows_what_was_typed(ship: Ship, words: tuple[str, ...]) -> None:
    typed = ship(*words)
    assert typed.status != 0
    assert "<9b>2J" in typed.err
    assert not _ORDER.search(typed.err)
