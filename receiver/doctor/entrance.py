"""The way in: accounts, sudo's rule, sshd's settings, keys, and the hooks that a push runs."""

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from receiver.access import keys
from receiver.doctor.finding import (
    CreateAccount,
    Finding,
    GiveTree,
    Install,
    KeepAside,
    SetAccess,
    SetUpRepo,
    Systemctl,
    WriteKeys,
)
from receiver.doctor.ownership import RECEIVER, receiver_ids
from receiver.doctor.seen import SSH_UNITS, AppSeen, Seen, text_at
from receiver.doctor.wanted_access import SUDOERS, sudo_rule
from receiver.hosts.systemd.sandbox import account
from receiver.hosts.systemd.units import LOG_TIMER, RECOVERY_UNIT
from receiver.machine import shell
from receiver.model.plan import Link, WriteFile
from receiver.model.program import HOOKS

_LINK = Path("/usr/local/bin/ship")
_NO_PUSH = "Nobody can push, or give commands over ssh."
_SSHD = (
    ("pubkeyauthentication", lambda value: value == "yes", "It has to be yes."),
    (
        "authorizedkeysfile",
        lambda value: ".ssh/authorized_keys" in value.split(),
        "It has to name .ssh/authorized_keys.",
    ),
    ("permituserrc", lambda _: True, ""),
)


def look(seen: Seen) -> Iterator[Finding]:
    """What keeps people out, or the boot from undoing what a power cut interrupted."""
    if not seen.has_systemd:
        yield from _hooks(seen)
        return
    if receiver_ids() is None:
        yield _no_receiver(seen)
    yield from _sudo()
    yield from _keys(seen)
    yield from _sshd(seen)
    yield from _hooks(seen)
    yield from _link()
    yield from _recovery(seen)
    yield from _log_timer(seen)


def app(seen: Seen, one: AppSeen) -> Iterator[Finding]:
    """The account and the repository of an app."""
    if seen.has_systemd:
        yield from _account(one)
    yield from _repository(seen, one)


def _no_receiver(seen: Seen) -> Finding:
    return Finding(
        name="account.missing",
        severity="broken",
        title=f"The account {RECEIVER} is missing.",
        seen=(f"getent passwd {RECEIVER} finds nothing.",),
        means=_NO_PUSH,
        does=f"make it, and give it {seen.server.layout.repos}",
        repair=(CreateAccount(None),),
    )


def _account(one: AppSeen) -> Iterator[Finding]:
    name = account(one.name)
    if one.owner is None:
        yield Finding(
            name="account.missing",
            app=one.name,
            severity="broken",
            title=f"The account {name} is missing.",
            seen=(f"getent passwd {name} finds nothing.",),
            means="What runs goes on; nothing of the app can be started or built.",
            does="make it; the files of the app are given to it next",
            repair=(CreateAccount(one.name),),
        )
        return
    others = [
        _group_name(gid) for gid in os.getgrouplist(name, one.owner.gid) if gid != one.owner.gid
    ]
    if others:
        yield Finding(
            name="account.groups",
            app=one.name,
            severity="warning",
            title=f"The account {name} is in groups that are not its own.",
            seen=(f"{name} is in: {', '.join(others)}.",),
            means="The app can read, and perhaps change, what is meant for these groups.",
            advice="; ".join(f"`gpasswd -d {name} {group}`" for group in others)
            + f", then `ship ps:restart -a {one.name}`.",
        )


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _sudo() -> Iterator[Finding]:
    path, wanted = Path(SUDOERS), sudo_rule(str(keys.gate_program().parent))
    there = text_at(path)
    mode = stat.S_IMODE(path.stat().st_mode) if there is not None else 0
    if there == wanted and mode == 0o440:  # noqa: PLR2004 - sudo ignores a file that others may write
        return
    edited = there is not None and there != wanted
    yield Finding(
        name="access.sudo",
        severity="broken",
        title="sudo's rule for ship is " + ("not as ship wrote it." if there else "missing."),
        seen=(f"{path} has mode {mode:04o}." if there == wanted else str(path),),
        means=_NO_PUSH,
        does="write it anew" + (", and keep what is there aside" if edited else ""),
        repair=(*((KeepAside(SUDOERS),) if edited else ()), WriteFile(SUDOERS, wanted, 0o440)),
    )


