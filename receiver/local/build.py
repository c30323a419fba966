"""Has a checkout ready to run, as a push of it would be built: the same decisions and the same
virtualenv.

The checkout is not changed. What a build would do to its own copy of the code is left out, and
told.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.building import facts, marks
from receiver.building.builder import Builder
from receiver.building.pip_settings import PipSettings
from receiver.deploy.app_json import reading
from receiver.deploy.app_json.config import initial_config, new_secret, refuse_unset
from receiver.deploy.stages.canary import what_was_pushed
from receiver.deploy.stages.compiling import Compiled, compile_steps, completed
from receiver.deploy.tree import pushed as trees
from receiver.deploy.tree.opening import shallow
from receiver.deploy.tree.pushed import Planned, PushedTree, Step
from receiver.deploy.tree.root import below, find_root, tell
from receiver.diagnosis.pushed import Pushed
from receiver.local.laptop import ADDRESS, CheckoutPaths, Laptop
from receiver.local.working_tree import WorkingTree
from receiver.machine import files
from receiver.model.app_json import AppJson
from receiver.model.build import BuildPlan, Command, Virtualenv
from receiver.model.config_vars import kept_from_builds
from receiver.model.dotenv import parse_dotenv
from receiver.model.errors import UsageError
from receiver.model.output import Output, secrets_of
from receiver.model.release import Release
from receiver.runs.jobs import release_variables
from receiver.state import records

_LONG = (b"-----> Installing", b"-----> Fetching")
"""Steps that one waits for."""
_KEPT_VENVS = 3
_MADE_ANEW = "Each commit gets a virtualenv of its own"
_IN_PLACE = (
    "What the code itself installs is installed as a link to it, so that changes are seen at once."
)


class _Last(msgspec.Struct, frozen=True):
    """What last.json holds."""

    python: str = ""
    venv: str = ""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A checkout that can run."""

    release: Release
    config: Mapping[str, str]
    pushed: Pushed


class _Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What the checkout is made of, and how it is built."""

    pushed: PushedTree
    config: Mapping[str, str]
    pip: PipSettings
    steps: tuple[Step, ...]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, as it was typed."""

    top: Path
    in_git: bool
    env_files: tuple[Path, ...]
    """Read in this order; a later one counts."""
    env_named: bool
    """Whether somebody named them: then they have to be there."""
    procfile: str = "Procfile"


def prepare(
    laptop: Laptop, paths: CheckoutPaths, wish: Wish, tree: WorkingTree, version: int, out: Output
) -> Ready:
    """Decide the build of the checkout as it is now, and have its virtualenv.

    Raises:
        ShipError: a push of it would fail here too
    """
    tree = rooted(paths, wish, tree, out)
    decided = _decide(laptop, paths, wish, tree, out)
    out.hide(secrets_of(decided.config))
    compiled = _build(laptop, paths, decided, out)
    draft = _draft(laptop, paths, decided.pushed, version)
    release = completed(draft, compiled, decided.config, out)
    _remember(paths, release)
    known = what_was_pushed(tree, release.gunicorn.app if release.gunicorn else "")
    return Ready(release=release, config=decided.config, pushed=known)


@shallow()
def rooted(paths: CheckoutPaths, wish: Wish, tree: WorkingTree, out: Output) -> WorkingTree:
    """The checkout from the app's root on, which is what runs."""
    _take_procfile(tree, wish.procfile)
    root = find_root(tree, "")
    if root.folder:
        tell(root, tree, out)
        chosen, tree = tree.members.get("Procfile"), below(tree, root)
        if wish.procfile != "Procfile" and chosen is not None:
            tree.members["Procfile"] = chosen
    files.link_atomically(paths.running.source, str(wish.top / root.folder))
    return tree


