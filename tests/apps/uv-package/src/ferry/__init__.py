from wsgiref.simple_server import make_server

from ferry.app import app

__all__ = ["app", "main"]


def main() -> None:
    with make_server("", 8000, app) as server:
        server.serve_forever()
