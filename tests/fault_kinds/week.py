"""A week of an app: pushes, rollbacks, config vars, scales and kills in random order, against what
was asked for. After each, the pages, the branch, live.json, `releases`, the builds and the audit
have to agree with it.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import ClassVar, NamedTuple, NoReturn

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from receiver.access import audit
from receiver.model.audit import Line
from receiver.processes import look as processes
from receiver.state import builds, records
from tests.embedded.embedded_server import EmbeddedServer
from tests.fault_kinds.expected import BAD, Expected, Made
from tests.fault_kinds.ground import (
    QUIET_LIMIT_S,
    SERVED_LIMIT_S,
    Fault,
    Ground,
    Kind,
    a_ground,
    ended,
)
from tests.fault_kinds.typist import Typist

STEPS = 100
_ASKED = 4
_WORKERS_LIMIT_S = 20.0
_USUAL_S = 1.5
_WAIT_S = 0.01
_APP = """
import os

if "{bad}" in ("{text}", os.environ.get("GREETING")):
    raise SystemExit("this one does not start")

def app(environ, start_response):
    body = ("{text} " + os.environ.get("GREETING", "")).strip().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
_SERVE = """
import os
from wsgiref.simple_server import make_server

from app import app

make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
"""
_WORKER = "worker: sleep 100000\n"
_GUNICORN = f"web: gunicorn -w 1 app:app\n{_WORKER}"
_SHAPES = {
    "gunicorn": {"Procfile": _GUNICORN, "requirements.txt": ""},
    "another venv": {"Procfile": _GUNICORN, "requirements.txt": "# a comment is enough\n"},
    "own port": {"Procfile": f"web: python3 serve.py\n{_WORKER}", "requirements.txt": ""},
}


class Cut(NamedTuple):
    """A kill during a command: after how much of its usual time, and of whom."""

    percent: int
    who: str


_KILLED = ("deploy", "deploy", "follower", "everybody")
_CUTS = st.none() | st.none() | st.builds(Cut, st.integers(0, 120), st.sampled_from(_KILLED))
_GREETINGS = ("hi", "hello", "moin", "servus", None, BAD, "hi")
_DEEDS = (
    *(shape for shape in _SHAPES),
    *("gunicorn", "rollback", "rollback", "config", "config", "config", "scale", "scale"),
    *("restart", "maintenance"),
)
_BAD_PERCENT = 12


class Wish(NamedTuple):
    """What somebody wants, and what the app is to be then; as before, where it is refused."""

    name: str
    what: str
    after: Expected


class Told(NamedTuple):
    """What came of it."""

    status: int | None
    """None where the one who would say it was killed."""
    text: str


Killing = Callable[[int | None], None]
"""Waits for its moment and kills; is told the process that was started, if it is a command."""


