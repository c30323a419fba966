"""Why a release did not come up, in terms of Python and of what the person can change.

Reads the end of the process's log; pure. What it knows of imports and of the surroundings is in the
causes beside it.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from receiver.diagnosis import causes_around as around
from receiver.diagnosis import causes_imports as imports
from receiver.diagnosis.causes_imports import last
from receiver.diagnosis.package_names import program_package
from receiver.diagnosis.pushed import Pushed
from receiver.model.errors import SEE_LOG, CheckError
from receiver.model.patterns import regex

_Find: TypeAlias = Callable[[str, Pushed], CheckError | None]
_SHOWN_LINES = 20
_LOOK_ABOVE = "Its log is above: correct the app and push again."
_NO_LOG = "`ship local` runs the app on your machine, where you see what it does."
_SYNTAX = regex(
    r'File "([^"]+)", line (\d+)(?:(?!File ")[^\0])*?'
    r"^(?:SyntaxError|IndentationError|TabError): (.*)$",
    re.MULTILINE,
)
_GUNICORN = regex(
    r"^Error: ((?:Error: )?(?:'[^'\n]+' isn't writable|class uri |Invalid value|Unable to ).*)$"
    r"|^(Gunicorn (?:refuses|cannot load) .*)$",
    re.MULTILINE,
)
_EXIT = regex(r"^SystemExit(?:: (.*))?$", re.MULTILINE)
_PROGRAM = regex(r"^(?:ship: )?The program (\S+) cannot be run: ", re.MULTILINE)
_LATE = "check/boot-timeout"
_CERTAIN = frozenset({"check/wrong-port", "check/disallowed-host", _LATE})
"""What is known from outside, whatever else the log tells."""
_SERVERS_FRAMES = regex(
    r"^(Traceback \(most recent call last\):\n)(?:[ \t].*\n|\n)*?"
    r'(?=  File "[^"\n]*/releases/v\d+/source/)',
    re.MULTILINE,
)
"""What leads from a server's program to the app's own code."""
_MACHINES_WORD = "systemd: "
_KILLED = regex(r".* Worker \(pid:\d+\) was sent SIGKILL!.*")
_RAISED = regex(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)+(\S.*)$", re.MULTILINE)


def explain(
    error: CheckError,
    log: str,
    status: int | None,
    pushed: Pushed = Pushed(),  # noqa: B008 - a value
) -> CheckError:
    """The error with its cause, where the log tells one, and with the end of the log.

    Args:
        error: what was seen from outside: it ended, it never answered, it answered 500
        log: the end of what the process wrote
        status: its exit status, or None when it was still running
        pushed: what is known of the pushed tree
    """
    found = cause(error, log, status, pushed)
    lines = _told_once(log).strip().splitlines()
    if error.reason == _LATE:  # ship ended it, and it is chance whether its server has told so yet
        lines = [line for line in lines if not _KILLED.fullmatch(line)]
    tail = "\n".join((_of_the_app(lines) or lines)[-_SHOWN_LINES:])
    detail = "\n\n".join(part for part in (found.detail, _shown(tail)) if part)
    advice = found.advice.replace(SEE_LOG, _LOOK_ABOVE if tail else _NO_LOG)
    return CheckError(found.title, detail=detail, advice=advice, reason=found.reason)


def of_command(log: str, pushed: Pushed) -> CheckError | None:
    """Why any other process of the app failed: a release phase, a script, a run or a cron job."""
    if not (found := _first(_ANYWHERE, log, pushed)):
        return None
    if found.reason == "check/missing-table":
        found.advice = f"Run its migrations first: `{around.migrate(pushed)}`."
    return found


def cause(error: CheckError, log: str, status: int | None, pushed: Pushed) -> CheckError:
    """The same without the log, for somebody who has it before them."""
    return around.killed(log, status, pushed, by_ship=error.reason == _LATE) or (
        _host(error, pushed) if error.reason in _CERTAIN else _cause(log, status, pushed) or error
    )


def _host(error: CheckError, pushed: Pushed) -> CheckError:
    """Django's refusal of the host name, with the config var that its settings read the names
    from.
    """
    name = re.search(r"host name (\S+)", error.title)
    if error.reason != "check/disallowed-host" or not pushed.hosts_variable or name is None:
        return error
    return CheckError(
        error.title,
        detail=error.detail,
        advice=around.allow_host(name[1], pushed),
        reason=error.reason,
    )


def _told_once(log: str) -> str:
    """The log with each traceback once, where several workers or starts wrote the same, and from
    the first line of the app's own on.
    """
    log = _SERVERS_FRAMES.sub(r"\1", log)
    for block in {match[0] for match in _RAISED.finditer(log)}:
        before, _, after = log.rpartition(block)
        log = before.replace(block + "\n", "") + block + after
    return log


def _of_the_app(lines: list[str]) -> list[str]:
    """Without what the machine says of its end: it is told above, and never more than that it
    ended.
    """
    return [line for line in lines if not line.startswith(_MACHINES_WORD)]


def _shown(tail: str) -> str:
    return f"The end of its log:\n{tail}" if tail else "Its log is empty."


def _missing_program(log: str, pushed: Pushed) -> CheckError | None:
    match = last(_PROGRAM, log)
    if match is None:
        return None
    package = program_package(match[1])
    brought = "If a package brings it, name that package in requirements.txt."
    return CheckError(
        f"The web line of the Procfile calls {match[1]}, which cannot be run.",
        detail=f"The package that brings it is called {package}." if package else "",
        advice=pushed.add(package) if package else f"Check its spelling. {brought}",
        reason="check/no-such-program",
    )


def _first(finds: Sequence[_Find], log: str, pushed: Pushed) -> CheckError | None:
    known = (find(log, pushed) for find in finds)
    return next((error for error in known if error is not None), None)


def _cause(log: str, status: int | None, pushed: Pushed) -> CheckError | None:
    return _first(_CAUSES, log, pushed) or _ended_silently(log, status) or _other_error(log)


def _gunicorn_refused(log: str, _: Pushed) -> CheckError | None:
    """Gunicorn's own word on its settings; the app was not loaded yet."""
    match = last(_GUNICORN, log)
    if match is None:
        return None
    said = (match[1] or match[2]).removeprefix("Error: ")
    return CheckError(
        f"gunicorn did not start: {said}",
        detail="It refused one of its own settings. The app was not loaded yet.",
        advice="Correct it in the web line of the Procfile, in gunicorn.conf.py or in the config"
        " var GUNICORN_CMD_ARGS, and push again.",
        reason="check/gunicorn-settings",
    )


