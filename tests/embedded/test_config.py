"""Config vars from end to end: typed on a laptop and on the server, out of the running app byte
for byte."""

import http.client
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given

from receiver.model.dotenv import shell_text
from receiver.model.layout import AppPaths, Layout
from receiver.model.names import AppName
from receiver.state import records
from tests.config_values import BATCHES, ECHO, FEW_BATCHES, as_bytes, echoed
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.places import Place, on_a_laptop, plain_server
from tests.embedded.transcript import assert_as_recorded

pytestmark = pytest.mark.embedded
APP = Path(__file__).parents[1] / "apps" / "plain-wsgi"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with plain_server(tmp_path_factory.mktemp("s")) as found:
        yield found


@pytest.fixture(scope="module")
def laptop(root: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A laptop whose ssh leads to the server."""
    place = on_a_laptop(root, tmp_path_factory.mktemp("laptop"), APP)
    place.environment["SHIP_SERVER"] = "ship@vps"
    (place.folder / "app.py").write_text(ECHO)
    assert place.git("commit", "-qam", "echo").status == 0
    return place


@pytest.fixture
def blog(laptop: Place) -> Iterator[Place]:
    """The laptop, with an app blog that is live and has no config vars."""
    assert laptop.ship("apps:create", "blog").status == 0
    pushed = laptop.git("push", "prod", "main")
    assert pushed.status == 0, pushed.err
    yield laptop
    assert laptop.ship("destroy", "blog", "--confirm", "blog").status == 0


def paths(place: Place) -> AppPaths:
    return Layout.embedded(place.root).app(AppName("blog"))


def ask(place: Place) -> dict[str, bytes]:
    """The environment of the worker that answers."""
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=20)
    connection.request("GET", "/", headers={"Host": "blog.apps.test"})
    body = connection.getresponse().read()
    connection.close()
    return echoed(body)


def test_setting_and_unsetting(blog: Place) -> None:
    text = blog.session(
        "ship config",
        "ship config:set GREETING=hi 'MOTTO=two words'",
        "ship config:set GREETING=hi",
        "ship config",
        "ship config -s",
        "ship config --json",
        "ship config:get GREETING",
        "ship config get MOTTO GREETING",
        "ship config:get -s MOTTO",
        "ship config:get --json MOTTO -a blog --remote prod",
        "ship config:keys",
        "ship config:unset MOTTO",
        "ship config:remove GREETING --json",
        "ship plan config:set GREETING=ho",
    )
    assert_as_recorded("config-set", text)


def test_what_is_stored_for_the_next_release(blog: Place) -> None:
    text = blog.session(
        "ship config:set GREETING=hi DEBUG=1",
        "ship config:set GREETING=ho --no-restart",
        "ship config:unset DEBUG --no-restart --json",
        "ship config",
        "ship ps >/dev/null",
        "ship apps:info | grep -v URL",
        "ship rollback v2",
        "ship config:history",
        "ship config:set MORE=1",
        "ship config:history",
        "ship config --release v2",
        "ship config:get GREETING --release v3",
        "ship config:set GREETING=hi --no-restart",
        "ship plan config:set GREETING=ho",
        "ship plan config:unset GREETING MORE | head -n 3",
        "ship config:keys; ship config:get GREETING",
        "ship config:set GREETING=ho",
        "ship config",
    )
    assert_as_recorded("config-no-restart", text)


def test_a_push_takes_along_what_is_pending(blog: Place) -> None:
    assert blog.ship("config:set", "GREETING=hi", "--no-restart").status == 0
    assert "GREETING" not in ask(blog)
    assert blog.git("commit", "-q", "--allow-empty", "-m", "more").status == 0
    pushed = blog.git("push", "prod", "main")
    assert "Pending config vars come along: set GREETING." in pushed.err
    assert ask(blog)["GREETING"] == b"hi"


def test_a_change_that_the_app_does_not_survive_leaves_what_is_pending(blog: Place) -> None:
    assert blog.ship("config:set", "LATER=1", "--no-restart").status == 0
    failed = blog.ship("config:set", "BROKEN=1")
    assert failed.status == 6, failed.err
    assert json.loads(blog.ship("config", "--json").raw) == {"LATER": "1"}
    assert "BROKEN" not in ask(blog)
    assert "Pending, for the next release: set LATER." in blog.ship("config").err


def test_texts_are_imported_and_exported(blog: Place) -> None:
    (blog.folder / ".env").write_text(
        "# of the laptop\nexport GREETING='hi there' # a comment\n\nCERT=\"-----BEGIN\n"
        'AAA=\n-----END\n"\nURL=postgres://u:p@h/d\n'
    )
    (blog.folder / "broken.env").write_text("A=1\nB='two\nC=3\n")
    (blog.folder / "broken.json").write_text('{"A": "1", "B": 2}')
    text = blog.session(
        "ship config:import .env",
        "ship config:export",
        "ship config:export --format shell",
        "ship config:export --format json",
        "ship config:import broken.env",
        "ship config:import broken.json",
        "ship config:import no-such-file",
        "ship config:import < .env",
        "ship config:set - < broken.env",
        'echo \'{"GREETING": "ho"}\' | ship config:import - --replace',
        'echo \'{"GREETING": "ho"}\' | ship config:import - --replace --confirm blgo',
        'echo \'{"GREETING": "ho"}\' | ship config:import - --replace --confirm blog',
        "ship config",
        "ship config:clear",
        "ship config:clear --confirm blog --no-restart",
        "ship config",
    )
    assert_as_recorded("config-import", text)


def test_values_come_from_files_and_from_standard_input(blog: Place) -> None:
    raw = bytes(range(1, 256)) + b"\n\n"
    (blog.folder / "raw").write_bytes(raw)
    text = blog.session(
        "ship config:set --from-file CERT=raw GREETING=hi",
        "ship config:get CERT --raw | cmp - raw && echo the same",
        "printf s3cr3t | ship config:set -f TOKEN=-",
        "echo s3cr3t | ship config:set -f LINE=- --no-restart",
        "printf 'A=1\\nB=2\\n' | ship config:set - C=3 --no-restart",
        "ship config:set -f A=- -f B=-",
        "ship config:set -f A=/no/such/file",
        "ship config:set -f A",
        "ssh ship@vps 'config:set -a blog -f A=/etc/hostname'",
        "ssh ship@vps 'config:import -a blog /etc/hostname'",
        "ssh ship@vps 'config:edit -a blog'",
    )
    assert_as_recorded("config-from-files", text)
    assert ask(blog)["CERT"] == raw


def test_what_is_refused(blog: Place) -> None:
    assert blog.ship("config:set", "GREETING=hi").status == 0
    text = blog.session(
        "ship config:set",
        "ship config:set TOKEN s3cr3t",
        "ship config:set s3cr3t.x",
        "ship config:set MY-TOKEN=1",
        "ship config:set A=1 B=$'two\\n' =3",
        "head -c 140000 /dev/zero | tr '\\0' x | ship config:set -f BIG=-",
        "ship config:get NOPE",
        "ship config:get GREETING NOPE --json",
        "ship config:unset GREETING NOPE",
        "ship config --release v9",
        "ship config -a blgo",
        "ship config:export --format yaml",
        "ship config:set PORT=1 PATH=/bin HOME=/ PYTHONHOME=/ SHIP_PROCESS=x LISTEN_FDS=3 "
        "--no-restart",
    )
    assert_as_recorded("config-refused", text)
    assert ask(blog)["GREETING"] == b"hi"


def test_an_editor(blog: Place) -> None:
    looks = blog.folder.parent / "looks"
    looks.write_text(
        '#!/bin/sh\nstat -c "%a %U" "$1" "$(dirname "$1")" >> "$HOME/seen"\n'
        'echo "$1" >> "$HOME/seen"\n'
    )
    looks.chmod(0o755)
    text = blog.session(
        "ship config:set GREETING=hi DEBUG=1 2>/dev/null",
        "VISUAL= EDITOR=~/looks ship config:edit",
        "EDITOR='sed -i -e s/hi/ho/ -e /DEBUG/d' ship config:edit",
        "ship config",
        "EDITOR=\"sed -i s/ho/'many words'/\" ship config:edit GREETING",
        "EDITOR=false ship config:edit",
        "EDITOR=no-such-editor ship config:edit",
        "EDITOR='sed -i s/.words.//' TMPDIR=$HOME ship config:edit",
        "cat ~/ship-config-*/config.env; rm -r ~/ship-config-*",
        "ship config:get GREETING",
    )
    assert_as_recorded("config-edit", text)
    home = Path(blog.environment["HOME"])
    file, folder, path = (home / "seen").read_text().splitlines()
    assert (file.split()[0], folder.split()[0]) == ("600", "700")
    assert not Path(path).parent.exists()


def test_what_no_editor_has_sent_is_refused(blog: Place) -> None:
    bad = (
        "",
        "[]",
        '{"before": {}}',
        '{"before": {}, "after": {"A": 1}}',
        ('{"before": {}, "after": {"A=B": "1"}}'),
    )
    for sent in bad:
        words = ("ssh", "ship@vps", "config:edit --sent -a blog")
        done = blog.type(*words, given=sent.encode())
        assert (done.status, "(usage/bad-config-" in done.err) == (2, True), done.err
    assert blog.ship("config", "--json").raw == b"{}\n"


def test_at_a_terminal_a_text_that_cannot_be_read_is_edited_again(blog: Place) -> None:
    assert blog.ship("config:set", "GREETING=hi").status == 0
    spoils = blog.folder.parent / "spoils"
    spoils.write_text(
        '#!/bin/sh\ngrep -q "^A LINE" "$1" && exec sed -i "s/^A LINE/GREETING=ho/" "$1"\n'
        'sed -i "s/^GREETING=.*/A LINE/" "$1"\n'
    )
    spoils.chmod(0o755)
    edit = "TMPDIR=$HOME EDITOR=~/spoils ship config:edit --no-restart"
    again = blog.session(f"printf 'y\\n' | script -qec '{edit}' /dev/null")
    assert "Line 4 of the edited text cannot be read." in again
    assert "Edit it again? [Y/n]" in again
    assert blog.ship("config:get", "GREETING").raw == b"ho\n"
    given_up = blog.session(f"printf 'n\\n' | script -qec '{edit}' /dev/null")
    assert "Your text is kept in FOLDER/config.env." in given_up
    assert given_up.endswith("[130]\n")
    kept = next(Path(blog.environment["HOME"]).glob("ship-config-*/config.env"))
    assert kept.read_text().endswith("\nA LINE\n")
    shutil.rmtree(kept.parent)
    assert blog.ship("config:get", "GREETING").raw == b"ho\n"


def test_what_somebody_else_set_meanwhile_is_not_lost(blog: Place, root: EmbeddedServer) -> None:
    assert blog.ship("config:set", "A=1", "B=1").status == 0
    meanwhile = blog.folder.parent / "meanwhile"
    meanwhile.write_text(
        f"#!/bin/sh\nsed -i s/A=1/A=2/ \"$1\"\nenv -u SHIP_SERVER SHIP_ROOT='{root.root}' "
        f"PATH='{blog.path}'"
        " ship config:set --no-restart -a blog $MEANWHILE >/dev/null 2>&1\n"
    )
    meanwhile.chmod(0o755)
    edit = f"TMPDIR=$HOME EDITOR={meanwhile} ship config:edit"
    other = blog.type("bash", "-c", edit, env={"PATH": blog.path, "MEANWHILE": "B=2"})
    assert other.status == 0, other.err
    assert json.loads(blog.ship("config", "--json").raw) == {"A": "2", "B": "2"}
    assert blog.ship("config:set", "A=1", "--no-restart").status == 0
    same = blog.type("bash", "-c", edit, env={"PATH": blog.path, "MEANWHILE": "A=3"})
    assert (same.status, "A was changed by somebody else meanwhile." in same.err) == (10, True)
    kept = next(Path(blog.environment["HOME"]).glob("ship-config-*/config.env"))
    assert f"Your text is kept in {kept}." in same.err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    shutil.rmtree(kept.parent)
    assert json.loads(blog.ship("config", "--json").raw) == {"A": "3", "B": "2"}


def test_no_value_goes_over_in_a_command_line(blog: Place) -> None:
    blog.ssh_log.unlink(missing_ok=True)
    (blog.folder / "secret.env").write_text("B=s3cr3t\n")
    assert blog.ship("config:set", "A=s3cr3t", "--no-restart").status == 0
    assert blog.ship("config:import", "secret.env", "--no-restart").status == 0
    told = blog.ssh_log.read_text()
    assert told.count("config:") == 2
    assert "s3cr3t" not in told


def test_nothing_that_ship_keeps_for_others_to_read_has_a_value(blog: Place) -> None:
    blog.ship("config:set", "API_KEY=s3cr3t-of-the-tests")
    assert blog.ship("config:set", "API_KEY=s3cr3t-of-the-tests-2", "BROKEN=1").status == 6
    home = paths(blog).home
    found = subprocess.run(
        ("grep", "-rl", "s3cr3t-of-the-tests", str(blog.root)),
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\n")
    holders = {Path(name).name for name in found if name}
    # an app's own log is its own matter
    assert holders - {"web.a.log"} == {"config.json", "env.json"}
    assert stat.S_IMODE((home / "config.json").stat().st_mode) == 0o600


def test_a_shell_reads_what_is_written_for_it(tmp_path: Path) -> None:
    raw = bytes(range(1, 256))
    values = {
        "ALL": raw.decode("utf-8", "surrogateescape"),
        "QUOTES": "'it''s' \"so\" \\' \\\\ $HOME `id` !x\n",
        "BLANKS": "  a  ",
        "EMPTY": "",
    }
    script = (
        shell_text(values)
        + b"printf '%s\\0' "
        + b" ".join(b'"$%s"' % name.encode() for name in values)
    )
    for shell in ("sh", "bash"):
        done = subprocess.run(
            (shell, "-s"), input=script, capture_output=True, check=True, cwd=tmp_path
        )
        expected = [value.encode("utf-8", "surrogateescape") for value in values.values()]
        assert done.stdout.split(b"\0")[:-1] == expected


KILLED = """
import os, signal, sys
from pathlib import Path
from receiver.changes.points import EVENT
from receiver.deploy.releasing import reconfigure
from receiver.deploy.stages.requests import ConfigChange
from receiver.model.names import AppName
from receiver.model.output import Output
from receiver.server import open_server

def hook(event, told):
    if event == EVENT and told == (sys.argv[2],):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
change = ConfigChange(app=AppName("blog"), by="me", number=1, values={"B": "2"}, removed=("C",))
reconfigure(open_server(Path(sys.argv[1])), change, Output(len))
"""


@pytest.mark.parametrize("where", ["before WriteFile", "after WriteFile", "claimed", "recorded"])
def test_what_is_pending_outlives_a_change_that_a_power_cut_ended(blog: Place, where: str) -> None:
    assert blog.ship("config:set", "A=1", "C=1").status == 0
    assert blog.ship("config:set", "A=2", "--no-restart").status == 0
    done = blog.type(sys.executable, "-c", KILLED, str(blog.root), where)
    assert done.status == -9, done.err
    assert blog.ship("config:set", "D=1", "--no-restart").status == 0
    assert json.loads(blog.ship("config", "--json").raw) == {"A": "2", "C": "1", "D": "1"}
    seen = ask(blog)
    assert (seen["A"], seen["C"], seen.get("B")) == (b"1", b"1", None)
    assert "Pending, for the next release: set A, D." in blog.ship("config").err


def test_of_changes_that_are_stored_at_once_none_is_lost(blog: Place) -> None:
    before = records.read_config(paths(blog).config)
    assert blog.ship("config:set", "A=1", "--no-restart").status == 0
    changes = [
        subprocess.Popen(
            ("bash", "-c", f"ship config:set N{number}={number} --no-restart >/dev/null 2>&1"),
            cwd=blog.folder,
            env={**blog.environment, "PATH": blog.path},
        )
        for number in range(4)
    ]
    assert [each.wait(60) for each in changes] == [0] * 4
    expected = {"A": "1", **{f"N{number}": str(number) for number in range(4)}}
    assert {**before, **expected} == records.read_config(paths(blog).config)


@given(batch=BATCHES)
@FEW_BATCHES
def test_every_value_comes_out_of_the_app_as_it_went_in(
    stays: Place, batch: Mapping[str, bytes]
) -> None:
    text = json.dumps({name: os.fsdecode(value) for name, value in batch.items()})
    sent = stays.ship("config:import", "--replace", "--confirm", "blog", given=text.encode())
    assert sent.status == 0, sent.err
    seen = ask(stays)
    assert {name: seen.get(name) for name in batch} == dict(batch)
    exported = stays.ship("config:export").raw
    again = stays.ship("config:import", "-", given=exported)
    assert "Nothing was changed" in again.err
    assert as_bytes(json.loads(stays.ship("config", "--json").raw)) == dict(batch)


@pytest.fixture(scope="module")
def stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server and an app of their own: the examples of one test share them."""
    with plain_server(tmp_path_factory.mktemp("p")) as server:
        place = on_a_laptop(server, tmp_path_factory.mktemp("values"), APP)
        place.environment["SHIP_SERVER"] = "ship@vps"
        (place.folder / "app.py").write_text(ECHO)
        assert place.git("commit", "-qam", "echo").status == 0
        assert place.ship("apps:create", "blog").status == 0
        assert place.git("push", "prod", "main").status == 0
        yield place


def test_what_a_laptop_is_told_of_a_needless_or_contradictory_wish(blog: Place) -> None:
    cleared = blog.ship("config:clear", "-a", "blog", "--confirm", "blog")
    assert cleared.status == 0
    assert "There are no config vars. Nothing was changed, and no release was made." in cleared.err
    both = blog.ship("maintenance:on", "-a", "blog", "--message", "x", "--page", "/nowhere")
    assert both.status == 2
    assert "A message and a page are given; visitors see one of them." in both.err
    cloned = blog.ship("apps:clone", "blog", "lazy", "--skip-deploy")
    assert cloned.status == 0, cloned.err
    assert cloned.err.count("git remote add") == 1
    assert "git remote add lazy ship@vps:lazy\n" in cloned.err
    assert blog.ship("destroy", "lazy", "--confirm", "lazy").status == 0
