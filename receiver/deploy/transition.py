"""The named steps of which every change of an app's release is made; deploy.py tells them as
stories.

A transition opens the journal, and closes it when the new release is recorded as live: that is the
point of no return. Whatever ends it before, an error or a power cut, leads back to the release that
served all along.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from receiver.building import builder as building
from receiver.building import facts, pythons
from receiver.building.pip_settings import PipSettings
from receiver.changes import background
from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState
from receiver.changes.change import AppChange, changing
from receiver.changes.checkpoint import About
from receiver.changes.points import reached
from receiver.deploy import canary as checking
from receiver.deploy import pruning, publishing
from receiver.machine import files
from receiver.machine.lock import build_turn
from receiver.model.build import Interpreter
from receiver.model.config_vars import kept_from_builds
from receiver.model.errors import ShipError
from receiver.model.layout import AppPaths, ReleasePaths
from receiver.model.maintenance import closed_notice
from receiver.model.mounts import in_tree
from receiver.model.names import AppName
from receiver.model.output import Output, secrets_of
from receiver.model.plan import Link, RemoveTree, SetFormation, WriteFile
from receiver.model.release import Live, Release
from receiver.model.settings import App
from receiver.model.webserver import needs_fresh_start
from receiver.planner.formation import plan_formation, tell_formation, unknown_rules
from receiver.planner.swap import Swap, SwapFacts, plan_swap
from receiver.server import Server
from receiver.state import records, release_times


@dataclass(slots=True)
class Transition:
    """One change of an app's release, under way. Made by `transition`."""

    change: AppChange
    state: AppState
    """The app as it was before."""

    @property
    def server(self) -> Server:
        return self.change.server

    @property
    def paths(self) -> AppPaths:
        return self.change.paths

    @property
    def settings(self) -> App:
        return self.state.settings

    @property
    def out(self) -> Output:
        return self.change.out

    @property
    def live(self) -> Live | None:
        return self.state.live

    @property
    def old(self) -> Release | None:
        """The release that is live until this change stands."""
        return self.state.release

    @property
    def afterwards(self) -> list[Callable[[], object]]:
        """Done when the change stands, while the app is still locked."""
        return self.change.afterwards

    def claim(self, config: Mapping[str, str]) -> tuple[int, ReleasePaths]:
        """Make the folder of the next release, with its config vars; it goes again on failure."""
        version = records.next_version(self.paths)
        self.out.belongs_to(version=version)
        home = self.paths.release(version)
        self.change.register((RemoveTree(str(home.home)),))
        files.remove_tree(home.home)
        files.make_folder(home.home, mode=0o711)
        records.write_config(home.env, config, mode=0o640, gid=self._gid())
        self.out.hide(secrets_of(config, self.server.address(self.paths.name)))
        reached("claimed")
        return version, home

    def change_config(self, config: Mapping[str, str]) -> None:
        """Make these the app's config vars; the ones before come back on failure."""
        text = records.config_text(config)
        self.change.do(WriteFile(str(self.paths.config), text, 0o600))

    def fetch_python(self, wanted: Interpreter) -> None:
        """Have the interpreter of a build on this machine; it stays, for every app."""
        if Path(wanted.path).exists():
            return
        self.out.step(f"Fetching Python {wanted.version}")
        # of the machine alone: an app has no say in where a Python for all apps comes from
        reach = facts.index_settings(self.server, {}).env
        pythons.fetch(self.server.layout, self.server.settings, wanted, reach)
        reached("fetched")

    def builder(
        self, home: ReleasePaths, config: Mapping[str, str], pip: PipSettings
    ) -> building.Builder:
        """Runs a buildpack's plan for the release in `home`."""
        for notice in pip.notices:
            self.out.say(notice)
        return building.Builder(
            server=self.server,
            paths=self.paths,
            release=home,
            out=self.out,
            pip=pip,
            last_venv=Path(self.old.venv) if self.old and self.old.venv else None,
            kept_back=kept_from_builds(config),
            turn=self.turn,
            mounts=in_tree(self.settings.mounts),
        )

    def turn(self) -> AbstractContextManager[None]:
        """A place among the builds of this server, to be held while something is installed or
        run.
        """
        settings = self.server.settings
        return build_turn(
            self.server.layout.build_turns(settings.builds_at_once),
            f"build of {self.paths.name} ({self.change.about.title})",
            wait_s=float(settings.lock_wait_s),
            # which app that is, not everybody may know
            on_wait=lambda _: self.out.say("Waiting for the build of another app."),
            clock=self.server.clock,
        )

    def record(self, release: Release) -> None:
        """Write release.json: the folder is complete."""
        home = self.paths.release(release.version)
        home.built.touch()
        records.write_json(home.record, release)
        reached("recorded")

    def publish(self, release: Release) -> None:
        """Copy the folders that nginx serves to where it may read them."""
        if not release.static:
            return
        self.out.step("Publishing static files")
        publishing.publish(self.server, self.paths, release, in_tree(self.settings.mounts))
        reached("published")

    def check(self, release: Release) -> None:
        """Ask a canary of the new release, where it has one."""
        if not checking.has_canary(release):
            return
        self.out.step(f"Checking {release.label}")
        checking.check(self.server, self.paths, self.settings, release, self.out)
        reached("checked")

    def planned_swap(self, release: Release) -> Swap:
        """How the new release would take over."""
        slot = self.live.slot if self.live else "a"
        runs = self.old is not None and self.server.host.main_pid(self.paths.name, slot) is not None
        return plan_swap(
            SwapFacts(
                new=release,
                old=self.old,
                slot=slot,
                old_runs=runs,
                same_start=self._same_start(release),
                settings=self.settings,
                current=Link(str(self.paths.current), f"releases/{release.label}"),
                site=lambda taken: change_steps.site_change(self.state, release, taken),
            )
        )

    def swap(self, release: Release) -> None:
        """Have the new release take over, and record it as the live one."""
        swap = self.planned_swap(release)
        self.out.step(f"Swapping to {release.label}")
        self.out.say(swap.how)
        live = records.json_text(Live(release=release.version, slot=swap.slot))
        try:
            self.change.apply(swap.plan)
        except ShipError as error:
            told = checking.explain_slot(
                self.server, self.paths, self.settings, release, swap.slot, error
            )
            raise told from error
        self._replace_background(release)
        timers = change_steps.timer_steps(self.state, release.cron)
        self.change.apply((*timers, WriteFile(str(self.paths.live), live)))
        release_times.note(self.paths, release_times.LIVE, release.version)
        if self.settings.maintenance is not None:
            self.out.warn(closed_notice(self.paths.name))

    def propose_scale(self, wanted: Mapping[str, int]) -> None:
        """Have so many processes of these types run, where nobody has said otherwise yet."""
        before = self.state.scale
        scale = {**wanted, **before}
        if scale != before:
            self.change.do(WriteFile(str(self.paths.scale), records.scale_text(scale)))

    def _replace_background(self, release: Release) -> None:
        """Have the processes besides web be of the new release; an app without any pays nothing."""
        before, scale = self.state.formation, records.read_scale(self.paths)
        wanted = plan_formation(release, scale, self.settings)
        told = list(tell_formation(release, wanted, before, scale))
        if told:
            self.out.step("Starting processes besides web" if wanted else "Processes besides web")
        for line in told:
            self.out.say(line)
        for line in unknown_rules(release):
            self.out.warn(line)
        if wanted != before:
            self.change.do(SetFormation(self.paths.name, wanted))

    def look_at_background(self) -> None:
        """Warn of processes besides web that have ended already; they are started again and
        again.
        """
        try:
            for line in background.early_ends(self.server, self.paths.name):
                self.out.warn(line)
        except ShipError as error:  # the release is live: a look that fails is no failure of it
            self.out.warn(f"It is not known how the processes besides web do. {error.title}")

    def prune(self) -> None:
        """Remove what no kept release, and nobody's run, needs any more; what it had written is
        saved before.
        """
        pruning.prune(self.server, self.paths, self.settings, self.out)

    def _gid(self) -> int:
        owner = self.server.host.accounts.owner(self.paths.name)
        return owner.gid if owner else -1

    def _same_start(self, release: Release) -> bool:
        """Whether the two releases differ in no config var that only a fresh program reads."""
        if self.old is None:
            return False
        before = records.read_config(self.paths.release(self.old.version).env)
        after = records.read_config(self.paths.release(release.version).env)
        return not needs_fresh_start(before, after)


@contextmanager
def transition(
    server: Server,
    app: AppName,
    about: About,
    out: Output,
    *,
    frozen_too: bool = False,
) -> Iterator[Transition]:
    """Lock the app, undo what an earlier change left unfinished, and open the journal of a new one.

    Leaving it without an error makes the change stand; any other way out puts everything back.
    `frozen_too` is for what never stands.
    """
    with changing(server, app, about.title, out, frozen_too=frozen_too) as change:
        work = Transition(change, change.state)
        change.afterwards.append(work.look_at_background)
        change.begin(about)
        yield work
        change.afterwards.append(work.prune)