def variables(paths: CheckoutPaths, ready: Ready, own: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a one-off command: that of the app's processes, and who its user
    is.
    """
    venv, config = ready.release.venv, dict(ready.config)
    tree = paths.running.source
    if given := config.get("PYTHONPATH"):
        config["PYTHONPATH"] = f"{given}:{tree}"  # as on a server
    return {**own, **release_variables(paths, (ADDRESS,), venv, tree), **config}


@shallow()
def _decide(
    laptop: Laptop, paths: CheckoutPaths, wish: Wish, tree: WorkingTree, out: Output
) -> _Decided:
    pushed = trees.read(tree, out)
    config = _config(paths, wish, pushed.app_json)
    last = records.read_json(paths.state, _Last) or _Last()
    pip = facts.index_settings(laptop, config, paths.name, tree)
    packages = pushed.manifest.build.packages
    known = facts.build_facts(laptop, config, "", None, pip.deciding, packages)
    known = replace(known, python_before=last.python)
    chosen = reading.buildpacks(pushed.app_json, {}, out)
    steps = trees.plan_steps(tree, known, chosen, {})
    in_place = (_in_place(step, out) if isinstance(step, Planned) else step for step in steps)
    return _Decided(pushed=pushed, config=config, pip=pip, steps=tuple(in_place))


def _draft(laptop: Laptop, paths: CheckoutPaths, pushed: PushedTree, version: int) -> Release:
    return Release(
        version=version,
        app=paths.name,
        commit="",
        description="The checkout",
        by="",
        created_at=laptop.clock.stamp(),
        buildpack="",
        python=None,
        venv=None,
        processes={},
        check=pushed.check,
        rules=dict(pushed.manifest.process),
        order=pushed.manifest.deploy.order,
        static=pushed.manifest.static_of_tree,
        address=ADDRESS,
        hosts=(ADDRESS,),
        gunicorn_file=pushed.gunicorn_file,
    )


def _take_procfile(tree: WorkingTree, name: str) -> None:
    """Have another file count as the Procfile."""
    if name == "Procfile":
        return
    if not tree.has(name):
        raise UsageError(
            f"There is no file {name} in this checkout.",
            advice="Name a file by its path from the top of the checkout, one that git does not "
            "ignore.",
            reason="usage/no-procfile",
        )
    tree.stand_in("Procfile", name)


def _config(paths: CheckoutPaths, wish: Wish, app_json: AppJson) -> dict[str, str]:
    """Config vars: those of the .env files, below them what app.json brings along."""
    given: dict[str, str] = {}
    for path in wish.env_files:
        if path.is_file():
            given |= parse_dotenv(path.read_bytes(), path.name)
        elif wish.env_named:
            raise UsageError(
                f"There is no file {path}.",
                advice="Name files of lines such as NAME=value after --env.",
                reason="usage/no-env-file",
            )
    wanted = app_json.variables
    refuse_unset(wanted, given)
    kept = paths.home / "secrets.json"
    made = records.read_config(kept)
    new = initial_config(wanted, {**made, **given}, new_secret)
    generated = {name: value for name, value in new.items() if not wanted[name].value}
    if generated:
        records.write_config(kept, {**made, **generated}, mode=0o600)
    return {**{name: made[name] for name in made if name in wanted}, **new, **given}


def _in_place(step: Planned, out: Output) -> Planned:
    """The same step without what would write into the checkout, and with links where code is
    installed.
    """
    plan = step.plan
    for command in (*plan.before, *plan.commands):
        if command.only_looks:
            continue
        hook = command.explain.startswith("bin/")
        line = f"sh {command.explain}" if hook else command.title.removeprefix("$ ")
        out.say(f"Left out, since it writes into the code. To run it: `ship local:run {line}`.")
    return Planned(step.buildpack, _left_alone(plan))


def _left_alone(plan: BuildPlan) -> BuildPlan:
    notices = tuple(_IN_PLACE if n.startswith(_MADE_ANEW) else n for n in plan.notices)
    unfetched = _left_alone(plan.unfetched) if plan.unfetched else None
    done = replace(plan, before=(), commands=(), notices=notices, virtualenv=_linked(plan))
    return replace(done, unfetched=unfetched)


def _linked(plan: BuildPlan) -> Virtualenv | None:
    if plan.virtualenv is None:
        return None
    return replace(plan.virtualenv, install=tuple(map(_editable, plan.virtualenv.install)))


def _editable(command: Command) -> Command:
    argv = [word for word in command.argv if word != "--no-editable"]
    if argv[-1:] == ["."]:
        argv[-1:] = ["--editable", "."]
    return replace(command, argv=tuple(argv))


def _build(laptop: Laptop, paths: CheckoutPaths, decided: _Decided, out: Output) -> Compiled:
    for notice in decided.pip.notices:
        out.say(notice)
    last = records.read_json(paths.state, _Last) or _Last()
    records.write_config(paths.running.env, decided.config, mode=0o600)
    builder = Builder(
        server=laptop,
        paths=paths,
        release=paths.running,
        out=out,
        pip=decided.pip,
        last_venv=Path(last.venv) if last.venv else None,
        kept_back=kept_from_builds(decided.config),
    )

    with files.locked_file(paths.lock):  # two runs of one checkout want the same virtualenv
        return compile_steps(builder, decided.pushed, decided.steps)


def _remember(paths: CheckoutPaths, release: Release) -> None:
    """Note what came of it, and remove virtualenvs that nobody has used for longest."""
    records.write_json(paths.state, _Last(release.python or "", release.venv or ""))
    if release.venv:
        Path(release.venv).with_suffix(".ready").touch()
    found = sorted(paths.venvs.glob("*.ready"), key=lambda mark: mark.stat().st_mtime)
    for mark in found[:-_KEPT_VENVS]:
        marks.remove(mark)
        files.remove_tree(mark.with_suffix(""))


class Telling:
    """Shows a transcript only where it tells something new, and from then on as it comes."""

    def __init__(self, show: Callable[[bytes], object], last: str) -> None:
        self._show, self._last = show, last
        self._kept = bytearray()
        self._live = not last

    def take(self, chunk: bytes) -> None:
        self._kept.extend(chunk)
        if self._live:
            self._show(chunk)
        elif chunk.startswith(_LONG):
            self._live = True
            self._show(bytes(self._kept))

    def close(self) -> str:
        """The whole of it."""
        text = self._kept.decode("utf-8", "replace")
        if not self._live and text != self._last:
            self._show(bytes(self._kept))
        return text
