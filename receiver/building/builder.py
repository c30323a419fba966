"""Runs what a buildpack planned: unpack, virtualenv, commands, and the tree packed again as a slug.

Everything runs as the app's account in the sandbox. Root only makes folders, and files that the
account cannot change.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import msgspec

from receiver.building import facts, marks, pythons, shared_pip
from receiver.building.pip_settings import PipSettings
from receiver.changes.points import reached
from receiver.hosts import Host, memory
from receiver.hosts.accounts import Owner, as_account, ids
from receiver.hosts.jobs import Job, JobMemoryError, JobTimeoutError
from receiver.machine import files, full_disk, shell
from receiver.model.build import Command, Interpreter, Virtualenv
from receiver.model.errors import BuildError, ShipError, disk_full
from receiver.model.layout import AppPaths, ReleasePaths
from receiver.model.mounts import hidden
from receiver.model.output import Output
from receiver.model.program import RUNTIME
from receiver.runs.jobs import plain_variables
from receiver.server import Server
from receiver.state import records
from receiver.storage import account_files

Explain = Callable[[Command, str], ShipError]
Turn = Callable[[], AbstractContextManager[None]]
_KEPT_OUTPUT_BYTES = 64 * 1024
_STEPS = RUNTIME / "steps.py"
_MARK = "\0"
"""What steps.py writes before the command of a group that is shown."""
_UNPACK_LIMIT_S = 300.0
_VENV_MODE = 0o750
_OF_SCRIPTS = frozenset({"build/pre-compile-failed", "build/post-compile-failed"})
_MIB = 1024 * 1024
_SHOWN_LINES = 20
_TAR = '/bin/tar -c --anchored --no-wildcards "$@" -f - .'
_PACK = f"exec {_TAR} 2>/dev/null"
_TAR_SAYS = f"exec 3>&1; {_TAR} 2>&3 | cat >/dev/null"


class Builder(msgspec.Struct, frozen=True, kw_only=True):
    """The build of one release."""

    server: Server
    paths: AppPaths
    release: ReleasePaths
    out: Output
    pip: PipSettings
    """Settings of pip, of this machine and of the app, as uv understands them."""
    last_venv: Path | None = None
    """That of the live release: a new one starts as its copy, so that only what differs is
    installed."""
    kept_back: tuple[str, ...] = ()
    """Config vars that the build does without."""
    turn: Turn = nullcontext
    """What is held while something is installed or run: other apps' builds wait for it."""
    mounts: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Where the app's storage appears in the tree."""

    @property
    def host(self) -> Host:
        return self.server.host

    @property
    def limit_s(self) -> float:
        return float(self.server.settings.build_limit_s)

    @property
    def _memory(self) -> str:
        """What a build may use, such as `50%`."""
        return self.server.settings.build_memory

    def fetch_python(self, wanted: Interpreter) -> None:
        """Have the interpreter of a build on this machine; it stays, for every app."""
        if Path(wanted.path).exists():
            return
        self.out.step(f"Fetching Python {wanted.version}")
        # of the machine alone: an app has no say in where a Python for all apps comes from
        reach = facts.index_settings(self.server, {}).env
        pythons.fetch(self.server.layout, self.server.settings, wanted, reach)
        reached("fetched")

    def unpack(
        self, archive: Path, folder: Path | None = None, *, over: Path | None = None
    ) -> None:
        """Unpack a tar file into the release's source, or into another folder of the app's.

        `over` is one of what a release phase wrote there later.
        """
        owner = self.host.accounts.owner(self.paths.name)
        uid, gid = ids(owner)
        target = folder or self.release.source
        files.make_folder(target, mode=0o750, uid=uid, gid=gid)
        self._extract(archive, target, owner)
        if over is not None:
            self._extract(over, target, owner, *_without(self.mounts))
        if folder is None and self.mounts:
            for path, names in account_files.link(self.host, self.paths, target, self.mounts):
                self.out.warn(hidden(path, names))

    def _extract(self, archive: Path, target: Path, owner: Owner | None, *words: str) -> None:
        argv = (*as_account(owner), "/bin/tar", "-x", "-p", "--no-same-owner", *words, "-f", "-")
        fd = os.open(archive, os.O_RDONLY)
        try:
            shell.capture(argv, given=fd, cwd=target, limit_s=_UNPACK_LIMIT_S)
        except shell.CommandError as error:
            raise _failed_step(
                "The pushed files could not be unpacked.",
                error.output,
                "The lines above are tar's. Push again; if it stays, have an administrator of the "
                "server look at `ship doctor`.",
                "build/unpack-failed",
            ) from error
        finally:
            os.close(fd)

    def virtualenv(self, wanted: Virtualenv, explain: Explain) -> Path:
        """The virtualenv of this digest, made unless it is there; returns its path."""
        venv = self._virtualenv(wanted, explain)
        marks.link_list(venv, self.release.packages)
        return venv

    def _virtualenv(self, wanted: Virtualenv, explain: Explain) -> Path:
        venv = self.paths.venvs / wanted.digest
        finished = marks.interpreter(venv) is not None
        if finished and not (lost := marks.lost(venv)):
            self.out.step("Dependencies unchanged, virtualenv reused")
            return venv
        with self.turn():
            if finished:
                self.out.warn(f"The virtualenv lacks {lost} of its files, and is made anew.")
                self._replace(venv, wanted, explain)
            else:
                self._make(venv, wanted, explain)
        return venv

    def _replace(self, venv: Path, wanted: Virtualenv, explain: Explain) -> None:
        """Make a virtualenv in place of one that a release may run with."""
        aside = venv.with_name(f".{venv.name}.damaged")
        # where it is gone as a whole, one that an earlier try put aside is better than none
        if venv.exists():
            files.remove_tree(aside)
            venv.rename(aside)
        try:
            self._make(venv, wanted, explain, afresh=True)
        except BaseException:
            if aside.exists():
                aside.rename(venv)
            raise
        files.remove_tree(aside)

    def _make(
        self, venv: Path, wanted: Virtualenv, explain: Explain, *, afresh: bool = False
    ) -> None:
        files.remove_tree(venv)
        owner = self.host.accounts.owner(self.paths.name)
        uid, gid = ids(owner)
        files.make_folder(venv, mode=_VENV_MODE, uid=uid, gid=gid)
        try:
            # what installs nothing would leave the packages of the last one
            told = marks.told(wanted.interpreter)
            copied = not afresh and bool(wanted.install) and self._copied(venv, told, owner)
            start = () if copied else (wanted.make,)
            writable = (venv, self.paths.cache, self.release.source)
            asking = self._asking(explain, venv, wanted.others)
            for group in _grouped(start, wanted.install, wanted.finish):
                self._do_together(group, venv, writable, asking)
        except BaseException as error:  # a cancelled build as well
            files.remove_tree(venv)
            from receiver.building import toolchain  # noqa: PLC0415 - only a failure needs it

            toolchain.complete(self.server, error, wanted.interpreter)
            raise
        # written last, in a folder the app's account cannot write: a venv without it is a torn one
        marks.keep_list(venv)
        marks.write(venv, wanted.interpreter)

    def _copied(self, venv: Path, told: str, owner: Owner | None) -> bool:
        """Whether `venv` begins as a copy of the last one, which has to be of the same interpreter.

        Files, not links: what a build does to its own virtualenv must never reach that of another
        release.
        """
        last = self.last_venv
        if last is None or marks.interpreter(last) != told or marks.lost(last):
            return False
        argv = (
            *as_account(owner),
            "/bin/cp",
            "-a",
            "--reflink=auto",
            "--",
            f"{last}/.",
            str(venv),
        )
        try:
            shell.capture(argv, limit_s=_UNPACK_LIMIT_S)
        except shell.CommandError as error:
            if full_disk.is_named_in(error.output):
                raise disk_full(error.output.strip()) from error
            self.out.warn(
                "The last virtualenv could not be copied, so all packages are installed:\n"
                f"{error.detail}"
            )
            uid, gid = ids(owner)
            files.remove_tree(venv)
            files.make_folder(venv, mode=_VENV_MODE, uid=uid, gid=gid)
            return False
        files.make_folder(venv, mode=_VENV_MODE)  # the copied one may be of a more open time
        return True

    def run(
        self,
        commands: tuple[Command, ...],
        venv: Path | None,
        explain: Explain,
        wanted: Virtualenv | None = None,
    ) -> str:
        """Run the commands that finish the tree; they may install into a virtualenv that is
        `wanted` opened. Returns the end of what each has written.
        """
        if not commands:
            return ""
        opened = (venv,) if venv and wanted and wanted.opened else ()
        writable = (self.release.source, self.paths.cache, self.paths.storage, *opened)
        with self.turn():
            said = [self._do(command, venv, writable, explain) for command in commands]
        if venv and wanted and opened:
            marks.write(venv, wanted.interpreter)
        return "".join(said)

    def perform(
        self,
        argv: tuple[str, ...],
        writable: tuple[Path, ...],
        on_output: Callable[[bytes], object] | None = None,
    ) -> tuple[int, str]:
        """Run a program without any config var; returns its exit status and the end of what it
        wrote.
        """
        with self.turn():
            return self._run(self._job(argv, None, writable, self.limit_s), "", on_output)

    def pack(self, archive: Path, *, changed: bool) -> None:
        """Keep the built tree as the release's slug: the pushed archive itself, unless it was
        changed.
        """
        if not changed:
            archive.rename(self.release.slug)
            files.sync_folder(self.release.home)
            return
        fd = os.open(self.release.slug, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as slug:
            # both streams of a job come as one; a warning of tar's must not end up in the archive
            status = self._tar(_PACK, slug.write)
            slug.flush()
            os.fsync(slug.fileno())
        if status:
            said = bytearray()
            self._tar(_TAR_SAYS, said.extend)
            raise _failed_step(
                "The built tree could not be packed.",
                said.decode("utf-8", "replace"),
                "The lines above are tar's. What the build makes has to be readable, and may not "
                "be written to when it is over. Correct what makes these files, and push again.",
                "build/pack-failed",
            )
        archive.unlink()

    def _tar(self, script: str, on_output: Callable[[bytes], object]) -> int:
        left_out = (f"--exclude=./{path}" for path in self.mounts)
        argv = ("/bin/sh", "-c", script, "sh", *left_out)
        return self.host.jobs.run(self._job(argv, None, (), _UNPACK_LIMIT_S), on_output)

    def _do(
        self,
        command: Command,
        venv: Path | None,
        writable: tuple[Path, ...],
        explain: Explain,
    ) -> str:
        if command.instead is not None:
            self._announce(command)
            if not self._works(command, venv, writable):
                self._do(command.instead, venv, writable, explain)
            return ""
        return self._do_together(_Group(command), venv, writable, explain)

    def _do_together(
        self, group: "_Group", venv: Path | None, writable: tuple[Path, ...], explain: Explain
    ) -> str:
        command = group.command
        if command.instead is not None:
            return self._do(command, venv, writable, explain)
        shown = partial(self.out.feed, noise=command.noise)
        output = _Output(partial(self._announce, command), None if command.quiet else shown)
        if not group.before:
            output.begin()
        status, said = self._attempt(group, venv, writable, output)
        self.out.flush(noise=command.noise)
        if status:
            failed = command if output.begun else group.before[-1]
            raise self._with_cause(self.pip.explained(explain(failed, said)), said)
        return said

    def _announce(self, command: Command) -> None:
        if command.title:
            self.out.step(command.title)
            if command.instead is None and (left := self.pip.left_to_lock(command)):
                self.out.say(left)

    def _asking(self, explain: Explain, venv: Path, others: Mapping[str, str]) -> Explain:
        """The same, which looks for a Python that a package has a wheel for where it could not be
        built.
        """

        def explained(command: Command, said: str) -> ShipError:
            from receiver.building import other_pythons  # noqa: PLC0415 - only a failure needs it

            error = other_pythons.with_line(explain(command, said), others)
            package = other_pythons.unbuilt(error, said)
            for minor, line in others.items() if package else ():
                question = other_pythons.question(package, minor)
                if not self._attempt(_Group(question), venv, (venv, self.paths.cache))[0]:
                    return other_pythons.told(error, package, minor, line)
            return error

        return explained

    def _works(self, command: Command, venv: Path | None, writable: tuple[Path, ...]) -> bool:
        """Whether a command that has another in its place does; its output is shown only then."""
        status, said = self._attempt(_Group(command), venv, writable)
        if not status:
            self.out.feed(said.encode(), noise=command.noise)
            self.out.flush(noise=command.noise)
        return not status

    def _attempt(
        self,
        group: "_Group",
        venv: Path | None,
        writable: tuple[Path, ...],
        on_output: Callable[[bytes], object] | None = None,
    ) -> tuple[int, str]:
        """Run the commands of a group as one job; returns its status, and what they wrote from the
        one on that is shown.
        """
        uv = str(Path(sys.executable).with_name("uv"))
        filled = group.changed(lambda one: self.pip.applied(one).filled(venv=str(venv), uv=uv))
        command = filled.command
        with self._environment(filled) as (environment, argv):
            job = self._job(argv, environment, writable, self.limit_s)
            status, said = self._run(job, command.stdin, on_output, command.argv)
        return status, said.partition(_MARK)[2] if group.before and _MARK in said else said

    def _with_cause(self, error: ShipError, said: str) -> ShipError:
        """The error of a script of the app's own, with why it failed where its output tells."""
        if error.reason not in _OF_SCRIPTS:
            return error
        from receiver.diagnosis.explain import of_command  # noqa: PLC0415 - only a failure needs it
        from receiver.diagnosis.pushed import Pushed  # noqa: PLC0415 - as above

        names = tuple(path.name for path in self.release.source.iterdir())
        if why := of_command(said, Pushed(files=names)):
            error.detail = f"{why.title} {why.detail}".strip()  # its output is above
            error.advice = why.advice
        return error

    @contextmanager
    def _environment(self, group: "_Group") -> Iterator[tuple[Path, tuple[str, ...]]]:
        """A file of the config vars, below them what the command needs besides: addresses hold
        passwords. And the argv that runs the group.
        """
        _, gid = ids(self.host.accounts.owner(self.paths.name))
        place, steps = self.release.home / "build.json", self.release.home / "steps.json"
        config = {
            name: value
            for name, value in records.read_config(self.release.env).items()
            if name not in self.kept_back
        }
        alone = group.command if len(group.all) == 1 else None
        # what one of several needs, the others must not see
        values = {**alone.env, **alone.secrets, **config} if alone else config
        argv = group.command.argv
        keep = partial(files.write_atomically, mode=0o640, gid=gid, lasting=False)
        try:
            keep(place, records.config_text(values))
            if alone is None:
                keep(steps, json.dumps([_step(one, group, config) for one in group.all]))
                argv = (sys.executable, "-I", "-S", str(_STEPS), str(steps))
            yield place, argv
        finally:
            place.unlink(missing_ok=True)
            steps.unlink(missing_ok=True)

    def _run(
        self,
        job: Job,
        text: str,
        on_output: Callable[[bytes], object] | None,
        argv: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        """Run a job, of which a person is told that it runs `argv`."""
        said, argv = bytearray(), argv or job.argv

        def take(chunk: bytes) -> None:
            said.extend(chunk)
            del said[:-_KEPT_OUTPUT_BYTES]
            if on_output is not None:
                on_output(chunk)

        try:
            with files.holding(text) as stdin:
                status = self.host.jobs.run(job, take, stdin=stdin)
        except JobTimeoutError as error:
            self.out.flush()
            raise BuildError(
                f"The build took longer than {self.limit_s:g} seconds and was stopped.",
                detail=f"It was running `{_shown(argv)}`.",
                advice="Look above for what it was doing, or raise build_limit_s in the server's "
                "ship.toml.",
                reason="build/timeout",
            ) from error
        except JobMemoryError as error:
            self.out.flush()
            raise self._too_large(argv) from error
        return status, said.decode("utf-8", "replace")

    def _too_large(self, argv: tuple[str, ...]) -> BuildError:
        limit_bytes = memory.bytes_of(self._memory)
        return BuildError(
            f"The build was killed: it used more than {limit_bytes // _MIB} MiB of memory.",
            detail=f"It was running `{_shown(argv)}`. The apps that serve were not touched.",
            advice="Have it use less, for example by packages that come as wheels and need no "
            "compiler;"
            f" or raise build_memory in the server's ship.toml, which is {self._memory}.",
            reason="build/memory",
        )

    def _job(
        self, argv: tuple[str, ...], config: Path | None, writable: tuple[Path, ...], limit_s: float
    ) -> Job:
        return Job(
            app=self.paths.name,
            argv=argv,
            cwd=self.release.source,
            env={
                **plain_variables(self.paths, self.server.hosts(self.paths.name)),
                "HOME": str(self.paths.cache),
                "SHIP_PIP": str(shared_pip.folder(self.server.layout)),
                "SHIP_TREE": str(self.release.source),
                "UV_CACHE_DIR": str(self.paths.cache / "uv"),
                # a virtualenv that shares no file with a cache that the next build writes to
                "UV_LINK_MODE": "copy",
            },
            config=config,
            writable=writable,
            limit_s=limit_s,
            name="build",
            most_memory_bytes=memory.bytes_of(self._memory),
        )


class _Group(msgspec.Struct, frozen=True):
    """Commands that one job runs, up to one that fails: each job costs a tenth of a second."""

    command: Command
    before: tuple[Command, ...] = ()
    """What is done first, and writes nothing that is shown."""
    then: tuple[Command, ...] = ()
    """What is done next, and fails in the same words."""

    @property
    def all(self) -> tuple[Command, ...]:
        return (*self.before, self.command, *self.then)

    def changed(self, to: Callable[[Command], Command]) -> "_Group":
        """The same with each of them changed."""
        return _Group(to(self.command), tuple(map(to, self.before)), tuple(map(to, self.then)))


class _Output:
    """Hands on what a job writes, from the command on that is shown."""

    def __init__(
        self, announce: Callable[[], object], feed: Callable[[bytes], object] | None
    ) -> None:
        self.begun = False
        self._announce = announce
        self._feed = feed

    def begin(self) -> None:
        """Have the command that is shown begin."""
        self.begun = True
        self._announce()

    def __call__(self, chunk: bytes) -> None:
        """Take what was written."""
        if not self.begun:
            _, mark, chunk = chunk.partition(_MARK.encode())
            if not mark:
                return
            self.begin()
        if self._feed is not None and chunk:
            self._feed(chunk)


def _grouped(
    start: tuple[Command, ...], install: tuple[Command, ...], finish: Command | None
) -> Iterator[_Group]:
    """The commands of a virtualenv, those together that one job can do."""
    commands = [*install, *([finish] if finish else [])]
    if not commands or commands[0].instead is not None:
        yield from map(_Group, start)
        start = ()
    while commands:
        command = commands.pop(0)
        joined = commands == [finish] and command.instead is None and not command.quiet
        then = (commands.pop(),) if joined and command.explain == commands[0].explain else ()
        yield _Group(command, start, then)
        start = ()


def _step(command: Command, group: _Group, config: Mapping[str, str]) -> Mapping[str, object]:
    """A command of a group, for the program that runs it; config vars come before its own."""
    env = {**command.env, **command.secrets}
    return {
        "argv": command.argv,
        "env": {name: value for name, value in env.items() if name not in config},
        "marked": bool(group.before) and command is group.command,
    }


def _without(mounts: Mapping[str, str]) -> tuple[str, ...]:
    """Words for tar: what lies where the app's storage appears is left out."""
    left_out = (f"--exclude=./{path}" for path in mounts)
    return ("--recursive-unlink", "--anchored", "--no-wildcards", *left_out)


def _shown(argv: tuple[str, ...]) -> str:
    """A command by the name of its program, wherever that lies."""
    return " ".join((Path(argv[0]).name, *argv[1:]))


def _failed_step(title: str, said: str, advice: str, reason: str) -> BuildError:
    """The error for a tar that failed, by its last lines."""
    if full_disk.is_named_in(said):
        return disk_full(said.strip())
    seen = "\n".join(said.strip().splitlines()[-_SHOWN_LINES:]) or "tar wrote nothing."
    return BuildError(title, detail=seen, advice=advice, reason=reason)
