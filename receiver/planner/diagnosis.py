"""Why a release did not come up, in terms of Python and of what the person can change.

Reads the end of the process's log; pure.
"""

import re
from functools import partial

from receiver.model.errors import CheckError

_SHOWN_LINES = 20
_KILLED = frozenset({137, -9})
_MODULE = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_SYNTAX = re.compile(
    r'File "([^"]+)", line (\d+)(?:[^\0]*?)^(\w*(?:SyntaxError|IndentationError|TabError): .*)$',
    re.MULTILINE,
)
_ATTRIBUTE = re.compile(r"Failed to find attribute '([^']+)' in '([^']+)'")
_VARIABLE = re.compile(r"^KeyError: '([A-Z][A-Z0-9_]+)'$", re.MULTILINE)
_IMPORT = re.compile(r"^ImportError: (.*)$", re.MULTILINE)
_EXIT = re.compile(r"^SystemExit(?:: (.*))?$", re.MULTILINE)
_PROGRAM = re.compile(r"^(?:ship: )?The program (\S+) cannot be run: ", re.MULTILINE)
_CERTAIN = frozenset({"check/wrong-port", "check/disallowed-host", "check/boot-timeout"})
"""What is known from outside, whatever else the log tells."""
_RAISED = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)+(\S.*)$", re.MULTILINE
)


def explain(error: CheckError, log: str, status: int | None, named: str = "") -> CheckError:
    """The error with its cause, where the log tells one, and with the end of the log.

    Args:
        error: what was seen from outside: it ended, it never answered, it answered 500
        log: the end of what the process wrote
        status: its exit status, or None when it was still running
        named: the module that the web line names
    """
    cause = None if error.reason in _CERTAIN else _cause(log, status, named)
    found = cause or error
    tail = "\n".join(log.strip().splitlines()[-_SHOWN_LINES:])
    detail = "\n\n".join(part for part in (found.detail, _shown(tail)) if part)
    return CheckError(found.title, detail=detail, advice=found.advice, reason=found.reason)


def _shown(tail: str) -> str:
    return f"The end of its log:\n{tail}" if tail else "Its log is empty."


def _cause(log: str, status: int | None, named: str) -> CheckError | None:
    for find in (
        partial(_wrong_module, named=named),
        _missing_module,
        _missing_program,
        _ended_itself,
        _syntax_error,
        _missing_attribute,
        _missing_variable,
        _import_error,
    ):
        found = find(log)
        if found is not None:
            return found
    if status in _KILLED:
        return CheckError(
            "The web process was killed while it started.",
            detail="The kernel does this when memory runs out.",
            advice="Have the app use less memory, or give the server more.",
            reason="check/killed",
        )
    return _ended_silently(log, status) or _other_error(log)


def _wrong_module(log: str, *, named: str) -> CheckError | None:
    match = _last(_MODULE, log)
    if match is None or not named or match[1] not in (named, named.partition(".")[0]):
        return None
    return CheckError(
        f"The web line names the module {named}, and there is none in the push.",
        detail=f"Python looked for {match[1]}.py, or a folder {match[1]}, and for an installed package.",
        advice="Have the web line of your Procfile name the file that holds your app, without .py:"
        " `web: gunicorn MODULE:NAME`. If the file is there, check that it was committed:"
        " `git status --ignored`.",
        reason="check/wrong-module",
    )


def _missing_program(log: str) -> CheckError | None:
    match = _last(_PROGRAM, log)
    if match is None:
        return None
    return CheckError(
        f"The web line of the Procfile calls {match[1]}, which cannot be run.",
        advice="Check how it is spelt. If a package brings it, name that package in requirements.txt.",
        reason="check/no-such-program",
    )


def _ended_itself(log: str) -> CheckError | None:
    match = _last(_EXIT, log)
    if match is None:
        return None
    said = match[1] or ""
    return CheckError(
        f"The app ended its own process by `sys.exit({said})` while it started.",
        advice="Have it end only where it is run as a program, below `if __name__ == '__main__':`,"
        " then push again.",
        reason="check/exited",
    )


def _missing_module(log: str) -> CheckError | None:
    match = _last(_MODULE, log)
    if match is None:
        return None
    module = match[1]
    return CheckError(
        f"The app imports {module}, which is not installed.",
        advice=f"If it is a package, add it to requirements.txt (its name there may differ from `{module}`)."
        " If it is a file of yours, check that it was committed: `git status --ignored`.",
        reason="check/missing-module",
    )


def _syntax_error(log: str) -> CheckError | None:
    match = _last(_SYNTAX, log)
    if match is None:
        return None
    return CheckError(
        f"The app cannot be read by Python: {match[3]}",
        detail=f"In {match[1].rpartition('/source/')[2]}, line {match[2]}.",
        advice="Correct the line and push again. The Python on the server may be older than yours.",
        reason="check/syntax-error",
    )


def _missing_attribute(log: str) -> CheckError | None:
    match = _last(_ATTRIBUTE, log)
    if match is None:
        return None
    return CheckError(
        f"The module {match[2]} has no {match[1]}.",
        advice=f"Have the web line of your Procfile name what is there: `web: gunicorn {match[2]}:NAME`.",
        reason="check/missing-attribute",
    )


def _missing_variable(log: str) -> CheckError | None:
    match = _last(_VARIABLE, log)
    if match is None:
        return None
    return CheckError(
        f"The app needs {match[1]}, which is not set.",
        advice=f"Set it with `ship config:set {match[1]}=...`, then push again.",
        reason="check/missing-variable",
    )


def _import_error(log: str) -> CheckError | None:
    match = _last(_IMPORT, log)
    if match is None:
        return None
    return CheckError(
        f"An import of the app failed: {match[1]}",
        advice="Check that the versions in requirements.txt fit together, then push again.",
        reason="check/import-error",
    )


def _ended_silently(log: str, status: int | None) -> CheckError | None:
    if status is None or _RAISED.search(log):
        return None
    return CheckError(
        f"The web process ended by itself, with exit status {status}.",
        detail="No error was raised: something calls `sys.exit()`, or the program comes to its end.",
        advice="Look for `sys.exit()` outside of `if __name__ == '__main__':`, then push again.",
        reason="check/exited",
    )


def _other_error(log: str) -> CheckError | None:
    match = _last(_RAISED, log)
    if match is None:
        return None
    return CheckError(
        f"The app failed with {match[1]}",
        advice="Correct the app and push again.",
        reason="check/app-error",
    )


def _last(pattern: re.Pattern[str], log: str) -> re.Match[str] | None:
    return max(pattern.finditer(log), key=lambda match: match.start(), default=None)
