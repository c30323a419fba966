"""A machine as values: supervisord, nginx, processes, their sockets and answers, in one file.

What runs above them is Ship's own code. A process here is a record: what it would run is read when
it starts, from the link that a launcher would follow. The file outlives whoever is killed, as a
machine does.
"""

import configparser
import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import patch

from receiver.health import ask as health
from receiver.health.answers import Answer
from receiver.hosts import plain_jobs
from receiver.hosts.jobs import Job
from receiver.hosts.supervisord.rpc import NO_SUCH_PROCESS, RefusedError, Supervisor
from receiver.machine import proc
from receiver.machine.clock import SystemClock
from receiver.model.layout import Layout
from receiver.model.program import RUNTIME
from receiver.nginx import program as nginx
from receiver.state import records
from tests.fault_kinds.expected import BAD

_FIRST_PID = 10_000_000
"""No process of a kernel's has such a number."""
_MASTER = 1
_NOT_RUNNING, _ALREADY_STARTED = 70, 60
_KEY = re.compile(r"\$http_x_ship_check = (\S+?)\)")
_UPSTREAM = re.compile(r"server 127\.0\.0\.1:(\d+) ")
_TEXT = re.compile(r'body = \("(\S+) ')
_LAUNCH = str(RUNTIME / "launch.py")


