"""Django's static files: whether `collectstatic` is part of a build, and the command.

It is left out where no source names `django.contrib.staticfiles`: such a project has no such
command, and needs none. Where one names it and the command is unknown all the same, the settings in
use are other ones than their author thinks, and the build fails.
"""

from collections.abc import Collection, Mapping

from buildpacks.python.hooks import IN_VENV
from receiver.model.build import Command, Tree

COLLECTSTATIC = "collectstatic"
_DISABLE = "DISABLE_COLLECTSTATIC"
_DISABLED_FILE = ".heroku/collectstatic_disabled"
_FALSE = frozenset({"", "0", "false", "no"})
_DEPTH = 3
_LARGEST_SOURCE_BYTES = 256 * 1024
_APP = b"django.contrib.staticfiles"
_MARK = b"DJANGO_SETTINGS_MODULE"
_SERVES_ITSELF = frozenset({"whitenoise", "dj-static", "django-storages", "servestatic"})
_MANIFEST = "ship.toml"


def plan_collectstatic(
    tree: Tree, packages: Collection[str], config: Mapping[str, str]
) -> tuple[tuple[Command, ...], tuple[str, ...]]:
    """The command, if it belongs to this build, and sentences about it for the push log."""
    if "django" not in packages and not any(name.startswith("django-") for name in packages):
        return (), ()
    manage = _manage_file(tree)
    if manage is None:
        return (), ("collectstatic is skipped: there is no manage.py in the top three levels.",)
    if not _names_app(tree):
        return (), ("collectstatic is skipped: no settings name django.contrib.staticfiles.",)
    if config.get(_DISABLE, "").lower() not in _FALSE:
        return (), (f"collectstatic is skipped: the config var {_DISABLE} is set.",)
    if tree.has(_DISABLED_FILE):
        notice = f"collectstatic is skipped: there is a file {_DISABLED_FILE}."
        return (), (f"{notice} `ship config:set {_DISABLE}=1` says the same.",)
    argv = ("{venv}/bin/python", manage, COLLECTSTATIC, "--noinput")
    title = f"$ python {manage} {COLLECTSTATIC} --noinput"
    command = Command(argv, title=title, env=IN_VENV, explain=COLLECTSTATIC)
    return (command,), _who_serves(tree, packages)


def _manage_file(tree: Tree) -> str | None:
    """The manage.py nearest to the top that is one of Django's."""
    found = [
        path
        for path in tree.files()
        if path.rpartition("/")[2] == "manage.py" and path.count("/") < _DEPTH
    ]
    found.sort(key=lambda path: (path.count("/"), path))
    return next(
        (path for path in found if _is_by_hand(tree, path) and _MARK in tree.read(path)), None
    )


def _names_app(tree: Tree) -> bool:
    """Whether any source names the app that brings the command; files of settings are read
    first.
    """
    sources = [path for path in tree.files() if path.endswith(".py") and _is_by_hand(tree, path)]
    sources.sort(key=lambda path: "settings" not in path)
    return any(_APP in tree.read(path) for path in sources)


def _is_by_hand(tree: Tree, path: str) -> bool:
    """Whether a file is no larger than what people write."""
    return tree.members[path].size <= _LARGEST_SOURCE_BYTES


def _who_serves(tree: Tree, packages: Collection[str]) -> tuple[str, ...]:
    manifest = tree.read(_MANIFEST) if tree.has(_MANIFEST) else b""
    if _SERVES_ITSELF & set(packages) or b"static" in manifest:
        return ()
    notice = (
        "Nothing serves the collected files yet: add whitenoise to the app, or have nginx serve"
    )
    return (f"{notice} them, with `'/static/' = 'staticfiles'` below [static] in ship.toml.",)
