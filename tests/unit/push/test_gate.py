"""What the forced command of a key serves, and what it refuses."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from receiver.model.errors import UsageError
from receiver.push import door, gate, ssh

Captured = pytest.CaptureFixture[bytes]
UNKNOWN = """
 !     There is no app blgo on this server.
 !
 !     Did you mean blog?
 !
 !     Make it with: ssh ship@example.com apps:create blgo
 !
 !     (not-found/app)

"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server with a repository blog, of which nothing else is needed to decide."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "ship.toml").write_text('domain = "example.com"\nhost = "supervisord"\n')
    (tmp_path / "etc" / "keys").mkdir()
    for name in ("blog", "shop"):
        (tmp_path / "var" / "repos" / f"{name}.git").mkdir(parents=True)
        (tmp_path / "var" / "apps" / name).mkdir(parents=True)
    let_in(tmp_path, None, blog="view")
    monkeypatch.setenv("SHIP_ROOT", str(tmp_path))
    return tmp_path


def let_in(root: Path, everywhere: str | None, **grants: str) -> None:
    """Have the key laptop hold these grants, and no others."""
    key = {"name": "laptop", "everywhere": everywhere}
    (root / "etc" / "keys" / "laptop.json").write_text(json.dumps(key))
    for app, grant in grants.items():
        (root / "var" / "apps" / app / "access.json").write_text(json.dumps({"laptop": grant}))


