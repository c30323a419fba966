"""The folder with the pip that all virtualenvs share."""

from pathlib import Path

import pytest

from receiver.building import shared_pip
from receiver.model.layout import Layout


def test_links_follow_the_pip_that_ship_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout.at(tmp_path)
    monkeypatch.setattr(shared_pip, "_parts", lambda: {"pip": "/old/pip", "pip-1": "/old/pip-1"})
    place = shared_pip.folder(layout)
    (place / ".pip.1").symlink_to("/new/pip")  # of a build of another app, half done
    monkeypatch.setattr(shared_pip, "_parts", lambda: {"pip": "/new/pip", "pip-2": "/new/pip-2"})
    assert shared_pip.folder(layout) == place
    links = {path.name: str(path.readlink()) for path in place.iterdir()}
    assert links == {"pip": "/new/pip", "pip-2": "/new/pip-2", ".pip.1": "/new/pip"}


def test_it_lies_where_an_app_can_see_it(tmp_path: Path) -> None:
    """The sandbox of a VPS hides the folder of the server's state."""
    layout, versions = Layout.at(tmp_path), tmp_path / "versions"
    installed = versions / "1.a"
    assert shared_pip._place(layout, installed, versions) == installed / "pip"
    assert shared_pip._place(layout, tmp_path / "venv", versions) == layout.state / "pip"
