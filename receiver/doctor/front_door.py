"""nginx: does it run, does it take its files, are ship's as they should be, and who else wants
the visitors.
"""

from collections.abc import Iterator
from pathlib import Path

from receiver.changes import steps as change_steps
from receiver.doctor import strangers
from receiver.doctor.seen import AppSeen, Seen
from receiver.machine import proc, sockets
from receiver.machine.files import text_at
from receiver.model.errors import ServerError
from receiver.model.finding import (
    Finding,
    Install,
    KeepAside,
    ReloadNginx,
    Steps,
)
from receiver.model.plan import ChangeSite, WriteFile
from receiver.nginx import program as nginx
from receiver.nginx.dump import conflicts, read_files, server_blocks
from receiver.nginx.program import Complaint, read_complaint
from receiver.nginx.sites import is_current, shared_file, site_file

_NOBODY = "Visitors reach no app of this server."
_GOES_ON = (
    "nginx goes on with what it has read; it would not start again, and no app can be added or "
    "changed."
)
_ALL = frozenset({"*", "0.0.0.0", "[::]"})  # noqa: S104 - as nginx's files have them
"""Addresses that stand for all of a machine's."""
_DEBIAN = "/etc/nginx/sites-available/default"


def look(seen: Seen) -> tuple[list[Finding], str]:
    """What is wrong with nginx as a whole; and what `nginx -T` prints, for others to read."""
    try:
        sound, dump = nginx.read_all(seen.server.layout)
    except ServerError as error:
        return [_not_installed(error)], ""
    found = [*_shared(seen), *_port(seen)]
    if not sound:
        found.append(_broken(seen, dump))
    else:
        found += _included(seen, dump)
        found += _conflicts(seen, dump)
        found += _defaults(seen, dump)
    found += _service(seen, sound=sound) if seen.examiner.is_up else ()
    return found, dump if sound else ""


def site(seen: Seen, app: AppSeen) -> Iterator[Finding]:
    """Whether nginx's file of an app is there, as ship would write it, and enabled."""
    if not app.is_known:
        return
    slot = app.live.slot if app.live else "a"
    made_of = (change_steps.front(seen.server), app.name, app.settings, app.release, slot)
    wanted, link = site_file(*made_of), seen.server.layout.site_link(app.name)
    path = Path(wanted.path)
    step = ChangeSite(app.name, wanted.path, str(link), wanted.text)
    there = text_at(path)
    if there is None:
        yield _site(
            "nginx.site-missing",
            "broken",
            app,
            f"nginx's file of {app.name} is missing.",
            f"There is no {path}.",
            step,
        )
    elif there != wanted.text:
        old = there.startswith("# made of ") and not is_current(there, *made_of)
        yield _outdated(app, wanted, step) if old else _edited(app, there, wanted, step)
    elif not link.is_symlink() or link.resolve() != path.resolve():
        yield _site(
            "nginx.site-not-enabled",
            "broken",
            app,
            f"nginx's file of {app.name} is not enabled.",
            f"{link} does not lead to it.",
            step,
        )


def _site(
    name: str, severity: str, app: AppSeen, title: str, line: str, step: ChangeSite
) -> Finding:
    return Finding(
        name=name,
        app=app.name,
        severity="broken" if severity == "broken" else "warning",
        title=title,
        seen=(line,),
        means="Visitors of its name get 404, or another app's page.",
        does="write and enable it, and have nginx read it",
        repair=(Steps(app.name, (step,)),),
    )


def _edited(app: AppSeen, there: str, wanted: WriteFile, step: ChangeSite) -> Finding:
    ours = wanted.text.splitlines()
    lines = [line.strip() for line in there.splitlines() if line.strip() and line not in ours]
    return Finding(
        name="nginx.site-edited",
        app=app.name,
        severity="warning",
        title=f"nginx's file of {app.name} is not as ship wrote it.",
        seen=(wanted.path, *(f"Only there: {line}" for line in lines[:4])),
        means="It counts until the next deploy that changes the file, which takes it away.",
        does="write it anew, and keep what is there aside",
        repair=(KeepAside(wanted.path), Steps(app.name, (step,))),
    )


