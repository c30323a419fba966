"""What lies in an app's folder and is part of no app: left out of what is deployed without git."""

PATTERNS = (
    ".git", ".hg", ".svn", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".tox", ".nox", ".DS_Store", "__MACOSX", "*.pyc", "*.pyo",
)  # fmt: skip
"""As git reads them. A virtualenv of another name is told by what is in it."""
_NAMES = frozenset(each.lower().encode() for each in PATTERNS if "*" not in each)
_ENDS = tuple(each[1:].encode() for each in PATTERNS if "*" in each)


def is_rubbish(name: bytes) -> bool:
    """Whether a file or folder of this name is left out."""
    lower = name.lower()
    return lower in _NAMES or lower.endswith(_ENDS)


def pattern_for(name: str) -> str:
    """What tar's --exclude needs to leave out a name, and what is left out by its ending."""
    lower = name.lower()
    ends = (name[-len(end) :] for end in _ENDS if lower.endswith(end.decode()))
    return next((f"*{end}" for end in ends), name)
