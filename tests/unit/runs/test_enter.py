"""What of a command's own variables is there beside the config vars."""

import json
import os
import runpy
import sys
from pathlib import Path

import pytest

from receiver.model.program import RUNTIME


@pytest.mark.parametrize(
    ("config", "given", "seen"),
    [
        ({"PYTHONPATH": "src"}, "/release/source", b"src:/release/source"),
        ({"PYTHONPATH": "src"}, None, b"src"),
        ({"PYTHONPATH": ""}, "/release/source", b"/release/source"),
        ({}, "/release/source", b"/release/source"),
    ],
)
def test_the_modules_of_the_release_are_found_beside_those_of_a_config_var(
    config: dict[str, str],
    given: str | None,
    seen: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[dict[bytes, bytes]] = []
    monkeypatch.setattr(os, "execvpe", lambda _, __, environment: ran.append(environment))
    monkeypatch.setattr(sys, "argv", ["enter.py", str(tmp_path / "env"), "--", "true"])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if given:
        monkeypatch.setenv("PYTHONPATH", given)
    (tmp_path / "env").write_text(json.dumps(config))
    runpy.run_path(str(RUNTIME / "enter.py"))
    assert ran[0][b"PYTHONPATH"] == seen
