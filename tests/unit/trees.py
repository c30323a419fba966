"""Makes a pushed tree from a dict: what `git archive` writes, without a repository."""

import io
import tarfile
from collections.abc import Mapping
from datetime import date

from receiver.model.build import BuildFacts, Interpreter, Tree

PYTHON_311 = Interpreter("/usr/bin/python3.11", "3.11.2")
PYTHON_312 = Interpreter("/usr/local/bin/python3.12", "3.12.4")
FACTS = BuildFacts(
    interpreters=(PYTHON_312, PYTHON_311), config={}, commit="a" * 40, today=date(2026, 6, 1)
)

FLASK = "from flask import Flask\n\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\n\napp = FastAPI()\n"
PLAIN = (
    "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"
)


class LinkTo(str):
    """As a value: the entry is a symbolic link."""

    __slots__ = ()


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A tar file; a name that ends with a slash is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.rstrip("/"))
            data = content.encode() if isinstance(content, str) else content
            if isinstance(content, LinkTo):
                member.type, member.linkname, data = tarfile.SYMTYPE, content, b""
            elif name.endswith("/"):
                member.type, data = tarfile.DIRTYPE, b""
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def tree(files: Mapping[str, str | bytes]) -> Tree:
    """The same, as ship reads it. Folders of files are entries too, as git writes them."""
    folders = {
        f"{name.rsplit('/', depth)[0]}/": ""
        for name in files
        for depth in range(1, name.rstrip("/").count("/") + 1)
    }
    return Tree(io.BytesIO(archive({**dict(sorted(folders.items())), **files})))
