"""Apps to push that need no package, and archives of trees as a push hands them on."""

import tarfile
from pathlib import Path

WSGI = """
import os

def app(environ, start_response):
    body = ("{text} " + os.environ.get("GREETING", "")).strip().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
SERVE = """
import http.server, os, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        body = ("{text} " + os.environ.get("GREETING", "")).strip().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def wsgi(text: str) -> dict[str, str]:
    """An app without any dependency, that answers with `text` and its config var GREETING."""
    return {"app.py": WSGI.replace("{text}", text), "requirements.txt": ""}


def archive(folder: Path, target: Path) -> None:
    """A tar file of a tree, as `git archive` would hand it to the deploy."""
    with tarfile.open(target, "w") as tar:
        for path in sorted(folder.iterdir()):
            if path.name != ".git":
                tar.add(path, arcname=path.name)
