"""What an app needs and no file of it names: pkg_resources, which comes with Python no longer, nor
with setuptools, and a virtualenv that its own scripts may install into.
"""

from collections.abc import Mapping

from buildpacks.python.hooks import POST_COMPILE
from buildpacks.python.marks import marks
from receiver.model.build import Tree
from receiver.model.patterns import regex

PKG_RESOURCES = "setuptools<82"
"""The last setuptools that bring it."""
_INSTALLS = regex(
    r"\b(?:pip3?|uv|easy_install|poetry|pipenv)\b[^\n;|&]{0,200}?\b(?:install|sync|add)\b"
)
"""Bounded: a long line of `pip pip pip` would take minutes."""
_PATH = regex(r"[\w./-]+")
_MOST_BYTES = 256 * 1024


def pkg_resources(tree: Tree, specifiers: Mapping[str, str]) -> tuple[str, ...]:
    """What brings pkg_resources, where the app's own code imports it and its files name no version
    of setuptools.
    """
    if specifiers.get("setuptools"):
        return ()
    return (PKG_RESOURCES,) if "pkg_resources" in marks(tree) else ()


def installs_itself(tree: Tree, processes: Mapping[str, str]) -> str:
    """Why the virtualenv is written to after its packages are installed; nothing when it is not."""
    if _installs(tree, _text(tree, POST_COMPILE)):
        return f"{POST_COMPILE} installs into it"
    if _installs(tree, processes.get("release", "")):
        return "the release phase installs into it"
    return ""


def _installs(tree: Tree, script: str) -> bool:
    """Whether a script, or one that it calls, runs pip or its like."""
    if _INSTALLS.search(script):
        return True
    called = {word.removeprefix("./") for word in _PATH.findall(script)}
    return any(_INSTALLS.search(_text(tree, path)) for path in called)


def _text(tree: Tree, path: str) -> str:
    return (tree.peek(path, _MOST_BYTES) or b"").decode("utf-8", "replace")
