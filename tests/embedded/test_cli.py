"""`ship` as people type it: on the server itself, and on a laptop that only has ssh and git.

The server is a real embedded one. In place of ssh stands a program that notes its command line and
starts the real gate; sshd itself has its turn in tests/vps.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.state import records
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.keyboard import BIN
from tests.embedded.places import Place, on_a_laptop, on_the_server, plain_server

pytestmark = pytest.mark.embedded
APP = Path(__file__).parents[1] / "apps" / "plain-wsgi"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with plain_server(tmp_path_factory.mktemp("s")) as found:
        assert found.token, "the first key is an admin's"
        yield found


@pytest.fixture(scope="module")
def server(root: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """On the machine of the server."""
    return on_the_server(root, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def laptop(root: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """In a checkout on a laptop, which has no ship server; ssh leads to the gate."""
    return on_a_laptop(root, tmp_path_factory.mktemp("laptop"), APP)


@pytest.fixture(scope="module")
def blog(laptop: Place) -> Place:
    """An app that was made and pushed from the laptop, over what it takes for ssh."""
    made = laptop.type(str(BIN / "ship"), "apps:create", "blog", env={"SHIP_SERVER": "ship@vps"})
    assert made.status == 0, made.err
    assert made.raw == f"http://blog.apps.test:{laptop.port} | ship@vps:blog\n".encode()
    assert made.err == (
        "Creating blog... done\n"
        "Added the git remote prod. To put the app live: git push prod main\n"
    )
    pushed = laptop.git("push", "prod", "main")
    assert pushed.status == 0, pushed.err
    assert "v1 is live" in pushed.err
    return laptop


def test_ssh_gets_the_words_quoted_and_no_option_can_be_smuggled_in(blog: Place) -> None:
    blog.ssh_log.unlink(missing_ok=True)
    blog.ship("config:get", "A B;$(x)")
    assert blog.ssh_log.read_text().splitlines() == [
        "-T",
        "--",
        "ship@vps",
        "config:get --app blog 'A B;$(x)'",
    ]


def test_values_arrive_byte_for_byte(blog: Place) -> None:
    value = b"a \"b\" 'c' $d `e` \\ \n\xff\xc3\xa4 ;|& "
    done = blog.ship("config:set", b"ODD=" + value, "B=2")
    assert done.status == 0, done.err
    assert done.raw == b"ODD: " + value + b"\nB:   2\n"
    assert blog.ship("config:get", "ODD").raw == value + b"\n"
    seen = blog.ship("run", "--", "sh", "-c", 'printf %s "$ODD"')
    assert seen.raw == value


def test_the_transcript_is_shown_and_the_release_bears_the_name_of_the_key(blog: Place) -> None:
    done = blog.ship("config:set", "WHO=laptop")
    assert done.err.startswith("-----> Set WHO config var\n-----> ")
    newest = json.loads(blog.ship("releases", "--json").raw)[0]
    assert (newest["by"], newest["description"]) == ("laptop", "Set WHO config var")
    assert newest["current"] is True


def test_run_hands_on_input_output_and_exit_code(blog: Place) -> None:
    given = bytes(range(256)) * 300
    done = blog.ship("run", "--", "cat", given=given)
    assert (done.status, done.raw) == (0, given)
    assert blog.ship("run", "--", "sh", "-c", "exit 7").status == 7
    where = blog.ship("run", "sh", "-c", "pwd; command -v python").raw.decode().splitlines()
    assert where[0].endswith("/source")
    assert "/venvs/" in where[1]


def test_rollback_and_retry_make_releases(blog: Place) -> None:
    before = json.loads(blog.ship("releases", "--json").raw)[0]["version"]
    back = blog.ship("rollback", "v1")
    assert (back.status, back.raw.decode()) == (0, f"v{before + 1}\n"), back.err
    again = blog.ship("releases:retry")
    assert (again.status, again.raw.decode()) == (0, f"v{before + 2}\n"), again.err
    told = blog.ship("releases:output", str(before + 2)).raw.decode()
    assert f"-----> v{before + 2} is live" in told


def test_processes_are_scaled_stopped_and_started(blog: Place) -> None:
    assert blog.ship("ps:scale", "web=1").raw == b"web=1\n"
    assert blog.ship("ps:scale", "web+1").raw == b"web=2\n"
    assert blog.ship("ps:scale").raw == b"web=2\n"
    assert blog.ship("ps:stop").status == 0
    assert json.loads(blog.ship("ps", "--json").raw)["types"][0]["running"] == []
    assert b"stopped" in blog.ship("apps").raw
    assert blog.ship("ps:start").status == 0
    assert blog.ship("ps:restart").status == 0
    assert len(json.loads(blog.ship("ps", "--json").raw)["types"][0]["running"]) == 2


def test_what_was_stopped_before_its_first_push_can_be_started(blog: Place) -> None:
    assert blog.type("ssh", "ship@vps", "apps:create early").status == 0
    silent = blog.type("ssh", "ship@vps", "logs -a early")
    assert (silent.status, silent.raw) == (0, b"")
    assert silent.err == (
        "early has no release yet, so nothing has written a line. Push some code: git push "
        "prod main\n"
    )
    refused = blog.type("ssh", "ship@vps", "ps:start -a early")
    assert (refused.status, "----->" in refused.err) == (20, False)
    for words in ("ps:stop", "ps:start"):
        assert blog.type("ssh", "ship@vps", f"{words} -a early").status == 0
    assert blog.type("ssh", "ship@vps", "apps:destroy early --confirm early").status == 0


def test_what_was_mistyped_is_no_failed_build(blog: Place) -> None:
    before = blog.ship("builds", "--json").raw
    for words in (("ps:scale", "foo=1"), ("ps:stop", "foo"), ("rollback", "v999")):
        done = blog.ship(*words)
        assert (done.status, "----->" in done.err) == (20, False), done.err
    assert blog.ship("builds", "--json").raw == before


def test_logs_end_with_their_reader(blog: Place) -> None:
    assert len(blog.ship("logs", "-n", "2").raw.splitlines()) == 2
    line = f"{BIN / 'ship'} logs -t -n 1 | head -n 1"
    assert blog.type("timeout", "60", "bash", "-c", line).raw.count(b"\n") == 1


def test_a_command_that_fails_says_why_once(blog: Place) -> None:
    done = blog.ship("config:get", "NOPE")
    assert (done.status, done.raw) == (20, b"")
    assert done.err.count("blog has no config var NOPE.") == 1
    assert done.err.endswith(" !     (not-found/config-var)\n\n")
    told = blog.ship("releases:info", "v999", "--json")
    assert json.loads(told.err)["reason"] == "not-found/release"


def test_git_is_refused_what_is_not_an_app_or_not_served(blog: Place) -> None:
    done = blog.git("push", "ship@vps:blgo", "main")
    assert done.status != 0
    assert " !     There is no app blgo on this server.\n" in done.err
    assert "Did you mean blog?" in done.err
    assert "ssh ship@apps.test apps:create blgo" in done.err
    assert "not served" in blog.git("archive", "--remote", "ship@vps:blog", "main").err
    assert blog.git("clone", "-q", "ship@vps:blog", "copy").status == 0
    for address in (
        "ship@vps:/blog",
        "ship@vps:blog.git",
        "ship@vps:~/blog",
        "ssh://ship@vps/blog",
    ):
        assert blog.git("ls-remote", address).status == 0


def test_the_key_file_is_read_on_the_laptop(blog: Place, server: Place) -> None:
    key = blog.folder.parent / "new.pub"
    body = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
    key.write_text(f"ssh-ed25519 {body} me@laptop\n")
    done = blog.ship("keys:add", "second", str(key))
    assert done.status == 0, done.err
    assert done.raw.startswith(b"second  SHA256:")
    assert blog.ship("keys:add", "third", "/etc/hostname").status == 2
    typed = blog.type("ssh", "ship@vps", "keys:add third /etc/hostname")
    assert "not an ssh public key" in typed.err
    assert "'/etc/hostname'" in typed.err
    assert b"second" in server.ship("keys").raw
    assert blog.ship("keys:remove", "second").status == 0


def test_a_token_is_shown_once_on_standard_output(server: Place) -> None:
    done = server.ship("keys:add", "--token", "ci")
    assert len(done.raw.strip()) > 40
    assert done.err.startswith(
        "The token ci is shown this once:\nci may do nothing yet. To let it push"
    )
    assert done.raw.strip() not in server.ship("keys", "--json").raw


def test_nobody_can_go_by_the_name_of_another_key(blog: Place) -> None:
    done = blog.type("ssh", "ship@vps", "--by root config:set -a blog A=b")
    assert (done.status, done.raw) == (2, b"")
    assert "There is no command '--by'." in done.err


def test_a_key_cannot_take_the_server_down(blog: Place) -> None:
    done = blog.type("ssh", "ship@vps", "server:stop")
    assert done.status == 21
    assert "access/on-server-only" in done.err


def test_a_rename_takes_everything_along(blog: Place, server: Place) -> None:
    done = blog.ship("apps:rename", "journal")
    assert done.status == 0, done.err
    assert done.raw == f"http://journal.apps.test:{blog.port} | ship@vps:journal\n".encode()
    assert blog.git("remote", "get-url", "prod").raw == b"ship@vps:journal\n"
    home = Layout.embedded(blog.root).app(AppName("blog")).home
    assert not home.exists()
    assert blog.ship("run", "--", "gunicorn", "--version").status == 0
    assert ask(blog.port, "journal.apps.test") == 200
    assert ask(blog.port, "blog.apps.test") == 404
    assert blog.ship("run", "--", "printenv", "SHIP_HOST").raw == b"journal.apps.test\n"
    # what its web processes are given as SHIP_HOST, and what its workers ask themselves by
    paths = Layout.embedded(blog.root).app(AppName("journal"))
    kept = records.release_versions(paths)
    assert {records.read_release(paths, each).address for each in kept} == {"journal.apps.test"}
    assert blog.ship("config:set", "AFTER=rename").status == 0
    assert blog.ship("rollback").status == 0
    assert blog.ship("apps:rename", "blog").status == 0
    assert server.ship("apps").raw.startswith(b"blog  ")


RENAME_UNTIL = """
import os, signal, sys
from receiver.apps import parts
from receiver.cli.main import main
from receiver.model.errors import ServerError

