"""Who may push: ssh keys and tokens, each with a name. Tokens are kept as hashes only.

One file a key under /etc/ship/keys; authorized_keys is made from them, never edited.
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.access import grants as access
from receiver.access.public_key import fingerprint, parse_public_key
from receiver.machine import files
from receiver.machine.interpreter import program
from receiver.model.errors import AccessError, ExistsError, NotFoundError
from receiver.model.grant import Grant
from receiver.model.layout import Layout
from receiver.model.names import AppName, parse_key_name
from receiver.state import records

_TOKEN_BYTES = 32
_MODE = 0o640
"""On a VPS the folder of the keys hands its group on: the receiver reads them, and nobody else."""


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key: an ssh key has `public`, a token has `token_hash`."""

    name: str
    created_at: str
    public: str | None = None
    """Type and key, without the comment."""
    token_hash: str | None = None
    """SHA-256, hexadecimal. A token is 256 random bits, so a slow hash would add nothing."""
    everywhere: Grant | None = "admin"
    """What it may do to every app; `admin` is the server as well.

    Keys from before there were grants did everything.
    """

    expires_at: str | msgspec.UnsetType = msgspec.UNSET
    """When a token stops counting, UTC; versions from before read a record without it."""

    def is_over(self, now: str) -> bool:
        """Whether it is a token that counts no more."""
        return self.expires_at is not msgspec.UNSET and self.expires_at <= now

    @property
    def kind(self) -> str:
        """Type of an ssh key, or `token`."""
        return "token" if self.public is None else self.public.split()[0]

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it; a token shows the start of its hash."""
        if self.public is None:
            return f"token {(self.token_hash or '')[:12]}"
        return fingerprint(self.public)


def list_keys(layout: Layout) -> list[Key]:
    """All keys, by name."""
    found = (records.read_json(path, Key) for path in sorted(layout.keys.glob("*.json")))
    return [key for key in found if key is not None]


def find_key(layout: Layout, name: str) -> Key:
    """The key of this name.

    Raises:
        NotFoundError: there is none
    """
    key = records.read_json(layout.key(parse_key_name(name)), Key)
    if key is None:
        raise NotFoundError(
            f"There is no key {name}.",
            advice="`ship keys` lists the keys and tokens that there are, for admins.",
            reason="not-found/key",
        )
    return key


def add_key(layout: Layout, name: str, text: str, now: str, everywhere: Grant | None = None) -> Key:
    """Let an ssh key in; `everywhere` is what it may do to all apps, and the first key is an admin.

    Raises:
        UsageError: the name or the key is not one
        ShipError: the name, or the same key, is there already
    """
    public = parse_public_key(text)
    key = Key(name=parse_key_name(name), created_at=now, public=public, everywhere=everywhere)
    return _store(layout, key)


def add_token(
    layout: Layout,
    name: str,
    now: str,
    everywhere: Grant | None = None,
    *,
    expires_at: str | None = None,
) -> tuple[Key, str]:
    """Make a token for pushes over HTTP; returns it with its record. It cannot be shown again."""
    import secrets  # noqa: PLC0415 - only a new token needs it

    token = secrets.token_urlsafe(_TOKEN_BYTES)
    key = Key(
        name=parse_key_name(name),
        created_at=now,
        token_hash=_hash(token),
        everywhere=everywhere,
        expires_at=expires_at or msgspec.UNSET,
    )
    return _store(layout, key), token


def find_token(layout: Layout, name: str) -> Key:
    """The token of this name.

    Raises:
        NotFoundError: there is none; an ssh key may have the name
    """
    key = records.read_json(layout.key(parse_key_name(name)), Key)
    if key is None or key.public is not None:
        raise NotFoundError(
            f"There is no token {name}.",
            detail=f"{name} is an ssh key." if key else "",
            advice=f"Revoke it with: `ship keys:remove {name}`."
            if key
            else "`ship tokens` lists them.",
            reason="not-found/key",
        )
    return key


def remove_key(layout: Layout, name: str, *, keep_one: bool = False) -> Key:
    """Let a key in no more, and take its grants back.

    Args:
        layout: where the server has its files
        name: the key
        keep_one: whether an ssh key that is an admin has to stay, as over ssh

    Raises:
        NotFoundError: there is none of this name
        ShipError: it is the last ssh key that is an admin
    """
    with access.changing(layout):
        key = find_key(layout, name)
        if keep_one:
            _refuse_last_admin(layout, key)
        # first: a key of the same name that comes later must not find them
        access.forget(layout, key.name)
        files.remove(layout.key(key.name))
        write_authorized_keys(layout)
    return key


def grant_everywhere(
    layout: Layout, name: str, grant: Grant | None, *, keep_one: bool = False
) -> Key:
    """Set what a key may do to every app, or to the server; None takes it back.

    Raises as `remove_key` does.
    """
    with access.changing(layout):
        key = find_key(layout, name)
        if keep_one and grant != "admin":
            _refuse_last_admin(layout, key)
        changed = replace(key, everywhere=grant)
        records.write_json(layout.key(key.name), changed, mode=_MODE)
    return changed


def grant_app(layout: Layout, name: str, app: AppName, grant: Grant | None) -> Key:
    """Set what a key may do to one app; None takes it back.

    Raises:
        NotFoundError: there is no such key, or no such app any more
    """
    with access.changing(layout):
        key = find_key(layout, name)
        records.find_app(layout, app)
        grants = access.of_app(layout, app)
        grants.pop(key.name, None)
        try:
            access.write(layout, app, {**grants, key.name: grant} if grant else grants)
        except FileNotFoundError as error:  # it was destroyed meanwhile
            raise records.no_such_app(app, []) from error
    return key


def rename_key(layout: Layout, name: str, new: str) -> Key:
    """Give a key another name; it keeps what it may do.

    Raises:
        NotFoundError: there is none of this name
        ShipError: the other name is taken
    """
    with access.changing(layout):
        key = find_key(layout, name)
        _refuse_taken(layout, parse_key_name(new))
        access.forget(layout, new)  # of an attempt that was cut off
        changed = replace(key, name=new)
        # the old name keeps its grants to the end: an attempt that is cut off takes none away
        for app in records.app_names(layout):
            grants = access.of_app(layout, app)
            if grant := grants.get(key.name):
                access.write(layout, app, {**grants, new: grant})
        records.write_json(layout.key(new), changed, mode=_MODE)
        files.remove(layout.key(key.name))
        access.forget(layout, key.name)
        write_authorized_keys(layout)
    return changed


def settle_old_keys(layout: Layout, *, dry_run: bool = False) -> list[str]:
    """Write down that keys from before there were grants are admins; returns their names, the
    first time.
    """
    with access.changing(layout):
        old = [key for key in list_keys(layout) if not access.is_settled(layout, key.name)]
        for key in () if dry_run else old:
            records.write_json(layout.key(key.name), key, mode=_MODE)
    return [key.name for key in old]


def authenticate(layout: Layout, token: str, now: str) -> str | None:
    """Name of the key that a token belongs to; None when it belongs to none.

    Raises:
        AccessError: it has expired
    """
    import hmac  # noqa: PLC0415 - only a token that is shown needs it

    given = _hash(token)
    found = None
    for key in list_keys(layout):  # all of them, so that the time taken tells nothing
        if key.token_hash is not None and hmac.compare_digest(key.token_hash, given):
            found = key
    if found is not None and found.is_over(now):
        raise AccessError(
            f"The token {found.name} expired at {found.expires_at}.",
            advice=f"An admin can make another: `ship tokens:remove {found.name}`, then "
            f"`ship tokens:add {found.name} APP`.",
            reason="access/expired",
        )
    return None if found is None else found.name


def write_authorized_keys(layout: Layout) -> None:
    """Make sshd's file from the keys; it lies where only root can write, so no app can add one."""
    folder = layout.state / ".ssh"
    if not folder.is_dir():
        return  # an embedded server is reached over HTTP
    text = authorized_text(layout)
    if files.read_text(folder / "authorized_keys") != text:
        files.write_atomically(folder / "authorized_keys", text, mode=0o644)


