"""Serve folders of files on a socket, for `ship local`: `static_server.py FD PREFIX=FOLDER...`.

What nginx's file of such an app says, as far as somebody who writes the pages can tell: `/about`
finds about.html and about/index.html, 404.html is the page of what is not there, no file that
begins with a dot is shown. Nothing is cached.
"""

import http.server
import os
import posixpath
import socket
import sys
import urllib.parse

_HIDDEN_ALLOWED = ".well-known"
_NOT_FOUND = 404
_NEVER_SHOWN = ("Procfile", "ship.toml")


class Handler(http.server.SimpleHTTPRequestHandler):
    """One request."""

    folders = ()
    """(prefix, folder), the longest prefix first."""

    def send_head(self):
        path = posixpath.normpath(urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        found = self._find(path, slash=self.path.partition("?")[0].endswith("/"))
        if found is None:
            return self._not_found()
        if found.endswith("/"):
            self.send_response(301)
            self.send_header("Location", urllib.parse.quote(path) + "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        return self._send(found, 200)

    def _find(self, path, *, slash):
        """The file for a path; one that ends with a slash for a folder that is to be asked for
        by that.
        """
        names = path.strip("/").split("/")
        if any(name.startswith(".") and name != _HIDDEN_ALLOWED for name in names if name):
            return None
        for prefix, folder in self.folders:
            if not (path + "/" if slash else path).startswith(prefix):
                continue
            below = path[len(prefix) :].strip("/")
            file = os.path.join(folder, below) if below else folder
            if below in _NEVER_SHOWN:
                return None
            if os.path.isfile(file) and not slash:
                return file
            if os.path.isdir(file) and os.path.isfile(os.path.join(file, "index.html")):
                return os.path.join(file, "index.html") if slash or path == "/" else file + "/"
            if prefix == "/" and not slash and os.path.isfile(file + ".html"):
                return file + ".html"
            return None
        return None

    def _not_found(self):
        root = dict(self.folders).get("/")
        page = os.path.join(root, "404.html") if root else ""
        if os.path.isfile(page):
            return self._send(page, _NOT_FOUND)
        self.send_error(_NOT_FOUND)
        return None

    def _send(self, file, status):
        handle = open(file, "rb")  # noqa: SIM115 - the caller closes it
        kind = self.guess_type(file)
        if kind.startswith("text/") or kind.endswith(("javascript", "json", "xml")):
            kind += "; charset=utf-8"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(os.fstat(handle.fileno()).st_size))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        return handle

    def log_message(self, form, *args):
        sys.stdout.write(f"{form % args}\n")
        sys.stdout.flush()

    def log_request(self, code="-", size="-"):
        del size
        self.log_message("%s %s %s", self.command, self.path, int(code))


class Server(http.server.ThreadingHTTPServer):
    """On a socket that is there already."""

    daemon_threads = True

    def __init__(self, descriptor):
        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=descriptor)


def main(argv):
    pairs = [pair.split("=", 1) for pair in argv[1:]]
    Handler.folders = sorted(pairs, key=lambda pair: -len(pair[0]))
    Server(int(argv[0])).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