(name, moment), ending = sys.argv[1].split("."), sys.argv[2]
part = getattr(parts, name)
whole = getattr(part, moment)

def end(*_, **__):
    setattr(part, moment, whole)
    if ending == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise ServerError("The disk is full.")

setattr(part, moment, end)
sys.exit(main(["apps:rename", "blog", "diary"]))
"""


@pytest.mark.parametrize("ending", ["killed", "failed"])
@pytest.mark.parametrize(
    "step", ["Site.stop", "Home.rename", "Repository.rename", "Releases.rename", "Units.start"]
)
def test_a_rename_that_ends_halfway_is_taken_back(
    blog: Place, server: Place, step: str, ending: str
) -> None:
    done = server.type(sys.executable, "-c", RENAME_UNTIL, step, ending)
    assert done.status == (-9 if ending == "killed" else 8)
    layout = Layout.embedded(blog.root)
    if ending == "killed":  # read by later versions too
        assert layout.rename_note.read_text() == '{"old":"blog","new":"diary"}\n'
    assert server.ship("apps").raw.startswith(b"blog  ")
    assert ask(blog.port, "blog.apps.test") == 200
    assert ask(blog.port, "diary.apps.test") == 404
    assert not (layout.state / "rename.json").exists()
    assert not layout.app(AppName("diary")).home.exists()
    assert not layout.repo(AppName("diary")).exists()


def test_a_rename_that_a_power_cut_ended_is_taken_back_at_boot(blog: Place, server: Place) -> None:
    assert server.type(sys.executable, "-c", RENAME_UNTIL, "Units.start", "killed").status == -9
    booted = server.ship("server:recover", "--boot")
    assert booted.status == 0, booted.err
    assert not (Layout.embedded(blog.root).state / "rename.json").exists()
    started = server.ship("server:start")
    assert (started.status, "did not start" in started.err) == (0, False)
    assert ask(blog.port, "blog.apps.test") == 200


def test_an_app_is_destroyed_only_by_its_name(blog: Place, server: Place) -> None:
    blog.type(str(BIN / "ship"), "create", "doomed", env={"SHIP_SERVER": "ship@vps"})
    refused = blog.ship("destroy", "doomed")
    assert (refused.status, refused.raw) == (2, b"")
    assert "ship apps:destroy --app doomed --confirm doomed" in refused.err
    assert blog.ship("destroy", "doomed", "--confirm", "blog").status == 2
    assert b"doomed" in server.ship("apps").raw
    done = blog.ship("destroy", "doomed", "--confirm", "doomed")
    assert (done.status, done.err) == (0, "Destroying doomed... done\n")
    assert b"doomed" not in server.ship("apps").raw


def test_the_server_tells_that_it_runs(server: Place) -> None:
    done = server.ship("server:status", "--json")
    assert done.status == 0
    assert json.loads(done.raw)["url"] == f"http://127.0.0.1:{server.port}"


def ask(port: int, host: str) -> int:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/", headers={"Host": host})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_check_of_the_checkout_is_a_push_that_moves_nothing(blog: Place) -> None:
    (blog.folder / "notes.py").write_text("x = 1\n")
    assert blog.git("add", "notes.py").status == 0
    assert blog.git("commit", "-q", "-m", "notes").status == 0
    (blog.folder / "not-committed.txt").write_text("")
    checked = blog.ship("check")
    assert checked.status == 0, checked.err
    assert checked.err.startswith("What is not committed is left out.\n")
    assert "Nothing was released: v" in checked.err
    assert "HEAD -> refs/ship/checked" in checked.err
    assert blog.git("rev-list", "--count", "prod/main..main").raw == b"1\n"
    (blog.folder / "not-committed.txt").unlink()
    assert blog.git("reset", "-q", "--hard", "HEAD~1").status == 0


def test_a_check_with_nothing_new_takes_what_was_pushed_last(blog: Place) -> None:
    checked = blog.ship("check")
    assert checked.status == 0, checked.err
    assert checked.err.startswith("-----> Receiving ")
    assert "refs/ship" not in checked.err
    elsewhere = blog.type(
        str(BIN / "ship"),
        "check",
        "-a",
        "blog",
        env={"SHIP_SERVER": "ship@vps", "GIT_DIR": "/none"},
    )
    assert elsewhere.status == 0, elsewhere.err


def test_a_remote_that_led_elsewhere_is_told_of(blog: Place) -> None:
    def point(name: str, app: str = "blog") -> tuple[str, str]:
        done = blog.ship("git:remote", "-r", name, "-a", app)
        assert done.status == 0, done.err
        return done.out, done.err

    assert point("other") == ("set git remote other to ship@vps:blog\n", "")
    assert point("other") == ("set git remote other to ship@vps:blog\n", "")
    assert blog.git("remote", "set-url", "other", "git@example.com:me/code.git").status == 0
    assert point("other")[1] == (
        " !     other pointed to git@example.com:me/code.git until now.\n"
        " !     To point it there again: git remote set-url other git@example.com:me/code.git\n"
    )
    assert blog.git("remote", "set-url", "other", "http://ship:token@vps/git/shop.git").status == 0
    assert (
        point("other")[1] == " !     other pointed to http://ship:***@vps/git/shop.git until now.\n"
    )
    blog.git("remote", "remove", "other")
