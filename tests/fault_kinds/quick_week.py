"""A week of an app in minutes: Ship's own code, on a machine of values.

Commands and hand-overs of pushes run in forks of one process, and SIGKILL meets them at a step, at
a write or at the start of a program, counted by Python's audit events: nothing of a dead one goes
on. Records, locks, the audit, git's branch and the trees of releases are real; so is all code from
the command line and from the moving of the branch down to the calls of supervisord, nginx and the
kernel. No pack travels, no hook of bash runs, and no guard watches over the branch.
"""

import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple
from unittest.mock import patch

from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo

from receiver.changes.points import EVENT
from receiver.machine import git
from receiver.model.audit import Line
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.push import hooks, intake, receive_pack
from receiver.push.hooks import Hooks, Push
from receiver.push.limits import Limits
from receiver.push.receive_pack import to_stderr
from receiver.push.rules import Rules
from receiver.push.wire import Reply, Request, Update
from tests.embedded.embedded_server import DOMAIN, EmbeddedServer
from tests.fault_kinds.ground import Fault, Ground, Kind, a_ground
from tests.fault_kinds.machine_values import Machine
from tests.fault_kinds.week import Cut, Told, Week, Wish, lives
from tests.ports import claim_range

STEPS = 500
_HOME = Path(__file__).parents[2]
_LIMIT_S = 3600.0
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where no write waits for a disk."""
_WRITES = frozenset(
    {"os.rename", "os.remove", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.chmod"}
)
_STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork"})
_OPENS = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_FIELDS = struct.Struct("6q")


class Marks(NamedTuple):
    """What the processes of one command share."""

    deploy: int = 0
    """How many points its deploy has passed."""
    follower: int = 0
    gate_pid: int = 0
    follower_pid: int = 0
    killed: int = 0
    deploy_pid: int = 0


class Shared:
    """Marks in memory that forks share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _FIELDS.size)

    def get(self) -> Marks:
        return Marks(*_FIELDS.unpack_from(self._memory))

    def set(self, **changed: int) -> None:
        _FIELDS.pack_into(self._memory, 0, *self.get()._replace(**changed))


class Shot(NamedTuple):
    """A kill at a point: of whom, and at the how manieth."""

    who: str
    at: int


class Points:
    """Counts what a follower and its deploy are about to do, and kills at one of these points."""

    def __init__(self, machine: Machine, shared: Shared, shot: Shot | None) -> None:
        self._machine, self._shared, self._shot = machine, shared, shot
        self._follower, self._busy = os.getpid(), False
        shared.set(follower_pid=self._follower)
        sys.addaudithook(self._hear)

    def _hear(self, event: str, told: tuple[Any, ...]) -> None:
        if self._busy or self._machine.acts or not _is_point(event, told):
            return
        self._busy = True
        try:
            self._pass()
        finally:
            self._busy = False

    def _pass(self) -> None:
        me = os.getpid()
        if me == self._follower:
            role = "follower"
        elif os.getsid(0) == me:
            role = "deploy"
            self._shared.set(deploy_pid=me)
        else:
            return  # a program that is about to be started
        marks = self._shared.get()
        number = getattr(marks, role)
        self._shared.set(**{role: number + 1})
        if self._shot is None or marks.killed or number < self._shot.at:
            return
        if self._shot.who in {role, "everybody"}:
            self._kill(marks, me)

    def _kill(self, marks: Marks, me: int) -> None:
        self._shared.set(killed=1)
        if self._shot is not None and self._shot.who == "everybody":
            for pid in {marks.gate_pid, marks.follower_pid, marks.deploy_pid} - {0, me}:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        os.kill(me, signal.SIGKILL)


def _is_point(event: str, told: tuple[Any, ...]) -> bool:
    if event == "open":
        return bool(told[2] & _OPENS) and told[0] != os.devnull
    return event == EVENT or event in _WRITES or event in _STARTS


