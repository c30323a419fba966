"""Code that comes in without `git push`, and apps that their first push makes: as typed on a laptop
whose ssh leads to the gate, and on the server's own machine."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from receiver.access import keys
from receiver.machine import git
from receiver.model.names import AppName
from receiver.state import records
from tests.embedded.embedded_server import NOW, EmbeddedServer
from tests.embedded.places import Place, on_a_laptop
from tests.embedded.pushing import wsgi

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def laptop(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A laptop of an admin, in a checkout of the app blog, which its first push made."""
    app = tmp_path_factory.mktemp("app")
    write(app, wsgi("pushed"))
    before = records.read_server(server.layout)
    allowed = msgspec.structs.replace(before, create_on_push=True)
    records.write_toml(server.layout.server_settings, allowed)
    place = on_a_laptop(server, tmp_path_factory.mktemp("home"), app)
    place.environment["SHIP_SERVER"] = "ship@vps"
    pushed = place.git("push", "ship@vps:blog", "main")
    assert pushed.status == 0, pushed.err
    assert "-----> blog is a new app on this server, made by its first push" in pushed.err
    assert server.ask("blog") == (200, "pushed")
    yield place
    records.write_toml(server.layout.server_settings, before)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def packed(*members: tuple[str, str]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return file.getvalue()


def test_an_admins_first_push_makes_the_app_where_the_server_has_it_so(
    server: EmbeddedServer, laptop: Place
) -> None:
    other = {"SHIP_TEST_KEY": "deployer"}
    keys.add_token(server.layout, "deployer", NOW, everywhere="deploy")
    refused = laptop.type("git", "push", "ship@vps:shop", "main", env=other)
    assert "There is no app shop on this server." in refused.err
    refused = laptop.git("push", "ship@vps:Bad_Name", "main")
    assert "(usage/bad-app-name)" in refused.err, refused.err
    fetched = laptop.git("fetch", "ship@vps:shop")
    assert "There is no app shop on this server." in fetched.err
    assert records.app_names(server.layout) == ["blog"]


def test_a_folder_without_git_is_deployed_as_it_is(
    server: EmbeddedServer, laptop: Place, tmp_path: Path
) -> None:
    rubbish = {".venv/a": "", "env/pyvenv.cfg": "", "__pycache__/a.pyc": "", "a.log": ""}
    write(tmp_path, wsgi("sent") | rubbish | {".gitignore": "*.log\n", "deep/er/b.txt": "b"})
    done = laptop.ship("deploy", str(tmp_path), "-a", "blog", "-m", "By hand")
    assert done.status == 0, done.err
    assert f"Sending 4 files of {tmp_path}, 1 KiB\n" in done.err
    assert "never part of an app): .venv, __pycache__, a.log, env\n" in done.err
    assert "-----> Committing 4 files to main as " in done.err
    assert "is live" in done.err
    assert server.ask("blog") == (200, "sent")
    # it is a commit like any other, on what was pushed before
    assert laptop.git("pull", "-q", "ship@vps:blog", "main").status == 0
    assert laptop.git("log", "-1", "--format=%an: %s").out == "laptop: By hand\n"
    assert (laptop.folder / "deep/er/b.txt").read_text() == "b"


def test_an_archive_on_standard_input_takes_the_way_of_a_push(
    server: EmbeddedServer, laptop: Place
) -> None:
    files = [(f"blog-1.0/{name}", text) for name, text in wsgi("archive").items()]

    def send(given: bytes, words: str = "-a blog", key: str = "laptop") -> tuple[int, str]:
        line = ("ssh", "ship@vps", f"git:from-archive {words}")
        done = laptop.type(*line, given=given, env={"SHIP_TEST_KEY": key})
        return done.status, done.err

    status, said = send(packed(*files), "-a blog -o plan")
    assert status == 0, said
    assert "Everything is in the folder blog-1.0/, which is used as the top." in said
    before = git.refs(server.layout.repo(AppName("blog")))

    keys.add_token(server.layout, "viewer", NOW, everywhere="view")
    for sent, words, key, code, reason in (
        (packed(*files), "-a blog", "viewer", 21, "access/not-granted"),
        (packed(*files), "-a shop", "viewer", 20, "not-found/app"),
        (packed(*files), "", "laptop", 2, "usage/no-app"),
        (packed(*files), "-a blog -o fast", "laptop", 1, "usage/unknown-push-option"),
        (packed(("../a", "")), "-a blog", "laptop", 4, "build/unsafe-tree"),
        (packed(("a.txt", "")), "-a blog", "laptop", 4, "build/"),
        (b"hello", "-a blog", "laptop", 4, "build/not-an-archive"),
        (b"", "-a blog", "laptop", 4, "build/not-an-archive"),
    ):
        status, said = send(sent, words, key)
        assert (status, f"({reason}" in said) == (code, True), said
    assert git.refs(server.layout.repo(AppName("blog"))) == before
    assert not list(server.layout.repo(AppName("blog")).glob("tmp*"))

    # and on the machine of an embedded server, by its owner
    done = server.ship("git:from-archive", "-a", "blog", given=packed(*files))
    assert done.status == 0, done.err
    assert server.ask("blog") == (200, "archive")
    last = server.ship("audit", "-a", "blog", "-n", "1").out
    assert "git push main" in last
    assert "laptop" not in last


def test_what_is_no_file_folder_or_address_is_told(laptop: Place, tmp_path: Path) -> None:
    for what, words in (
        (str(tmp_path), "There is nothing to send in "),
        ("nothing-here", "There is no file or folder nothing-here here."),
        ("http://me:s3cr3t@127.0.0.1:1/a.tar.gz?t=s3cr3t", " 127.0.0.1/a.tar.gz could not be"),
    ):
        done = laptop.ship("deploy", what, "-a", "blog")
        assert done.status == 2
        assert words in done.err
        assert "s3cr3t" not in done.err
