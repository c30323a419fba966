"""The part of installing a VPS that depends on templates, and of taking it away again.

installer.sh does the rest: packages, the program itself, accounts, folders, the sudo rule.
"""

from contextlib import suppress
from pathlib import Path

from receiver.access import keys
from receiver.apps import lifecycle as apps
from receiver.apps.parts import PARTS
from receiver.building import shared_pip
from receiver.certificates import self_signed
from receiver.changes import steps as change_steps
from receiver.changes.app_state import AppState, state_of
from receiver.changes.change import changing_machine
from receiver.hosts.services import Name
from receiver.machine import files
from receiver.model.errors import ServerError, ShipError
from receiver.model.plan import AnyStep, Link, Plan, RemoveFile, WriteFile
from receiver.nginx import program as nginx
from receiver.nginx.sites import RECEIVER_FILE, shared_file
from receiver.server import Server
from receiver.setup import completion_scripts
from receiver.state import formats, records

_DEBIAN_DEFAULT = "default"


def install(server: Server, *, http: bool = False, dry_run: bool = False) -> list[str]:
    """Write what is missing or differs; returns a line for each change.

    Args:
        server: the server
        http: let pushes come over HTTP even where a proxy has https, and this server has not
        dry_run: only say what would change

    Raises:
        ServerError: nginx refuses its files; the ones of before are back
    """
    done: list[str] = []
    _make_log_folder(server, dry_run=dry_run, done=done)
    _make_self_signed(server, dry_run=dry_run, done=done)
    # only one default server can answer unknown names: ours, and Debian's no more
    debian = server.layout.sites_enabled / _DEBIAN_DEFAULT
    _serve(
        server,
        shared_file(change_steps.front(server)),
        instead_of=debian,
        dry_run=dry_run,
        done=done,
    )
    _have_started(server, "recovery", dry_run=dry_run, done=done)
    _keep_apps_apart(server, dry_run=dry_run, done=done)
    _have_started(server, "apps", dry_run=dry_run, done=done)
    _renew_apps(server, dry_run=dry_run, done=done)
    _have_started(server, "log rotation", dry_run=dry_run, done=done)
    if server.host.accounts.separate:
        _let_shells_complete(dry_run=dry_run, done=done)
    if http or server.settings.tls_port:
        _let_http_in(server, dry_run=dry_run, done=done)
    # then, because a pass begins with it, and that name is ordered too
    _have_started(server, "certificates", dry_run=dry_run, done=done)
    for key in keys.settle_old_keys(server.layout, dry_run=dry_run):
        what = f"have the key {key} be an admin: it is from before keys had grants"
        done.append(_line(what, dry_run=dry_run))
    if not dry_run:
        keys.write_authorized_keys(server.layout)
        shared_pip.folder(server.layout)  # virtualenvs of an older version look for it there
        formats.note(server.layout)  # last: till here, the version of before can have all back
    return done


def uninstall(server: Server, *, purge: bool, dry_run: bool) -> list[str]:
    """Remove all apps and what `install` wrote; storage stays unless `purge`.

    Returns a line for each.
    """
    done: list[str] = []
    for app in records.app_names(server.layout):
        done.append(f"remove the app {app}" + ("" if purge else ", but not its storage"))
        if not dry_run:
            apps.destroy(server, app, keep_storage=not purge, frozen_too=True)
    done.append("remove nginx's files of ship")
    done += [f"remove {Path(unit.path).name}" for unit in server.host.services.files("recovery")]
    if dry_run:
        return [f"would: {line}" for line in done]
    site = Path(shared_file(change_steps.front(server)).path)
    files.remove(server.layout.sites_enabled / site.name)
    files.remove(site)
    _restore_debian_default(server)
    files.remove(server.layout.sites_enabled / RECEIVER_FILE)
    files.remove(server.layout.sites_available / RECEIVER_FILE)
    server.host.services.remove()
    server.host.network.remove()
    if folder := server.host.request_logs.folder:
        files.remove_tree(folder)
    for place in completion_scripts.PLACES.values():
        files.remove(place)
    server.host.refresh()
    # an nginx that is stopped, or that somebody else broke, keeps nobody
    with suppress(ServerError):
        _reload_if_sound(server)
    return done


def _write(file: WriteFile, *, dry_run: bool, done: list[str]) -> bool:
    path = Path(file.path)
    if files.read_text(path) == file.text:
        return False
    done.append(_line(f"write {path}", dry_run=dry_run))
    if not dry_run:
        # of a unit's drop-in file, on a machine that apps were restored on
        path.parent.mkdir(exist_ok=True)
        files.write_atomically(path, file.text, mode=file.mode)
    return True


