"""A web application that needs no package at all."""

import os

VERSION = "1"


def app(environ, start_response):
    body = f"{os.environ.get('GREETING', 'hello')} {VERSION} {environ['PATH_INFO']}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
