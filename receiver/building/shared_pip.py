"""One pip for all virtualenvs: Ship's own, in a folder that holds nothing else."""

import sys
from pathlib import Path

from receiver.machine import files
from receiver.machine.interpreter import VERSIONS, lasting
from receiver.model.layout import Layout


def folder(layout: Layout) -> Path:
    """The folder with links to the pip that Ship was installed with; empty where it has none."""
    place = _place(layout, Path(sys.prefix).resolve())
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    wanted = _parts()
    # names that begin with a dot are of another app's build, which does the same now
    present = (path for path in place.iterdir() if path.is_symlink() and path.name[0] != ".")
    links = {path.name: str(path.readlink()) for path in present}
    if links != wanted:
        for name in links:
            if name not in wanted:
                (place / name).unlink(missing_ok=True)
        for name, target in wanted.items():
            files.link_atomically(place / name, target)
    return lasting(place)


def _place(layout: Layout, program: Path, versions: Path = VERSIONS) -> Path:
    """Where an app's sandbox shows it: on a VPS that hides the server's state, not its program."""
    return (program if program.is_relative_to(versions) else layout.state) / "pip"


def _parts() -> dict[str, str]:
    """The package and what describes it, by name."""
    from importlib.util import find_spec  # noqa: PLC0415 - a push of code alone builds nothing

    found = find_spec("pip")
    if found is None or found.origin is None:
        return {}
    package = Path(found.origin).parent
    return {path.name: str(path) for path in (package, *package.parent.glob("pip-*.dist-info"))}