def authorized_text(layout: Layout) -> str:
    """What sshd's file should hold."""
    lines = [_authorized(key) for key in list_keys(layout) if key.public is not None]
    head = "# Made by ship. Change it with `ship keys:add` and `ship keys:remove`.\n"
    return head + "".join(lines)


def gate_program() -> Path:
    """The forced command, beside the `ship` that runs now."""
    return program("ship-gate")


def _authorized(key: Key) -> str:
    # `restrict` forbids everything; a terminal is given back for `ship run`
    return f'restrict,pty,command="{gate_program()} --key {key.name}" {key.public} {key.name}\n'


def _store(layout: Layout, key: Key) -> Key:
    with access.changing(layout):
        known = list_keys(layout)
        same = next(
            (it for it in known if key.public is not None and it.public == key.public), None
        )
        if same is not None and same.name == key.name:
            return same
        if same is not None:
            raise ExistsError(
                f"This key is there already, under the name {same.name}.",
                advice=f"Remove it first: `ship keys:remove {same.name}`.",
                reason="exists/key",
            )
        _refuse_taken(layout, key.name)
        access.forget(layout, key.name)  # of a removal that was cut off
        stored = key if known else replace(key, everywhere="admin")
        records.write_json(layout.key(key.name), stored, mode=_MODE)
        write_authorized_keys(layout)
    return stored


def _refuse_taken(layout: Layout, name: str) -> None:
    if layout.key(name).exists():
        raise ExistsError(
            f"There is a key {name} already.",
            advice=f"Choose another name, or remove it first: `ship keys:remove {name}`.",
            reason="exists/key",
        )


def _refuse_last_admin(layout: Layout, key: Key) -> None:
    """A server without an admin that can type over ssh would be closed to who has no other way
    in.
    """
    known = list_keys(layout)
    admins = [each.name for each in known if each.public and each.everywhere == "admin"]
    if admins == [key.name]:
        raise AccessError(
            f"{key.name} is the last ssh key of an admin: without it, nobody could make "
            "apps or let keys in.",
            advice="Let another in first, `ship keys:add NAME --admin < KEY.pub`; or do this on "
            "the server itself, as root.",
            reason="access/last-key",
        )


def _hash(token: str) -> str:
    import hashlib  # noqa: PLC0415 - slow, and few commands need it

    return hashlib.sha256(token.encode()).hexdigest()
