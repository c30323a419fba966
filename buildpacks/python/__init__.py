"""The buildpack of Python web apps: packages by uv, an interpreter of the server, gunicorn in
front.
"""

import sys
from dataclasses import replace

from buildpacks.python.collectstatic import COLLECTSTATIC, plan_collectstatic
from buildpacks.python.discovery import MODULE_NAMES, Search, find_entry
from buildpacks.python.django_findings import learn
from buildpacks.python.explain import explain as explain_install
from buildpacks.python.hooks import POST_COMPILE, PRE_COMPILE, explain_hook, hook
from buildpacks.python.install import Packages, plan_virtualenv, read_packages
from buildpacks.python.interpreter import Chosen, choose_interpreter
from buildpacks.python.leftout import installs_itself, pkg_resources
from buildpacks.python.nltk import NLTK, explain_nltk, plan_nltk
from buildpacks.python.packages import (
    PROJECT_FILES,
    Source,
    choose_source,
    is_misspelt_requirements,
    requirements_not_found,
)
from buildpacks.python.server import Server, is_for_development, serve_command, serve_entry
from receiver.model.build import BuildFacts, BuildPlan, Command, Interpreter, Tree
from receiver.model.errors import BuildError, ShipError
from receiver.model.procfile import parse_procfile

__all__ = ["LOOKS_FOR", "NAME", "detect", "explain", "learn", "plan"]

NAME = "python"
LOOKS_FOR = (
    "requirements.txt, uv.lock, poetry.lock or Pipfile.lock; or an app.py, main.py, wsgi.py, "
    "manage.py"
)

_MISSPELT_PROCFILE = frozenset(
    {"procfile", "procfile.txt", "procfiles", "profile", "procfile.yml", "procfile.yaml", "proc"}
)
_OWN_PYTHON = ".".join(map(str, sys.version_info[:2]))
"""Source is read with ship's own Python; a newer syntax than its own is not understood."""


def detect(tree: Tree) -> bool:
    """Whether it is a Python app: by its project files, or by the web application in its source."""
    names = tree.names()
    if any(tree.has(name) for name in (*PROJECT_FILES, "manage.py")):
        return True
    has_code = any(name.endswith(".py") for name in names)
    if has_code and (tree.has("Procfile") or any(map(is_misspelt_requirements, names))):
        return True
    return find_entry(tree).entry is not None


def plan(tree: Tree, facts: BuildFacts) -> BuildPlan:
    """Interpreter, virtualenv and processes.

    Raises:
        BuildError: the app's files contradict each other, cannot be read, or ask for what
            is not here.
    """
    source = choose_source(tree, facts.packages)
    chosen = choose_interpreter(tree, source.manager, facts)
    found = _plan(tree, facts, source, chosen)
    here = any(one.minor == chosen.python.minor for one in facts.interpreters)
    if chosen.python in facts.fetchable and here:
        return replace(found, unfetched=plan(tree, replace(facts, fetchable=())))
    return found


def _plan(tree: Tree, facts: BuildFacts, source: Source, chosen: Chosen) -> BuildPlan:
    python = chosen.python
    packages = read_packages(tree, python, source, facts.config)
    processes, server, why_processes = _processes(tree, packages, python, source)
    installs = installs_itself(tree, processes)
    if installs:
        packages = replace(packages, per_commit=packages.per_commit or installs)
    data, why_data = plan_nltk(tree, packages.specifiers)
    static, why_static = plan_collectstatic(tree, packages.specifiers, facts.config)
    added = (*server.added, *pkg_resources(tree, packages.specifiers))
    return BuildPlan(
        buildpack=NAME,
        title="Python app detected",
        notices=(
            *chosen.notices,
            *_why_packages(packages, server),
            *why_processes,
            *why_data,
            *why_static,
        ),
        before=hook(tree, PRE_COMPILE, facts.commit),
        virtualenv=replace(
            plan_virtualenv(packages, added, python, facts, data),
            opened=bool(installs),
            others=chosen.others,
        ),
        commands=(*static, *hook(tree, POST_COMPILE, facts.commit)),
        processes=processes,
        warnings=chosen.warnings,
    )


def explain(command: Command, output: str) -> ShipError:
    """What the failure of one of the plan's commands means."""
    if command.explain in {PRE_COMPILE, POST_COMPILE}:
        return explain_hook(command, output)
    if command.explain == NLTK:
        return explain_nltk(command, output)
    if command.explain == COLLECTSTATIC:
        from buildpacks.python.collectstatic_failures import (  # noqa: PLC0415 - only a failed one needs it
            explain_collectstatic,
        )

        return explain_collectstatic(command, output)
    return explain_install(command, output)


