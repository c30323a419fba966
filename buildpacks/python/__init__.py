"""The buildpack of Python web apps: packages by uv, an interpreter of the server, gunicorn in
front.
"""

from msgspec.structs import replace

from buildpacks.python.collectstatic import COLLECTSTATIC, plan_collectstatic
from buildpacks.python.discovery import find_entry
from buildpacks.python.django_findings import learn
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
)
from buildpacks.python.processes import find_processes, starts_itself
from buildpacks.python.server import OLD_GUNICORN
from receiver.model.build import BuildFacts, BuildPlan, Command, Tree
from receiver.model.errors import ShipError

__all__ = ["LOOKS_FOR", "NAME", "detect", "explain", "learn", "plan"]

NAME = "python"
LOOKS_FOR = (
    "requirements.txt, uv.lock, poetry.lock or Pipfile.lock; or an app.py, main.py, wsgi.py, "
    "manage.py"
)


def detect(tree: Tree) -> bool:
    """Whether it is a Python app: by its project files, or by the web application in its source."""
    names = tree.names()
    if any(tree.has(name) for name in (*PROJECT_FILES, "manage.py")):
        return True
    has_code = any(name.endswith(".py") for name in names)
    if has_code and (tree.has("Procfile") or any(map(is_misspelt_requirements, names))):
        return True
    return find_entry(tree).entry is not None or starts_itself(tree)


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
    processes = find_processes(tree, packages, python, facts, source)
    installs = installs_itself(tree, processes.lines)
    if installs:
        packages = replace(packages, per_commit=packages.per_commit or installs)
    data, why_data = plan_nltk(tree, packages.specifiers)
    static, why_static = plan_collectstatic(tree, packages.specifiers, facts.config)
    added = (*processes.added, *pkg_resources(tree, packages.specifiers))
    return BuildPlan(
        buildpack=NAME,
        title="Python app detected",
        notices=(
            *chosen.notices,
            *_why_packages(packages, processes.added),
            *processes.notices,
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
        processes=processes.lines,
        fixed_port=processes.fixed_port,
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
    from buildpacks.python.install_failures import explain as explain_install  # noqa: PLC0415 - only a failure needs it

    return explain_install(command, output)


def _why_packages(packages: Packages, added: tuple[str, ...]) -> tuple[str, ...]:
    notices = []
    if packages.manager == "none":
        notices.append("No requirements.txt: the app gets no packages of its own.")
    if added:
        names = " and ".join(added)
        servers = all(one.startswith(("gunicorn", "uvicorn")) for one in added)
        why = "no web server in the app's files" if servers else "the web process needs it"
        notices.append(f"Adding {names} ({why})")
    if OLD_GUNICORN in added:
        notices.append("gunicorn has no eventlet worker any more; an older one is installed.")
    notices += packages.notices
    if packages.per_commit:
        notices.append(f"Each commit gets a virtualenv of its own: {packages.per_commit}.")
    return tuple(notices)
