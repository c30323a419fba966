"""Settings of a Django app that are as `startproject` left them, completed when it is loaded.

ALLOWED_HOSTS that names this machine alone, or nothing: nginx passes on requests for the app's own
names and for no other, so that the app may accept whatever it is asked by. STATIC_ROOT that is not
set: the folder that the build collected into. Settings that say anything else are left alone.
"""

import os
import sys

_OWN = frozenset({"localhost", ".localhost", "127.0.0.1", "0.0.0.0", "::1", "[::1]"})  # noqa: S104 - names
_COLLECTED = "staticfiles"


def complete(source):
    """Complete the settings of this worker's app; `source` is the top folder of its tree."""
    conf = sys.modules.get("django.conf")
    settings = getattr(conf, "settings", None)
    if settings is None or not settings.configured:
        return
    if not set(settings.ALLOWED_HOSTS) - _OWN:
        settings.ALLOWED_HOSTS = ["*"]
    folder = os.path.join(source, _COLLECTED)
    if not settings.STATIC_ROOT and os.path.isdir(folder):
        settings.STATIC_ROOT = folder
