"""Which program shows a page, where there may be none."""

from pathlib import Path

import pytest

from receiver.cli.command import Call
from receiver.cli.commands.apps import open as opening
from receiver.cli.context import Environment
from receiver.model.errors import UsageError

URL = "http://blog.example.com/a"


def around(folder: Path, **variables: str) -> Environment:
    return Environment(
        app=None,
        server=None,
        root=None,
        home=folder,
        user="me",
        is_root=False,
        program=folder,
        term="dumb",
        types=False,
        has_terminal=False,
        variables={"PATH": str(folder), **variables},
    )


@pytest.mark.parametrize(
    ("variables", "tried"),
    [
        ({}, []),
        ({"BROWSER": "firefox"}, [["firefox", URL]]),
        ({"BROWSER": "one --new:two %s x"}, [["one", "--new", URL], ["two", URL, "x"]]),
        ({"DISPLAY": ":0"}, [["xdg-open", URL]]),
        ({"BROWSER": "w3m", "WAYLAND_DISPLAY": "w"}, [["w3m", URL], ["xdg-open", URL]]),
    ],
)
def test_the_chosen_browser_goes_first(
    tmp_path: Path,
    variables: dict[str, str],
    tried: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert opening._browsers(around(tmp_path, **variables), URL) == tried


def test_without_a_browser_the_url_is_all(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "fails").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "fails").chmod(0o755)
    opening._show(Call(around(tmp_path, BROWSER="nowhere:fails"), [], None), URL)
    out, err = capfdbinary.readouterr()
    assert out.decode() == f"{URL}\n"
    assert (
        err.decode()
        == "There is no browser here that could be started; BROWSER=PROGRAM names one.\n"
    )


@pytest.mark.parametrize(
    ("given", "path"), [(None, ""), ("admin", "/admin"), ("/a?b=c#d", "/a?b=c#d")]
)
def test_a_page_is_a_path(given: str | None, path: str) -> None:
    assert opening._path(given, None) == path


@pytest.mark.parametrize("given", ["a b", "a\nb", "\x1b[2J"])
def test_what_is_no_path_is_refused(given: str) -> None:
    with pytest.raises(UsageError):
        opening._path(given, None)
