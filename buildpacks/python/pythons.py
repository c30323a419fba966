"""Which versions of Python there are, and until when each is mended.

The dates are those of the Python project's own table, https://devguide.python.org/versions/, where
the day of an end that lies ahead is taken as the last one of the month it names. It is the only
place in ship that knows them: a new version of Python is a line here.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

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


class Wish(msgspec.Struct, frozen=True):
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

    def line(self, version: str) -> str:
        """What to type so that another one is asked for; the file is committed then."""
        if self.source == "Pipfile.lock":
            return self.other(version)
        text = f"python-{version}" if self.source == "runtime.txt" else version
        return f"`echo {text} > {self.source}`"


def minor_of(version: str) -> str:
    return ".".join(version.split(".")[:2])


def mended(facts: BuildFacts) -> list[Interpreter]:
    """Pythons that may be fetched without being named: none past its end."""
    return [
        one for one in facts.fetchable if END_OF_LIFE.get(one.minor, facts.today) >= facts.today
    ]


def refuse_unknown(wish: Wish, facts: BuildFacts, advised: str) -> None:
    """Refuse a version that no Python ever had; `advised` is one that the app can have.

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
            advice=f"Write one that exists, such as {wish.other(advised or _advised(facts))}.",
            reason="build/python-version-unknown",
        )


def not_here(wish: Wish, facts: BuildFacts, advised: str) -> BuildError:
    """The error for a version of which there is no patch on this server, and none to fetch.

    Args:
        wish: what asks for it
        facts: what is here
        advised: one that is here, and that the project allows; nothing where there is none
    """
    newest = advised or _advised(facts)
    file = "" if wish.source == "Pipfile.lock" else ", and commit the file"
    change = f"Use one that is here{file}: {wish.line(newest)}"
    end = END_OF_LIFE.get(minor_of(wish.version))
    if end is not None and end < facts.today:
        return BuildError(
            f"Python {minor_of(wish.version)} is end-of-life, and is not on this server.",
            detail=f"{wish.source} asks for Python {wish.version}, whose support ended on"
            f" {end.isoformat()}. Installed here: {listed(facts.interpreters)}."
            f"{_fetching(facts)}",
            advice=f"{change}; or ask the server's administrator to install this one.",
            reason="build/python-end-of-life",
        )
    asks = f"{wish.source} asks for Python {wish.version}"
    return _not_installed(asks, facts, change if facts.interpreters else "")


def none_fits(spec: str, oldest: str, facts: BuildFacts) -> BuildError:
    """The error for a range that no Python fits which is here or can be fetched.

    Args:
        spec: what the project says, such as `requires-python = >=3.14`; nothing where it says none
        oldest: the oldest Python that is used without being asked for
        facts: what is here
    """
    newest = _advised(facts)
    if not spec:
        file = Wish("", ".python-version").line(newest)
        change = f"Use one that is here, and commit the file: {file}"
        asks = f"An app needs Python {oldest} or newer"
    else:
        change = (
            f"Have `{spec.partition(' ')[0]}` in pyproject.toml allow one that is here, such as"
            f" {newest}, and lock again where there is a lock file"
        )
        asks = f"pyproject.toml says `{spec}`"
    return _not_installed(asks, facts, change if facts.interpreters else "")


def _not_installed(asks: str, facts: BuildFacts, change: str) -> BuildError:
    ask = f"{change}; or ask" if change else "Ask"
    return BuildError(
        "The Python that this app asks for is not on this server.",
        detail=f"{asks}. Installed here: {listed(facts.interpreters)}.{_fetching(facts)}",
        advice=f"{ask} the server's administrator to install it.",
        reason="build/python-not-installed",
    )


def _fetching(facts: BuildFacts) -> str:
    if not facts.fetchable:
        return " This server can fetch none."
    minors = sorted({one.minor for one in facts.fetchable}, key=numbers)
    return f" Can be fetched: {', '.join(minors)}."


def replaced_patch(wish: Wish, found: Interpreter) -> str:
    """What is said where another patch than the one that is asked for is used."""
    return (
        f"Using Python {found.version}: {wish.version} is not available here."
        f" {wish.source} may name just {found.minor}."
    )


def age_warnings(chosen: Interpreter, facts: BuildFacts) -> tuple[str, ...]:
    """What is to be seen by everybody: a Python without security fixes."""
    end = END_OF_LIFE.get(chosen.minor)
    if end is None or end >= facts.today:
        return ()
    said = f"Python {chosen.minor} is end-of-life since {end.isoformat()}: no security fixes."
    return (f"{said} Move the app to {_advised(facts)} soon.",)


def age_notices(chosen: Interpreter, pinned: str, facts: BuildFacts) -> tuple[str, ...]:
    """What is to be said of the age of a Python: near its end, or behind in patches."""
    end = END_OF_LIFE.get(chosen.minor)
    said = []
    if end is not None and facts.today <= end < facts.today + _SOON:
        said.append(f"Python {chosen.minor} gets security fixes until {end.isoformat()} only.")
    newer = _newest_patch(chosen, facts)
    if numbers(pinned)[2:] and numbers(newer) > numbers(chosen.version):
        said.append(f"Python {newer} fixes {chosen.version}, and can be had here: ask for it soon.")
    return tuple(said)


def listed(installed: Sequence[Interpreter]) -> str:
    return ", ".join(one.version for one in installed) or "none"


def _newest_patch(chosen: Interpreter, facts: BuildFacts) -> str:
    known = (*facts.interpreters, *facts.fetchable, chosen)
    return max((one.version for one in known if one.minor == chosen.minor), key=numbers)


def _advised(facts: BuildFacts) -> str:
    newest = max(facts.interpreters, key=lambda one: numbers(one.version), default=None)
    return newest.minor if newest else "3.13"
