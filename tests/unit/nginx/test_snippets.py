"""The operator's own lines in nginx's file of an app, and whose line one is."""

from pathlib import Path

import msgspec
import pytest

from receiver.nginx import snippets
from receiver.nginx.snippets import Place, Snippet
from tests.unit.nginx.test_sites import GUNICORN, SECURE, release, site

ONE = Snippet("/etc/ship/nginx.d/blog/1.conf", "# one\nlocation = /a { return 204; }\n")
TWO = Snippet("/etc/ship/nginx.d/blog/2.conf", "location = /b { return 204; }")


def text_with(*those: Snippet) -> str:
    return site(msgspec.structs.replace(SECURE, snippets=lambda _: those), release(GUNICORN))


def test_they_are_in_each_server_that_serves_the_app_and_found_again() -> None:
    text = text_with(ONE, TWO)
    assert text.count("location = /a {") == text.count("location = /b {") == 2
    assert text.count("server {") == 3, "one of them only sends visitors on to https"
    assert [it.path for it in snippets.found_in(text)] == [ONE.path, TWO.path]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("# one", Place(ONE.path, 1)),
        ("location = /a { return 204; }", Place(ONE.path, 2)),
        ("location = /b { return 204; }", Place(TWO.path, 1)),
        ("    server_tokens off;", None),
    ],
)
def test_each_line_is_told_by_its_file(line: str, place: Place | None) -> None:
    text = text_with(ONE, TWO)
    assert snippets.at_line(text, text.splitlines().index(line) + 1) == place


@pytest.mark.parametrize("text", ["location / {", "}", '"{" # }\n}'])
def test_what_opens_or_closes_too_much_is_to_blame_for_what_follows(text: str) -> None:
    bad = Snippet("/etc/ship/nginx.d/blog/3.conf", text)
    whole = text_with(ONE, bad, TWO)
    assert snippets.at_line(whole, len(whole.splitlines())) == Place(bad.path, None)


def test_braces_in_texts_and_comments_close_nothing() -> None:
    fine = Snippet("/etc/ship/nginx.d/blog/3.conf", 'return 200 "}"; # {')
    whole = text_with(fine)
    assert snippets.at_line(whole, len(whole.splitlines())) is None


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.conf", "a.conf", "c.txt"):
        tmp_path.joinpath(name).write_bytes(b"# \xff\n")
    tmp_path.joinpath("d.conf").mkdir()
    assert [Path(it.path).name for it in snippets.read(tmp_path)] == ["a.conf", "b.conf"]
    assert snippets.read(tmp_path / "none") == ()
