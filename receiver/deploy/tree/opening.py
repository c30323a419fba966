"""Opens a pushed archive as the tree that is built: what does not belong to it is taken out first.

The archive itself is written again, so that the build, the check and the slug see the same files.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from receiver.deploy.tree import root, slugignore
from receiver.model.build import Tree
from receiver.model.errors import BuildError
from receiver.model.output import Output
from receiver.model.weight import TreeLimits


@contextmanager
def shallow() -> Iterator[None]:
    """For files that nest brackets in brackets, thousands of times: their readers give up.

    Raises:
        BuildError: one of them did
    """
    try:
        yield
    except RecursionError as error:
        raise BuildError(
            "A file of the push is nested too deeply to be read.",
            detail="It is one of those that say how the app is built, such as ship.toml or "
            "pyproject.toml.",
            advice="Check that the right files were committed.",
            reason="build/nested-too-deeply",
        ) from error


@contextmanager
def opened(archive: Path, limits: TreeLimits, out: Output, *, setting: str = "") -> Iterator[Tree]:
    """The tree in a pushed archive, from the app's root on, without what .slugignore leaves out.

    Args:
        archive: what was pushed
        limits: how much it may hold
        out: is told what was left out
        setting: the root that `ship apps:set` has set

    Raises:
        BuildError: there are too many files, .slugignore cannot be used, the root is not there, or
            a file that says how the app is built is nested too deeply
    """
    with shallow(), ExitStack() as stack:
        tree = Tree(stack.enter_context(archive.open("rb")), limits)
        if tree.has(slugignore.FILE_NAME) and slugignore.leave_out(archive, tree, out):
            tree = Tree(stack.enter_context(archive.open("rb")))
        found = root.find_root(tree, setting)
        if found.folder:
            root.tell(found, tree, out)
            root.moved(archive, tree, found)
            tree = Tree(stack.enter_context(archive.open("rb")))
        yield tree
