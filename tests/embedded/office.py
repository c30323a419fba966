"""People with keys of an embedded server: commands through the real gate, git over it and over
HTTP."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.embedded.embedded_server import EmbeddedServer, embedded_server
from tests.embedded.keyboard import GATE, SHIP, Typed, put_for_ssh, type_words

PAGE = 'def app(environ, start_response):\n    start_response("200 OK", [])\n    return [b"one"]\n'


class Office:
    """A server with two apps, of which blog was pushed, and people with keys."""

    def __init__(self, server: EmbeddedServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.tokens: dict[str, str] = {}
        self.ssh = folder / "ssh"
        put_for_ssh(self.ssh, server.root, folder / "ssh.log")
        self.work = folder / "work"
        self.work.mkdir()

    def environment(self, key: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "SHIP_ROOT": str(self.server.root),
            "SHIP_TEST_KEY": key,
            "GIT_SSH_COMMAND": f"'{self.ssh}'",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C",
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        }

    def run(self, key: str, *argv: str, **more: str) -> Typed:
        return type_words(argv, self.environment(key) | more, self.work)

    def key(self, name: str, **grants: str) -> str:
        """Let a token in, with grants for apps."""
        options = [f"--grant={app}={grant}" for app, grant in grants.items()]
        made = self.owner("keys:add", "--token", name, *options)
        assert made.status == 0, made.err
        self.tokens[name] = made.out.strip()
        return name

    def ask(self, key: str, line: str) -> Typed:
        """Type a line over what stands for ssh."""
        return self.run(key, str(GATE), "--key", key, SSH_ORIGINAL_COMMAND=line)

    def owner(self, *words: str) -> Typed:
        return self.run("", str(SHIP), *words)

    def git(self, key: str, *words: str) -> Typed:
        return self.run(key, "git", *words)

    def address(self, key: str, app: str) -> str:
        return f"http://x:{self.tokens[key]}@127.0.0.1:{self.server.port}/git/{app}.git"


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """A server with the apps blog and shop, of which blog was pushed, and the key of an admin,
    boss."""
    with embedded_server() as server:
        office = Office(server, folder)
        office.key("boss")
        for app in ("blog", "shop"):
            assert office.ask("boss", f"apps:create {app}").status == 0
        (office.work / "app.py").write_text(PAGE)
        (office.work / "requirements.txt").write_text("")
        (office.work / "Procfile").write_text("web: gunicorn app:app\n")
        office.git("boss", "init", "-q", "-b", "main")
        office.git("boss", "add", "-A")
        office.git("boss", "commit", "-q", "-m", "one")
        pushed = office.git("boss", "push", "ship@vps:blog", "main")
        assert pushed.status == 0, pushed.err
        assert office.ask("boss", "config:set -a blog SECRET=s3cr3t-value").status == 0
        yield office
