"""Doorway to nginx: are its files right, have it read them, and what its messages mean."""

import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from receiver.machine import files, proc, shell
from receiver.machine.clock import SYSTEM_CLOCK, Clock
from receiver.model.errors import ServerError
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.patterns import regex
from receiver.nginx import snippets

SNIPPET_REFUSED = "server/nginx-snippet"
_RELOAD_LIMIT_S = 10.0
_POLL_S = 0.01
_COMPLAINT = regex(
    # as written to a terminal, or to a log
    r"^(?:nginx:|\S+ \S+) \[(?:emerg|crit)\] (?:\d+#\d+: )?"
    r"(?P<text>.*?)(?: in (?P<file>/.+?):(?P<line>\d+))?$",
    re.MULTILINE,
)
_QUOTED = regex(r'"([^"]+)"')
_LEAVING = b"shutting down"


class Complaint(msgspec.Struct, frozen=True):
    """What `nginx -t` found wrong, and where."""

    text: str
    file: str | None
    line: int | None


def test(layout: Layout, app: AppName | None) -> None:
    """Have nginx check all its files, as they would be read now.

    Raises:
        ServerError: a file is wrong. Whether it is the one of `app` or somebody else's
            decides the reason.
    """
    try:
        shell.capture(_argv(layout, "-t"))
    except shell.CommandError as error:
        raise explain(error.output, layout, app) from error


def read_all(layout: Layout) -> tuple[bool, str]:
    """Whether nginx takes its files as they are, and what `nginx -T` prints: complaints, then
    all files.

    Raises:
        ServerError: it is not installed
    """
    said = bytearray()
    process = shell.start(_argv(layout, "-T"), env=shell.PLAIN_ENVIRONMENT)
    return shell.pump(process, said.extend) == 0, said.decode("utf-8", "replace")


def reload(layout: Layout, *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Have the running nginx read its files; returns when only workers that know them take
    requests.

    Raises:
        ServerError: it does not run, or goes on with its old files
    """
    master = master_pid(layout)
    if master is None:
        raise not_running()
    before = _workers(master)
    try:
        os.kill(master, signal.SIGHUP)
    except (ProcessLookupError, PermissionError) as error:
        raise not_running() from error
    started = clock.now()
    while before & _workers(master) or not _workers(master):
        if clock.now() - started > _RELOAD_LIMIT_S:
            raise _did_not_take_over()
        clock.sleep(_POLL_S)


def reopen_logs(layout: Layout) -> None:
    """Have the running nginx begin its logs anew, where they were renamed; one that does not run
    will by itself.
    """
    master = master_pid(layout)
    if master is not None:
        with suppress(ProcessLookupError):
            os.kill(master, signal.SIGUSR1)


def master_pid(layout: Layout) -> int | None:
    """Process id of the running nginx; None when it does not run."""
    try:
        pid = int(layout.nginx_pid.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return pid if proc.name(pid) == "nginx" else None


def main_file(layout: Layout) -> Path:
    """nginx's main file, beside its folders of sites."""  # noqa: D403 - a program's name
    return layout.nginx_conf or layout.sites_available.parent / "nginx.conf"


def program() -> str:
    """Path of the nginx program.

    Raises:
        ServerError: it is not installed
    """
    from shutil import which  # noqa: PLC0415 - slow, and only what reloads nginx needs it

    path = os.pathsep.join((os.environ.get("PATH", os.defpath), shell.ADMIN_PATH))
    found = which("nginx", path=path)
    if found is None:
        raise ServerError(
            "nginx is not installed.",
            detail=f"It was looked for in {path}.",
            advice="Install it with `apt-get install nginx-light`, or the package `nginx` "
            "elsewhere.",
            reason="server/nginx-missing",
        )
    return found


def read_complaint(output: str) -> Complaint:
    """What `nginx -t` says is wrong, taken apart."""
    found = _COMPLAINT.search(output)
    if found is None:
        return Complaint(output.strip(), None, None)
    line = found["line"]
    return Complaint(found["text"], found["file"], int(line) if line else None)


def explain(output: str, layout: Layout, app: AppName | None) -> ServerError:
    """The error for what `nginx -t` said, told from the view of `app`."""
    complaint = read_complaint(output)
    place = "" if complaint.file is None else f"{complaint.file}, line {complaint.line}: "
    if found := _of_a_snippet(complaint, layout, app):
        return found
    own = app is not None and complaint.file in _own_files(layout, app)
    if own:
        return ServerError(
            f"nginx refused the file made for {app}.",
            detail=f"{place}{complaint.text}",
            advice="Check the app's domains and settings. nginx goes on as before.",
            reason="server/nginx-refused",
        )
    return ServerError(
        "nginx's configuration has an error that this app did not bring in.",
        detail=f"{place}{complaint.text}",
        advice="Correct that file, or have the server's administrator do so, and try again."
        " The running nginx goes on with the configuration it has.",
        reason="server/nginx-broken-elsewhere",
    )


def _of_a_snippet(complaint: Complaint, layout: Layout, app: AppName | None) -> ServerError | None:
    """The error for what the operator's own lines for an app, this one or another, brought in."""
    if complaint.file is not None:
        text = files.text_at(Path(complaint.file).resolve()) or ""
        place = snippets.at_line(text, complaint.line or 0)
        if place is None:
            return None
        seen, line = place.path, "" if place.line is None else f"Line {place.line}: "
        return _snippet_refused(seen, f"{line}{complaint.text}")
    # of some mistakes, such as an unknown variable, nginx tells no place, but the word
    words = _QUOTED.findall(complaint.text)
    own = () if app is None else snippets.found_in(files.text_at(layout.site(app)) or "")
    named = [it.path for it in own if any(word in it.text for word in words)]
    return _snippet_refused(", ".join(named), complaint.text) if named else None


def _snippet_refused(path: str, detail: str) -> ServerError:
    return ServerError(
        f"nginx refused {path}.",
        detail=detail,
        advice="Correct that file and try again. Nothing has changed: nginx goes on as before.",
        reason=SNIPPET_REFUSED,
    )


def not_running() -> ServerError:
    """The error for a reload that nobody hears."""
    return ServerError(
        "nginx does not run.",
        advice="Start it: `systemctl start nginx`, or `ship server:start` for an embedded server.",
        reason="server/nginx-not-running",
    )


def _own_files(layout: Layout, app: AppName) -> Sequence[str]:
    return (str(layout.site(app)), str(layout.site_link(app)))


def _argv(layout: Layout, *arguments: str) -> tuple[str, ...]:
    main = layout.nginx_conf
    if main is None:
        return (program(), *arguments)
    return (program(), "-p", f"{main.parent}/", "-e", "stderr", "-c", str(main), *arguments)


def _workers(master: int) -> frozenset[int]:
    """Workers that take new connections: not those that only finish what they have."""
    return frozenset(pid for pid in proc.children(master) if _takes_requests(pid))


def _takes_requests(pid: int) -> bool:
    title = proc.command_line(pid)
    return b"worker process" in title and _LEAVING not in title


def _did_not_take_over() -> ServerError:
    return ServerError(
        "nginx did not take over its new configuration.",
        detail=f"{_RELOAD_LIMIT_S:g} s after the signal its old workers still take requests.",
        advice="Read nginx's error log. It goes on with the configuration it has.",
        reason="server/nginx-reload-failed",
    )
