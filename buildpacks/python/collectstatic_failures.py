"""Why `manage.py collectstatic` failed, in terms of what the person can change. Pure."""

import re
from collections.abc import Callable

from receiver.model.build import Command
from receiver.model.errors import BuildError
from receiver.model.patterns import regex

_REASON = "build/collectstatic-failed"
_TITLE = "Django's static files could not be collected"
_SKIP = "To build without them: `ship config:set DISABLE_COLLECTSTATIC=1`."
_SHOWN_LINES = 20
_IMPORTS_SETTINGS = "import_module(self.SETTINGS_MODULE)"
_FOREIGN_FRAMES = regex(
    r'^  File "(?:<frozen |[^"\n]*/lib/python3|[^"\n]*/receiver/runtime/)[^\n]*\n(?:    [^\n]*\n)*',
    re.MULTILINE,
)
"""Frames of Python's and of packages: what the app can change is in the others."""
_EARLIER_ERRORS = regex(
    r"\A.*\n(?:During handling of|The above exception was)[^\n]* exception[^\n]*:\n", re.DOTALL
)
_FRAME = regex(r"^  File .*", re.MULTILINE)
_Explained = Callable[[re.Match[str], str], BuildError]


def explain_collectstatic(command: Command, output: str) -> BuildError:
    """The error for a failed `collectstatic`, from all that it wrote."""
    del command
    own = _FOREIGN_FRAMES.sub("", _EARLIER_ERRORS.sub("", output))
    said = "\n".join(own.strip().splitlines()[-_SHOWN_LINES:])
    for pattern, explained in _KNOWN:
        if match := pattern.search(output):
            return explained(match, said)
    return _error("", said, f"Correct the app and push again. {_SKIP}")


def _error(cause: str, said: str, advice: str, reason: str = _REASON) -> BuildError:
    title = f"{_TITLE}: {cause}." if cause else f"{_TITLE}."
    return BuildError(title, detail=f"The end of its output:\n{said}", advice=advice, reason=reason)


def _variable(match: re.Match[str], said: str) -> BuildError:
    name = next(group for group in match.groups() if group)
    return _error(
        f"the settings need {name}, which is not set",
        said,
        f"Set it, then push again: `ship config:set {name}=...`. The command loads the same "
        "settings as the app,"
        f" and gets the same config vars. {_SKIP}",
        "build/collectstatic-variable",
    )


def _static_root(_: re.Match[str], said: str) -> BuildError:
    return _error(
        "STATIC_ROOT is not set",
        said,
        "Add to your settings the folder they are to be put into:"
        # of older projects, BASE_DIR is a text
        f" `STATIC_ROOT = f'{{BASE_DIR}}/staticfiles'`. {_SKIP}",
    )


def _secret_key(_: re.Match[str], said: str) -> BuildError:
    return _error(
        "SECRET_KEY is empty",
        said,
        "If your settings read it from the environment: `ship config:set SECRET_KEY=...`, "
        "then push again.",
        "build/collectstatic-variable",
    )


def _reference(match: re.Match[str], said: str) -> BuildError:
    return _error(
        f"{match[1]} refers to a file that is not there",
        said,
        "Correct the address in it, or commit the file; a path there is relative to the "
        "file that names it.",
    )


def _manifest_entry(match: re.Match[str], said: str) -> BuildError:
    return _error(
        f"{match[1]} is referred to, and is not there",
        said,
        "Commit the file, or correct the name where it is used.",
    )


def _folder(match: re.Match[str], said: str) -> BuildError:
    return _error(
        f"there is no {match[1].rpartition('/source/')[2]}",
        said,
        "Commit it, or take it out of STATICFILES_DIRS. git keeps no empty folders: put a "
        "file such as"
        " .gitkeep into it.",
    )


def _module(match: re.Match[str], said: str) -> BuildError:
    if _is_settings(match):
        return _error(
            f"the settings module {match[1]} was not found",
            said,
            "Check the name behind DJANGO_SETTINGS_MODULE, in manage.py and in `ship "
            "config`, and that the"
            " file was committed: `git status --ignored`.",
        )
    return _error(
        f"{match[1]} is imported, and is not installed",
        said,
        "If it is a package, add it to requirements.txt (its name there may differ from "
        f"`{match[1]}`). If it is"
        " a file of yours, check that it was committed: `git status --ignored`.",
    )


def _is_settings(match: re.Match[str]) -> bool:
    """Whether it was the import of the settings themselves: no line of the app's stands between."""
    _, importing, frames = match.string[: match.start()].rpartition(_IMPORTS_SETTINGS)
    return bool(importing) and all("importlib" in line for line in _FRAME.findall(frames))


def _syntax(match: re.Match[str], said: str) -> BuildError:
    return _error(
        f"syntax error in {match[1]}, line {match[2]}: {match[3]}",
        said,
        "Correct the line and push again.",
    )


def _unknown(_: re.Match[str], said: str) -> BuildError:
    return _error(
        "the settings in use do not have the app for it",
        said,
        "Add 'django.contrib.staticfiles' to the INSTALLED_APPS of the settings that "
        "manage.py uses, or see whether"
        f" DJANGO_SETTINGS_MODULE in `ship config` names others. {_SKIP}",
    )


def _improper(match: re.Match[str], said: str) -> BuildError:
    complaint = (match[1] or match[2]).removeprefix("?: ")
    return _error(
        "the settings cannot be used",
        said,
        f"Django says: {complaint} Correct the settings and push again. {_SKIP}",
    )


_KNOWN: tuple[tuple[re.Pattern[str], _Explained], ...] = tuple(
    (regex(pattern, re.MULTILINE), explained)
    for pattern, explained in (
        (
            (
                r"^KeyError: '([A-Z][A-Z0-9_]+)'$"
                r"|UndefinedValueError: (\w+) not found"
                r"|ImproperlyConfigured: Set the (\w+) environment variable"
            ),
            _variable,
        ),
        (r"SECRET_KEY setting must not be empty", _secret_key),
        (r"without having set the STATIC_ROOT", _static_root),
        (r"The (?:CSS|JS|JavaScript) file '([^']+)' references a file which could not", _reference),
        (r"ValueError: The file '([^']+)' could not be found with", _manifest_entry),
        (r"(?:FileNotFoundError|NotADirectoryError): .*: '([^']+)'", _folder),
        (r"^ModuleNotFoundError: No module named '([^']+)'", _module),
        (
            (
                r'File "(?:[^"]*/(?:source|site-packages)/)?([^"]+)", line (\d+)\n'
                r'(?:(?!File ")[^\0])*?^(?:SyntaxError|IndentationError|TabError): (.*)$'
            ),
            _syntax,
        ),
        (r"Unknown command: '?collectstatic", _unknown),
        (r"ImproperlyConfigured: (.*)$|^SystemCheckError: [^\0]*?^ERRORS:\n(.*)$", _improper),
    )
)
"""In order: what is nearest to the cause comes first."""
