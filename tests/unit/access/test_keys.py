"""Keys: what comes in, what is kept of it, and what sshd is told."""

import base64
import struct

import pytest

from receiver.access import grants as access
from receiver.access import keys
from receiver.access.public_key import parse_public_key
from receiver.model.errors import ShipError
from receiver.model.layout import Layout
from receiver.model.names import AppName

NOW = "2026-01-01T00:00:00Z"


def public_key(seed: int = 1, kind: str = "ssh-ed25519") -> str:
    name = kind.encode()
    blob = struct.pack(">I", len(name)) + name + struct.pack(">I", 32) + bytes([seed]) * 32
    return f"{kind} {base64.b64encode(blob).decode()}"


@pytest.fixture
def layout(tmp_path):
    found = Layout.embedded(tmp_path)
    found.keys.mkdir(parents=True)
    (found.state / ".ssh").mkdir(parents=True)
    return found


def authorized(layout) -> str:
    return str((layout.state / ".ssh" / "authorized_keys").read_text())


def test_a_key_gets_one_line_that_allows_the_gate_and_a_terminal_alone(layout):
    keys.add_key(layout, "laptop", public_key() + " me@laptop\n", NOW)
    (line,) = [line for line in authorized(layout).splitlines() if not line.startswith("#")]
    assert line.startswith('restrict,pty,command="')
    assert f'ship-gate --key laptop" {public_key()} laptop' in line


def test_a_comment_cannot_smuggle_in_another_line(layout):
    with pytest.raises(ShipError) as caught:
        keys.add_key(layout, "laptop", public_key() + " me\n" + public_key(2), NOW)
    assert caught.value.reason == "usage/not-a-key"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 not*base64",
        "ssh-dss " + public_key().split()[1],
        'command="x" ' + public_key(),
        public_key(kind="ssh-rsa").replace("ssh-rsa", "ssh-ed25519"),
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ShipError) as caught:
        parse_public_key(text)
    assert caught.value.reason == "usage/not-a-key"