def ask(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("SSH_ORIGINAL_COMMAND", line)
    return gate.main(["--key", "laptop"])


@pytest.mark.parametrize(
    "path", ["blog", "/blog", "blog.git", "~/blog", "/blog.git/", "~/blog.git"]
)
def test_the_forms_of_an_app_in_a_remote(path: str) -> None:
    assert ssh._app(["git-receive-pack", path]) == "blog"


@pytest.mark.parametrize(
    "words",
    [
        ["git-receive-pack"],
        ["git-receive-pack", "blog", "more"],
        ["git-receive-pack", "../blog"],
        ["git-receive-pack", "/var/lib/ship/repos/blog.git"],
        ["git-receive-pack", "--help"],
        ["git-receive-pack", "Blog"],
        ["git-receive-pack", ".git"],
        ["git-receive-pack", ""],
    ],
)
def test_nothing_else_is_an_app(words: list[str]) -> None:
    with pytest.raises(UsageError):
        ssh._app(words)


@pytest.mark.parametrize("line", ["git-receive-pack 'blgo'", "git upload-pack 'blgo'"])
def test_an_unknown_app_names_the_way_to_make_it(
    line: str, root: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    let_in(root, "admin")
    assert ask(line, monkeypatch) == 20
    out, err = capfdbinary.readouterr()
    assert (out, err.decode()) == (b"", UNKNOWN)


@pytest.mark.parametrize("git", ["git-receive-pack", "git-upload-pack"])
@pytest.mark.parametrize("app", ["shop", "shup"])
def test_an_app_that_the_key_may_not_see_is_answered_as_one_that_is_not_there(
    git: str, app: str, root: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    assert root.is_dir()
    assert ask(f"{git} '{app}'", monkeypatch) == 20
    told = capfdbinary.readouterr().err.decode().replace(app, "APP")
    assert told.startswith(
        "\n !     There is no app APP on this server.\n !\n !     An admin can make it."
    )
    assert "shop" not in told


@pytest.mark.parametrize("git", ["git-receive-pack", "git-upload-pack"])
def test_code_goes_and_comes_with_the_grant_to_deploy(
    git: str, root: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    served: list[str] = []

    def serve(*_: object) -> int:
        served.append(git)
        return 0

    monkeypatch.setattr(ssh, "_receive", serve)
    monkeypatch.setattr("receiver.push.upload_pack.serve_ssh", serve)
    assert ask(f"{git} 'blog'", monkeypatch) == 21
    assert "(access/not-granted)" in capfdbinary.readouterr().err.decode()
    assert served == []
    for everywhere, grant in (
        (None, "deploy"),
        (None, "manage"),
        ("deploy", "view"),
        ("admin", "view"),
    ):
        let_in(root, everywhere, blog=grant)
        ask(f"{git} 'blog'", monkeypatch)
    assert len(served) >= 4


@pytest.mark.parametrize(
    "line", ["git-upload-archive 'blog'", "git-shell", "git config --list", "git"]
)
def test_no_other_git_command_is_served(
    line: str, root: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    assert root.is_dir()
    assert ask(line, monkeypatch) == 21
    assert "(access/git-command)" in capfdbinary.readouterr().err.decode()


def test_words_are_a_shells_words_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    line = "config:set 'A=b c' $HOME `id` ; rm -rf > x"
    assert gate._words(line)[1:] == ["A=b c", "$HOME", "`id`", ";", "rm", "-rf", ">", "x"]
    assert ask("config:set 'A=b", monkeypatch) == 2
    assert "(usage/bad-quoting)" in capfdbinary.readouterr().err.decode()


@pytest.mark.parametrize("line", ["", "   "])
def test_no_command_is_greeted(
    line: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    assert ask(line, monkeypatch) == 0
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert err.startswith(b"Hello laptop. This is a ship server.")


def test_a_command_becomes_ship_with_the_name_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(os, "execvp", lambda _, argv: seen.append(argv))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("SHIP_ROOT", raising=False)
    ask("apps:create blog", monkeypatch)
    monkeypatch.setenv("SHIP_ROOT", "/r")
    ask("--by root apps", monkeypatch)
    vps, embedded = seen
    assert vps[:3] == ("sudo", "-n", "--")
    assert vps[4:] == ("--by", "laptop", "--as-sent", "--", "apps:create", "blog")
    assert embedded[1:] == ("--by", "laptop", "--as-sent", "--", "--by", "root", "apps")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("config:set -a blog KEY=s3cr3t", ["config:set", "..."]),
        ("config set KEY s3cr3t", ["config", "..."]),
        ("config", ["config"]),
        ("plan config:set KEY=s3cr3t", ["plan", "..."]),
        ("run -e KEY=s3cr3t -- sh -c 'A=s3cr3t b'", ["run", "-e", "KEY=..."]),
        ("run -e KEY=two s3cr3t words -- true", ["run", "-e", "KEY=..."]),
        ("cofnig:set KEY=two s3cr3t", ["cofnig:set", "KEY=..."]),
        ("help config:set KEY s3cr3t", ["help", "..."]),
        ("ps:restart web", ["ps:restart", "web"]),
    ],
)  # fmt: skip
def test_no_list_of_processes_shows_a_value(
    line: str, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr(os, "execvp", lambda _, argv: seen.append(argv))
    ask(line, monkeypatch)
    assert list(seen[0][seen[0].index("--as-sent") + 2 :]) == shown


def test_hooks_are_told_to_use_sudo_only_where_root_must_deploy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    vps = door.for_hooks("laptop", "blog", {})
    assert (vps["SHIP_SUDO"], vps["SHIP_APP"], vps["SHIP_KEY"]) == ("1", "blog", "laptop")
    assert "SHIP_SUDO" not in door.for_hooks("laptop", "blog", {"SHIP_ROOT": "/r"})


@pytest.mark.parametrize("argv", [[], ["--key"], ["laptop"], ["--key", "a", "b"]])
def test_only_authorized_keys_starts_it(argv: list[str]) -> None:
    with pytest.raises(SystemExit, match="usage"):
        gate.main(argv)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_text("domain = ["), "ship.toml cannot be used as it stands."),
        (lambda file: file.write_bytes(b"\xff\xfe"), "ship.toml cannot be used as it stands."),
        (lambda file: file.write_text("max_push_mb = 'x'"), "ship.toml cannot be used"),
        (lambda file: file.unlink(), "There is no "),
        (_folder, "ship.toml cannot be read."),
    ],
    ids=["torn", "bytes", "type", "gone", "folder"],
)
def test_settings_that_cannot_be_read_are_a_sentence_at_the_gate(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: Captured,
    spoil: Callable[[Path], object],
    said: str,
) -> None:
    let_in(root, None, blog="deploy")
    spoil(root / "etc" / "ship.toml")
    assert ask("git-receive-pack 'blog.git'", monkeypatch) == 8
    told = capfdbinary.readouterr().err.decode()
    assert said in told
    assert "Traceback" not in told


def test_a_fault_of_ships_own_is_words_at_the_gate_too(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    let_in(root, None, blog="deploy")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/lib/ship/x")

    monkeypatch.setattr(door, "admit", full)
    assert ask("git-receive-pack 'blog.git'", monkeypatch) == 4
    assert b"(build/disk-full)" in capfdbinary.readouterr().err


@pytest.mark.parametrize("words", ["git:from-archive -a shop", "git from-archive --app shop"])
def test_an_archive_passes_the_same_door_as_a_push(
    words: str, root: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Captured
) -> None:
    let_in(root, None, blog="view")
    assert ask(words, monkeypatch) == 20
    let_in(root, "view")
    assert ask(words, monkeypatch) == 21
    assert b"It takes the grant deploy, and the key has view." in capfdbinary.readouterr().err
