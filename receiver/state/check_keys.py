"""The key by which nginx knows Ship's own question: it passes whatever keeps visitors out.

It is made when nginx's file of an app first names it, and stays; root's alone.
"""

import secrets

from receiver.machine import files
from receiver.model.layout import AppPaths
from receiver.model.settings import App

_BYTES = 16


def made(paths: AppPaths) -> str:
    """The key of an app, which is made if there is none."""
    if known := _read(paths):
        return known
    files.write_atomically(paths.check_key, secrets.token_hex(_BYTES) + "\n", mode=0o600)
    return _read(paths)


def shown(paths: AppPaths, settings: App) -> str:
    """What Ship shows nginx; empty where nginx's file names no key."""
    return settings.maintenance.key if settings.maintenance else _read(paths)


def _read(paths: AppPaths) -> str:
    return (files.read_text(paths.check_key) or "").strip()
