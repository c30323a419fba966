"""Who could still log in with nothing but a key, and administer the machine."""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from receiver.hardening import sshd
from receiver.machine import files, shell
from receiver.model.patterns import regex

_GROUPS = ("sudo", "admin", "wheel")
"""Whose members may become root, on Debian and Ubuntu."""
_KEY = regex(r"(?:^|\s)(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]{40,}=*(?:\s|$)")
_OPTIONS = regex(r"^(?:sk-)?(?:ssh|ecdsa)-")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_NO_SHELLS = frozenset({"nologin", "false", "git-shell"})


def with_key() -> tuple[str, ...]:
    """Accounts of administrators that a key logs in to, by a shell of their own."""
    return tuple(name for name in _accounts() if _has_key(name))


def _accounts() -> Iterator[str]:
    yield "root"
    for name in _GROUPS:
        with suppress(KeyError):
            yield from grp.getgrnam(name).gr_mem


def _has_key(name: str) -> bool:
    try:
        account, settings = pwd.getpwnam(name), sshd.settings(name)
    except (KeyError, shell.CommandError):
        return False
    if Path(account.pw_shell).name in _NO_SHELLS or not _is_let_in(account, settings):
        return False
    strict = settings.get("strictmodes", ("yes",)) != ("no",)
    return any(
        is_key(line)
        for path in _key_files(account, settings)
        if not strict or _is_owned(path, account)
        for line in (files.text_at(path) or "").splitlines()
    )


def is_key(line: str) -> bool:
    """Whether a line of authorized_keys lets somebody in to a shell: no forced command, as clouds
    put one before root's keys, and no certificate's authority.
    """
    text = line.strip()
    if text.startswith("#") or not _KEY.search(text):
        return False
    options = "" if _OPTIONS.match(text) else text.lower()
    return not any(word in options for word in ("command=", "cert-authority", "expiry-time="))


def _is_let_in(account: pwd.struct_passwd, settings: sshd.Settings) -> bool:
    """Whether sshd has rules that keep the account out."""
    root = settings.get("permitrootlogin", ("prohibit-password",))[0]
    if account.pw_uid == 0 and root in {"no", "forced-commands-only"}:
        return False
    groups = {
        grp.getgrgid(gid).gr_name
        for gid in os.getgrouplist(account.pw_name, account.pw_gid)
        if _is_group(gid)
    }
    users = {account.pw_name}
    return (
        settings.get("pubkeyauthentication", ("yes",)) == ("yes",)
        and _is_listed(users, settings.get("allowusers"))
        and _is_listed(groups, settings.get("allowgroups"))
        and not _is_listed(users, settings.get("denyusers", ()))
        and not _is_listed(groups, settings.get("denygroups", ()))
    )


def _is_group(gid: int) -> bool:
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True


def _is_listed(names: set[str], patterns: tuple[str, ...] | None) -> bool:
    """Whether a list has one of the names; a list that is not there lets all pass."""
    if patterns is None:
        return True
    each = [pattern.partition("@")[0] for line in patterns for pattern in line.split()]
    return any(fnmatch(name, pattern) for name in names for pattern in each)


def _key_files(account: pwd.struct_passwd, settings: sshd.Settings) -> Iterator[Path]:
    for line in settings.get("authorizedkeysfile", (".ssh/authorized_keys",)):
        for pattern in line.split():
            path = pattern.replace("%h", account.pw_dir).replace("%u", account.pw_name)
            yield Path(account.pw_dir, path.replace("%%", "%"))


def _is_owned(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether nobody else can write a file of keys, its folder and its home, as sshd demands."""
    places = [path, path.parent]
    if path.is_relative_to(account.pw_dir):
        places.append(Path(account.pw_dir))
    try:
        seen = [place.stat() for place in places]
    except OSError:
        return False
    return all(
        each.st_uid in {0, account.pw_uid} and not each.st_mode & _OTHERS_WRITE for each in seen
    )
