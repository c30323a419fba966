"""A Python that is not on the server: fetched from where the server's settings say, or refused
in words.

The one that is fetched here is a small archive that the test makes: its program says that it is of
another version, and is this computer's Python otherwise.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from receiver.model.settings import Server
from receiver.state import records
from tests.checkout import Checkout
from tests.embedded.embedded_server import EmbeddedServer, embedded_server
from tests.embedded.pushing import wsgi
from tests.embedded.transcript import assert_as_recorded, error_block, masked

pytestmark = pytest.mark.embedded

VERSION = "3.14.99"
MACHINE = platform.machine()
KEY = f"cpython-{VERSION}-linux-{MACHINE}-gnu"
PROGRAM = f"""#!/bin/sh
case "$*" in
  *version_info*implementation*) echo {VERSION} ;;
  *) exec /usr/bin/python3 "$@" ;;
esac
"""
SYSCONFIG = (
    "# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n"
)
BROKEN = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with embedded_server() as found:
        yield found


def archive(program: str) -> bytes:
    """What a download of python-build-standalone looks like, as far as uv minds."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for folder in ("python/bin", "python/lib/python3.14"):
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
        for name, text in {
            "bin/python3.14": program,
            f"lib/python3.14/_sysconfigdata__linux_{MACHINE}-linux-gnu.py": SYSCONFIG,
        }.items():
            member = tarfile.TarInfo(f"python/{name}")
            member.mode, member.size = 0o755, len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def offer(server: EmbeddedServer, url: str, data: bytes = b"") -> None:
    """Have the server know one Python, at `url`."""
    entry = {
        "name": "cpython",
        "arch": {"family": MACHINE, "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": 3,
        "minor": 14,
        "patch": 99,
        "prerelease": "",
        "url": url,
        "variant": None,
        "build": "20260101",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    path = server.folder / "pythons.json"
    path.write_text(json.dumps({KEY: entry}))
    configure(server, python_list=str(path))


def configure(server: EmbeddedServer, **settings: object) -> None:
    layout = server.layout
    found: Server = msgspec.structs.replace(records.read_server(layout), **settings)
    records.write_toml(layout.server_settings, found)


def put(server: EmbeddedServer, program: str) -> Path:
    path = server.folder / "python.tar.gz"
    data = archive(program)
    path.write_bytes(data)
    offer(server, path.as_uri(), data)
    return path


def test_it_is_fetched_once_for_all_apps(server: EmbeddedServer) -> None:
    mirror = put(server, PROGRAM)
    pythons = server.layout.pythons
    for name in ("first", "second"):
        app = server.create(name)
        laptop = server.checkout(name)
        laptop.commit(wsgi(name) | {".python-version": "3.14\n"})
        pushed = laptop.push()
        assert pushed.status == 0, pushed.text
        assert f"Using Python {VERSION} (.python-version asks for 3.14)" in pushed.text
        assert (f"-----> Fetching Python {VERSION}" in pushed.text) == (name == "first")
        assert server.ask(app) == (200, name)
        mirror.unlink(missing_ok=True)
    assert (pythons / KEY / "bin/python3.14").exists()
    assert sorted(path.name for path in pythons.iterdir() if not path.is_symlink()) == [
        ".ship.lock",
        KEY,
    ]


def test_one_that_cannot_be_downloaded_leaves_nothing(server: EmbeddedServer) -> None:
    offer(server, "http://127.0.0.1:9/python.tar.gz")
    laptop = an_app(server, "3.14")
    refused = refused_push(server, laptop)
    assert "(build/python-download-failed)" in refused
    assert_as_recorded("case-45-python-download", masked(server, refused))
    assert not (server.layout.pythons / KEY).exists()
    put(server, PROGRAM)  # the network is back: "Push again in a while."
    again = laptop.push()
    assert again.status == 0, again.text
    assert f"-----> Fetching Python {VERSION}" in again.text


def test_one_that_was_changed_on_its_way_is_not_taken(server: EmbeddedServer) -> None:
    path = put(server, PROGRAM)
    path.write_bytes(archive(PROGRAM + "# changed\n"))
    refused = push_for(server, "3.14")
    assert "build/python-download-failed" in refused
    assert "ash mismatch" in refused, refused
    assert not (server.layout.pythons / KEY).exists()


def test_one_that_does_not_run_here_leaves_nothing(server: EmbeddedServer) -> None:
    put(server, BROKEN)
    refused = push_for(server, "3.14")
    assert "build/python-download-failed" in refused
    assert not (server.layout.pythons / KEY).exists()


def test_the_server_can_forbid_it(server: EmbeddedServer) -> None:
    put(server, PROGRAM)
    configure(server, fetch_pythons=False)
    refused = push_for(server, "3.14.99")
    assert_as_recorded("python-not-fetched", masked(server, refused))


def test_an_app_has_no_say_in_where_it_comes_from(server: EmbeddedServer) -> None:
    put(server, PROGRAM).unlink()
    evil = server.folder / "evil"
    evil.mkdir()
    app = server.create("app")
    server.configure(
        app,
        UV_PYTHON_INSTALL_MIRROR=evil.as_uri(),
        UV_PYTHON_DOWNLOADS_JSON_URL="/dev/null",
        UV_PYTHON_INSTALL_DIR=str(evil),
        PIP_PROXY="http://127.0.0.1:9",
    )
    laptop = server.checkout("app")
    laptop.commit(wsgi("app") | {".python-version": "3.14\n"})
    said = laptop.push().text
    assert "build/python-download-failed" in said, said
    assert "evil" not in said
    assert list(evil.iterdir()) == []


def push_for(server: EmbeddedServer, version: str) -> str:
    """What is read by who pushes an app that asks for this Python."""
    return refused_push(server, an_app(server, version))


def an_app(server: EmbeddedServer, version: str) -> Checkout:
    server.create("app")
    laptop = server.checkout("app")
    laptop.commit(wsgi("app") | {".python-version": f"{version}\n"})
    return laptop


def refused_push(server: EmbeddedServer, laptop: Checkout) -> str:
    pushed = laptop.push()
    assert pushed.status == 1, pushed.text
    assert server.leftovers("app") == []
    return error_block(pushed)