class Week(RuleBasedStateMachine):
    """One app, from its creation to its destruction."""

    server: ClassVar[EmbeddedServer]
    typist: ClassVar[Typist]
    done: ClassVar[Counter[str]]
    log: ClassVar[list[str]]
    """What was done in the latest."""
    found: ClassVar[str]
    """What was wrong, and after what; the life is over then."""
    name: ClassVar[str]
    most: ClassVar[int]
    """So many commands are given in all."""

    def __init__(self) -> None:
        super().__init__()
        self.now = Expected()
        self.usual_s: dict[str, float] = {}
        self.texts = 0
        self.killed_s: float | None = None
        self.is_empty = True

    def teardown(self) -> None:
        if self.is_empty:
            return
        self._is_quiet()
        gone = self._type("apps:destroy", "--confirm", self.app)
        if gone.status or self.paths.home.exists():
            self._fail([f"it cannot be destroyed: {gone.text}"])
        if broken := audit.verify(self.server.layout).broken:
            self._fail([f"the chain of the audit is broken: {broken}"])

    @initialize(shape=st.sampled_from(sorted(_SHAPES)), luck=st.integers(0, 10**6))
    def begin(self, shape: str, luck: int) -> None:
        # the simplest, which hypothesis tries first of all, costs no time; nor does its attempt to
        # have a failure once more, which no kill is aimed well enough for
        if luck == 0 or self.found:
            return
        own, self.is_empty = type(self), False
        own.log = []
        self.app = self.server.create(own.name)
        self.ground = self._ground()
        self.paths = self.server.paths(self.app)
        self._push(shape, bad=False, cut=None)

    def _ground(self) -> Ground:
        return Ground(self.server, self.app)

    @rule(deed=st.sampled_from(_DEEDS), number=st.integers(0, 99), cut=_CUTS)
    def somebody_types(self, deed: str, number: int, cut: Cut | None) -> None:
        if self.is_empty or self.done.total() >= self.most:
            return
        deeds: dict[str, Callable[[int, Cut | None], None]] = {
            "rollback": self._rollback,
            "config": self._config,
            "scale": self._scale,
            "restart": self._restart,
            "maintenance": self._maintenance,
        }
        if deed in deeds:
            deeds[deed](number, cut)
        else:
            self._push(deed, bad=number < _BAD_PERCENT, cut=cut)

    def _push(self, shape: str, *, bad: bool, cut: Cut | None) -> None:
        self.texts += 1
        text = BAD if bad else f"text-{self.texts}"
        files = {"app.py": _APP.format(text=text, bad=BAD), "serve.py": _SERVE, **_SHAPES[shape]}
        commit = self.ground.laptop().commit({**files, "number": str(self.texts)})
        what = f"{commit[:7]} {text} {shape}"
        self._do(Wish("git push", what, self.now.pushed(commit, text)), self._pushed, cut)

    def _rollback(self, number: int, cut: Cut | None) -> None:
        kept = set(records.release_versions(self.paths))
        found = [made for made in self.now.releases[:-1] if made.version in kept]
        if not found:
            self._restart(number, cut)
            return
        to = found[-1 - number % len(found)]
        words = ("releases:rollback", f"v{to.version}")
        self._command(words, self.now.rolled_back(to), cut)

    def _config(self, number: int, cut: Cut | None) -> None:
        value, restarts = _GREETINGS[number % len(_GREETINGS)], number % 5 != 0
        if value is None and "GREETING" not in self.now.config:
            self._restart(number, cut)
            return
        words = ("config:set", f"GREETING={value}") if value else ("config:unset", "GREETING")
        pending = () if restarts else ("--no-restart",)
        if cut and pending:  # it has no process of its own: nobody follows it who could undo it
            cut = cut._replace(who="everybody")
        self._command(
            (*words, *pending), self.now.configured("GREETING", value, restart=restarts), cut
        )

    def _scale(self, number: int, cut: Cut | None) -> None:
        after = self.now.scaled("worker", number % 3)
        self._command(("ps:scale", f"worker={number % 3}"), after, cut)

    def _restart(self, _: int, cut: Cut | None) -> None:
        self._command(("ps:restart",), replace(self.now), cut)

    def _maintenance(self, _: int, __: Cut | None) -> None:
        wanted = not self.now.closed
        words = (f"maintenance:{'on' if wanted else 'off'}",)
        self._command(words, replace(self.now, closed=wanted), None)

    def _command(self, words: tuple[str, ...], after: Expected, cut: Cut | None) -> None:
        wish = Wish(words[0], " ".join(words[1:]), after)
        self._do(wish, partial(self._typed, (*words, "-a", self.app)), cut)

    def _type(self, *words: str) -> Told:
        named = () if words[0] == "server:recover" else ("-a", self.app)
        return self._typed((*words, *named), None)

    def _typed(self, words: Sequence[str], kill: Killing | None) -> Told:
        process = self.typist.begin(*words)
        if kill is not None:
            kill(process)
        status, text = self.typist.end()
        return Told(None if status == -signal.SIGKILL else status, text)

    def _pushed(self, kill: Killing | None) -> Told:
        with self.ground.pushing() as client:
            if kill is not None:
                kill(None)
            said = ended(client)
        return Told(said.status, said.text)

    def _do(self, wish: Wish, run: Callable[[Killing | None], Told], cut: Cut | None) -> None:
        """Have it done, perhaps with a kill, and look at everything."""
        self.log.append(" ".join(map(str, filter(None, (wish.name, wish.what, cut)))))
        heard, self.killed_s = audit.end_of(self.server.layout), None
        begun_s = time.monotonic()
        told = run(partial(self._kill, cut, self.usual_s.get(wish.name, _USUAL_S)) if cut else None)
        type(self).done[f"{wish.name}, killed" if self._was_killed else wish.name] += 1
        found = [] if self._is_quiet() else ["somebody is still at work"]
        if not self._was_killed:
            took_s = time.monotonic() - begun_s
            self.usual_s[wish.name] = (self.usual_s.get(wish.name, took_s) + took_s) / 2
        elif cut and cut.who == "everybody":
            told = told._replace(status=None)
            recovered = self._type("server:recover")
            found += [] if recovered.status == 0 else [f"server:recover: {recovered.text}"]
        fits, lies = self._what_fits(wish.after)
        found += lies or self._wrong_verdict(wish.after, told, fits)
        lines = self._lines_since(heard, wish.name)
        found += self._wrong_lines(wish, told, fits, lines)
        if not (cut and cut.who == "everybody"):
            found += self._missing_ends(lines)
        if found:
            self._fail([*found, f"it said: {told.text[-900:]}"])
        self.now = fits[-1]

    def _kill(self, cut: Cut, usual_s: float, command: int | None) -> None:
        """Kill whom `cut` names, if they are at work at its moment."""
        time.sleep(usual_s * cut.percent / 100)
        roles = {} if command else self.ground.actors()
        deploys = [it.pid for it in builds.newest_first(self.paths) if it.status == "running"]
        followers = [command] if command else roles.get("follower", [])
        others = [pid for role in ("gate", "hook") for pid in roles.get(role, [])]
        pids = {
            "deploy": deploys,
            "follower": followers,
            "everybody": [*others, *followers, *deploys],
        }[cut.who]
        for pid in filter(None, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed_s = time.monotonic()

    @property
    def _was_killed(self) -> bool:
        return self.killed_s is not None

    def _is_quiet(self) -> bool:
        ends_at = time.monotonic() + QUIET_LIMIT_S
        while any(it.status == "running" for it in builds.newest_first(self.paths)):
            if time.monotonic() > ends_at:
                return False
            time.sleep(_WAIT_S)
        return self.ground.await_quiet()

    def _what_fits(self, after: Expected) -> tuple[list[Expected], list[str]]:
        """Which of the two it is, as before and as wanted; only a kill leaves the choice."""
        wanted = self._lies(after)
        if self.killed_s is None or after is self.now:
            return [after], wanted and [*wanted, *self.server.leftovers(self.app)]
        before = self._lies(self.now)
        fits = [it for it, lies in ((self.now, before), (after, wanted)) if not lies]
        return fits, [] if fits else [f"not as before: {before}", f"not as wanted: {wanted}"]

    def _wrong_verdict(self, after: Expected, told: Told, fits: list[Expected]) -> list[str]:
        if told.status is None or len(fits) > 1:
            return []
        stands = fits == [after] and after is not self.now
        if after is self.now and self.killed_s is not None:
            return [] if told.status else ["it was refused, with exit status 0"]
        return [] if stands is (told.status == 0) else [f"stands: {stands}, status: {told.status}"]

    def _wrong_lines(
        self, wish: Wish, told: Told, fits: list[Expected], lines: list[Line]
    ) -> list[str]:
        """What the audit has wrong of it."""
        ends = [line for line in lines if line.event == "ended"]
        if self.killed_s is None and [line.event for line in lines] != ["began", "ended"]:
            return [f"the audit has {lines}"]
        if len(lines) > 2 or len(ends) > 1 or len(fits) != 1:
            return [f"the audit has {lines}"] if len(lines) > 2 else []
        made = fits[0].live if fits[0].releases != self.now.releases else None
        for end in ends:
            if made is not None and not end.result.endswith(f"v{made.version}"):
                return [f"the audit's end names no v{made.version}: {end}"]
            if told.status is not None and end.status != told.status and wish.name != "git push":
                return [f"the audit has another status: {end}"]
            if (end.status == 0) is not (fits == [wish.after] and wish.after is not self.now):
                return [f"the audit has another end: {end}"]
        return []

    def _missing_ends(self, lines: list[Line]) -> list[str]:
        """What was begun in a process of its own, and has no end on record, though that process or
        one that followed it lived on.
        """
        ended = {line.id for line in lines if line.event == "ended"}
        begun = {line.id for line in lines} & {it.audit for it in builds.newest_first(self.paths)}
        return [f"the audit has no end of {change}" for change in sorted(begun - ended)]

    def _lines_since(self, heard: tuple[str, int], command: str) -> list[Line]:
        once = iter([True, False])
        found = audit.follow(self.server.layout, heard, lambda: next(once))
        return [line for line in found if line.app == self.app and line.command == command]

    def _lies(self, it: Expected) -> list[str]:
        """Where what is there differs from this."""
        found = list(self._wrong_records(it))
        return found or [*self._wrong_pages(it), *self._wrong_workers(it)]

    def _wrong_records(self, it: Expected):
        live, made = records.read_live(self.paths), it.live
        if (live.release if live else None) != (made.version if made else None):
            yield f"live.json has {live}"
            return
        tip = self.ground.tip(it.branch)
        if tip != it.branch:
            yield f"the branch is at {tip}, and should be at {it.branch}"
        if self.paths.unfinished.exists():
            yield "its journal is there"
        stored = records.read_config(self.paths.config)
        if stored != it.config:
            yield f"stored is {stored}, and should be {it.config}"
        if made and records.read_config(self.paths.release(made.version).env) != made.config:
            yield f"v{made.version} runs with other config vars than {made.config}"
        scale = {key: count for key, count in records.read_scale(self.paths).items() if count}
        if scale != {key: count for key, count in it.scale.items() if count}:
            yield f"the scale is {scale}"
        yield from self._wrong_releases(it)
        yield from self._wrong_builds(it)

    def _wrong_releases(self, it: Expected):
        listed = json.loads(self._type("releases", "--json", "-n", "1000").text)
        keep = self.server.server.settings.keep_releases
        made = {each.version: each for each in it.releases}
        if [each["version"] for each in listed][:keep] != sorted(made, reverse=True)[:keep]:
            yield f"`releases` lists {[each['version'] for each in listed]}"
            return
        for each in listed:
            wanted = made.get(each["version"])
            if wanted is None or not _is_listed(each, wanted, it.live):
                yield f"`releases` has {each}, which should be {wanted}"

    def _wrong_builds(self, it: Expected):
        made = it.live
        found = {each.release: each.status for each in builds.newest_first(self.paths)}
        if made and found.get(made.version) != "succeeded":
            yield f"the build of v{made.version} is {found.get(made.version)}"
        if made and any(version > made.version for version in found if version):
            yield f"builds made {found}"

    def _wrong_pages(self, it: Expected) -> list[str]:
        until_s = (self.killed_s or time.monotonic()) + SERVED_LIMIT_S
        if it.live is None:
            return []
        while True:
            seen = {self.server.ask(self.app) for _ in range(_ASKED)}
            if it.closed and {status for status, _ in seen} == {503}:
                return []
            if not it.closed and seen == {(200, it.live.page)}:
                return []
            if time.monotonic() > until_s:
                return [f"visitors get {sorted(seen)}, and should get {it.live.page}"]
            time.sleep(_WAIT_S)

    def _wrong_workers(self, it: Expected) -> list[str]:
        if it.live is None:
            return []
        label = f"v{it.live.version}"
        wanted = [label] * it.scale.get("worker", 0)
        until_s = time.monotonic() + _WORKERS_LIMIT_S
        while True:
            types = {each.type: each for each in processes.look(self.server.server, self.app).types}
            seen = [each.release for each in types["worker"].running]
            web = {each.release for each in types["web"].running}  # also behind a closed page
            if seen == wanted and web == {label}:
                return []
            if time.monotonic() > until_s:
                return [f"workers run {seen}, and should run {wanted}; web runs {web}"]
            time.sleep(10 * _WAIT_S)

    def _fail(self, found: Sequence[str]) -> NoReturn:
        steps = (f"    {number}. {line}" for number, line in enumerate(self.log, 1))
        own = type(self)
        own.found = own.found or "\n".join(["; ".join(found), "after:", *steps])
        raise AssertionError(own.found)


def _is_listed(seen: dict[str, object], made: Made, live: Made | None) -> bool:
    described = made.description in {"", seen["description"]}
    return (
        described
        and seen["commit"] == made.commit
        and seen["restores"] == made.restores
        and seen["current"] is (made is live)
    )


def live_through(server: EmbeddedServer, number: int, steps: int) -> tuple[Counter[str], list[str]]:
    """One week of so many commands, the same for the same number; returns how often each command
    was given, and what was wrong.
    """
    assert server.token, "the first key is an admin's"
    with Typist(server.root, server.folder / "said") as typist:

        class Own(Week):
            pass

        Own.server, Own.typist = server, typist
        return lives(Own, number, steps)


def lives(own: type[Week], number: int, steps: int) -> tuple[Counter[str], list[str]]:
    """One life of an app after the other, until so many commands were given or one went wrong."""
    own.done, own.most, own.log, own.found = Counter(), steps, [], ""
    while own.done.total() < steps and not own.found:
        own.name = f"week-{number}-{own.done.total()}"
        _live(seed(number + own.done.total())(own), steps)
    return own.done, [own.found] if own.found else []


def _live(week: type[Week], steps: int) -> None:
    told = settings(
        max_examples=2,  # the first is always the empty one
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(week, settings=told)
    except (AssertionError, Flaky):
        if not week.found:
            raise


def a_week(ground: Ground, dice: random.Random) -> Fault:
    """A week of an app of its own."""
    number = dice.randrange(10**6)
    done, lies = live_through(ground.server, number, STEPS)
    return Fault(f"{done.total()} commands, week {number}", lies)


WEEK = Kind(
    "week", 10, f"{STEPS} commands and kills in random order, against a model", a_week, a_ground
)
