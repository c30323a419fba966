"""Why an app could not be imported: modules, names, applications. Reads the end of a log; pure."""

import re
import sys

from receiver.diagnosis.libraries import missing_library
from receiver.diagnosis.package_names import LEFT_PYTHON, package_of
from receiver.diagnosis.pushed import Pushed
from receiver.model.errors import CheckError
from receiver.model.patterns import regex

_LEFT_SETUPTOOLS = "pkg_resources"
_MODULE = regex(r"ModuleNotFoundError: No module named '([^']+)'")
_WEB_MODULE = regex(r'Could not import module "([^"]+)"')
_ATTRIBUTE = regex(
    r"Failed to find attribute '([^']+)' in '([^']+)'"
    r'|Attribute "(?P<name>[^"]+)" not found in module "(?P<module>[^"]+)"'
)
_FACTORY = regex(
    r"^TypeError: (?:\w+\.)*(\w+)\(\) (?:takes .* but [23] (?:were|was) given|missing \d+ "
    r"required)",
    re.MULTILINE,
)
_NOT_CALLABLE = regex(
    r"Application object must be callable|^TypeError: '(\w+)' object is not callable$", re.MULTILINE
)
_NAME = regex(
    r"^ImportError: cannot import name '(?P<name>[^']+)' from (?P<half>partially "
    r"initialized module )?"
    r"'(?P<module>[^']+)'(?P<rest>.*)$",
    re.MULTILINE,
)
_HALF = regex(
    r"^AttributeError: (?:partially initialized )?module '(?P<module>[^']+)' has no "
    r"attribute '(?P<name>[^']+)' \((?:most|consider)(?P<rest>.*)$",
    re.MULTILINE,
)
_IMPORT = regex(r"^ImportError: (.*)$", re.MULTILINE)
_FRAME = regex(r'^  File "[^"]*?/source/([^"]+)", line \d+', re.MULTILINE)


def last(pattern: re.Pattern[str], log: str) -> re.Match[str] | None:
    """The last place in the log where a pattern is found."""
    return max(pattern.finditer(log), key=lambda match: match.start(), default=None)


def wrong_module(log: str, pushed: Pushed) -> CheckError | None:
    """The web line names a module that is not there."""
    match = last(_MODULE, log)
    named = pushed.module
    missing = match[1] if match and named and match[1] in (named, named.partition(".")[0]) else None
    other = last(_WEB_MODULE, log)
    # uvicorn says the same of a module that is there and imports what is not
    if missing is None and other is not None and (match is None or match[1] == other[1]):
        missing = named = other[1]
    if missing is None:
        return None
    return CheckError(
        f"The web line names the module {named}, and there is none in the push.",
        detail=f"Python looked for {missing}.py, or a folder {missing}, and for an installed "
        "package.",
        advice=_other_entry(pushed, named),
        reason="check/wrong-module",
    )


def _other_entry(pushed: Pushed, named: str) -> str:
    place = pushed.place_of(named)
    if place is not None and "/" in place:
        folder = place.rpartition("/" + named.replace(".", "/"))[0]
        return (
            f"It lies in the folder {folder}: name that, as in `web: gunicorn --chdir {folder} "
            f"{pushed.app}`."
        )
    if pushed.found:
        return f"Did you mean `{pushed.found}`? Write it so in the web line of your Procfile."
    return (
        "Have the web line of your Procfile name the file that holds your app, without .py:"
        " `web: gunicorn MODULE:NAME`. If the file is there, check that it was committed:"
        " `git status --ignored`."
    )


def missing_module(log: str, pushed: Pushed) -> CheckError | None:
    """The app imports what is not there: a package, or a file of its own."""
    match = last(_MODULE, log)
    if match is None:
        return None
    detail, advice = _missing(match[1], pushed)
    return CheckError(
        f"The app imports {match[1]}, which is not installed.",
        detail=detail,
        advice=advice,
        reason="check/missing-module",
    )


def _missing(module: str, pushed: Pushed) -> tuple[str, str]:
    """What was seen of the missing module, and what to do."""
    top, package = module.partition(".")[0], package_of(module)
    place = pushed.place_of(module)
    if place is not None:
        return (
            f"It is in the push as {place}, and Python does not look there.",
            (
                "Import it by its path from the folder that the app starts in, or name the "
                "folder with `--chdir` in the web line."
            ),
        )
    if top in LEFT_PYTHON:
        gone, instead = LEFT_PYTHON[top], "setuptools" if top == "distutils" else f"standard-{top}"
        return (
            f"Python itself brought it until {gone} came.",
            (
                "Choose an older Python in .python-version, or bring it as a package: "
                f"{pushed.add(instead)}"
            ),
        )
    if any(path.startswith(f"{top}/") or path == f"{top}.py" for path in pushed.files):
        return (
            f"{top} is in the push, and {module} is not part of it.",
            (
                "Check that the file was committed: `git status --ignored`. Upper and lower "
                "case count."
            ),
        )
    if top == _LEFT_SETUPTOOLS:
        return "setuptools brings it, up to version 81; from 82 on it is gone.", _pin(
            pushed, package
        )
    if pushed.has(package):
        return (
            f"{package} is installed, and brings no {module}."
            if pushed.installed
            else f"The push asks for {package}, and what was installed brings no {module}.",
            "Check the name of the import, and which version of the package brings it.",
        )
    if package != top:
        return f"The package that brings it is called {package}.", pushed.add(package)
    committed = "If it is a file of yours, check that it was committed: `git status --ignored`."
    return (
        "",
        f"If it is a package, and {top} is its name: {_in_line(pushed.add(package))} {committed}",
    )


