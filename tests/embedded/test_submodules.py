"""A submodule is fetched by the real git, over https, with one of its own inside."""

import http.server
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from receiver.deploy.stages import submodules
from tests import certificates
from tests.checkout import NOBODYS_SETTINGS
from tests.needs import require_program

pytestmark = pytest.mark.embedded

WHO = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")


class GitServer(http.server.BaseHTTPRequestHandler):
    """Serves the repositories of a folder, by git's own program."""

    root: Path

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length", 0))
        done = subprocess.run(
            ("git", "http-backend"),
            input=self.rfile.read(size),
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            },
            capture_output=True,
            check=True,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the library's own name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
        """Say nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    tls = certificates.server_context(tmp_path, "IP:127.0.0.1", asks=False)
    handler = type("Serving", (GitServer,), {"root": tmp_path / "public"})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def git(folder: Path, *argv: str) -> str:
    environment = {"PATH": os.environ["PATH"], **NOBODYS_SETTINGS}
    done = subprocess.run(
        ("git", *WHO, *argv),
        cwd=folder,
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def repository(folder: Path, files: dict[str, str]) -> str:
    """A repository with two commits; the first is returned, which nothing names."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    first = git(folder, "rev-parse", "HEAD")
    git(folder, "commit", "-q", "--allow-empty", "-m", "two")
    return first


def fetched(tmp_path: Path, url: str, commit: str) -> "subprocess.CompletedProcess[bytes]":
    place = tmp_path / "place"
    place.mkdir(exist_ok=True)
    environment = {
        **submodules.ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "GIT_SSL_CAINFO": str(tmp_path / "ca.crt"),
    }
    argv = ("/bin/sh", "-c", submodules.FETCH, "sh", url, commit)
    done = subprocess.run(argv, cwd=place, env=environment, capture_output=True, check=False)
    assert list(place.iterdir()) == [], "nothing is left"
    return done


def test_a_commit_that_no_branch_names_is_fetched_with_what_is_inside(
    tmp_path: Path, address: str
) -> None:
    require_program("git")
    public = tmp_path / "public"
    repository(public / "inner", {"inner.py": "1"})
    commit = repository(public / "lib", {"lib.py": "2"})
    git(public / "lib", "submodule", "--quiet", "add", f"{public}/inner", "deep")
    git(public / "lib", "config", "-f", ".gitmodules", "submodule.deep.url", "../inner")
    git(public / "lib", "commit", "-q", "-a", "-m", "with one inside")
    for wanted, names in (
        (commit, {"lib.py"}),
        (git(public / "lib", "rev-parse", "HEAD"), {"lib.py", ".gitmodules", "deep/inner.py"}),
    ):
        done = fetched(tmp_path, f"{address}/lib", wanted)
        assert done.returncode == 0, done.stdout
        with tarfile.open(fileobj=BytesIO(done.stdout)) as found:
            assert {m.name.removeprefix("./") for m in found if m.isfile()} == names
    gone = fetched(tmp_path, f"{address}/gone", commit)
    assert gone.returncode == 1
    assert b"not found" in gone.stdout
    local = fetched(tmp_path, str(public / "lib"), commit)
    assert b"transport 'file' not allowed" in local.stdout
