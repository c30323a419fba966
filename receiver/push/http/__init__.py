"""Git over HTTP: a WSGI application that its socket starts and that ends when idle.

What ssh and HTTP have in common lives one floor up, in `push`. It imports `push` and what is below
it.
"""
