"""A missing program may skip a test on a laptop, and nowhere else."""

from pathlib import Path

import pytest
from _pytest.outcomes import Failed, Skipped

from tests import needs


def test_a_laptop_without_the_program_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(Skipped, match="no-such-program"):
        needs.require_program("no-such-program")


def test_ci_without_the_program_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(Failed, match="no-such-program"):
        needs.require_program("no-such-program")


def test_a_program_is_found_where_only_root_looks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(needs, "PLACES_OF_ROOT", ("/bin",))
    assert needs.require_program("sh").name == "sh"