def _why_packages(packages: Packages, server: Server) -> tuple[str, ...]:
    notices = []
    if packages.manager == "none":
        notices.append("No requirements.txt: the app gets no packages of its own.")
    if server.added:
        added = " and ".join(server.added)
        notices.append(f"{added} is added, because the app's own files name no such server.")
    notices += packages.notices
    if packages.per_commit:
        notices.append(f"Each commit gets a virtualenv of its own: {packages.per_commit}.")
    return tuple(notices)


def _processes(
    tree: Tree, packages: Packages, python: Interpreter, source: Source
) -> tuple[dict[str, str], Server, tuple[str, ...]]:
    if tree.has("Procfile"):
        return _from_procfile(tree, packages, python)
    _refuse_misspelt_procfile(tree)
    search = find_entry(tree)
    entry = search.entry
    if entry is None:
        raise _no_entry(tree, search)
    # An interface written by hand needs no framework, so it may well have no packages.
    if packages.manager == "none" and "def " not in entry.because:
        raise requirements_not_found(f"{entry.because}, which comes from a package.", source)
    server = serve_entry(entry, packages.specifiers, python)
    notices = [f"No Procfile: web runs `{server.command}`, because {entry.because}."]
    notices += [f"{other.because} as well; {entry.path} comes first." for other in search.others]
    return {"web": server.command}, server, tuple(notices)


def _from_procfile(
    tree: Tree, packages: Packages, python: Interpreter
) -> tuple[dict[str, str], Server, tuple[str, ...]]:
    processes = parse_procfile(tree.read("Procfile"))
    web = processes.get("web")
    if web is not None and not is_for_development(web):
        return processes, serve_command(web, packages.specifiers, python), ()
    entry = find_entry(tree).entry
    line = f"web: {serve_entry(entry, packages.specifiers, python).command}" if entry else ""
    if web is not None:
        hint = f" This one serves the same with gunicorn: `{line}`." if line else ""
        notice = (
            f"`{web}` starts a server that is meant for development: it is slow, and reloads.{hint}"
        )
        return processes, serve_command(web, packages.specifiers, python), (notice,)
    hint = f" To serve this app, add the line `{line}` to the Procfile." if line else ""
    notice = f"The Procfile has no web process: nothing will be served.{hint}"
    return processes, Server("", ()), (notice,)


def _refuse_misspelt_procfile(tree: Tree) -> None:
    for name in tree.names():
        if name.lower() in _MISSPELT_PROCFILE:
            raise BuildError(
                f"The file {name} is not read: its name has to be Procfile.",
                detail="There is no file of exactly this name in the top folder.",
                advice=f"Rename it: `git mv {name} Procfile`.",
                reason="build/procfile-misspelt",
            )


def _syntax_error(broken: str) -> BuildError:
    """Of a file that was looked into, such as `app.py (line 3: invalid syntax)`."""
    path, _, why = broken.removesuffix(")").partition(" (")
    return BuildError(
        f"Syntax error in {path}, {why}.",
        detail="There is no Procfile, and in this file the web application was looked for.",
        advice="Correct the line and push again. If it is meant for a newer Python than "
        f"{_OWN_PYTHON}, say what to run in a file named Procfile: `web: gunicorn MODULE:NAME`.",
        reason="build/syntax-error",
    )


def _no_entry(tree: Tree, search: Search) -> BuildError:
    broken = next((one for one in search.unreadable if "(line " in one), None)
    if broken is not None:
        return _syntax_error(broken)
    files = [path for path in tree.files() if path.endswith(".py")]
    seen = f"{len(files)} Python file{'s' * (len(files) > 1)}" if files else "no Python file at all"
    unreadable = "".join(
        f"\nNot understood, as Python {_OWN_PYTHON}: {one}." for one in search.unreadable
    )
    names = ", ".join(f"{name}.py" for name in MODULE_NAMES)
    return BuildError(
        "There is no Procfile, and no web application was found in the code.",
        detail=f"The push holds {seen}. Looked at: manage.py of Django; {names} and packages of "
        "these"
        " names, in the top folder, in its packages and in src/; for `app`, `application`, `api`,"
        f" `create_app()`, `make_app()`.{unreadable}",
        advice="Say what to run in a file named Procfile: `web: gunicorn MODULE:NAME`,"
        " such as `web: gunicorn app:app`.",
        reason="build/no-entry",
    )