def _outdated(app: AppSeen, wanted: WriteFile, step: ChangeSite) -> Finding:
    return Finding(
        name="nginx.site-outdated",
        app=app.name,
        severity="note",
        title=f"nginx's file of {app.name} is of an earlier version of ship, or of earlier "
        "settings.",
        seen=(f"{wanted.path} was made of other values than hold now.",),
        means="It works; the next deploy writes it anew.",
        does="write it anew now, and keep what is there aside",
        repair=(KeepAside(wanted.path), Steps(app.name, (step,))),
    )


def _not_installed(error: ServerError) -> Finding:
    return Finding(
        name="nginx.not-installed",
        severity="broken",
        title=error.title,
        seen=(error.detail,),
        means=_NOBODY,
        advice=error.advice,
    )


def _shared(seen: Seen) -> Iterator[Finding]:
    file = shared_file(change_steps.front(seen.server))
    path, there = Path(file.path), text_at(Path(file.path))
    link = seen.server.layout.sites_enabled / path.name
    if there == file.text and link.is_symlink() and link.resolve() == path.resolve():
        return
    edited = there is not None and there != file.text
    yield Finding(
        name="nginx.shared",
        severity="broken",
        title="nginx's file that all apps share is "
        + ("not as ship wrote it." if edited else "not enabled." if there else "missing."),
        seen=(str(path if there != file.text else link),),
        means=_GOES_ON,
        does="write and enable it" + (", and keep what is there aside" if edited else ""),
        repair=(*((KeepAside(file.path),) if edited else ()), Install()),
    )


def _port(seen: Seen) -> Iterator[Finding]:
    port = seen.server.settings.http_port
    pid = sockets.holder(port)
    if pid is None or sockets.shown(pid).startswith(("nginx ", "systemd ")):
        return
    yield Finding(
        name="port.http-taken",
        severity="broken",
        title=f"Another program than nginx has port {port}.",
        seen=(f"{sockets.shown(pid)} listens on it.",),
        means=f"{_NOBODY} They reach {proc.name(pid)}.",
        advice=f"{strangers.how_to_stop(pid)}; then `ship doctor --fix`.",
    )


def _broken(seen: Seen, said: str) -> Finding:
    complaint = read_complaint(said)
    where = () if complaint.file is None else (f"{complaint.file}, line {complaint.line}",)
    debian = seen.server.layout.sites_enabled / "default"
    ours = "duplicate default server" in complaint.text and _is_debians(debian)
    return Finding(
        name="nginx.config",
        severity="broken",
        title="nginx refuses its files."
        if not ours
        else "Debian's own default site is enabled, beside ship's.",
        seen=(*where, *_quoted(complaint)),
        means=_GOES_ON,
        does="disable Debian's default site; its file stays in sites-available" if ours else "",
        repair=(Install(),) if ours else (),
        advice="" if ours else _advice(complaint),
    )


def _quoted(complaint: Complaint) -> tuple[str, ...]:
    return tuple(f"nginx says: {line}" for line in complaint.text.splitlines()[:5])


def _advice(complaint: Complaint) -> str:
    if complaint.file is None:
        return "Correct what nginx names, then `ship doctor` again."
    if Path(complaint.file).name.startswith("ship-") or "/ship-" in complaint.text:
        return "`ship doctor --fix` writes the file of that app anew, where it differs."
    return (
        "Ship did not write this file. Correct it, or take it out of "
        f"{Path(complaint.file).parent}; then `ship doctor` again."
    )


def _is_debians(link: Path) -> bool:
    return link.is_symlink() and str(link.resolve()) == _DEBIAN


