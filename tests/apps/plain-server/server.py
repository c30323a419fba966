"""A clock, from nothing but the standard library."""

import hashlib
import json
import os
from datetime import datetime, timezone
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

PORT = int(os.environ.get("PORT", 8000))


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, directory="static", **kwargs)

    def do_GET(self):
        if self.path == "/time":
            self.answer({"now": datetime.now(timezone.utc).isoformat()})
        else:
            super().do_GET()

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if self.path == "/greet":
            name = parse_qs(self.rfile.read(length).decode())["name"][0]
            self.answer({"greeting": f"Hello, {name}."})
        elif self.path == "/upload":
            digest, left = hashlib.sha256(), length
            while left:
                chunk = self.rfile.read(min(left, 65536))
                digest.update(chunk)
                left -= len(chunk)
            self.answer({"size": length, "sha256": digest.hexdigest()})
        else:
            self.send_error(404)

    def answer(self, data):
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    with ThreadingHTTPServer(("", PORT), Handler) as server:
        print(f"Serving on port {PORT}")
        server.serve_forever()
