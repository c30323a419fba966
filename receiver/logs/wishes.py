"""What somebody asks of an app's log, in words, as the lines that are wanted; and what is told
where there are none.
"""

import re
from collections.abc import Callable

import msgspec

from receiver.logs.stream import Wanted
from receiver.machine.clock import now_us
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.log_line import SOURCES, Source
from receiver.model.log_times import moment_us
from receiver.model.names import AppName
from receiver.model.run import parse_run_name
from receiver.processes import look as processes
from receiver.runs import records as run_records
from receiver.server import Server
from receiver.state import records
from receiver.state.release_times import ReleaseTimes

_PROCESSES: frozenset[Source] = frozenset({"app", "cron"})


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """As it was typed."""

    runs: bool = True
    """Whether what people's own runs wrote is among it."""
    process: str | None = None
    sources: tuple[str, ...] = ()
    release: int | None = None
    pattern: str | None = None
    ignore_case: bool = False
    since: str | None = None
    until: str | None = None


def wanted(server: Server, app: AppName, wish: Wish) -> Wanted:
    """The lines that are meant.

    Raises:
        UsageError: a time, a pattern or a source is none
        NotFoundError: there is no such process or release
    """
    server.app(app)
    now = now_us()
    sources = _sources(wish.sources)
    if wish.process is not None:
        _check_process(server, app, wish.process)
        sources &= _PROCESSES if not wish.sources else frozenset(SOURCES)
    return Wanted(
        sources=sources,
        runs=wish.runs,
        process=wish.process,
        release=_release(server, app, wish.release),
        matches=_matches(wish.pattern, ignore_case=wish.ignore_case),
        since_us=moment_us(wish.since, "since", now) if wish.since else 0,
        until_us=moment_us(wish.until, "until", now) if wish.until else None,
    )


def refuse_until(wish: Wish) -> None:
    """Refuse an end for what has none."""
    if wish.until is not None:
        raise UsageError(
            "--tail goes on, so that --until has no meaning with it.",
            advice="Leave one of them out.",
            reason="usage/until-with-tail",
        )


def nothing_found(server: Server, app: AppName, wish: Wish) -> str:
    """What is told where no line is wanted of those that there are: what was looked for, or why
    there is none.
    """
    narrow = wish != Wish(runs=wish.runs)
    if narrow:
        told = f"There is no such line in the log of {app}: {_words(wish)}."
        return told + _where_none_runs(server, app, wish.process)
    live = records.read_live(server.app(app))
    if live is None:
        return (
            f"{app} has no release yet, so nothing has written a line. Push some code: git push "
            "prod main"
        )
    return f"Nothing has written a line about {app} yet. What runs: ship ps"


def _where_none_runs(server: Server, app: AppName, process: str | None) -> str:
    """How to start one, where somebody looks for the lines of a type of which none should run."""
    none = process is not None and processes.look(server, app).scale.get(process) == 0
    return f" None of it runs; to start one: ship ps:scale {process}=1 -a {app}" if none else ""


def _words(wish: Wish) -> str:
    parts = (
        f"source {', '.join(wish.sources)}" if wish.sources else "",
        f"process {wish.process}" if wish.process else "",
        f"release v{wish.release}" if wish.release else "",
        f"found by {wish.pattern!r}" if wish.pattern else "",
        f"newer than {wish.since}" if wish.since else "",
        f"older than {wish.until}" if wish.until else "",
    )
    return ", ".join(part for part in parts if part)


def _sources(given: tuple[str, ...]) -> frozenset[Source]:
    words = [word.strip() for part in given for word in part.split(",")]
    known = {str(source): source for source in SOURCES}
    strange = [word for word in words if word not in known]
    if strange:
        raise UsageError(
            f"{strange[0]!r} is no source of log lines.",
            detail="The processes of an app are told apart by --process-type.",
            advice=f"Sources are {', '.join(SOURCES[:-1])} and {SOURCES[-1]}.",
            reason="usage/unknown-source",
        )
    return frozenset(known[word] for word in words) or frozenset(SOURCES)


def _matches(pattern: str | None, *, ignore_case: bool) -> Callable[[bytes], object]:
    if pattern is None:
        return lambda _: True
    try:
        flags = re.IGNORECASE if ignore_case else re.NOFLAG
        found = re.compile(pattern, flags)
    except re.error as error:
        raise UsageError(
            f"{pattern!r} is no regular expression: {error}.",
            advice="Put a backslash before each of the signs . ^ $ * + ? { } [ ] \\ | ( ) that "
            "stands for itself.",
            reason="usage/bad-pattern",
        ) from error
    return lambda text: found.search(text.decode("utf-8", "replace"))


def _release(server: Server, app: AppName, version: int | None) -> int | None:
    """The version, where it is one; also if its files are gone, as long as something tells when
    it ran.
    """
    paths = server.app(app)
    kept = records.release_versions(paths)
    known = version is None or version in kept or ReleaseTimes(paths).began_us(version)
    if version is not None and not known:
        records.read_release(paths, version)
    return version


def _check_process(server: Server, app: AppName, process: str) -> None:
    """Refuse what is no process of the live release; a number may be one that runs no more."""
    if process.startswith("run."):
        run_records.find(server.app(app), parse_run_name(process))
        return
    name, dot, number = process.partition(".")
    looked = processes.look(server, app)
    live = records.read_live(server.app(app))
    jobs = list(records.read_release(server.app(app), live.release).cron) if live else []
    known = [each.type for each in looked.types]
    if (name in known or name in jobs) and (number.isdecimal() and name != "web" if dot else True):
        return
    cron = f" Its cron jobs are: {', '.join(jobs)}." if jobs else ""
    raise NotFoundError(
        f"{app} has no process {process}.",
        detail=f"Its process types are: {', '.join(known)}.{cron}"
        if known
        else "It has no release yet.",
        advice="The web processes write one log: `ship logs -p web`."
        if name == "web" and name in known
        else "Name a type or a process of one, such as `worker` or `worker.1`."
        if known
        else "Push some code: `git push prod main`.",
        reason="not-found/process",
    )
