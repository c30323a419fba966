"""Django's static files: whether `collectstatic` is part of a build, and the command.

The project's settings are looked at in any case, by receiver/runtime/django_project.py. The command
is left out where no source names `django.contrib.staticfiles`: such a project has no such command,
and needs none. Where one names it and the command is unknown all the same, the settings in use are
other ones than their author thinks, and the build fails.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from buildpacks.python.django_findings import NOISE
from buildpacks.python.hooks import IN_VENV
from receiver.model.build import Command, Tree
from receiver.model.program import RUNTIME

COLLECTSTATIC = "collectstatic"
_DISABLE = "DISABLE_COLLECTSTATIC"
_DISABLED_FILE = ".heroku/collectstatic_disabled"
_FALSE = frozenset({"", "0", "false", "no"})
_DEPTH = 3
_LARGEST_SOURCE_BYTES = 256 * 1024
_APP = b"django.contrib.staticfiles"
_MARK = b"django"
_LOOK = "--look"


def plan_collectstatic(
    tree: Tree, packages: Collection[str], config: Mapping[str, str]
) -> tuple[tuple[Command, ...], tuple[str, ...]]:
    """The command, if it belongs to this build, and sentences about it for the push log."""
    manage = _manage_file(tree)
    if manage is None:
        asked = "django" in packages or any(name.startswith("django-") for name in packages)
        notice = "collectstatic is skipped: there is no manage.py in the top three levels."
        return (), (notice,) if asked else ()
    if why := _why_not(tree, config):
        look = replace(_django((_LOOK, manage)), only_looks=True)
        return (look,), (f"collectstatic is skipped: {why}",)
    words = (manage, COLLECTSTATIC, "--noinput")
    title = f"$ python {' '.join(words)}"
    return (replace(_django(words), title=title),), ()


def _why_not(tree: Tree, config: Mapping[str, str]) -> str:
    if not _names_app(tree):
        return "no settings name django.contrib.staticfiles."
    if config.get(_DISABLE, "").lower() not in _FALSE:
        return f"the config var {_DISABLE} is set."
    if tree.has(_DISABLED_FILE):
        why = f"there is a file {_DISABLED_FILE}."
        return f"{why} `ship config:set {_DISABLE}=1` says the same."
    return ""


def _django(words: Sequence[str]) -> Command:
    """A command of the project's, by the program that completes its settings and tells of them."""
    argv = ("{venv}/bin/python", str(RUNTIME / "django_project.py"), *words)
    return Command(argv, env=IN_VENV, explain=COLLECTSTATIC, noise=NOISE)


def _manage_file(tree: Tree) -> str | None:
    """The manage.py nearest to the top that is one of Django's."""
    found = [
        path
        for path in tree.files()
        if path.rpartition("/")[2] == "manage.py" and path.count("/") < _DEPTH
    ]
    found.sort(key=lambda path: (path.count("/"), path))
    return next(
        (path for path in found if _is_by_hand(tree, path) and _MARK in tree.read(path).lower()),
        None,
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
