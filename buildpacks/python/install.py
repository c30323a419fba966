"""The virtualenv of an app: the commands that make it, and the digest of everything that decides
it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from buildpacks.python.hooks import PRE_COMPILE
from buildpacks.python.packages import Manager
from buildpacks.python.project import (
    PYPROJECT,
    UV_LOCK,
    declared_indexes,
    read_lock,
    read_pyproject,
)
from buildpacks.python.requirements import FILE_NAME as REQUIREMENTS
from buildpacks.python.requirements import read_requirements
from receiver.model.build import BuildFacts, Command, Interpreter, Tree, Virtualenv

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
)
"""Lines of uv's that say what the lines of ship's before them have said."""
_INSTALLER_VARIABLES = ("PIP_", "UV_")


@dataclass(frozen=True, slots=True)
class Packages:
    """What an app's own files say of its packages."""

    manager: Manager
    specifiers: Mapping[str, str] = field(default_factory=dict)
    """The range asked for, or the locked version, of each package that is named."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The files that decide."""
    asks: bool = True
    """Whether they name anything at all."""
    per_commit: str = ""
    """Why each commit needs a virtualenv of its own; nothing when it does not."""
    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    pinned: "Pinned | None" = None
    """What is installed by exact versions, with nothing left to resolve."""


def read_packages(
    tree: Tree, python: Interpreter, manager: Manager, config: Mapping[str, str]
) -> Packages:
    """What the files of `manager` say.

    Raises:
        BuildError: one of them cannot be read.
    """
    found = _read(tree, python, manager, config)
    if not tree.has(PRE_COMPILE):
        return found
    # an empty file may be the one that the hook writes to
    why = found.per_commit or "bin/pre_compile may change what is installed"
    return replace(found, asks=True, per_commit=why)


def _read(tree: Tree, python: Interpreter, manager: Manager, config: Mapping[str, str]) -> Packages:
    if manager == "requirements":
        return _from_requirements(tree)
    if manager == "poetry":
        from buildpacks.python.poetry import read_poetry  # noqa: PLC0415 - few apps have such a lock

        return _from_pins(manager, read_poetry(tree, python, config))
    if manager == "pipenv":
        from buildpacks.python.pipfile import read_pipfile  # noqa: PLC0415 - as above

        return _from_pins(manager, read_pipfile(tree, python, config))
    return _from_lock(tree) if manager == "uv" else Packages("none")


def _from_requirements(tree: Tree) -> Packages:
    found = read_requirements(tree)
    # An editable package would be a link to the folder of one release, which is deleted some day.
    options = ("--no-editable",) if found.has_editable else ()
    reason = ""
    if found.from_tree:
        reason = f"requirements.txt installs `{found.from_tree[0]}` from the code itself"
    elif found.moving:
        reason = f"what `{found.moving[0]}` leads to can change"
    return Packages(
        "requirements",
        found.specifiers,
        found.texts,
        found.asks,
        per_commit=reason,
        options=options,
    )


def _from_lock(tree: Tree) -> Packages:
    lock = read_lock(tree)
    texts = {path: tree.read(path).decode("utf-8-sig") for path in (PYPROJECT, UV_LOCK)}
    reason = "the project installs itself or a package of its own tree" if lock.has_local else ""
    # A default index other than the lock's makes `--locked` say that the lock is out of date; the
    # files come from the addresses in the lock all the same.
    indexes = lock.registries - declared_indexes(read_pyproject(tree))
    env = {"UV_DEFAULT_INDEX": next(iter(indexes))} if len(indexes) == 1 else {}
    specifiers = {name: f"=={version}" for name, version in lock.versions.items()}
    return Packages("uv", specifiers, texts, per_commit=reason, env=env)


def _from_pins(manager: Manager, pinned: "Pinned") -> Packages:
    return Packages(manager, pinned.specifiers, per_commit=pinned.per_commit, pinned=pinned)


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
    return Virtualenv(python, digest, make, install)


def _make(python: Interpreter) -> Command:
    # --relocatable: when an app is renamed, its folder moves, and its virtualenvs with it.
    options = ("--relocatable", "--no-project", "--python", python.path)
    argv = ("{uv}", "venv", *options, "{venv}")
    return Command(argv, explain="virtualenv", quiet=True)


def _install(
    packages: Packages, added: tuple[str, ...], python: Interpreter
) -> tuple[Command, ...]:
    if packages.manager == "uv":
        return (_sync(packages, python), *((_pip(added, _adding(added)),) if added else ()))
    if packages.pinned is not None:
        return _pins(packages.pinned, added)
    if packages.manager == "requirements" and packages.asks:
        # One command, so that what ship adds and what the app needs are resolved together.
        asked = (*packages.options, "-r", REQUIREMENTS, *added)
        return (_pip((*_EXACT, *asked), f"Installing from requirements.txt{_with(added)}"),)
    return (_pip((*_EXACT, *added), _adding(added)),) if added else ()


def _pins(pinned: "Pinned", added: tuple[str, ...]) -> tuple[Command, ...]:
    """Exactly what the lock file names: nothing is resolved, and each file's hash is checked."""
    commands = [
        replace(
            _pip(("--no-deps", *batch.options, "-r", "-")),
            stdin=batch.requirements,
            secrets=batch.index.secrets if batch.index else {},
            locked=True,
        )
        for batch in pinned.batches()
    ]
    if pinned.installs_project:
        commands.append(replace(_pip(("--no-deps", ".")), locked=True))
    if commands:
        # --exact in the first, which removes all else; what comes after it only adds
        argv = (*commands[0].argv, "--exact")
        commands[0] = replace(commands[0], argv=argv, title=f"Installing from {pinned.source}")
    if added:
        commands.append(_pip(added if commands else (*_EXACT, *added), _adding(added)))
    return tuple(commands)


def _sync(packages: Packages, python: Interpreter) -> Command:
    options = ("--locked", "--no-default-groups", "--no-editable", "--compile-bytecode")
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
    options = ("--python", "{venv}/bin/python", "--compile-bytecode")
    argv = ("{uv}", "pip", "install", *options, *asked)
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
