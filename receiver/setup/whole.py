"""Tells whether all that pip installed for this Python is still there: `whole.py`, which ends with
1 where a file is missing or has another size.

installer.sh asks it before it believes that nothing is to be done. It is run by the Python of what
may be damaged, from the folder of the installer, so it imports the standard library alone.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

_COMPILED = ".pyc"
"""Files that Python makes of others as it likes."""


def lost(folders: Sequence[str]) -> Iterator[Path]:
    """Files that are not as the records of the packages in these folders have them."""
    for package in distributions(path=list(folders)):
        for file in package.files or ():
            place = Path(str(file.locate()))
            if place.suffix == _COMPILED:
                continue
            if not place.is_file() or file.size not in {None, place.stat().st_size}:
                yield place


if __name__ == "__main__":
    sys.exit(1 if any(True for _ in lost(sys.path)) else 0)