def _keys(seen: Seen) -> Iterator[Finding]:
    folder = seen.server.layout.state / ".ssh"
    path, wanted = folder / "authorized_keys", keys.authorized_text(seen.server.layout)
    there = text_at(path)
    if there != wanted:
        ours, theirs = wanted.splitlines(), (there or "").splitlines()
        added = [line.split()[-1] for line in theirs if line.strip() and line not in ours]
        gone = [line.split()[-1] for line in ours if line not in theirs]
        yield Finding(
            name="access.authorized-keys",
            severity="broken",
            title="authorized_keys is not what the keys of this server make.",
            seen=(
                f"{path} is missing." if there is None else str(path),
                *((f"Only there: {', '.join(added)}.",) if added else ()),
                *((f"Missing: {', '.join(gone)}.",) if gone and there is not None else ()),
            ),
            means="Somebody who should get in does not, or the other way round.",
            does="write it anew" + (", and keep what is there aside" if there else ""),
            repair=(*((KeepAside(str(path)),) if there else ()), WriteKeys()),
            advice="A key is let in by `ship keys:add`." if added else "",
        )
    if not any(key.public for key in keys.list_keys(seen.server.layout)):
        yield Finding(
            name="access.no-keys",
            severity="warning",
            title="No ssh key may push to this server.",
            seen=(f"{seen.server.layout.keys} has none.",),
            means=_NO_PUSH,
            advice="Let one in: `ship keys:add laptop < id_ed25519.pub`.",
        )


def _sshd(seen: Seen) -> Iterator[Finding]:
    units = [seen.units[name] for name in SSH_UNITS if name in seen.units]
    known = [unit for unit in units if unit.load == "loaded"]
    if known and not any(unit.runs for unit in known):
        yield Finding(
            name="ssh.down",
            severity="broken",
            title="sshd does not run.",
            seen=tuple(unit.shown for unit in known),
            means=_NO_PUSH,
            advice="`sshd -t` tells whether its settings are right; then `systemctl enable --now "
            "ssh`.",
        )
    try:
        said = shell.capture(("sshd", "-T", "-C", f"user={RECEIVER},host=localhost,addr=127.0.0.1"))
    except shell.CommandError as error:
        yield _sshd_setting(
            f"sshd refuses its settings: {error.detail.strip()[:300]}", "`sshd -t` names the line."
        )
        return
    found = dict(
        line.split(" ", 1) for line in said.decode(errors="replace").splitlines() if " " in line
    )
    for name, is_right, rule in _SSHD:
        if name in found and not is_right(found[name]):
            yield _sshd_setting(
                f"{name} is {found[name]}. {rule}",
                "Change it for the account ship: `Match User ship` at the end of "
                "/etc/ssh/sshd_config.",
            )
    for name in ("allowusers", "allowgroups"):
        if name in found and RECEIVER not in found[name].split():
            yield _sshd_setting(
                f"{name} is {found[name]}, without {RECEIVER}.",
                f"Add {RECEIVER} there, then `systemctl reload ssh`.",
            )
    if RECEIVER in found.get("denyusers", "").split():
        yield _sshd_setting(
            f"denyusers names {RECEIVER}.", "Take it out, then `systemctl reload ssh`."
        )


def _sshd_setting(line: str, advice: str) -> Finding:
    return Finding(
        name="ssh.settings",
        severity="broken",
        title="sshd's settings keep the account ship out.",
        seen=(line,),
        means=_NO_PUSH,
        advice=advice,
    )


def _hooks(seen: Seen) -> Iterator[Finding]:
    for name in ("pre-receive", "post-receive"):
        hook = HOOKS / name
        if not hook.is_file():
            yield Finding(
                name="push.hook-missing",
                severity="broken",
                title=f"The hook {name} is missing.",
                seen=(f"There is no {hook}.",),
                means="A push is taken and nothing is deployed.",
                advice="Install ship again: `./installer.sh`.",
            )
            continue
        found = hook.stat()
        if not found.st_mode & stat.S_IXOTH and (seen.has_systemd or not os.access(hook, os.X_OK)):
            yield Finding(
                name="push.hook-not-executable",
                severity="broken",
                title=f"The hook {name} cannot be run.",
                seen=(f"{hook} has mode {stat.S_IMODE(found.st_mode):04o}.",),
                means="A push is refused, or taken and nothing is deployed.",
                does="give it mode 0755",
                repair=(SetAccess(str(hook), found.st_uid, found.st_gid, 0o755, folder=False),),
            )