class Hands:
    """Types commands and pushes, each in a fork, and waits until all that came of it has ended."""

    def __init__(self, server: EmbeddedServer, machine: Machine) -> None:
        self.server, self.machine = server, machine
        self.said = server.folder / "said"

    def type(self, words: Sequence[str], shot: Shot | None) -> tuple[Told, Marks]:
        from receiver.cli.main import main

        def typed(shared: Shared) -> int:
            Points(self.machine, shared, shot)
            return main(words)

        return self._fork(typed)

    def push(self, app: AppName, update: Update, shot: Shot | None) -> tuple[Told, Marks]:
        """Move the branch, as the gate does once the objects are there, and deploy."""
        return self._fork(lambda shared: self._gate(app, update, shot, shared))

    def _gate(self, app: AppName, update: Update, shot: Shot | None, shared: Shared) -> int:
        repo = self.server.layout.repo(app)
        variables = {"SHIP_APP": app, "SHIP_KEY": "week", "SHIP_OWNER": "1"}
        variables |= {"SHIP_DEPLOY": "ship-deploy", "SHIP_PUSH": os.urandom(8).hex()}
        push = Push(repo, _HOME / "hooks", variables, Limits())
        shared.set(gate_pid=os.getpid())

        def post_receive(_: object, note: int, __: object) -> int:
            return self._run(lambda: self._hook(variables, update, note, points))

        def others(program: Any, *_: object, **__: object) -> int:
            return self._run(lambda: intake.main(program.argv[1:]))

        def points() -> Points:
            return Points(self.machine, shared, shot)

        with (
            patch.object(hooks, "run_on_file", post_receive),
            patch.object(hooks, "run_on_text", others),
            patch.object(hooks, "guarded", lambda *_: nullcontext()),
        ):
            hooks.clear_up(push)
            request = Request([update])
            told = Hooks(push, (), Reply(to_stderr, request, to_stderr))
            receive_pack._deploy(told, Rules.parse(git.settings(repo)), request)
        if update.refusal:
            os.write(2, f"[remote rejected] {update.refusal}\n".encode())
        return 1 if update.refusal else 0

    def _hook(
        self, variables: dict[str, str], update: Update, note: int, begin: Callable[[], object]
    ) -> int:
        """hooks/post-receive, and the deploy that it starts, which does not hold the note."""
        app = AppName(variables["SHIP_APP"])
        words = ["push", "--app", app, "--key", "week", "--owner", "--ref", update.ref]
        words += ["--commit", update.new, "--old", update.old, "--push", variables["SHIP_PUSH"]]
        held = [note]
        os.register_at_fork(after_in_child=lambda: os.close(held.pop()) if held else None)
        with git.archive(self.server.layout.repo(app), update.new) as tree:
            os.dup2(tree, 0)
            begin()
            return intake.main(words)

    def _run(self, do: Callable[[], int]) -> int:
        """Do it in a fork; returns its exit status."""
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _end_with(do)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _fork(self, do: Callable[[Shared], int]) -> tuple[Told, Marks]:
        shared = Shared()
        over, lives_on = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(over)
            self._redirect()
            _end_with(lambda: do(shared))
        os.close(lives_on)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.read(over, 1)  # ends with the last process that came of it
        os.close(over)
        text = self.said.read_text(encoding="utf-8", errors="replace")
        return Told(None if status == -signal.SIGKILL else status, text), shared.get()

    def _redirect(self) -> None:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        to = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        os.dup2(to, 1)
        os.dup2(to, 2)


def _end_with(do: Callable[[], int]) -> None:
    status = 70
    try:
        status = do()
        sys.stdout.flush()
    finally:
        os._exit(status)


class ValuesServer(EmbeddedServer):
    """An embedded server whose machine is values."""

    machine: Machine

    def ask(self, app: str, path: str = "/", *, headers: str = "") -> tuple[int, str]:
        del path, headers
        return self.machine.visited(app)


class Store(Ground):
    """Its commits are made in the repository of the server: no pack has to travel."""

    made = ""
    """The last one."""

    def laptop(self, number: int = 0) -> Any:
        del number
        return SimpleNamespace(commit=self._commit)

    def _commit(self, files: dict[str, str]) -> str:
        tree, objects = Tree(), []
        for name, text in files.items():
            blob = Blob.from_string(text.encode())
            tree.add(name.encode(), 0o100644, blob.id)
            objects.append(blob)
        made = Commit()
        made.tree, made.parents = tree.id, []
        made.author = made.committer = b"week <week@ship.test>"
        made.author_time = made.commit_time = 1_800_000_000
        made.author_timezone = made.commit_timezone = 0
        made.message = files["number"].encode()
        with Repo(str(self.server.layout.repo(self.app))) as repo:
            repo.object_store.add_objects([(each, None) for each in (*objects, tree, made)])
        self.made = made.id.decode()
        return self.made

    def await_quiet(self) -> bool:
        return True  # `Hands` waits for it


