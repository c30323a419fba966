"""Pushes, clones and fetches over HTTP: real git, through a real nginx, to the real receiver."""

import gzip
import http.client
import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_connection, socket

import pytest

from receiver.machine import git
from receiver.model.names import AppName
from receiver.setup import embedded
from tests.embedded.embedded_server import EmbeddedServer, embedded_server, short_folder
from tests.needs import require_program

pytestmark = pytest.mark.embedded

ACCEPT = "#!/bin/sh\ncat > /dev/null\n"
DEPLOY = '#!/bin/sh\ncat > /dev/null\necho "deploying $SHIP_APP for $SHIP_KEY" >&2\n'
_MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    require_program("git")
    with embedded_server() as running:
        yield running


@pytest.fixture(scope="module")
def token(server: EmbeddedServer) -> str:
    return server.token


@pytest.fixture
def work() -> Iterator[Path]:
    with short_folder() as folder:
        run_git(folder, "init", "-q", "-b", "main")
        commit(folder, "app.py", "print(1)\n")
        yield folder


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
    }


def run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment(folder),
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )


def commit(folder: Path, name: str, content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-q", "-m", name)
    return run_git(folder, "rev-parse", "HEAD").stdout.strip()


def url(server: EmbeddedServer, app: str, token: str | None) -> str:
    user = "" if token is None else f"ship:{token}@"
    return f"http://{user}127.0.0.1:{server.port}/git/{app}.git"


def bare(server: EmbeddedServer, name: str) -> AppName:
    """A repository whose pushes no hook turns away, for what is about HTTP alone."""
    app = AppName(name)
    git.create_repo(server.layout.repo(app), hooks=server.root / "none")
    return app


def request(
    server: EmbeddedServer,
    method: str,
    path: str,
    *,
    token: str = "",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    credentials = (
        {"Authorization": "Basic " + b64encode(f"x:{token}".encode()).decode()} if token else {}
    )
    connection.request(method, path, body, {**credentials, **(headers or {})})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response, data


def test_a_push_reaches_the_hooks_and_tells_what_they_say(
    server: EmbeddedServer, token: str, work: Path
) -> None:
    app = bare(server, "hooked")
    head = commit(work, "more.py", "")
    pushed = run_git(work, "push", url(server, app, token), "HEAD:refs/heads/elsewhere")
    # the real pre-receive answered: only the deploy branch deploys
    assert "remote rejected" in pushed.stderr, pushed.stderr
    assert "git/not-deploy-branch" in pushed.stderr
    assert pushed.returncode == 1
    assert git.resolve_commit(server.layout.repo(app), head) is None


def test_clone_and_fetch(server: EmbeddedServer, token: str, work: Path) -> None:
    app = bare(server, "fetched")
    repo = server.layout.repo(app)
    run_git(work, "push", "-q", str(repo), "main")
    clone = work / "clone"
    cloned = run_git(work, "clone", "-q", url(server, app, token), str(clone))
    assert cloned.returncode == 0, cloned.stderr
    assert (clone / "app.py").read_text() == "print(1)\n"
    head = commit(work, "two.py", "2")
    run_git(work, "push", "-q", str(repo), "main")
    assert run_git(clone, "pull", "-q").returncode == 0
    assert run_git(clone, "rev-parse", "HEAD").stdout.strip() == head
    shallow = run_git(
        work, "clone", "-q", "--depth=1", url(server, app, token), str(work / "shallow")
    )
    assert shallow.returncode == 0, shallow.stderr


@pytest.mark.parametrize("wrong", [None, "wrong", ""])
def test_without_a_token_nothing_is_told(
    server: EmbeddedServer, work: Path, wrong: str | None
) -> None:
    app = bare(server, "closed")
    pushed = run_git(work, "push", url(server, app, wrong), "main")
    assert pushed.returncode != 0
    assert "could not read" in pushed.stderr or "Authentication failed" in pushed.stderr
    missing, _ = request(
        server, "GET", "/git/no-such.git/info/refs?service=git-receive-pack", token=wrong or ""
    )
    there, _ = request(
        server, "GET", f"/git/{app}.git/info/refs?service=git-receive-pack", token=wrong or ""
    )
    assert missing.status == there.status == 401
    assert "Basic" in there.headers["WWW-Authenticate"]


def test_an_unknown_app_is_refused_in_words_that_git_shows(
    server: EmbeddedServer, token: str, work: Path
) -> None:
    pushed = run_git(work, "push", url(server, "nobody", token), "main")
    assert pushed.returncode != 0
    assert "remote: There is no app nobody on this server." in pushed.stderr
    assert "remote: Make it with: ship apps:create nobody" in pushed.stderr


def test_a_bad_name_is_refused_in_words(server: EmbeddedServer, token: str, work: Path) -> None:
    pushed = run_git(work, "push", url(server, "Bad_Name", token), "main")
    assert "cannot be the name of an app" in pushed.stderr


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/git/x.git/HEAD", 404),
        ("GET", "/git/../../etc/passwd", 400),
        ("GET", "/git/x.git/info/refs", 403),
        ("GET", "/git/x.git/info/refs?service=git-shell", 403),
        ("GET", "/git/x.git/git-receive-pack", 405),
        ("POST", "/git/x.git/info/refs?service=git-upload-pack", 405),
        ("GET", "/git/a%2Fb.git/info/refs?service=git-upload-pack", 404),
    ],
)
def test_anything_else_is_no_address(
    server: EmbeddedServer, token: str, method: str, path: str, status: int
) -> None:
    bare(server, "x")
    response, _ = request(server, method, path, token=token)
    assert response.status in {status, 404 if status == 400 else status}


