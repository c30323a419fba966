"""What .slugignore leaves out is in no release: not when it is built, nor served, nor brought
back."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from receiver.deploy.tree.opening import opened
from receiver.model.output import Output
from receiver.model.weight import TreeLimits
from tests.embedded.embedded_server import EmbeddedServer
from tests.embedded.pushing import wsgi
from tests.needs import require_program

pytestmark = pytest.mark.embedded


def kept(server: EmbeddedServer, app: str) -> set[str]:
    """Names at the top of what is live."""
    paths = server.paths(app)
    return {path.name for path in (paths.current.resolve() / "source").iterdir()} - {"__pycache__"}


def test_files_are_left_out_of_each_release(server: EmbeddedServer) -> None:
    app = server.create("slim")
    checkout = server.checkout("slim")
    tree = {
        **wsgi("slim"),
        ".slugignore": "*.psd\n/docs\nProcfile\n!docs/a.md\n",
        "docs/a.md": "x",
        "public/a.txt": "shown",
        "public/b.psd": "x",
        "Procfile": "web: nonsense\n",
        "ship.toml": "[static]\n'/static/' = 'public'\n",
    }
    checkout.commit(tree)
    pushed = checkout.push()
    assert pushed.status == 0, pushed.text
    assert "       .slugignore leaves 3 files out of the release." in pushed.lines
    assert any("!docs/a.md in .slugignore does not count" in line for line in pushed.lines)
    names = {".slugignore", "app.py", "public", "requirements.txt", "ship.toml"}
    assert kept(server, app) == names
    assert server.ask(app, "/static/a.txt") == (200, "shown")
    assert server.ask(app, "/static/b.psd")[0] == 404
    checkout.commit({".slugignore": None, "Procfile": "web: gunicorn app:app\n"})
    assert checkout.push().status == 0
    assert {"docs", "Procfile"} <= kept(server, app)
    server.rollback(app, 1)
    assert kept(server, app) == names
    assert server.leftovers(app) == []


def test_an_app_that_leaves_all_of_itself_out_is_told(server: EmbeddedServer) -> None:
    server.create("nothing")
    checkout = server.checkout("nothing")
    checkout.commit({**wsgi("nothing"), ".slugignore": "*\n"})
    pushed = checkout.push()
    assert pushed.status == 1
    assert ".slugignore leaves 3 files out of the release." in pushed.text
    assert server.leftovers("nothing") == []


def test_the_archive_is_what_git_would_have_made_of_the_rest(tmp_path: Path) -> None:
    """Names of bytes, links, modes and the id of the commit come through."""
    require_program("git")
    repo, long = tmp_path / "repo", "long/" * 30 + "name"
    repo.mkdir()
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(repo))
    for name in (b"keep\xff", b"docs/a.md", b"\xc3\xa4.txt", long.encode()):
        path = Path(os.fsdecode(os.fsencode(repo) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (repo / "link").symlink_to("docs/a.md")
    (repo / "run").write_text("#!/bin/sh\n")
    (repo / "run").chmod(0o755)
    (repo / ".slugignore").write_text("docs\n")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "one")):
        subprocess.run((*git, *words), check=True)
    whole, rest = tmp_path / "7.tar", tmp_path / "rest.tar"
    subprocess.run((*git, "archive", "-o", str(whole), "HEAD"), check=True)
    subprocess.run((*git, "archive", "-o", str(rest), "HEAD", ":!docs"), check=True)
    said = bytearray()
    with opened(whole, TreeLimits(100, 1024), Output(said.extend)) as tree:
        assert not tree.has("docs/a.md")
    assert said.decode() == "       .slugignore leaves 1 file out of the release.\n"
    assert list(tmp_path.glob("*.kept.tar")) == []
    assert _contents(whole) == _contents(rest)
    with tarfile.open(whole) as found, tarfile.open(rest) as wanted:
        assert found.pax_headers == wanted.pax_headers


def _contents(archive: Path) -> list[tuple[object, ...]]:
    with tarfile.open(archive) as tar:
        return [(it.name, it.mode, it.type, it.linkname, it.size, it.mtime) for it in tar]
