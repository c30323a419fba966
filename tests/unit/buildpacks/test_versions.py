"""Version ranges as projects write them."""

import pytest

from buildpacks.python.versions import satisfies


@pytest.mark.parametrize(
    ("version", "specifier", "holds"),
    [
        ("3.12.4", ">=3.12", True),
        ("3.12.0", ">=3.12.0", True),
        ("3.12", ">=3.12.0", True),
        ("3.11.9", ">=3.12", False),
        ("3.12.4", "<3.12", False),
        ("3.9.2", "<3.12", True),
        ("3.12.4", ">3.12.4", False),
        ("3.12.4", "<=3.12.4", True),
        ("3.12.4", "==3.12", False),
        ("3.12.0", "==3.12", True),
        ("3.12.4", "===3.12.4", True),
        ("3.12.4", "==3.12.*", True),
        ("3.11.4", "==3.12.*", False),
        ("3.12.4", "!=3.12.*", False),
        ("3.11.4", "!=3.12.*", True),
        ("3.12.4", "~=3.11", True),
        ("4.0.0", "~=3.11", False),
        ("3.12.4", "~=3.11.2", False),
        ("3.12.4", " >= 3.9 , < 4 ", True),
        ("3.12.4", ">=3.9,<3.12", False),
        ("3.12.4", "", True),
        ("3.12.4", "^3.9", True),
    ],
)
def test_satisfies(version: str, specifier: str, holds: bool) -> None:
    assert satisfies(version, specifier) is holds
