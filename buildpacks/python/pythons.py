"""Which versions of Python there are, and until when each is mended.

The dates are those of the Python project's own table, https://devguide.python.org/versions/, where
the day of an end that lies ahead is taken as the last one of the month it names. It is the only
place in ship that knows them: a new version of Python is a line here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from buildpacks.python.versions import numbers
from receiver.model.build import BuildFacts, Interpreter
from receiver.model.errors import BuildError

END_OF_LIFE = {
    "2.7": date(2020, 1, 1),
    "3.0": date(2009, 6, 27),
    "3.1": date(2012, 4, 9),
    "3.2": date(2016, 2, 20),
    "3.3": date(2017, 9, 29),
    "3.4": date(2019, 3, 18),
    "3.5": date(2020, 9, 30),
    "3.6": date(2021, 12, 23),
    "3.7": date(2023, 6, 27),
    "3.8": date(2024, 10, 7),
    "3.9": date(2025, 10, 31),
    "3.10": date(2026, 10, 31),
    "3.11": date(2027, 10, 31),
    "3.12": date(2028, 10, 31),
    "3.13": date(2029, 10, 31),
    "3.14": date(2030, 10, 31),
    "3.15": date(2031, 10, 31),
}
_SOON = timedelta(days=183)


@dataclass(frozen=True, slots=True)
class Wish:
    """What asks for a Python, and for which one."""

    version: str
    """`3.12` or `3.12.4`."""
    source: str
    """The file, as in `.python-version asks for 3.12`."""

    def other(self, version: str) -> str:
        """Where and how to ask for another one."""
        if self.source == "runtime.txt":
            return f"`python-{version}` in runtime.txt"
        if self.source == "Pipfile.lock":
            return f'`python_version = "{version}"` in the Pipfile, and `pipenv lock`'
        return f"`{version}` in {self.source}"


def minor_of(version: str) -> str:
    return ".".join(version.split(".")[:2])


def mended(facts: BuildFacts) -> list[Interpreter]:
    """Pythons that may be fetched: a version past its end is not."""
    return [
        one for one in facts.fetchable if END_OF_LIFE.get(one.minor, facts.today) >= facts.today
    ]


def refuse_unknown(wish: Wish, facts: BuildFacts) -> None:
    """Refuse a version that no Python ever had.

    Raises:
        BuildError: nobody knows it, and it is not here
    """
    minor = minor_of(wish.version)
    known = {*END_OF_LIFE, *(one.minor for one in (*facts.interpreters, *facts.fetchable))}
    if minor not in known:
        newest = max(END_OF_LIFE, key=numbers)
        raise BuildError(
            f"There is no Python {minor}.",
            detail=f"{wish.source} asks for Python {wish.version}. The newest one known here is "
            f"{newest}.",
            advice=f"Write one that exists, such as {wish.other(_advised(facts))}.",
            reason="build/python-version-unknown",
        )


def not_here(wish: Wish, facts: BuildFacts) -> BuildError:
    """The error for a version that is not on this server, and is not fetched either."""
    end = END_OF_LIFE.get(minor_of(wish.version))
    if end is not None and end < facts.today:
        return BuildError(
            f"Python {minor_of(wish.version)} is no longer mended, and is not on this server.",
            detail=f"{wish.source} asks for Python {wish.version}, whose support ended on "
            f"{end.isoformat()}."
            f" Installed here: {listed(facts.interpreters)}.",
            advice=f"Move the app to a newer one, such as {wish.other(_advised(facts))}."
            " A version past its end is used where the server's administrator has installed "
            "it, and never fetched.",
            reason="build/python-end-of-life",
        )
    near = [one.version for one in mended(facts) if one.minor == minor_of(wish.version)]
    also = f" What can be fetched of {minor_of(wish.version)}: {', '.join(near)}." if near else ""
    return not_installed(f"{wish.source} asks for Python {wish.version}", facts, also)


def not_installed(asks: str, facts: BuildFacts, also: str = "") -> BuildError:
    """The error for Pythons of which none is here, and none can be fetched."""
    newest = max(facts.interpreters, key=lambda one: numbers(one.version), default=None)
    change = f"Ask for one that is here (`{newest.minor}` in .python-version)," if newest else ""
    fetching = "" if facts.fetchable else " This server fetches none."
    return BuildError(
        "The Python that this app asks for is not on this server.",
        detail=f"{asks}. Installed here: {listed(facts.interpreters)}.{fetching}{also}",
        advice=f"{change} or have the server's administrator install it.".strip(" ,"),
        reason="build/python-not-installed",
    )


def age_notices(chosen: Interpreter, pinned: str, facts: BuildFacts) -> tuple[str, ...]:
    """What is to be said of the age of a Python: past its end, near it, or behind in patches."""
    end = END_OF_LIFE.get(chosen.minor)
    said = []
    if end is not None and end < facts.today:
        said.append(
            f"Python {chosen.minor} got its last security fix on {end.isoformat()}: move to "
            "a newer one soon."
        )
    elif end is not None and end < facts.today + _SOON:
        said.append(f"Python {chosen.minor} gets security fixes until {end.isoformat()} only.")
    newer = _newest_patch(chosen, facts)
    if numbers(pinned)[2:] and numbers(newer) > numbers(chosen.version):
        said.append(f"Python {newer} mends {chosen.version}, and can be had here: ask for it soon.")
    return tuple(said)


def listed(installed: Sequence[Interpreter]) -> str:
    return ", ".join(one.version for one in installed) or "none"


def _newest_patch(chosen: Interpreter, facts: BuildFacts) -> str:
    known = (*facts.interpreters, *facts.fetchable, chosen)
    return max((one.version for one in known if one.minor == chosen.minor), key=numbers)


def _advised(facts: BuildFacts) -> str:
    newest = max(facts.interpreters, key=lambda one: numbers(one.version), default=None)
    return newest.minor if newest else "3.13"