def _repository(seen: Seen, one: AppSeen) -> Iterator[Finding]:
    repo = seen.server.layout.repo(one.name)
    config = text_at(repo / "config") or ""
    hooks = [
        line.partition("=")[2].strip()
        for line in config.splitlines()
        if line.strip().lower().startswith("hookspath")
    ]
    if hooks == [str(HOOKS)] and (repo / "HEAD").is_file():
        return
    there = (repo / "HEAD").is_file()
    receiver = receiver_ids() if seen.has_systemd else None
    give = (
        (
            GiveTree(str(repo), receiver.uid, receiver.gid),
            SetAccess(str(repo), receiver.uid, receiver.gid, 0o755, folder=True),
        )
        if receiver
        else ()
    )
    yield Finding(
        name="push.repository",
        app=one.name,
        severity="broken",
        title=f"The repository of {one.name} is "
        + ("not set up as ship does." if there else "missing, or none."),
        seen=(
            f"core.hooksPath of {repo} is {hooks[0]}."
            if hooks
            else f"{repo} has no core.hooksPath."
            if there
            else f"There is no {repo}.",
        ),
        means="A push is refused, or taken and nothing is deployed.",
        does="set it up" + ("" if there else ", empty: the next push brings all commits again"),
        repair=(SetUpRepo(one.name), *give),
    )


def _link() -> Iterator[Finding]:
    wanted = str(keys.gate_program().with_name("ship"))
    there = str(_LINK.readlink()) if _LINK.is_symlink() else None
    if there != wanted:
        yield Finding(
            name="program.link",
            severity="warning",
            title="`ship` cannot be typed on the server as it should.",
            seen=(f"{_LINK} leads to {there}." if there else f"There is no link {_LINK}.",),
            means="Commands over ssh work; on the server itself, the program is not found, or "
            "another one.",
            does=f"link it to {wanted}",
            repair=(Link(str(_LINK), wanted),) if there or not _LINK.exists() else (),
        )


def _recovery(seen: Seen) -> Iterator[Finding]:
    unit, path = seen.units.get(RECOVERY_UNIT), seen.server.layout.units / RECOVERY_UNIT
    link = seen.server.layout.units / "multi-user.target.wants" / RECOVERY_UNIT
    missing = text_at(path) is None
    if not missing and link.is_symlink() and unit is not None and not unit.is_masked:
        return
    words: tuple[Systemctl, ...] = (Systemctl(("enable", "--quiet", RECOVERY_UNIT)),)
    if unit is not None and unit.is_masked:
        later = ("--runtime",) if unit.is_masked_until_boot else ()
        words = (Systemctl(("unmask", *later, RECOVERY_UNIT)), *words)
    yield Finding(
        name="boot.recovery",
        severity="warning",
        title=f"The boot does not start {RECOVERY_UNIT}.",
        seen=(
            f"There is no {path}."
            if missing
            else f"There is no {link}."
            if not link.is_symlink()
            else f"{RECOVERY_UNIT} is masked.",
        ),
        means="A deploy that a power cut interrupts stays half done until the next command on its "
        "app.",
        does="write it, and have the boot start it",
        repair=(*words[:-1], Install(), words[-1]),
    )


def _log_timer(seen: Seen) -> Iterator[Finding]:
    unit = seen.units.get(LOG_TIMER)
    if unit is None or (unit.runs and unit.file_state == "enabled"):
        return
    yield Finding(
        name="boot.log-timer",
        severity="warning",
        title=f"{LOG_TIMER} does not wait, or is not started by a boot.",
        seen=(unit.shown,),
        means="Logs of requests grow without end, until the disk is full.",
        does="write it, and have it wait, now and after a boot",
        repair=(
            Systemctl(("unmask", "--quiet", LOG_TIMER)),
            Install(),
            Systemctl(("enable", "--quiet", "--now", LOG_TIMER)),
        ),
    )
