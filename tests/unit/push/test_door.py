"""Who may use git on which app: every service with every grant, answered alike by ssh and HTTP."""

import io
import json
import os
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from receiver.machine import git
from receiver.model.catalogue import COMMANDS
from receiver.model.errors import ShipError
from receiver.model.grant import FOR_GIT, GRANTS, Grant, higher, suffices
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.push import door, gate
from receiver.push.http.application import Config, create_app
from receiver.push.limits import Limits

BLOG = AppName("blog")
ADDRESS = "192.0.2.7"
OF_APP: tuple[Grant | None, ...] = (None, *GRANTS[:-1])
SERVICES = sorted(door.SERVICES)
HELD = list(product((None, *GRANTS), OF_APP))
NOTED = '#!/bin/sh\necho "$SSH_CLIENT $*" >> "$(dirname "$0")/asked"\n'


class Doorway:
    """A server of which only what decides is there, and a `ship` that notes what it is asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout.embedded(root)
        self.environment = {"PATH": os.environ["PATH"], "SHIP_ROOT": str(root)}
        for folder in (self.layout.keys, self.layout.app(BLOG).home):
            folder.mkdir(parents=True)
        self.layout.server_settings.write_text('domain = "example.com"\nhost = "supervisord"\n')
        ship = root / "ship"
        ship.write_text(NOTED)
        ship.chmod(0o755)

    def grant(self, everywhere: Grant | None, of_app: Grant | None) -> Grant | None:
        key = {"name": "laptop", "everywhere": everywhere}
        self.layout.key("laptop").write_text(json.dumps(key))
        granted = {} if of_app is None else {"laptop": of_app}
        self.layout.app(BLOG).access.write_text(json.dumps(granted))
        return higher(everywhere, of_app)

    def asked(self) -> list[str]:
        """What `ship` was asked since the last look."""
        path = self.root / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def admit(self, app: AppName, service: str) -> ShipError | None:
        environment = {**self.environment, "SSH_CLIENT": ADDRESS}
        caller = door.Caller(self.layout, "laptop", environment, lambda app: f"make {app}")
        try:
            door.admit(caller, app, service)
        except ShipError as error:
            return error
        return None

    def over_http(self, app: AppName, service: str) -> tuple[str, str]:
        """Status, and the first line of a refusal."""
        answers: list[tuple[str, bytearray]] = []

        def start_response(status: str, _headers: object) -> Any:
            answers.append((status, bytearray()))
            return answers[-1][1].extend

        environ = {
            "PATH_INFO": f"/git/{app}.git/info/refs", "QUERY_STRING": f"service={service}",
            "REQUEST_METHOD": "GET", "HTTP_X_FORWARDED_FOR": ADDRESS, "wsgi.input": io.BytesIO(),
        }  # fmt: skip
        config = Config(self.layout, lambda _: "laptop", self.environment, Limits)
        told = b"".join(create_app(config)(environ, start_response))
        return answers[0][0], told.decode().partition("\n")[0]


@pytest.fixture
def doorway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doorway:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("SHIP_ROOT", str(tmp_path))
    monkeypatch.setenv("SSH_CLIENT", ADDRESS)
    return Doorway(tmp_path)


def refused(service: str, app: str = BLOG) -> list[str]:
    call = {"git-receive-pack": "push", "git-upload-pack": "fetch"}[service]
    return [f"{ADDRESS} --by laptop -- git:refused {call} --app {app}"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_grant_at_the_door(service: str, doorway: Doorway) -> None:
    doorway.layout.repo(BLOG).mkdir(parents=True)
    for everywhere, of_app in HELD:
        held = doorway.grant(everywhere, of_app)
        error = doorway.admit(BLOG, service)
        reason = "not-found/app" if held is None else "access/not-granted"
        passes = held in {"deploy", "manage", "admin"}
        assert (error.reason if error else "") == ("" if passes else reason), (everywhere, of_app)
        assert doorway.asked() == ([] if passes else refused(service)), (everywhere, of_app)


@pytest.mark.parametrize("service", SERVICES)
def test_no_grant_opens_what_is_not_there(service: str, doorway: Doorway) -> None:
    for everywhere, of_app in HELD:
        doorway.grant(everywhere, of_app)
        error = doorway.admit(BLOG, service)
        assert error is not None
        assert error.reason == "not-found/app"
        assert ("make blog" in error.advice) == (everywhere == "admin")
        assert doorway.asked() == refused(service)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("app", [BLOG, AppName("none")])
def test_ssh_and_http_answer_alike(
    service: str,
    app: AppName,
    doorway: Doorway,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    git.create_repo(doorway.layout.repo(BLOG), hooks=doorway.root)
    for program in ("upload_pack", "receive_pack"):
        monkeypatch.setattr(f"receiver.push.{program}.serve_ssh", lambda *_: 0)
    monkeypatch.setenv("SSH_ORIGINAL_COMMAND", f"{service} '{app}'")
    for everywhere, of_app in HELD:
        doorway.grant(everywhere, of_app)
        status = gate.main(["--key", "laptop"])
        over_ssh = capfdbinary.readouterr().err.decode()
        recorded = doorway.asked()
        answer, first = doorway.over_http(app, service)
        assert answer[:3] == {0: "200", 20: "404", 21: "403"}[status], (everywhere, of_app)
        assert first in over_ssh
        assert bool(first) == bool(status)
        assert doorway.asked() == recorded == (refused(service, app) if status else [])


def test_root_refuses_what_the_door_refuses() -> None:
    """`ship git:refused` is on record only because its own grant is that of git."""
    assert COMMANDS["git:refused"].needs == FOR_GIT
    assert [grant for grant in GRANTS if suffices(grant, FOR_GIT)] == ["deploy", "manage", "admin"]
