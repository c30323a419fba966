"""One pip for all virtualenvs: Ship's own, in a folder that holds nothing else."""

import importlib.util
from pathlib import Path

from receiver.model.layout import Layout


def folder(layout: Layout) -> Path:
    """The folder with links to the pip that Ship was installed with; empty where it has none."""
    place = layout.state / "pip"
    place.mkdir(mode=0o755, parents=True, exist_ok=True)
    wanted = _parts()
    links = {path.name: str(path.readlink()) for path in place.iterdir() if path.is_symlink()}
    if links != wanted:
        for name in links:
            (place / name).unlink()
        for name, target in wanted.items():
            (place / name).symlink_to(target)
    return place


def _parts() -> dict[str, str]:
    """The package and what describes it, by name."""
    found = importlib.util.find_spec("pip")
    if found is None or found.origin is None:
        return {}
    package = Path(found.origin).parent
    return {path.name: str(path) for path in (package, *package.parent.glob("pip-*.dist-info"))}