class Machine:
    """One machine, whose state is in `file`."""

    def __init__(self, layout: Layout, file: Path) -> None:
        self._layout, self._file = layout, file
        self.http_port = 0
        """Where its nginx listens."""
        self._alone = threading.RLock()
        self.at_work = threading.local()
        self._slept_s = 0.0
        if not file.exists():
            self._write({"groups": {}, "processes": {}, "sites": {}, "last": _FIRST_PID})

    @property
    def acts(self) -> bool:
        """Whether what is done now is done by the machine, not by Ship."""
        return getattr(self.at_work, "depth", 0) > 0

    def visited(self, app: str) -> tuple[int, str]:
        """What a visitor gets: a status, and a page or what is wrong."""
        status, pages = self._visit(self._read(), app, None)
        return (status, pages[0]) if len(pages) == 1 else (502, f"any of {pages}")

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Have this machine in the place of the real one."""
        replaced: tuple[tuple[object, str, Callable[..., Any]], ...] = (
            (Supervisor, "call", lambda _, method, *words: self._supervise(method, *words)),
            (proc, "children", self._or_real(proc.children, lambda it: frozenset(it["workers"]))),
            (proc, "stat", self._or_real(proc.stat, lambda _: proc.Stat("S", 1))),
            (proc, "began_at", self._or_real(proc.began_at, lambda _: 1.0)),
            (proc, "session", self._or_real(proc.session, _pids)),
            (proc, "together", self._or_real(proc.together, _pids)),
            (proc, "sockets", self._or_real(proc.sockets, lambda it: frozenset(it["sockets"]))),
            (proc, "network", self._listening),
            (health, "_try", self._ask),
            (nginx, "test", lambda *_: None),
            (nginx, "reload", self._reload_nginx),
            (nginx, "program", lambda: "/usr/sbin/nginx"),
            (plain_jobs, "run", _run),
            (SystemClock, "now", lambda _: monotonic() + self._slept_s),
            (SystemClock, "sleep", self._sleep),
        )
        patches = [patch.object(where, name, by) for where, name, by in replaced]
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()

    def _sleep(self, _: object, seconds: float = 0.0) -> None:
        self._slept_s += seconds

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        return state

    def _write(self, state: Mapping[str, Any]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(state), encoding="utf-8")
        new.rename(self._file)

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        with self._alone:
            self.at_work.depth = getattr(self.at_work, "depth", 0) + 1
            try:
                state = self._read()
                yield state
                self._write(state)
            finally:
                self.at_work.depth -= 1

    def _or_real(
        self, real: Callable[[int], Any], of_ours: Callable[[dict[str, Any]], Any]
    ) -> Callable[[int], Any]:
        """A question about a process, answered from the values where it is one of them."""

        def answer(pid: int) -> Any:
            if pid < _FIRST_PID:
                return real(pid)
            for each in self._read()["processes"].values():
                if pid == each["pid"]:
                    return of_ours(each)
                if pid in each["workers"]:
                    return of_ours({**each, "workers": [], "pid": pid})
            return real(pid)

        return answer

    def _listening(self, table: str) -> Iterator[str]:
        if table == "tcp":
            held = (name for each in self._read()["processes"].values() for name in each["sockets"])
            for inode in sorted(set(held)):
                port = int(inode.partition(".")[0])
                yield f"0: 0100007F:{port:04X} 0:0 0A 0:0 0:0 0 0 0 {inode}"

    def _supervise(self, method: str, *words: Any) -> Any:
        if method == "getPID":
            return _MASTER
        with self._changed() as state:
            return getattr(self, f"_{_snake(method)}")(state, *words)

    def _reload_config(self, state: dict[str, Any]) -> list[list[list[str]]]:
        found = self._programs()
        known = state["groups"]
        added = [name for name in found if name not in known]
        changed = [name for name in found if name in known and known[name] != found[name]]
        return [[added, changed, [name for name in known if name not in found]]]

    def _programs(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for file in sorted(self._layout.units.glob("*.conf")):
            parser = configparser.RawConfigParser()
            parser.read(file)
            for section in parser.sections():
                found[section.partition(":")[2]] = dict(parser[section])
        return found

    def _add_process_group(self, state: dict[str, Any], group: str) -> None:
        state["groups"][group] = self._programs()[group]
        letters = "abc" if "socket" in state["groups"][group] else ""
        for name in letters or (group,):
            state["processes"][f"{group}:{name}"] = _nothing()

    def _remove_process_group(self, state: dict[str, Any], group: str) -> None:
        del state["groups"][group]
        for name in [each for each in state["processes"] if each.startswith(f"{group}:")]:
            del state["processes"][name]

    def _get_all_process_info(self, state: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "group": name.partition(":")[0],
                "name": name.partition(":")[2],
                "statename": each["state"],
                "pid": each["pid"],
            }
            for name, each in state["processes"].items()
        ]

    def _get_process_info(self, state: dict[str, Any], name: str) -> dict[str, Any]:
        each = self._known("getProcessInfo", state, name)
        return {"statename": each["state"], "pid": each["pid"], "exitstatus": 0}

    def _known(self, method: str, state: dict[str, Any], name: str) -> dict[str, Any]:
        if name not in state["processes"]:
            raise RefusedError(method, NO_SUCH_PROCESS, f"BAD_NAME: {name}")
        each: dict[str, Any] = state["processes"][name]
        return each

    def _start_process(self, state: dict[str, Any], name: str, wait: bool) -> None:
        del wait
        each = self._known("startProcess", state, name)
        if each["state"] == "RUNNING":
            raise RefusedError("startProcess", _ALREADY_STARTED, f"ALREADY_STARTED: {name}")
        group, _, letter = name.partition(":")
        program = state["groups"][group]
        state["processes"][name] = each = _nothing()
        state["last"] = each["pid"] = state["last"] + 1
        each["state"] = "RUNNING"
        if "socket" in program:
            port = program["socket"].rpartition(":")[2]
            each["sockets"] = [f"{port}.1"]
        if letter == "c":
            return
        words = shlex.split(program["command"].replace("%(process_num)x", letter))
        each["aim"] = words[words.index(_LAUNCH) + 1]
        each["run"] = words[words.index("--run") + 1]
        if "--port" in words:
            each["sockets"] = [f"{words[words.index('--port') + 1]}.2"]
        self._launch(state, each)

    def _launch(self, state: dict[str, Any], each: dict[str, Any]) -> None:
        """What runtime/launch.py and what it starts do, until it serves or has ended."""
        run, home = Path(each["run"]), Path(each["aim"]).resolve()
        ready = run / "ready"
        ready.mkdir(parents=True, exist_ok=True)
        for old in (*ready.iterdir(), run / "boot-error", run / "swapped"):
            old.unlink(missing_ok=True)
        each["label"], each["page"] = home.name, _page(home)
        if not each["sockets"]:
            (ready / str(each["pid"])).write_text(each["label"])
        elif BAD in each["page"].split():
            (run / "boot-error").write_text("SystemExit: this one does not start\n")
            each |= {**_nothing(), "state": "BACKOFF"}
        elif each["sockets"][0].endswith(".1"):
            self._serve(state, each)

    def _serve(self, state: dict[str, Any], each: dict[str, Any]) -> None:
        """Have one new worker in the place of those that serve."""
        run = Path(each["run"])
        for pid in each["workers"]:
            (run / "ready" / str(pid)).unlink(missing_ok=True)
        state["last"] += 1
        each["workers"] = [state["last"]]
        (run / "ready" / str(state["last"])).write_text(each["label"])
        (run / "swapped").write_text(each["label"])

    def _stop_process(self, state: dict[str, Any], name: str, wait: bool) -> None:
        del wait
        each = self._known("stopProcess", state, name)
        if each["state"] not in {"RUNNING", "BACKOFF"}:
            raise RefusedError("stopProcess", _NOT_RUNNING, f"NOT_RUNNING: {name}")
        for pid in each["workers"]:  # each takes its own word away
            (Path(each["run"]) / "ready" / str(pid)).unlink(missing_ok=True)
        state["processes"][name] = _nothing()

    def _signal_process(self, state: dict[str, Any], name: str, signal: str) -> None:
        each = self._known("signalProcess", state, name)
        if each["state"] != "RUNNING":
            raise RefusedError("signalProcess", _NOT_RUNNING, f"NOT_RUNNING: {name}")
        if signal == "HUP" and each["workers"]:
            self._hup(state, each)

    def _hup(self, state: dict[str, Any], each: dict[str, Any]) -> None:
        """What runtime/swap.py does: new workers serve, or the old ones go on."""
        home, run = Path(each["aim"]).resolve(), Path(each["run"])
        page = _page(home)
        if BAD in page.split():
            (run / "boot-error").write_text("SystemExit: this one does not start\n")
            (run / "swapped").write_text(each["label"])
            return
        each["label"], each["page"] = home.name, page
        self._serve(state, each)

    def _reload_nginx(self, *_: object, **__: object) -> None:
        with self._changed() as state:
            state["sites"] = {
                link.stem.removeprefix("ship-"): link.read_text(encoding="utf-8")
                for link in self._layout.sites_enabled.glob("*.conf")
            }

    def _visit(self, state: dict[str, Any], app: str, key: str | None) -> tuple[int, list[str]]:
        """What this nginx answers, by the files that it has read last."""
        site = state["sites"].get(app)
        if site is None:
            return 404, ["no such app"]
        closed, upstream = _KEY.search(site), _UPSTREAM.search(site)
        if closed is not None and closed[1] != key:
            return 503, ["closed"]
        if upstream is None:
            return 404, ["nothing to pass on to"]
        return 200, _accepting(state, int(upstream[1]))

    def _ask(self, address: object, _: str, headers: Mapping[str, str], __: float) -> Answer | str:
        state = self._read()
        status, pages = 200, list[str]()
        if isinstance(address, tuple) and address[1] == self.http_port:
            app, key = headers["Host"].partition(".")[0], headers.get("X-Ship-Check")
            status, pages = self._visit(state, app, key)
        elif isinstance(address, tuple):
            pages = _accepting(state, address[1])
        return Answer(status, {}, pages[-1]) if pages else "At the last try nothing listened there."


def _accepting(state: Mapping[str, Any], port: int) -> list[str]:
    """What those would answer who accept on a port: of several, any could."""
    return [
        each["page"]
        for each in state["processes"].values()
        if each["page"] and any(int(it.partition(".")[0]) == port for it in each["sockets"])
    ]


def _nothing() -> dict[str, Any]:
    """A process that does not run."""
    empty: dict[str, Any] = {"workers": [], "sockets": [], "run": "", "aim": ""}
    return {"state": "STOPPED", "pid": 0, "label": "", "page": "", **empty}


def _pids(each: Mapping[str, Any]) -> tuple[int, ...]:
    return each["pid"], *each["workers"]


def _run(_: object, job: Job, *__: object, **___: object) -> int:
    """A command of a build: an app without packages needs nothing of what it would do."""
    assert job.name == "build", job
    return 0


def _page(home: Path) -> str:
    """What a release answers: the text of its code, and its GREETING."""
    found = _TEXT.search((home / "source" / "app.py").read_text(encoding="utf-8"))
    assert found is not None, home
    greeting = records.read_config(home / "env.json").get("GREETING", "")
    return f"{found[1]} {greeting}".strip()


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)
