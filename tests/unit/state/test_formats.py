"""An older Ship refuses the files of a newer one."""

from pathlib import Path

import pytest

from receiver.model.errors import ServerError
from receiver.model.layout import Layout
from receiver.state import formats

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout.embedded(tmp_path)
    found.state.mkdir(parents=True)
    return found


def test_what_says_nothing_is_of_the_first_format(layout: Layout) -> None:
    formats.refuse_newer(layout, known=1)
    formats.note(layout, known=2)
    assert layout.format.read_text() == "2\n"
    formats.note(layout, known=1)
    assert layout.format.read_text() == "2\n", "no older Ship says less"


def test_a_newer_format_is_refused_in_words(layout: Layout) -> None:
    formats.note(layout, known=3)
    formats.refuse_newer(layout, known=3)
    with pytest.raises(ServerError) as refused:
        formats.refuse_newer(layout, known=2)
    assert "says format 3; this Ship knows 2 at most" in refused.value.detail


def test_sources_are_asked_without_being_run(tmp_path: Path) -> None:
    assert formats.of_sources(PROJECT) == formats.FORMAT
    assert formats.of_sources(tmp_path) == 1, "as of before there were formats"
