"""The way into a VPS: accounts, sudo's rule, sshd's settings and keys."""

import grp
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from receiver.access import keys
from receiver.hosts.accounts import Owner
from receiver.hosts.systemd.accounts import RECEIVER
from receiver.hosts.systemd.doctor.access import SUDOERS, sudo_rule
from receiver.hosts.systemd.doctor.unit_states import UnitState
from receiver.hosts.systemd.sandbox import account
from receiver.machine import shell
from receiver.machine.files import text_at
from receiver.model.finding import CreateAccount, Finding, KeepAside, Manage, WriteKeys
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.model.plan import WriteFile

SSH_UNITS = ("ssh.service", "ssh.socket")
_NO_PUSH = "Nobody can push, or give commands over ssh."
_NO_FOLDER = "Missing privilege separation directory"
"""What an sshd says that is not started: the folder goes with its unit, and is no setting."""
_SSHD = (
    ("PubkeyAuthentication", "yes", lambda value: value == "yes"),
    (
        "AuthorizedKeysFile",
        ".ssh/authorized_keys",
        lambda value: ".ssh/authorized_keys" in value.split(),
    ),
)
"""Settings that the account needs: their names, what they should be, and what will do too."""


def look(
    layout: Layout, units: Mapping[str, UnitState], receiver: Owner | None
) -> Iterator[Finding]:
    """What keeps people and pushes out."""
    if receiver is None:
        yield _no_receiver(layout)
    yield from _sudo()
    yield from _keys(layout)
    yield from _sshd(units)


def _no_receiver(layout: Layout) -> Finding:
    return Finding(
        name="account.missing",
        severity="broken",
        title=f"The account {RECEIVER} is missing.",
        seen=(f"getent passwd {RECEIVER} finds nothing.",),
        means=_NO_PUSH,
        does=f"make it, and give it {layout.repos}",
        # as installer.sh makes it: a shell, because sshd runs the forced command with it; no
        # password fits `*`
        repair=(
            Manage(
                (
                    *("useradd", "--system", "--user-group", "--home-dir", str(layout.state)),
                    *("--no-create-home", "--shell", "/bin/sh", "--password", "*", RECEIVER),
                )
            ),
        ),
    )


def account_of(app: AppName, owner: Owner | None) -> Iterator[Finding]:
    """What is wrong with the account of an app."""
    name = account(app)
    if owner is None:
        yield Finding(
            name="account.missing",
            app=app,
            severity="broken",
            title=f"The account {name} is missing.",
            seen=(f"getent passwd {name} finds nothing.",),
            means="What runs goes on; nothing of the app can be started or built.",
            does="make it; the files of the app are given to it next",
            repair=(CreateAccount(app),),
        )
        return
    others = [_group_name(gid) for gid in os.getgrouplist(name, owner.gid) if gid != owner.gid]
    if others:
        yield Finding(
            name="account.groups",
            app=app,
            severity="warning",
            title=f"The account {name} is in groups that are not its own.",
            seen=(f"{name} is in: {', '.join(others)}.",),
            means="The app can read, and perhaps change, what is meant for these groups.",
            advice="; ".join(f"`gpasswd -d {name} {group}`" for group in others)
            + f", then `ship ps:restart -a {app}`.",
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


def _keys(layout: Layout) -> Iterator[Finding]:
    folder = layout.state / ".ssh"
    path, wanted = folder / "authorized_keys", keys.authorized_text(layout)
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
    if not any(key.public for key in keys.list_keys(layout)):
        yield Finding(
            name="access.no-keys",
            severity="warning",
            title="No ssh key may push to this server.",
            seen=(f"{layout.keys} has none.",),
            means=_NO_PUSH,
            advice="Let one in: `ship keys:add laptop --admin < id_ed25519.pub`.",
        )


def _sshd(units: Mapping[str, UnitState]) -> Iterator[Finding]:
    ours = [units[name] for name in SSH_UNITS if name in units]
    known = [unit for unit in ours if unit.load == "loaded"]
    if known and not any(unit.runs for unit in known):
        yield Finding(
            name="ssh.down",
            severity="broken",
            title="sshd does not run.",
            seen=tuple(unit.shown for unit in known),
            means=_NO_PUSH,
            advice="`systemctl enable --now ssh`. Where that fails, `systemctl status ssh` tells "
            "why.",
        )
    try:
        said = shell.capture(("sshd", "-T", "-C", f"user={RECEIVER},host=localhost,addr=127.0.0.1"))
    except shell.CommandError as error:
        if _NO_FOLDER not in error.output:
            yield _sshd_setting(
                f"sshd refuses its settings: {error.output.strip()[:300]}",
                "Correct that line, then `systemctl restart ssh`.",
            )
        return
    found = dict(
        line.split(" ", 1) for line in said.decode(errors="replace").splitlines() if " " in line
    )
    yield from _settings(found)


def _settings(found: Mapping[str, str]) -> Iterator[Finding]:
    """What of sshd's settings, by their names in small letters, is not as the account needs it."""
    for name, wanted, is_right in _SSHD:
        there = found.get(name.lower())
        if there is not None and not is_right(there):
            yield _sshd_setting(
                f"{name.lower()} is {there}. It has to be {wanted}.",
                f"Change it for this account alone. At the end of /etc/ssh/sshd_config:\n"
                f"  Match User {RECEIVER}\n      {name} {wanted}\nThen `systemctl reload ssh`.",
            )
    for name in ("allowusers", "allowgroups"):
        if name in found and RECEIVER not in found[name].split():
            yield _sshd_setting(
                f"{name} is {found[name]}, without {RECEIVER}.",
                f"Add {RECEIVER} to it, in /etc/ssh/sshd_config or a file of "
                "/etc/ssh/sshd_config.d, then `systemctl reload ssh`.",
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
