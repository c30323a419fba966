"""EDGE: pushes, clones and fetches over HTTP, as a WSGI application behind nginx."""