def test_a_private_key_is_named_as_one():
    with pytest.raises(ShipError) as caught:
        parse_public_key("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    assert caught.value.reason == "usage/private-key"


def test_the_same_key_under_the_same_name_changes_nothing(layout):
    first = keys.add_key(layout, "laptop", public_key(), NOW)
    assert keys.add_key(layout, "laptop", public_key(), "2027-01-01T00:00:00Z") == first


def test_a_name_or_a_key_that_is_there_is_refused(layout):
    keys.add_key(layout, "laptop", public_key(), NOW)
    for name, key in (("laptop", public_key(2)), ("desktop", public_key())):
        with pytest.raises(ShipError) as caught:
            keys.add_key(layout, name, key, NOW)
        assert caught.value.reason == "exists/key"


def test_a_removed_key_is_gone_from_sshds_file(layout):
    keys.add_key(layout, "laptop", public_key(), NOW)
    keys.remove_key(layout, "laptop")
    assert "ssh-ed25519" not in authorized(layout)
    with pytest.raises(ShipError):
        keys.remove_key(layout, "laptop")


def test_who_asks_over_ssh_does_not_lock_everybody_out(layout):
    keys.add_key(layout, "laptop", public_key(), NOW)
    keys.add_token(layout, "ci", NOW)
    with pytest.raises(ShipError) as caught:
        keys.remove_key(layout, "laptop", keep_one=True)
    assert caught.value.reason == "access/last-key"
    assert keys.remove_key(layout, "ci", keep_one=True).name == "ci"
    keys.add_key(layout, "desktop", public_key(2), NOW)
    keys.add_token(layout, "robot", NOW, "admin")  # no token can type what an admin has to
    with pytest.raises(ShipError) as demoted:
        keys.grant_everywhere(layout, "laptop", "manage", keep_one=True)
    assert demoted.value.reason == "access/last-key"
    keys.grant_everywhere(layout, "desktop", "admin", keep_one=True)
    assert keys.remove_key(layout, "laptop", keep_one=True).name == "laptop"
    assert keys.remove_key(layout, "desktop").name == "desktop"


def test_a_token_is_kept_as_a_hash_and_opens_what_it_is_for(layout):
    key, token = keys.add_token(layout, "ci", NOW)
    assert token not in (layout.keys / "ci.json").read_text()
    assert keys.authenticate(layout, token, NOW) == "ci"
    assert keys.authenticate(layout, token + "x", NOW) is None
    assert keys.authenticate(layout, "", NOW) is None
    assert key.public is None
    assert "ci" not in authorized(layout)


def test_a_token_counts_until_it_expires(layout):
    _, token = keys.add_token(layout, "ci", NOW, expires_at="2026-03-01T00:00:00Z")
    assert keys.authenticate(layout, token, "2026-02-28T23:59:59Z") == "ci"
    with pytest.raises(ShipError) as over:
        keys.authenticate(layout, token, "2026-03-01T00:00:00Z")
    assert over.value.title == "The token ci expired at 2026-03-01T00:00:00Z."
    keys.add_token(layout, "robot", NOW)
    assert "expires_at" not in (layout.keys / "robot.json").read_text(), "older versions read it"


def test_a_token_is_not_taken_for_an_ssh_key(layout):
    keys.add_key(layout, "laptop", public_key(), NOW)
    for name, said in (("laptop", "laptop is an ssh key."), ("nobody", "")):
        with pytest.raises(ShipError) as refused:
            keys.find_token(layout, name)
        assert (refused.value.reason, refused.value.detail) == ("not-found/key", said)


def test_the_first_key_is_an_admin_and_no_other_is_unless_somebody_says_so(layout):
    assert keys.add_token(layout, "first", NOW)[0].everywhere == "admin"
    assert keys.add_key(layout, "second", public_key(), NOW).everywhere is None
    assert keys.add_key(layout, "third", public_key(3), NOW, "admin").everywhere == "admin"
    assert keys.add_token(layout, "fourth", NOW, "view")[0].everywhere == "view"


def test_a_key_from_before_there_were_grants_goes_on_as_an_admin(layout):
    old = f'{{"name":"old","created_at":"{NOW}","public":"{public_key()}","token_hash":null}}\n'
    layout.key("old").write_text(old)
    assert access.everywhere(layout, "old") == "admin"
    assert keys.find_key(layout, "old").everywhere == "admin"
    assert keys.add_key(layout, "new", public_key(2), NOW).everywhere is None
    assert keys.settle_old_keys(layout, dry_run=True) == ["old"]
    assert keys.settle_old_keys(layout) == ["old"]
    assert keys.settle_old_keys(layout) == []
    assert keys.find_key(layout, "old").everywhere == "admin"


def test_a_rename_of_a_key_that_is_cut_off_takes_no_grant_away(layout, monkeypatch):
    blog = made_app(layout, "blog")
    keys.add_key(layout, "laptop", public_key(), NOW)
    keys.add_token(layout, "ci", NOW)
    keys.grant_app(layout, "ci", blog, "deploy")
    with monkeypatch.context() as patch:
        patch.setattr("receiver.state.records.write_json", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            keys.rename_key(layout, "ci", "robot")
    assert access.held(layout, "ci", blog) == "deploy"
    keys.rename_key(layout, "ci", "robot")
    assert access.of_app(layout, blog) == {"robot": "deploy"}


def _cut_off(*_, **__):
    raise KeyboardInterrupt


def test_a_renamed_key_keeps_what_it_may_do_and_a_removed_one_leaves_nothing(layout):
    app = made_app(layout, "blog")
    keys.add_key(layout, "laptop", public_key(), NOW)
    keys.add_key(layout, "ci", public_key(2), NOW)
    keys.grant_app(layout, "ci", app, "deploy")
    keys.rename_key(layout, "ci", "robot")
    assert (access.held(layout, "ci", app), access.held(layout, "robot", app)) == (None, "deploy")
    assert '--key robot"' in authorized(layout)
    assert '--key ci"' not in authorized(layout)
    with pytest.raises(ShipError) as taken:
        keys.rename_key(layout, "robot", "laptop")
    assert taken.value.reason == "exists/key"
    keys.remove_key(layout, "robot")
    keys.add_key(layout, "robot", public_key(4), NOW)
    assert access.held(layout, "robot", app) is None


def made_app(layout, name: str) -> AppName:
    app = AppName(name)
    layout.app(app).home.mkdir(parents=True)
    layout.app(app).settings.write_text("port = 1\nport_a = 2\nport_b = 3\n")
    return app
