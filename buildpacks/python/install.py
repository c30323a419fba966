"""The virtualenv of an app: the commands that make it, and the digest of everything that decides
it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from buildpacks.python import packaging
from buildpacks.python.hooks import PRE_COMPILE
from buildpacks.python.packages import Manager, Source
from buildpacks.python.project import (
    PYPROJECT,
    SETUP,
    UV_LOCK,
    declared_indexes,
    is_workspace,
    read_lock,
    read_pyproject,
)
from buildpacks.python.requirements import read_requirements
from receiver.model.build import BuildFacts, Command, Interpreter, Tree, Virtualenv
from receiver.model.errors import BuildError
from receiver.model.program import RUNTIME

if TYPE_CHECKING:
    from buildpacks.python.pins import Pinned

FORMAT = 1
"""Raised when an equal tree is to get another virtualenv than before."""
INSTALL = "install"
"""Name of the failure of every command that brings packages."""
_DIGEST_CHARACTERS = 32
_EXACT = ("--exact", "--upgrade")
"""What a virtualenv that held other packages before ends up with is what an empty one would."""
_NOISE = (
    r"Using Python .* environment at: .*|Using CPython .*|Audited \d+ packages? in .*|Checked .*"
    r"|warning: Ignoring unsupported option in .*"
)
"""Lines of uv's that say what the lines of ship's before them have said."""
_INSTALLER_VARIABLES = ("PIP_", "UV_")
_GENERATED = "its build makes files that belong to the package"
_NO_PACKAGE = (
    "The project itself is not installed, because it is no package that can be built: its modules"
    " are found in the top folder."
)
_UNPINNED = {
    PYPROJECT: ("uv lock", UV_LOCK),
    "poetry": ("poetry lock", "poetry.lock"),
    "Pipfile": ("pipenv lock", "Pipfile.lock"),
    SETUP: ("uv pip compile setup.py -o requirements.txt", "requirements.txt"),
}
"""How to pin what a file asks for, and what to commit then."""


class Packages(msgspec.Struct, frozen=True):
    """What an app's own files say of its packages."""

    manager: Manager
    specifiers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The range asked for, or the locked version, of each package that is named."""
    texts: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The files that decide."""
    asks: bool = True
    """Whether they name anything at all."""
    per_commit: str = ""
    """Why each commit needs a virtualenv of its own; nothing when it does not."""
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    pinned: "Pinned | None" = None
    """What is installed by exact versions, with nothing left to resolve."""
    source: str = ""
    """The file that they are installed from, as the push log names it."""
    asked: tuple[str, ...] = ()
    """Words for `uv pip install`: what is asked for."""
    text: str = ""
    """A requirements file that is given to it, where `asked` reads one from its input."""
    only_binary_first: bool = False
    """Whether a version with a wheel goes before a newer one without."""
    notices: tuple[str, ...] = ()


def read_packages(
    tree: Tree, python: Interpreter, source: Source, config: Mapping[str, str]
) -> Packages:
    """What the file that was chosen says.

    Raises:
        BuildError: one of the files cannot be read.
    """
    try:
        found = _read(tree, python, source, config)
    except BuildError as error:
        if error.reason == "build/lock-outdated" and source.notices:
            error.advice += f" {source.notices[0]}"
        raise
    found = replace(found, notices=(*source.notices, *found.notices))
    if not tree.has(PRE_COMPILE):
        return found
    # an empty file may be the one that the hook writes to
    why = found.per_commit or "bin/pre_compile may change what is installed"
    return replace(found, asks=True, per_commit=why)


def _read(tree: Tree, python: Interpreter, source: Source, config: Mapping[str, str]) -> Packages:
    match source.manager:
        case "requirements":
            return _from_requirements(tree, source.path)
        case "poetry":
            from buildpacks.python.poetry import read_poetry  # noqa: PLC0415 - few apps have such a lock

            return _from_pins(tree, "poetry", read_poetry(tree, python, config))
        case "pipenv":
            from buildpacks.python.pipfile import read_pipfile  # noqa: PLC0415 - as above

            return _from_pins(tree, "pipenv", read_pipfile(tree, python, config))
        case "uv":
            return _from_lock(tree)
        case "project" | "pipfile":
            return _unlocked(tree, python, source)
        case _:
            return Packages("none")


def _from_requirements(tree: Tree, path: str) -> Packages:
    found = read_requirements(tree, path)
    options = found.options
    moving = f"what `{found.moving[0]}` leads to can change" if found.moving else ""
    linked = _linked(tree, found.editable)
    others = tuple(place for place in found.from_tree if place not in found.editable)
    texts, outside = _of_tree(tree, others)
    reason = linked.per_commit or moving
    if outside:
        reason = reason or f"{path} installs `{outside}` from the code itself"
    return Packages(
        "requirements",
        found.specifiers,
        {**found.texts, **linked.texts, **texts},
        found.asks,
        per_commit=reason,
        options=linked.options,
        env={**_index_settings(options), **linked.env},
        source=path,
        asked=("-r", "-" if found.text else path),
        text=found.text,
        only_binary_first="--prefer-binary" in options,
    )


