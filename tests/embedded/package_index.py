"""A package index with packages that tests make; it may ask for a name and password."""

import base64
import hashlib
import http.server
import io
import json
import ssl
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

JSON = "application/vnd.pypi.simple.v1+json"

BACKEND = '''
"""Builds the one module of this folder, without anything that would have to be downloaded."""
import base64, hashlib, pathlib, zipfile

NAME, VERSION = "{name}", "1.0"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _write(folder, {f"{NAME}.py": pathlib.Path(f"{NAME}.py").read_text()})

def build_editable(folder, config_settings=None, metadata_directory=None):
    return _write(folder, {f"{NAME}.pth": str(pathlib.Path.cwd())})

def _write(folder, files):
    info = f"{NAME}-{VERSION}.dist-info"
    metadata = f"Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n"
    files = {**files, f"{info}/METADATA": metadata,
             f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    record = "".join(f"{path},,\\n" for path in files) + f"{info}/RECORD,,\\n"
    name = f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
    return name
'''
PROJECT = """
[project]
name = "{name}"
version = "1.0"

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def source_package(folder: str, name: str, says: str) -> dict[str, str]:
    """Files of a package that is built from a tree, in `folder` of it."""
    prefix = f"{folder}/" if folder else ""
    return {
        f"{prefix}backend.py": BACKEND.replace("{name}", name),
        f"{prefix}pyproject.toml": PROJECT.replace("{name}", name),
        f"{prefix}{name}.py": f"SAYS = {says!r}\n",
    }


def wheel(name: str, version: str, *requires: str) -> tuple[str, bytes]:
    """A wheel of one module, by its file name."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{name}.py": f"SAYS = '{name} {version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        f"Requires-Python: >=3.8\nProvides-Extra: more\n{needs}",
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()


def sdist(name: str, version: str, files: Mapping[str, str]) -> tuple[str, bytes]:
    """A source package of these files, by its file name."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for path, text in {**files, "PKG-INFO": metadata}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text.encode())
            packed.addfile(member, io.BytesIO(text.encode()))
    return f"{name}-{version}.tar.gz", buffer.getvalue()


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@dataclass
class Index:
    """One that runs."""

    port: int
    files: Mapping[str, bytes]
    scheme: str = "http"
    refused: list[str] = field(default_factory=list)
    """Paths that were asked for without the right name and password."""
    busy: int = 0
    """How many requests are answered with 503 first."""
    slow_s: float = 0
    """How long it thinks before each answer."""
    uploaded: Mapping[str, str] = field(default_factory=dict)
    """When files were uploaded; told in the JSON form of the pages, where there are any."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/simple/"

    def url_as(self, user: str, password: str) -> str:
        return self.url.replace("//", f"//{user}:{password}@")


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers for the index of its subclass."""

    index: Index
    expected: str | None

    def do_GET(self) -> None:
        time.sleep(self.index.slow_s)
        if self.index.busy:
            self.index.busy -= 1
            self._answer(503, b"", "text/plain")
        elif self.expected and self.headers.get("Authorization") != self.expected:
            self.index.refused.append(self.path)
            self._answer(401, b"", "text/plain")
        else:
            self._serve(urlsplit(self.path).path)  # a proxy is asked for a whole address

    def _serve(self, path: str) -> None:
        files = self.index.files
        _, place, *rest = path.rstrip("/").split("/")
        if place == "files" and rest[0] in files:
            self._answer(200, files[rest[0]], "application/octet-stream")
        elif place == "simple" and rest and (links := _links(files, rest[0])):
            if self.index.uploaded:
                self._answer(200, _json(self.index, rest[0], links), JSON)
            else:
                self._answer(200, _page(links), "text/html")
        else:
            self._answer(404, b"", "text/plain")

    do_HEAD = do_GET  # noqa: N815 - the library's own name

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' own output free of requests."""


@contextmanager
def package_index(
    files: Mapping[str, bytes],
    user: str = "",
    password: str = "",
    *,
    address: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> Iterator[Index]:
    """An index that serves until the end of the block."""
    given = base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(_Handler):
        expected = f"Basic {given}" if user else None

    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    index = Handler.index = Index(server.server_port, files, "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _links(files: Mapping[str, bytes], name: str) -> dict[str, str]:
    """The digest of each file of a package."""
    return {
        file: hashlib.sha256(data).hexdigest()
        for file, data in files.items()
        if file.partition("-")[0] == name.replace("-", "_")
    }


def _page(links: Mapping[str, str]) -> bytes:
    lines = (f'<a href="/files/{file}#sha256={one}">{file}</a>\n' for file, one in links.items())
    return f"<!DOCTYPE html><html><body>\n{''.join(lines)}</body></html>".encode()


def _json(index: Index, name: str, links: Mapping[str, str]) -> bytes:
    files = [
        {
            "filename": file,
            "url": f"/files/{file}",
            "hashes": {"sha256": digest},
            "upload-time": index.uploaded[file],
        }
        for file, digest in links.items()
    ]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files}).encode()