def _ended_itself(log: str, _: Pushed) -> CheckError | None:
    match = last(_EXIT, log)
    if match is None:
        return None
    said = match[1] or ""
    return CheckError(
        f"The app ended its own process by `sys.exit({said})` while it started.",
        advice="Have it end only where it is run as a program, below `if __name__ == '__main__':`,"
        " then push again.",
        reason="check/exited",
    )


def _syntax_error(log: str, _: Pushed) -> CheckError | None:
    match = last(_SYNTAX, log)
    if match is None:
        return None
    inside, installed = (match[1].rpartition(folder) for folder in ("/source/", "/site-packages/"))
    file = inside[2] if inside[1] else installed[2]
    advice = "Correct the line and push again. The Python on the server may be older than yours."
    if installed[1]:
        advice = (
            "The file is of a package that is not for this Python: ask for another version of the "
            "package, or of Python, and push again."
        )
    return CheckError(
        f"Syntax error in {file}, line {match[2]}: {match[3]}.",
        advice=advice,
        reason="check/syntax-error",
    )


def _ended_silently(log: str, status: int | None) -> CheckError | None:
    if status is None or _RAISED.search(log):
        return None
    return CheckError(
        f"The web process ended by itself, with exit status {status}.",
        detail="No error was raised: something calls `sys.exit()`, or the program comes to its "
        "end.",
        advice="Look for `sys.exit()` outside of `if __name__ == '__main__':`, then push again.",
        reason="check/exited",
    )


def _other_error(log: str) -> CheckError | None:
    match = last(_RAISED, log)
    if match is None:
        return None
    return CheckError(
        f"The app failed with {match[1]}",
        advice="Correct the app and push again.",
        reason="check/app-error",
    )


_OF_WEB: tuple[_Find, ...] = (
    imports.wrong_module,
    _gunicorn_refused,
    _missing_program,
    _ended_itself,
    imports.missing_attribute,
    imports.factory,
    imports.not_an_app,
    around.refused_host,
    around.fixed_port,
)
"""What befalls web processes alone."""
_CAUSES: tuple[_Find, ...] = (
    imports.wrong_module,
    imports.missing_module,
    _gunicorn_refused,
    _missing_program,
    _ended_itself,
    _syntax_error,
    imports.missing_attribute,
    imports.factory,
    imports.not_an_app,
    around.missing_variable,
    around.settings_module,
    around.old_postgres,
    around.refused_host,
    imports.library,
    imports.import_error,
    around.unreachable,
    around.refused_login,
    around.missing_table,
    around.locked_store,
    around.fixed_port,
    around.refused_file,
)
"""In the order of how sure they are."""
_ANYWHERE = tuple(find for find in _CAUSES if find not in _OF_WEB)
"""What may befall any process of an app."""