def _serve(
    server: Server,
    site: WriteFile,
    *,
    dry_run: bool,
    done: list[str],
    instead_of: Path | None = None,
) -> None:
    """Have nginx read a file of ours, perhaps instead of somebody else's link."""
    path = Path(site.path)
    link = server.layout.sites_enabled / path.name
    changes: list[tuple[str, AnyStep]] = []
    if files.read_text(path) != site.text:
        changes.append((f"write {path}", site))
    if instead_of is not None and instead_of.is_symlink():
        what = f"disable nginx's own default site {instead_of}"
        changes.append((what, RemoveFile(str(instead_of))))
    if not link.is_symlink():
        changes.append((f"link {link}", Link(str(link), str(path))))
    done += [_line(what, dry_run=dry_run) for what, _ in changes]
    if changes and not dry_run:
        _apply_and_reload(server, tuple(step for _, step in changes))


def _apply_and_reload(server: Server, plan: Plan) -> None:
    """Change nginx's files, or leave them as they were: the next run has to find what is still
    to do.
    """
    with changing_machine(server, "installation") as change:
        change.apply(plan)
        _reload_if_sound(server)


def _reload_if_sound(server: Server) -> None:
    nginx.test(server.layout, None)
    server.host.reload_nginx()


def _have_started(server: Server, name: Name, *, dry_run: bool, done: list[str]) -> None:
    """Have the machine start a program of ship's own, where it needs one."""
    units = server.host.services.files(name)
    written = [_write(unit, dry_run=dry_run, done=done) for unit in units]
    if any(written) and not dry_run:
        server.host.services.start(name)


def _renew_apps(server: Server, *, dry_run: bool, done: list[str]) -> None:
    """Bring all apps up to date with this version, part by part; nothing is interrupted."""
    there: list[AppState] = []
    for name in records.app_names(server.layout):
        try:
            there.append(state_of(server, name))
        except ShipError as error:  # one that somebody damaged keeps no other from it
            done.append(_line(f"leave {name} as it is: {error.title}", dry_run=dry_run))
    for part in PARTS:
        done += [_line(what, dry_run=dry_run) for what in part.renew(there, dry_run=dry_run)]


def _keep_apps_apart(server: Server, *, dry_run: bool, done: list[str]) -> None:
    network = server.host.network
    if network.trouble() is not None if dry_run else network.keep_apart():
        done.append(_line("have the network keep apps apart", dry_run=dry_run))


def _let_shells_complete(*, dry_run: bool, done: list[str]) -> None:
    """For each shell that keeps the completion of programs on this machine."""
    for shell_name, place in completion_scripts.PLACES.items():
        if place.parent.is_dir():
            text = completion_scripts.script(shell_name)
            _write(WriteFile(str(place), text), dry_run=dry_run, done=done)


def _make_log_folder(server: Server, *, dry_run: bool, done: list[str]) -> None:
    folder = server.host.request_logs.folder
    if folder is None or folder.is_dir():
        return
    done.append(_line(f"make the folder {folder}", dry_run=dry_run))
    if not dry_run:
        server.host.request_logs.make_folder()


def _make_self_signed(server: Server, *, dry_run: bool, done: list[str]) -> None:
    if self_signed.is_missing(server.layout, server.settings):
        done.append(_line(f"write {server.layout.self_signed}", dry_run=dry_run))
        if not dry_run:
            self_signed.make(server.layout, server.settings, server.clock)


def _let_http_in(server: Server, *, dry_run: bool, done: list[str]) -> None:
    """The receiver, and nginx's way to it."""
    site = change_steps.receiver_file_of(server)
    if site is not None:
        _have_started(server, "receiver", dry_run=dry_run, done=done)
        _serve(server, site, dry_run=dry_run, done=done)


def front_files(server: Server) -> tuple[WriteFile, ...]:
    """Those of nginx's files that are of no app and are there, as they have to be."""
    shared, receiver = shared_file(change_steps.front(server)), change_steps.receiver_site(server)
    found = (shared, *((receiver,) if receiver is not None else ()))
    return tuple(file for file in found if Path(file.path).exists())


def _restore_debian_default(server: Server) -> None:
    available = server.layout.sites_available / _DEBIAN_DEFAULT
    if available.is_file():
        files.link_atomically(server.layout.sites_enabled / _DEBIAN_DEFAULT, str(available))


def _line(what: str, *, dry_run: bool) -> str:
    return f"would: {what}" if dry_run else what