def test_what_is_no_push_is_refused_before_an_answer(server: EmbeddedServer, token: str) -> None:
    bare(server, "x")
    for body, headers in (
        (b"this is not a pkt-line" * 1000, {}),
        (b"not gzip", {"Content-Encoding": "gzip"}),
        (gzip.compress(b"0")[:-6], {"Content-Encoding": "gzip"}),
    ):
        response, text = request(
            server, "POST", "/git/x.git/git-receive-pack", token=token, body=body, headers=headers
        )
        assert response.status in {200, 400}
        assert b"Traceback" not in text
    assert embedded.status(server.root).pid


def test_a_large_push_flows_through_without_being_held(
    server: EmbeddedServer, token: str, work: Path
) -> None:
    """A refused push of 96 MiB: all of it crosses, chunked; the receiver's memory does not show
    it."""
    app = bare(server, "large")
    commit(work, "large.bin", os.urandom(96 * _MIB))
    receiver = next(p.pid for p in embedded.status(server.root).programs if "ship.http" in p.name)
    pushed = run_git(work, "push", url(server, app, token), "HEAD:refs/heads/elsewhere")
    assert "git/not-deploy-branch" in pushed.stderr, pushed.stderr
    peaks = [_peak_mb(pid) for pid in (receiver, *_children(receiver))]
    assert max(peaks) < 90, peaks


def _peak_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return (
        next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        // 1024
    )


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_compressed_request_is_understood(server: EmbeddedServer, token: str, work: Path) -> None:
    """As git sends it when what it wants and has is long."""
    app = bare(server, "gzip")
    run_git(work, "push", "-q", str(server.layout.repo(app)), "main")
    head = run_git(work, "rev-parse", "HEAD").stdout.strip()
    wants = f"0032want {head}\n00000009done\n".encode()
    response, pack = request(
        server,
        "POST",
        f"/git/{app}.git/git-upload-pack",
        token=token,
        body=gzip.compress(wants),
        headers={
            "Content-Encoding": "gzip",
            "Content-Type": "application/x-git-upload-pack-request",
        },
    )
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/x-git-upload-pack-result"
    assert pack.startswith(b"0008NAK\nPACK")


def test_two_pushes_at_once_do_not_wait_for_each_other(
    server: EmbeddedServer, token: str, work: Path
) -> None:
    running = [
        subprocess.Popen(
            [
                "git",
                "push",
                url(server, bare(server, f"both-{n}"), token),
                "HEAD:refs/heads/elsewhere",
            ],
            cwd=work,
            env=environment(work),
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for push in running:
        _, said = push.communicate(timeout=60)
        assert "git/not-deploy-branch" in said, said


@contextmanager
def silent(server: EmbeddedServer, app: str, count: int, head: str = "") -> Iterator[list[socket]]:
    """So many clients that begin a push, and say nothing more."""
    request = f"POST /git/{app}.git/git-receive-pack HTTP/1.1\r\nHost: localhost\r\n{head}"
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            client = stack.enter_context(create_connection(("127.0.0.1", server.port), timeout=30))
            client.sendall(f"{request}Content-Length: 1000000\r\n\r\n0094".encode())
            found.append(client)
        yield found


def authorization(token: str) -> str:
    return "Authorization: Basic " + b64encode(f"x:{token}".encode()).decode() + "\r\n"


def test_two_hundred_silent_clients_keep_nobody_waiting(
    server: EmbeddedServer, token: str, work: Path
) -> None:
    app = bare(server, "beleaguered")
    with (
        silent(server, app, 200) as refused,
        silent(server, app, 200, authorization(token)) as known,
    ):
        pushed = run_git(work, "push", url(server, app, token), "HEAD:refs/heads/elsewhere")
        assert "git/not-deploy-branch" in pushed.stderr, pushed.stderr
        # without a token the answer does not wait for the body
        for client in refused:
            assert client.recv(100).startswith(b"HTTP/1.1 401 ")
        assert len(known) == 200


def test_a_few_bytes_that_become_many_are_refused(server: EmbeddedServer, token: str) -> None:
    app = bare(server, "inflated")
    pack = b"0094" + b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/main\0"
    pack = pack.ljust(0x94, b" ") + b"0000PACK"
    receiver = next(p.pid for p in embedded.status(server.root).programs if "ship.http" in p.name)
    for call, body in (("git-upload-pack", b"0032have "), ("git-receive-pack", pack)):
        response, text = request(
            server,
            "POST",
            f"/git/{app}.git/{call}",
            token=token,
            body=gzip.compress(body + bytes(150 * _MIB), 1),
            headers={"Content-Encoding": "gzip"},
        )
        assert response.status in {200, 400}, text
        assert b"Traceback" not in text
    peaks = [_peak_mb(pid) for pid in (receiver, *_children(receiver))]
    assert max(peaks) < 110, peaks


def test_tokens_are_not_found_in_any_log(server: EmbeddedServer, token: str) -> None:
    for log in server.root.rglob("*.log"):
        assert token.encode() not in log.read_bytes(), log
