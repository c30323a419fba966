"""From an unpacked tree to what a release is made of: the buildpack that fits, or those that the
app's owner chose, in order.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from receiver.building import buildpack_store
from receiver.building.builder import Builder
from receiver.changes.points import reached
from receiver.deploy.pushed_tree import Planned, PushedTree
from receiver.hosts.accounts import ids
from receiver.machine import files
from receiver.model.build import BuildPlan, Interpreter, Virtualenv
from receiver.model.classic import FolderSource, GitSource, Released, Source, parse_release
from receiver.model.errors import BuildError
from receiver.model.procfile import parse_procfile
from receiver.model.program import RUNTIME

FetchPython = Callable[[Interpreter], object]
_CLASSIC = RUNTIME / "classic.py"
_CERTIFICATE = "SSL_CERT_FILE"
_SHOWN_LINES = 20


@dataclass(slots=True)
class Built:
    """What came out."""

    names: list[str] = field(default_factory=list)
    virtualenv: Virtualenv | None = None
    venv: Path | None = None
    processes: dict[str, str] = field(default_factory=dict)
    static: dict[str, str] = field(default_factory=dict)
    classic: bool = False
    """Whether a buildpack of somebody else's had a part in it: then the processes run as they
    stand."""
    changed: bool = False
    """Whether the tree may be another one than the one that was pushed."""


def compile_steps(builder: Builder, tree: PushedTree, store: Path, fetch: FetchPython) -> Built:
    """Do what was planned, in the unpacked tree.

    Args:
        builder: does it
        tree: what was planned
        store: where buildpacks of others are kept
        fetch: brings a Python that is not here yet
    """
    built = Built()
    exports: list[Path] = []
    place = builder.release.home / "buildpacks"
    for number, step in enumerate(tree.steps, 1):
        if isinstance(step, Planned):
            _say_what_was_decided(builder, step.plan, tree.notices if number == 1 else ())
            if step.plan.virtualenv is not None:
                fetch(step.plan.virtualenv.interpreter)
            _build(builder, step, built)
        else:
            exports.append(_compile(builder, step, built, store, place / str(number), exports))
    if built.classic:
        built.processes |= parse_procfile(tree.procfile) if tree.procfile else {}
        files.remove_tree(place)
    return built


def _say_what_was_decided(builder: Builder, plan: BuildPlan, noticed: Sequence[str]) -> None:
    builder.out.step(plan.title)
    for notice in (*plan.notices, *noticed):
        builder.out.say(notice)
    if builder.kept_back:
        builder.out.say(f"Config vars that the build does without: {', '.join(builder.kept_back)}.")


def _build(builder: Builder, step: Planned, built: Built) -> None:
    plan, explain = step.plan, step.buildpack.explain
    builder.run(plan.before, built.venv, explain)
    if plan.virtualenv is not None:
        built.virtualenv = plan.virtualenv
        built.venv = builder.virtualenv(plan.virtualenv, explain)
    reached("installed")
    builder.run(plan.commands, built.venv, explain)
    built.names.append(plan.buildpack)
    built.processes |= plan.processes
    built.static |= plan.static
    built.changed |= plan.changes_tree


def _compile(
    builder: Builder, source: Source, built: Built, store: Path, work: Path, exports: Sequence[Path]
) -> Path:
    """Have a classic buildpack detect, compile and release; returns the file that it may export
    variables by.
    """
    run = _Classic(builder, source, work, exports)
    run.fetch(store)
    builder.out.step(f"{run.detect()} app detected, by the buildpack {source.name}")
    run.compile()
    released = run.release()
    if released.config:
        wanted = " ".join(f"{name}={value}" for name, value in released.config.items())
        builder.out.say(f"The buildpack asks for config vars: `ship config:set {wanted}`.")
    built.names.append(source.name)
    built.processes = {**released.processes, **built.processes}
    built.classic = built.changed = True
    return run.pack / "export"


@dataclass(slots=True)
class _Classic:
    """One buildpack with the classic contract, in the sandbox of the app's build."""

    builder: Builder
    source: Source
    work: Path
    exports: Sequence[Path]

    @property
    def pack(self) -> Path:
        return (
            Path(self.source.path) if isinstance(self.source, FolderSource) else self.work / "pack"
        )

    def fetch(self, store: Path) -> None:
        """Put the buildpack's files where the app's account reads them, and can harm nobody by
        writing them.
        """
        uid, gid = ids(self.builder.host.accounts.owner(self.builder.paths.name))
        for folder in (self.work.parent, self.work):
            files.make_folder(folder, mode=0o750, uid=uid, gid=gid)
        if isinstance(self.source, GitSource):
            trusted = self.builder.pip.env.get(_CERTIFICATE)
            certificates = {"GIT_SSL_CAINFO": trusted} if trusted else {}
            archive = buildpack_store.stored(store, self.source, certificates)
            self.builder.unpack(archive, self.pack)

    def detect(self) -> str:
        """What it says that it found."""
        status, said = self._run("detect", shown=False)
        if status:
            raise BuildError(
                f"The buildpack {self.source.name} does not fit this app.",
                detail=_last_lines(said) or "Its bin/detect found nothing that it knows.",
                advice="Take it out with `ship buildpacks:remove`, or commit the files that it "
                "looks for.",
                reason="build/buildpack-does-not-fit",
            )
        return (said.strip().splitlines() or [self.source.name])[-1].strip()

    def compile(self) -> None:
        """Have it change the tree."""
        status, said = self._run("compile", shown=True)
        if status:
            raise BuildError(
                f"The buildpack {self.source.name} failed.",
                detail=(f"The end of its output:\n{_last_lines(said)}")
                if said.strip()
                else "It wrote nothing.",
                advice="Look above for what it was doing. It runs as the app's account, and finds "
                "the config vars in"
                " files of its third argument.",
                reason="build/buildpack-failed",
            )

    def release(self) -> Released:
        """What it asks for besides; nothing where it has no such program."""
        status, said = self._run("release", shown=False)
        return parse_release(self.source.name, said) if status == 0 else Released({}, {})

    def _run(self, step: str, *, shown: bool) -> tuple[int, str]:
        builder = self.builder
        cache = builder.paths.cache / "buildpacks" / self.source.name
        places = (self.pack, self.work, builder.release.source, cache)
        argv = (sys.executable, "-I", "-S", str(_CLASSIC), str(builder.release.env), step)
        found = builder.perform(
            (*argv, *map(str, places), *map(str, self.exports)),
            (builder.release.source, builder.paths.cache, self.work.parent),
            builder.out.feed if shown else None,
        )
        builder.out.flush()
        return found


def _last_lines(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-_SHOWN_LINES:])
