"""The buildpack of folders of files: nginx serves them, and no process runs."""

from buildpacks.bare import bare_virtualenv
from receiver.model.build import BuildFacts, BuildPlan, Command, Learnt, Tree
from receiver.model.errors import BuildError, ShipError
from receiver.model.procfile import parse_procfile

NAME = "static"
LOOKS_FOR = "index.html, public/index.html or dist/index.html"

_FOLDERS = (".", "public", "dist")


def detect(tree: Tree) -> bool:
    """Whether there is a page to start from, and no web process that would serve it."""
    return _folder(tree) is not None and not _has_web_process(tree)


def plan(tree: Tree, facts: BuildFacts) -> BuildPlan:
    """One folder, served at `/`; process types besides `web` run as the Procfile says."""
    folder = _folder(tree) or "."
    shown = "the top folder" if folder == "." else f"{folder}/"
    notices = [f"nginx serves the files of {shown}, because index.html is in it."]
    if folder == "." and tree.has("package.json"):
        notices.append("package.json is not run: commit the built site, in public/ or dist/.")
    return BuildPlan(
        buildpack=NAME,
        title="Static site detected",
        notices=tuple(notices),
        virtualenv=bare_virtualenv(facts) if tree.has("Procfile") else None,
        commands=(),
        processes=_processes(tree),
        static={"/": folder},
    )


def explain(command: Command, output: str) -> ShipError:
    """A plan of this kind runs no command, so there is nothing to tell apart."""
    return BuildError(f"The command `{' '.join(command.argv)}` failed.", detail=output)


def learn(output: str) -> Learnt:
    """Nothing: no command is run."""
    del output
    return Learnt()


def _folder(tree: Tree) -> str | None:
    pages = {folder: f"{folder}/index.html".removeprefix("./") for folder in _FOLDERS}
    return next((folder for folder, page in pages.items() if tree.has(page)), None)


def _processes(tree: Tree) -> dict[str, str]:
    return parse_procfile(tree.read("Procfile")) if tree.has("Procfile") else {}


def _has_web_process(tree: Tree) -> bool:
    return "web" in _processes(tree)