def _included(seen: Seen, dump: str) -> Iterator[Finding]:
    shared = (
        seen.server.layout.sites_enabled
        / Path(shared_file(change_steps.front(seen.server)).path).name
    )
    if shared.is_symlink() and str(shared) not in read_files(dump):
        main = nginx.main_file(seen.server.layout)
        yield Finding(
            name="nginx.not-included",
            severity="broken",
            title="nginx does not read the files of the apps.",
            seen=(f"{main} does not include {shared.parent}/*.",),
            means=_NOBODY,
            advice=f"Add `include '{shared.parent}/*';` to the http section of {main}, then "
            f"`{seen.examiner.reload_line}`.",
        )


def _conflicts(seen: Seen, dump: str) -> Iterator[Finding]:
    ours = {name: app for app in seen.apps for name in seen.server.hosts(app.name, app.settings)}
    for name, address in conflicts(dump):
        if name not in ours:
            continue
        files = [block.file for block in server_blocks(dump) if name in block.names]
        yield Finding(
            name="nginx.name-twice",
            app=ours[name].name,
            severity="broken",
            title=f"Two files of nginx claim the name {name}.",
            seen=(f"On {address}: {', '.join(dict.fromkeys(files))}.",),
            means="Visitors get the one that nginx reads first.",
            advice="Take the name out of the file that is not ship's, then "
            f"`{seen.examiner.reload_line}`.",
        )


def _defaults(seen: Seen, dump: str) -> Iterator[Finding]:
    """Servers of others that stand before ship's answer to names that are no app's; and before
    the apps, where they listen on an address of their own.
    """
    port, link = seen.server.settings.http_port, seen.server.layout.sites_enabled / "default"
    for block in server_blocks(dump):
        if Path(block.file).name.startswith(("00-ship", "01-ship", "ship-")):
            continue
        for address, of_port, words in map(_listen, block.listens):
            if of_port != str(port) or (address in _ALL and "default_server" not in words):
                continue
            debian = block.file == str(link) and _is_debians(link)
            anywhere = f"[::]:{port}" if address.startswith("[") else port
            yield Finding(
                name="nginx.other-default",
                severity="warning" if "default_server" in words else "note",
                title="Another site than ship's answers some visitors, whatever name they ask for.",
                seen=(f"{block.file} has `listen {' '.join(words)};`.",),
                means="Who comes by an unknown name, or by the address, gets its page."
                if address in _ALL
                else f"Who comes to {address} gets its page, by the names of apps too.",
                does=("disable Debian's default site; its file stays in sites-available")
                if debian
                else "",
                repair=(Install(),) if debian else (),
                advice=""
                if debian
                else f"Write `listen {anywhere};` there instead, then "
                f"`{seen.examiner.reload_line}`: of the same address, nginx chooses by the name.",
            )


def _listen(statement: str) -> tuple[str, str, list[str]]:
    """The address and the port of nginx's `listen`, and all its words."""
    words = statement.split()
    address, _, port = words[0].rpartition(":")
    if words[0].endswith("]") or not (address or port.isdecimal()):
        address, port = words[0], "80"
    return address or "*", port, words


def _service(seen: Seen, *, sound: bool) -> Iterator[Finding]:
    runs = nginx.master_pid(seen.server.layout) is not None
    fault = seen.examiner.nginx(runs=runs)
    if fault is None:
        return
    port_taken = any(True for _ in _port(seen))
    can = sound and not (port_taken and not runs)
    yield Finding(
        name="nginx.down" if not runs else "nginx.not-enabled",
        severity="broken" if not runs else "warning",
        title=f"nginx {fault.state}.",
        seen=(fault.seen,),
        means=_NOBODY if not runs else "After the next boot, visitors reach no app of this server.",
        does="start it, now and at every boot" if can else "",
        repair=fault.repair if can else (),
        advice="" if can else "It cannot start before what is said above is mended.",
    )


def reload(app: AppSeen, line: str) -> Finding:
    """The finding for an nginx whose files are right, and that answers as if it had not read
    them.
    """
    return Finding(
        name="nginx.not-read",
        app=app.name,
        severity="broken",
        title="nginx has not read the file of this app as it is now.",
        seen=(line,),
        means="Visitors of its name get 404, or an earlier state.",
        does="have nginx read its files",
        repair=(ReloadNginx(),),
    )
