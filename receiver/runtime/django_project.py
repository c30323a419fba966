"""Run `manage.py` of a Django project in its build, then report what its settings say.

`django_project.py MANAGE COMMAND ...` stands in the top folder of the tree. A STATIC_ROOT that is
not set, or that the app may not write, becomes a folder of the tree. After a command that worked,
one line starting with `ship: found ` has the facts, for buildpacks/python/django_findings.py.

`django_project.py --look MANAGE` runs no command of the project, and never fails.

Runs in the app's own Python, 3.8 or newer. It decides nothing about what it found.
"""

import json
import os
import runpy
import signal
import sys

FOUND = "ship: found "
_LOOK_LIMIT_S = 5
_FOLDERS = ("staticfiles", "collected-static")
_SERVE_STATIC = ("whitenoise", "servestatic", "dj_static")
_RUN_AT_START = ("Procfile", "app.json", "bin/post_compile")
_MOST_BYTES = 256 * 1024
_SHOWN_CHARACTERS = 200


def main(argv):
    source = os.getcwd()
    only_look = argv[0] == "--look"
    manage, *words = argv[1:] if only_look else argv
    sys.path[0] = os.path.dirname(os.path.abspath(manage))  # as `python manage.py` has it
    root = StaticRoot(source)
    root.watch()
    if only_look:
        look_quietly(manage, root)
        return
    run(manage, words)
    tell(root)


def run(manage, words):
    """As `python manage.py WORDS` would; raises what that raises, but for an end without fault."""
    sys.argv = [manage, *words]
    try:
        runpy.run_path(manage, run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


def look_quietly(manage, root):
    """Have Django read the settings, and say nothing where it cannot."""
    silent = os.open(os.devnull, os.O_WRONLY)
    shown = os.dup(1), os.dup(2)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    try:
        run(manage, ["version"])
    except BaseException:  # noqa: BLE001 - the project may raise anything; what it is shows later
        return
    finally:
        sys.stdout.flush()
        os.dup2(shown[0], 1)
        os.dup2(shown[1], 2)
    tell(root)


class StaticRoot:
    """The folder that static files are collected into."""

    def __init__(self, source):
        self.source = source
        self.was = None
        self.filled = False

    def watch(self):
        """Have STATIC_ROOT be set as soon as the settings are read, whatever reads them."""
        try:
            from django import conf  # noqa: PLC0415 - the app may lack it
        except ImportError:
            return
        made = conf.Settings.__init__

        def with_root(settings, module):
            made(settings, module)
            self._fill(settings)

        conf.Settings.__init__ = with_root

    def _fill(self, settings):
        self.was = str(settings.STATIC_ROOT or "")
        if self.was and _can_write(self.was):
            return
        taken = [name for name in _FOLDERS if os.path.exists(os.path.join(self.source, name))]
        name = next((name for name in _FOLDERS if name not in taken), _FOLDERS[0])
        settings.STATIC_ROOT = os.path.join(self.source, name)
        self.filled = True


def _can_write(folder):
    while not os.path.isdir(folder):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above or os.curdir
    return os.access(folder, os.W_OK)


def tell(root):
    """Print the facts. A child does it: a database that does not answer must not hold a build."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LOOK_LIMIT_S)
        found = settings_found(root)
        os.write(1, _line(found))  # at once: what follows may take too long
        found["unapplied"] = unapplied()
        os.write(1, _line(found))
    except Exception:  # noqa: BLE001, S110 - facts are worth no failure
        pass
    finally:
        os._exit(0)


def _line(found):
    return (FOUND + json.dumps(found) + "\n").encode()


def settings_found(root):
    from django.conf import settings  # noqa: PLC0415 - as above

    module = settings.SETTINGS_MODULE
    return {
        "settings": _relative(getattr(sys.modules.get(module), "__file__", "") or "", root.source),
        "host": os.environ.get("SHIP_HOST", ""),
        "debug": bool(settings.DEBUG),
        "debug_line": _assignment(module, "DEBUG"),
        "hosts": [str(name) for name in settings.ALLOWED_HOSTS],
        "static_url": settings.STATIC_URL or "",
        "static_root": _static_folder(settings, root.source),
        "static_root_was": root.was or "",
        "static_filled": root.filled,
        "serves_itself": any(one in str(settings.MIDDLEWARE).lower() for one in _SERVE_STATIC),
        "database": _database_file(settings, root.source),
        "migrates": any(_mentions(path, "migrate") for path in _scripts()),
        "unapplied": None,
    }


def _static_folder(settings, source):
    folder = str(settings.STATIC_ROOT or "")
    return _relative(folder, source) if folder and os.path.isdir(folder) else ""


def _relative(path, source):
    """A path below the tree as it is called from its top; nothing for one elsewhere."""
    full, top = os.path.realpath(path), os.path.realpath(source)
    return os.path.relpath(full, top) if full.startswith(top + os.sep) else ""


def _database_file(settings, source):
    """The first SQLite file that is part of the release."""
    for one in settings.DATABASES.values():
        name = str(one.get("NAME") or "")
        is_file = "sqlite" in str(one.get("ENGINE")) and name and ":memory:" not in name
        path = _relative(name, source) if is_file else ""
        if path:
            return path
    return ""


def _assignment(module, name):
    """The line of the settings that sets a name, for what it is read from."""
    path = getattr(sys.modules.get(module), "__file__", None)
    lines = _text(path).splitlines() if path else []
    found = [line for line in lines if line.split("=")[0].strip() == name]
    return found[-1].strip()[:_SHOWN_CHARACTERS] if found else ""


def _scripts():
    """Files that may run something when a release starts."""
    return [*_RUN_AT_START, *(name for name in os.listdir(".") if name.endswith(".sh"))]


def _mentions(path, word):
    return word in _text(path)


def _text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read(_MOST_BYTES)
    except OSError:
        return ""


def unapplied():
    """How many migrations the default database lacks; a file that is not there is not made."""
    from django.conf import settings  # noqa: PLC0415 - as above
    from django.db import connections  # noqa: PLC0415 - as above
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415 - as above
    from django.db.migrations.loader import MigrationLoader  # noqa: PLC0415 - as above

    own = settings.DATABASES.get("default") or {}
    engine, name = str(own.get("ENGINE") or ""), str(own.get("NAME") or "")
    if not engine or engine.endswith(".dummy"):
        return None
    if "sqlite" in engine and not os.path.exists(name):
        return len(MigrationLoader(None).graph.nodes)
    executor = MigrationExecutor(connections["default"])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


if __name__ == "__main__":
    main(sys.argv[1:])
