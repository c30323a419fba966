"""What the person who pushed reads, compared whole with a file of tests/transcripts; what
differs by machine is masked.

`SHIP_UPDATE_GOLDEN=1` writes the files anew; read the difference before you commit it.
"""

import os
import re
from pathlib import Path

from tests.checkout import Pushed
from tests.embedded.embedded_server import EmbeddedServer

FOLDER = Path(__file__).parent.parent / "transcripts"
_UPDATES = os.environ.get("SHIP_UPDATE_GOLDEN") == "1"
_MASKS = (
    # what a push says of this computer's own pip settings
    (r"(?m)^.*(?:The pip setting `|, not the pip settings? `)[^\n]*\n", ""),
    (r"(?ms)^error: .*?(?=\n\n)", "error: (in uv's words)"),
    (r'(?m)^  File "(?!ROOT/var/apps/)[^\n]*\n(?:    [^\n]*\n)*', ""),  # frames of Python's own
    (r"(?m)^ *[~^][~^ ]*\n", ""),  # newer Pythons underline more
    (r"\(/\S+/os\.py\)|\(unknown location\)", "(PLACE)"),
    (r"\b[0-9a-f]{40}\b", "COMMIT"),
    (r"\b[0-9a-f]{32}\b", "DIGEST"),
    (r"(?<=Virtualenv )[0-9a-f]{12}|(?<=# made of )[0-9a-f]{16}", "DIGEST"),
    (r"\b[0-9a-f]{7}\b(?=[ ,.])", "COMMIT"),
    (r"(?<=Installed here: )[\d., ]+(?=\.)|(?<=Can be fetched: )[\d., ]+(?=\.)", "VERSIONS"),
    (r"(?<=the file: `echo )[\d.]+|(?<=such as `)3\.[\d.]+", "VERSION"),
    (r" object at 0x[0-9a-f]+", " object"),
    (r"\bv\d+\b", "vN"),
    (r"\b\d+\.\d\d s\b", "N s"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"(?i)(?<=\bport )\d+", "PORT"),
    (r"(?<=PORT is )\d+", "PORT"),
    (r"(?<=Python )3\.\d+(\.\d+)?", "VERSION"),
    (r"(?<=python)3\.\d+", "3.N"),
    (r"gunicorn==\d+(\.\d+)*", "gunicorn==VERSION"),
    (r"\[\d{4}-\d\d-\d\d [\d:]+ [+-]\d{4}\] \[\d+\]", "[TIME] [PID]"),
    (r"\(process \d+\)", "(process PID)"),
    (r"\(pid:\d+\)", "(pid:PID)"),
    (
        r"(?m)^(.* was sent SIG.*\n)\1+",
        r"\1",
    ),
)


def error_block(pushed: Pushed) -> str:
    """The lines behind ` !`: the last whole error of the push."""
    kept = [line for line in pushed.lines if line.startswith(" !")]
    return "\n".join(line[len(" !     ") :] for line in kept).strip("\n") + "\n"


def masked(server: EmbeddedServer, text: str) -> str:
    """The text without what another run or machine would write differently."""
    text = text.replace(str(server.root), "ROOT")
    for pattern, name in _MASKS:
        text = re.sub(pattern, name, text)
    return text


def assert_as_recorded(name: str, text: str) -> None:
    """Compare with the file of this name, or write it."""
    path = FOLDER / f"{name}.txt"
    if _UPDATES:
        path.write_text(text)
    assert path.exists(), f"there is no {path.name} yet; SHIP_UPDATE_GOLDEN=1 writes it:\n{text}"
    assert text == path.read_text()
