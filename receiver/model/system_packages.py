"""System packages that an app asks for, by the names that its Aptfile and ship.toml have. Pure."""

import re
from collections.abc import Iterable

import msgspec

from receiver.model.errors import BuildError, UsageError
from receiver.model.patterns import regex

FILE_NAME = "Aptfile"
_NAME = regex(r"[a-z0-9][a-z0-9.+-]*[a-z0-9+]")
"""A name of Debian's; one that ends with a minus would have apt remove the package."""
_LONGEST = 100
_MOST = 200


class Allowed(msgspec.Struct, frozen=True):
    """Who allowed a package to the apps of this server, and when."""

    by: str
    at: str


class AllowedPackages(msgspec.Struct, frozen=True):
    """What packages.json holds."""

    packages: dict[str, Allowed] = {}


def parse_aptfile(data: bytes) -> tuple[str, ...]:
    """The packages of an Aptfile: words of its lines, comments left out, each once.

    Raises:
        BuildError: it asks for something else than packages by their names
    """
    names: list[str] = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), start=1):
        text = line.strip()
        # of a package source, the rest of the line is its address
        words = [text] if text.startswith(":") else text.partition("#")[0].split()
        if text.startswith("#"):
            continue
        for word in words:
            if why := refusal(word):
                shown = word[:_LONGEST].encode("unicode_escape").decode()
                raise BuildError(
                    f"Line {number} of {FILE_NAME} cannot be used: {shown}",
                    detail=why,
                    advice="Write one package name of the server's distribution a line.",
                    reason="build/aptfile-invalid",
                )
            names.append(word)
    return _limited(dict.fromkeys(names))


def parse_names(words: Iterable[str]) -> tuple[str, ...]:
    """Names that were typed.

    Raises:
        UsageError: one of them is no name of a package
    """
    found = tuple(dict.fromkeys(words))
    for word in found:
        if why := refusal(word):
            raise UsageError(
                f"{word!r} is not the name of a package.",
                detail=why,
                advice="Type a name such as `ship packages:add libmagic1`.",
                reason="usage/bad-package",
            )
    if not found:
        raise UsageError(
            "No package is named.",
            advice="Type for example `ship packages:add libmagic1`.",
            reason="usage/bad-package",
        )
    return found


def refusal(word: str) -> str:
    """Why a word is not taken for a package, as a sentence; nothing for a name."""
    if word.startswith(":repo:"):
        return "No package source is added: all apps of the server would have to trust it."
    if "://" in word or word.endswith(".deb"):
        return "Packages come from the server's distribution, not from an address or a file."
    if word.startswith("-"):
        return "It is an option, and apt is given none."
    name = re.split(r"[=:/]", word)[0]
    if name != word and _NAME.fullmatch(name):
        return f"The distribution decides on version and architecture: write `{name}`."
    if word.endswith("-"):
        return "A minus at the end would have apt remove the package."
    if len(word) > _LONGEST or not _NAME.fullmatch(word):
        return "A package name has lower-case letters, digits and + - . in it."
    return ""


def _limited(names: Iterable[str]) -> tuple[str, ...]:
    found = tuple(names)
    if len(found) > _MOST:
        raise BuildError(
            f"{FILE_NAME} names more than {_MOST} packages.",
            detail=f"It names {len(found)}.",
            advice="Name those that the app itself uses; what they need comes with them.",
            reason="build/aptfile-invalid",
        )
    return found