def _index_settings(options: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """For uv, what options of a requirements file mean to pip."""
    env = {}
    if "--extra-index-url" in options:
        # pip takes the best version of all its indexes, uv by default the first that has any
        env["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "--pre" in options:
        env["UV_PRERELEASE"] = "allow"
    if hosts := options.get("--trusted-host"):
        env["UV_INSECURE_HOST"] = " ".join(hosts)
    return env


class _Linked(msgspec.Struct, frozen=True):
    """Packages of the tree that stay in it: what decides how they are installed."""

    texts: Mapping[str, str] = msgspec.field(default_factory=dict)
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    options: tuple[str, ...] = ()
    per_commit: str = ""


def _linked(tree: Tree, places: Iterable[str]) -> _Linked:
    texts: dict[str, str] = {}
    env: dict[str, str] = {}
    made = ""
    for place in places:
        folder = packaging.place_in_tree(place)
        if folder is None:
            made = f"`{place}` is not in the push"
            continue
        texts |= packaging.deciding(tree, folder)
        env |= packaging.version_variables(tree, folder)
        if packaging.makes_files(tree, folder):
            made = f"{folder or 'the project'} is installed as a copy, because {_GENERATED}"
    return _Linked(texts, env, ("--no-editable",) if made else (), made)


def _of_tree(tree: Tree, places: Iterable[str]) -> tuple[dict[str, str], str]:
    """Digests of what is installed as a copy of what is in the tree; and a place outside of it."""
    digests, outside = {}, ""
    for place in places:
        path = packaging.place_in_tree(place)
        if path is None:
            outside = place
        else:
            digests[f"{path}/"] = packaging.contents(tree, path)
    return digests, outside


def _from_lock(tree: Tree) -> Packages:
    lock, pyproject = read_lock(tree), read_pyproject(tree)
    texts = {path: tree.read(path).decode("utf-8-sig") for path in (PYPROJECT, UV_LOCK)}
    linked = _linked(tree, lock.linked)
    copies, outside = _of_tree(tree, lock.copied)
    # A default index other than the lock's makes `--locked` say that the lock is out of date; the
    # files come from the addresses in the lock all the same.
    indexes = lock.registries - declared_indexes(pyproject)
    env = {"UV_DEFAULT_INDEX": next(iter(indexes))} if len(indexes) == 1 else {}
    specifiers = {name: f"=={version}" for name, version in lock.versions.items()}
    whole = ("--all-packages",) if is_workspace(pyproject) else ()
    left = "." in lock.linked and not packaging.is_package(tree)
    alone = ("--no-install-project",) if left else ()
    return Packages(
        "uv",
        specifiers,
        {**texts, **linked.texts, **copies},
        per_commit=linked.per_commit or (f"`{outside}` is not in the push" if outside else ""),
        options=(*whole, *alone, *linked.options),
        env={**env, **linked.env},
        source=UV_LOCK,
        notices=(_NO_PACKAGE,) if left else (),
    )


def _from_pins(tree: Tree, manager: Manager, pinned: "Pinned") -> Packages:
    whole = pinned.installs_project and packaging.is_package(tree)
    notices = (_NO_PACKAGE,) if pinned.installs_project and not whole else ()
    linked = _linked(tree, (*([""] if whole else []), *pinned.linked))
    copies, outside = _of_tree(tree, pinned.copied)
    reason = (
        linked.per_commit or pinned.moving or (f"`{outside}` is not in the push" * bool(outside))
    )
    return Packages(
        manager,
        pinned.specifiers,
        {**linked.texts, **copies},
        per_commit=reason,
        options=linked.options,
        env=linked.env,
        pinned=replace(pinned, installs_project=whole),
        source=pinned.source,
        notices=(*pinned.notices, *notices),
    )


def _unlocked(tree: Tree, python: Interpreter, source: Source) -> Packages:
    """What a project asks for without a lock: installed as pip would."""
    from buildpacks.python import unlocked  # noqa: PLC0415 - as above

    wishes = unlocked.read_wishes(tree, python, source.path)
    is_project = source.manager == "project"
    whole = is_project and packaging.is_package(tree)
    linked = _linked(tree, (*([""] if whole else []), *wishes.linked))
    copies, _ = _of_tree(tree, wishes.copied)
    text = wishes.text if wishes.is_translated and not whole else ""
    own = packaging.deciding(tree, "") if is_project else {}
    file = tree.read(source.path).decode("utf-8-sig", "replace")
    return Packages(
        source.manager,
        unlocked.specifiers(wishes.lines),
        {**own, source.path: file, **linked.texts, **copies},
        per_commit=linked.per_commit,
        options=linked.options,
        env=linked.env,
        source=source.path,
        asked=("-e", ".") if whole else ("-r", "-" if wishes.is_translated else source.path),
        text=text,
        notices=(
            *([_unpinned(source.path, wishes.kind)] if wishes.chooses else []),
            *([_NO_PACKAGE] if is_project and not whole and wishes.builds else []),
        ),
    )


def _unpinned(path: str, kind: str) -> str:
    command, file = _UNPINNED[kind]
    return (
        f"{path} is not locked: the newest versions that fit are used, until it changes."
        f" To pin them: `{command}`, and commit {file}."
    )


def plan_virtualenv(
    packages: Packages,
    added: tuple[str, ...],
    python: Interpreter,
    facts: BuildFacts,
    data: tuple[Command, ...] = (),
) -> Virtualenv:
    """The virtualenv for these packages, `added` ones, and what the commands of `data` put into
    it.
    """
    make, install = _make(python), (*_install(packages, added, python), *data)
    digest = _digest(packages, python, facts, (make, *install))
    return Virtualenv(python, digest, make, install, _finish(packages))


def _make(python: Interpreter) -> Command:
    # --relocatable: when an app is renamed, its folder moves, and its virtualenvs with it.
    options = ("--relocatable", "--no-project", "--python", python.path)
    argv = ("{uv}", "venv", *options, "{venv}")
    return Command(argv, explain="virtualenv", quiet=True)


def _finish(packages: Packages) -> Command:
    """No part of the digest: it adds nothing that the rest does not decide."""
    script = str(RUNTIME / "finish.py")
    pinned = ("--setuptools",) if packages.specifiers.get("setuptools") else ()
    argv = ("{venv}/bin/python", "-I", script, *pinned, "{uv}", "pip", "install", *_TARGET)
    return Command(argv, explain=INSTALL, noise=_NOISE)


_TARGET = ("--python", "{venv}/bin/python")


def _install(
    packages: Packages, added: tuple[str, ...], python: Interpreter
) -> tuple[Command, ...]:
    if packages.manager == "uv":
        return (_sync(packages, python), *((_pip(added, _adding(added)),) if added else ()))
    if packages.pinned is not None:
        return _pins(packages, packages.pinned, added)
    if packages.asked and packages.asks:
        # One command, so that what ship adds and what the app needs are resolved together.
        return (_resolve(packages, added),)
    return (_pip((*_EXACT, *added), _adding(added)),) if added else ()


def _resolve(packages: Packages, added: tuple[str, ...]) -> Command:
    asked = (*packages.options, *packages.asked, *added)
    title = f"Installing from {packages.source}{_with(added)}"
    command = replace(_pip((*_EXACT, *asked), title), env=packages.env, stdin=packages.text)
    if not packages.only_binary_first:
        return command
    first = replace(command, argv=(*command.argv, "--only-binary", ":all:"))
    return replace(first, instead=replace(command, title=""))


def _pins(packages: Packages, pinned: "Pinned", added: tuple[str, ...]) -> tuple[Command, ...]:
    """Exactly what the lock file names: nothing is resolved, and each file's hash is checked."""
    commands = [
        replace(
            _pip(("--no-deps", *packages.options, *batch.options, "-r", "-")),
            stdin=batch.requirements,
            secrets=batch.index.secrets if batch.index else {},
            env=packages.env,
            locked=True,
        )
        for batch in pinned.batches()
    ]
    if pinned.installs_project:
        own = _pip(("--no-deps", *packages.options, "-e", "."))
        commands.append(replace(own, env=packages.env, locked=True))
    if commands:
        # --exact in the first, which removes all else; what comes after it only adds
        argv = (*commands[0].argv, "--exact")
        commands[0] = replace(commands[0], argv=argv, title=f"Installing from {pinned.source}")
    if added:
        commands.append(_pip(added if commands else (*_EXACT, *added), _adding(added)))
    return tuple(commands)


def _sync(packages: Packages, python: Interpreter) -> Command:
    options = ("--locked", "--no-default-groups", *packages.options, "--compile-bytecode")
    return Command(
        ("{uv}", "sync", *options, "--python", python.path),
        title="Installing from uv.lock",
        noise=_NOISE,
        env={**packages.env, "UV_PROJECT_ENVIRONMENT": "{venv}"},
        explain=INSTALL,
        locked=True,
    )


def _pip(asked: tuple[str, ...], title: str = "") -> Command:
    # Compiled here, because the virtualenv cannot be written by the app that runs from it.
    argv = ("{uv}", "pip", "install", *_TARGET, "--compile-bytecode", *asked)
    return Command(argv, title=title, explain=INSTALL, noise=_NOISE)


def _adding(added: tuple[str, ...]) -> str:
    return f"Installing {' and '.join(added)}"


def _with(added: tuple[str, ...]) -> str:
    return f", with {' and '.join(added)}" if added else ""


def _digest(
    packages: Packages, python: Interpreter, facts: BuildFacts, commands: tuple[Command, ...]
) -> str:
    decides = {
        "format": FORMAT,
        "python": [python.path, python.version],
        "files": dict(packages.texts),
        "commands": [[*one.argv, dict(one.env), one.stdin] for one in commands],
        "settings": {
            name: value
            for name, value in facts.config.items()
            if name.startswith(_INSTALLER_VARIABLES)
        },
        "commit": facts.commit if packages.per_commit else "",
        # only where there are any, so that the name of what was made without them stays
        **({"pip": dict(facts.pip)} if facts.pip else {}),
    }
    text = json.dumps(decides, sort_keys=True)
    # 128 bits are plenty, and keep the scripts' first lines below the kernel's limit.
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
