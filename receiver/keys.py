"""Who may push: ssh keys and tokens, each with a name. Tokens are kept as hashes only.

One file a key under /etc/ship/keys; authorized_keys is made from them, never edited.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import sys
from pathlib import Path

import msgspec

from receiver import files, records
from receiver.model.errors import NotFoundError, ShipError, UsageError
from receiver.model.layout import Layout
from receiver.model.names import parse_key_name

_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
_TOKEN_BYTES = 32


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key: an ssh key has `public`, a token has `token_hash`."""

    name: str
    created_at: str
    public: str | None = None
    """Type and key, without the comment."""
    token_hash: str | None = None
    """SHA-256, hexadecimal. A token is 256 random bits, so a slow hash would add nothing."""

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it; a token shows the start of its hash."""
        if self.public is None:
            return f"token {(self.token_hash or '')[:12]}"
        digest = hashlib.sha256(base64.b64decode(self.public.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def parse_public_key(text: str) -> str:
    """Type and key of a public key file's line; the comment is dropped.

    Raises:
        UsageError: it is not a public key, or a private one
    """
    if "PRIVATE KEY" in text:
        raise UsageError(
            "This is a private key. It must never leave your machine.",
            advice="Give the public one: the file of the same name that ends with .pub.",
            reason="usage/private-key",
        )
    words = text.split()
    if len(words) < 2 or words[0] not in _TYPES or "\n" in text.strip():  # noqa: PLR2004 - type and key
        raise _not_a_key(text)
    try:
        blob = base64.b64decode(words[1], validate=True)
        (length,) = struct.unpack(">I", blob[:4])
    except (binascii.Error, struct.error) as error:
        raise _not_a_key(text) from error
    if blob[4 : 4 + length].decode(errors="replace") != words[0] or len(blob) <= 4 + length:
        raise _not_a_key(text)
    return f"{words[0]} {words[1]}"


def list_keys(layout: Layout) -> list[Key]:
    """All keys, by name."""
    found = (records.read_json(path, Key) for path in sorted(layout.keys.glob("*.json")))
    return [key for key in found if key is not None]


def add_key(layout: Layout, name: str, text: str, now: str) -> Key:
    """Let an ssh key in.

    Raises:
        UsageError: the name or the key is not one
        ShipError: the name, or the same key, is there already
    """
    public = parse_public_key(text)
    same = next((key for key in list_keys(layout) if key.public == public), None)
    if same is not None and same.name != name:
        raise ShipError(
            f"This key is there already, under the name {same.name}.",
            advice=f"Remove it first: `ship keys:remove {same.name}`.",
            reason="exists/key",
        )
    return _store(layout, Key(name=parse_key_name(name), created_at=now, public=public))


def add_token(layout: Layout, name: str, now: str) -> tuple[Key, str]:
    """Make a token for pushes over HTTP; returns it with its record. It cannot be shown again."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    key = Key(name=parse_key_name(name), created_at=now, token_hash=_hash(token))
    return _store(layout, key), token


def remove_key(layout: Layout, name: str, *, keep_one: bool = False) -> Key:
    """Let a key in no more.

    Args:
        layout: where the server has its files
        name: the key
        keep_one: whether the last ssh key has to stay, because whoever asks would lock everybody out

    Raises:
        NotFoundError: there is none of this name
        ShipError: it is the last ssh key
    """
    path = layout.keys / f"{parse_key_name(name)}.json"
    key = records.read_json(path, Key)
    if key is None:
        raise NotFoundError(
            f"There is no key {name}.",
            advice="`ship keys` lists the keys that may push.",
            reason="not-found/key",
        )
    ssh_keys = [each.name for each in list_keys(layout) if each.public is not None]
    if keep_one and ssh_keys == [key.name]:
        raise ShipError(
            f"{key.name} is the last ssh key: without it, nobody could push or give commands.",
            advice="Let another in first, `ship keys:add`; or remove it on the server itself, as root.",
            reason="access/last-key",
        )
    files.remove(path)
    write_authorized_keys(layout)
    return key


def authenticate(layout: Layout, token: str) -> str | None:
    """Name of the key that a token belongs to; None when it belongs to none."""
    given = _hash(token)
    found = None
    for key in list_keys(layout):  # all of them, so that the time taken tells nothing
        if key.token_hash is not None and hmac.compare_digest(key.token_hash, given):
            found = key.name
    return found


def write_authorized_keys(layout: Layout) -> None:
    """Make sshd's file from the keys; it lies where only root can write, so no app can add one."""
    folder = layout.state / ".ssh"
    if not folder.is_dir():
        return  # an embedded server is reached over HTTP
    lines = [_authorized(key) for key in list_keys(layout) if key.public is not None]
    text = "# Made by ship. Change it with `ship keys:add` and `ship keys:remove`.\n" + "".join(
        lines
    )
    if files.read_text(folder / "authorized_keys") != text:
        files.write_atomically(folder / "authorized_keys", text, mode=0o644)


def gate_program() -> Path:
    """The forced command, beside the `ship` that runs now."""
    return Path(sys.executable).with_name("ship-gate")


def _authorized(key: Key) -> str:
    # `restrict` forbids everything; a terminal is given back for `ship run`
    return f'restrict,pty,command="{gate_program()} --key {key.name}" {key.public} {key.name}\n'


def _store(layout: Layout, key: Key) -> Key:
    path = layout.keys / f"{key.name}.json"
    there = records.read_json(path, Key)
    if there is not None:
        if there.public == key.public and key.public is not None:
            return there
        raise ShipError(
            f"There is a key {key.name} already.",
            advice=f"Choose another name, or remove it first: `ship keys:remove {key.name}`.",
            reason="exists/key",
        )
    # on a VPS the folder hands its group on: the receiver looks tokens up, and nobody else
    records.write_json(path, key, mode=0o640)
    write_authorized_keys(layout)
    return key


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _not_a_key(text: str) -> UsageError:
    shown = text.strip()[:60] or "nothing"
    return UsageError(
        "This is not an ssh public key.",
        detail=f"What came: {shown!r}.",
        advice="Give one line such as `ssh-ed25519 AAAA... you@laptop`, the content of a .pub file.",
        reason="usage/not-a-key",
    )