def _pin(pushed: Pushed, package: str) -> str:
    """What to do for a package that may be asked for already, without its version."""
    added = pushed.add(package)
    if not pushed.requires(package) or not added.startswith("Add the line"):
        return added
    return f"Write `{package}` in place of the line that asks for it, and push again."


def _in_line(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]


def missing_attribute(log: str, pushed: Pushed) -> CheckError | None:
    """The module has no such application."""
    match = last(_ATTRIBUTE, log)
    if match is None:
        return None
    name, module = match[1] or match["name"], match[2] or match["module"]
    meant = f"Did you mean `{pushed.found}`? " if pushed.found else ""
    return CheckError(
        f"The module {module} has no {name}.",
        advice=f"{meant}Have the web line of your Procfile name what is there: `{module}:NAME`.",
        reason="check/missing-attribute",
    )


def factory(log: str, pushed: Pushed) -> CheckError | None:
    """A function that makes the app stands where the app should."""
    match, (module, _, name) = last(_FACTORY, log), pushed.app.partition(":")
    if match is None or match[1] != name.partition("(")[0]:
        return None
    if "missing" in match[0]:
        advice = (
            f"Give {match[1]} defaults for its arguments, or write them: `web: gunicorn "
            f"'{module}:{match[1]}(\"...\")'`."
        )
    else:
        advice = (
            f"Call it in the web line of your Procfile: `web: gunicorn '{module}:{match[1]}()'`."
        )
    return CheckError(
        f"{match[1]} in {module} makes the app, and is not the app itself.",
        detail="gunicorn took it for the app, and called it with a request.",
        advice=advice,
        reason="check/app-factory",
    )


def not_an_app(log: str, pushed: Pushed) -> CheckError | None:
    """What the web line names is something else."""
    if not pushed.app or last(_NOT_CALLABLE, log) is None or _FRAME.search(log):
        return None
    meant = f"Did you mean `{pushed.found}`? " if pushed.found else ""
    return CheckError(
        f"{pushed.app} is no WSGI application.",
        detail="It is there, and cannot be called with a request.",
        advice=f"{meant}Have the web line of your Procfile name the object that Flask(), Django or "
        "another framework made.",
        reason="check/not-an-app",
    )


def import_error(log: str, pushed: Pushed) -> CheckError | None:
    """A name could not be imported from a module that is there."""
    return _hidden_or_circular(log, pushed) or _no_such_name(log, pushed)


def _hidden_or_circular(log: str, pushed: Pushed) -> CheckError | None:
    match = last(_NAME, log) or last(_HALF, log)
    if match is None:
        return None
    module, file = match["module"], f"{match['module'].replace('.', '/')}.py"
    known = module in sys.stdlib_module_names or pushed.has(package_of(module))
    if file in pushed.files and known and "." not in module:
        return CheckError(
            f"Your file {file} hides the package {module}, because it has the same name.",
            detail=f"Whoever imports {module} gets your file, which has no {match['name']}.",
            advice=f"Give {file} another name and push again.",
            reason="check/hidden-package",
        )
    alone = match.re.pattern == _HALF.pattern
    half = alone or match["half"] or "circular import" in match["rest"]
    return _circular(log, module, match["name"]) if half else None


def _circular(log: str, module: str, name: str) -> CheckError:
    way = ", which imports ".join(dict.fromkeys(_FRAME.findall(log))).replace(", which", "", 1)
    return CheckError(
        f"Two modules of the app import each other: {name} is wanted from {module} before "
        "that has come so far.",
        detail=f"{way}, which imports from {module} again." if way else "",
        advice="Have one of the two import where it needs the name, inside a function, or move "
        "what both need into a third module.",
        reason="check/circular-import",
    )


def library(log: str, pushed: Pushed) -> CheckError | None:
    """A shared library could not be loaded, by Python, ctypes or cffi."""
    found = missing_library(log)
    if found is None:
        return None
    install = pushed.install
    if not install and found.packages:
        install = f"Ask the server's administrator to install {' '.join(found.packages)}."
    if not install:
        install = (
            "Ask the server's administrator to install the Debian package that brings it: "
            f"`apt-file search {found.name}` names it."
        )
    of_opencv = found.asked_by == "cv2" or found.name.startswith("libGL.so")
    if of_opencv and (variant := _opencv_with_windows(pushed)):
        install = (
            f"Ask for {variant}-headless instead of {variant}; it needs no such library. "
            f"Or {_in_line(install)}"
        )
    return CheckError(
        f"A package of the app needs the system library {found.name}, which is not on the server.",
        advice=install,
        reason="check/missing-library",
    )


def _opencv_with_windows(pushed: Pushed) -> str:
    """The variant of OpenCV that shows windows, as the push asks for it."""
    names = ("opencv-contrib-python", "opencv-python")
    headless = any(pushed.requires(f"{name}-headless") for name in names)
    return "" if headless else next((n for n in names if pushed.requires(n)), names[-1])


def _no_such_name(log: str, pushed: Pushed) -> CheckError | None:
    match, named = last(_IMPORT, log), last(_NAME, log)
    if match is None:
        return None
    advice = "Check that the versions in requirements.txt fit together, then push again."
    if named is not None and pushed.place_of(named["module"]):
        advice = (
            f"Check how {named['name']} is spelt in {pushed.place_of(named['module'])}, then "
            "push again."
        )
    elif named is not None and named["module"].partition(".")[0] in sys.stdlib_module_names:
        advice = (
            "This Python has no such name there: check its spelling, and the version in "
            ".python-version."
        )
    elif named is not None:
        package = package_of(named["module"])
        advice = (
            f"{named['name']} is not in the {package} that was installed: another version has it."
            f" Name a version that fits in requirements.txt, such as `{package}<...`, and "
            "push again."
        )
    return CheckError(
        f"An import of the app failed: {match[1]}",
        advice=advice,
        reason="check/import-error",
    )
