"""Takes what .slugignore names out of a pushed archive, before anything else looks at it."""

import os
import tarfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from receiver.deploy.slugignore import FILE_NAME, left_out, parse_slugignore
from receiver.model.build import Tree
from receiver.model.output import Output


@contextmanager
def opened(archive: Path, out: Output) -> Iterator[Tree]:
    """The tree in a pushed archive; where .slugignore leaves files out, the archive is written
    anew without them.

    Raises:
        BuildError: .slugignore cannot be used
    """
    with ExitStack() as stack:
        tree = Tree(stack.enter_context(archive.open("rb")))
        if tree.has(FILE_NAME) and _leave_out(archive, tree, out):
            tree = Tree(stack.enter_context(archive.open("rb")))
        yield tree


def _leave_out(archive: Path, tree: Tree, out: Output) -> bool:
    """Whether there was anything to leave out."""
    patterns, idle = parse_slugignore(tree.read(FILE_NAME))
    gone = left_out(tree.members, patterns)
    if gone:
        _write_without(archive, gone)
        count = sum(tree.members[name].isfile() for name in gone)
        out.say(f"{FILE_NAME} leaves {count:,} file{'s' * (count != 1)} out of the release.")
    for line in idle:
        out.warn(
            f"{line} in {FILE_NAME} does not count: no line brings back what another leaves out."
        )
    return bool(gone)


def _write_without(archive: Path, gone: Collection[str]) -> None:
    # the id of this process in its name: nobody clears it away while this one lives
    kept = archive.with_name(f"{os.getpid()}.kept.tar")
    with (
        tarfile.open(archive, "r:") as before,
        tarfile.open(kept, "w", format=tarfile.PAX_FORMAT, pax_headers=before.pax_headers) as after,
    ):
        for member in before:
            if member.name.rstrip("/").removeprefix("./") not in gone:
                member.pax_headers = {}  # those of the whole archive, which stand at its start
                after.addfile(member, before.extractfile(member) if member.isfile() else None)
    kept.chmod(0o600)
    kept.replace(archive)
