"""Data of NLTK: what nltk.txt names is downloaded into the virtualenv, where nltk looks for it
by itself.
"""

from collections.abc import Collection

from receiver.model.build import Command, Tree
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

NLTK = "nltk"
FILE_NAME = "nltk.txt"
_DOWNLOAD = (
    "import sys, nltk\n"
    "for name in sys.argv[2:]: nltk.download(name, sys.argv[1], raise_on_error=True)"
)
_NAME = regex(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNKNOWN = regex(r"Package '?([\w.-]+)'? not found in index")
_SHOWN_LINES = 20


def plan_nltk(tree: Tree, packages: Collection[str]) -> tuple[tuple[Command, ...], tuple[str, ...]]:
    """The download, where it is asked for, and sentences about it for the push log.

    Raises:
        BuildError: a line of nltk.txt cannot be a name
    """
    if NLTK not in packages:
        return (), ()
    if not tree.has(FILE_NAME):
        return (), (
            f"nltk gets no data: {FILE_NAME}, with a name of a corpus in each line, would.",
        )
    names = _names(tree)
    if not names:
        return (), (f"nltk gets no data: {FILE_NAME} names none.",)
    argv = ("{venv}/bin/python", "-c", _DOWNLOAD, "{venv}/nltk_data", *names)
    title = f"Downloading NLTK data: {' '.join(names)}"
    return (Command(argv, title=title, explain=NLTK),), ()


def _names(tree: Tree) -> list[str]:
    text = tree.read(FILE_NAME).decode("utf-8-sig", "replace")
    names = [word for line in text.splitlines() for word in line.partition("#")[0].split()]
    strange = [name for name in names if not _NAME.fullmatch(name)]
    if strange:
        raise BuildError(
            f"{FILE_NAME} holds what cannot be the name of NLTK data: {strange[0]!r}.",
            advice="Write one name a line, such as `stopwords`, as text in UTF-8.",
            reason="build/nltk-data",
        )
    return names


def explain_nltk(command: Command, output: str) -> BuildError:
    """Why the download of `command` failed."""
    del command
    said = "\n".join(output.strip().splitlines()[-_SHOWN_LINES:])
    if found := _UNKNOWN.search(output):
        return BuildError(
            f"NLTK has no data named {found[1]}.",
            detail=said,
            advice=f"Correct the line in {FILE_NAME}; `python -m nltk.downloader -l` lists the "
            "names.",
            reason="build/nltk-data",
        )
    return BuildError(
        "The NLTK data could not be downloaded.",
        detail=said,
        advice="nltk loads it from the internet at each new virtualenv: push again in a while. "
        "Without"
        f" {FILE_NAME}, nothing is loaded; data can be committed as well, with its folder "
        "named in the config"
        " var NLTK_DATA.",
        reason="build/nltk-data",
    )