class QuickWeek(Week):
    """The same life, with another machine below it."""

    ground: Store
    hands: ClassVar[Hands]
    points: ClassVar[dict[str, Marks]]
    """How many points each command passes to which nothing is done."""

    def _ground(self) -> Store:
        return Store(self.server, self.app)

    def _do(self, wish: Wish, run: Callable[..., Told], cut: Cut | None) -> None:
        self._cut = cut
        super()._do(wish, run, cut)

    def _type(self, *words: str) -> Told:
        if words == ("server:recover",) and self._cut is not None and self._cut.percent % 3 == 0:
            self.hands.type(words, self._shot("server:recover", self._cut._replace(who="follower")))
        return super()._type(*words)

    def _typed(self, words: Sequence[str], kill: object) -> Told:
        name = " ".join((words[0], *(word for word in words if word == "--no-restart")))
        shot = self._shot(name, self._cut) if kill else None
        return self._noted(name, *self.hands.type(words, shot))

    def _pushed(self, kill: object) -> Told:
        before = self.ground.tip(self.now.branch) or git.ABSENT
        update = Update(before, self.ground.made, "refs/heads/main")
        shot = self._shot("git push", self._cut) if kill else None
        return self._noted("git push", *self.hands.push(self.app, update, shot))

    def _noted(self, name: str, told: Told, marks: Marks) -> Told:
        if marks.killed:
            self.killed_s, self._marks = time.monotonic(), marks
        else:
            self.points[name] = marks
        return told

    def _shot(self, name: str, cut: Cut | None) -> Shot | None:
        """The point of a kill: after so much of what the command passes otherwise."""
        if cut is None:
            return None
        usual = self.points.get(name, Marks(100, 100))
        of = usual.deploy if cut.who != "follower" and usual.deploy else usual.follower
        who = cut.who if usual.deploy or cut.who == "everybody" else "follower"
        return Shot(who, of * cut.percent // 100)

    def _missing_ends(self, lines: list[Line]) -> list[str]:
        # a command that is killed before it has made its deploy leaves nobody who could tell
        nobody = self._was_killed and not self._marks.deploy_pid and not self._marks.gate_pid
        return [] if nobody else super()._missing_ends(lines)


def live_through(number: int, steps: int) -> tuple[Counter[str], list[str]]:
    """One week of so many commands, in a process of its own, which forks for each command."""
    argv = (sys.executable, "-m", "tests.fault_kinds.quick_week", str(number), str(steps))
    done = subprocess.run(argv, cwd=_HOME, stdout=subprocess.PIPE, timeout=_LIMIT_S, check=True)
    given, lies = json.loads(done.stdout)
    return Counter(given), lies


def a_quick_week(_: Ground, dice: Random) -> Fault:
    """A week of an app on a machine of values."""
    number = dice.randrange(10**6)
    done, lies = live_through(number, STEPS)
    return Fault(f"{done.total()} commands, quick week {number}", lies)


def _main(number: int, steps: int) -> None:
    import_module("receiver.deploy.releasing")  # for all that are forked
    ports = claim_range()
    with TemporaryDirectory(dir=_MEMORY) as folder, TemporaryDirectory(dir=_MEMORY) as beside:
        root, place = Path(folder, "the root"), Path(beside)
        os.environ["SHIP_ROOT"] = str(root)
        layout = Layout.embedded(root)
        machine = Machine(layout, place / "machine.json")
        with machine.in_place():
            server = ValuesServer(root, place, ports, DOMAIN)
            server.machine, machine.http_port = machine, server.port
            QuickWeek.server, QuickWeek.hands = server, Hands(server, machine)
            QuickWeek.points = {}
            print(json.dumps(lives(QuickWeek, number, steps)))


QUICK = Kind(
    "quick",
    4,
    f"{STEPS} commands and kills in random order on a machine of values",
    a_quick_week,
    a_ground,
)

if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
