"""Constraint files with those that they name, of the machine and of the pushed tree."""

import os
from pathlib import Path

from receiver.building import facts
from receiver.building.constraint_files import constrained, on_disk, texts
from receiver.hosts.supervisord.host import SupervisordHost
from receiver.model import settings as model_settings
from receiver.model.layout import Layout
from receiver.model.names import AppName
from receiver.server import Server
from tests.unit.trees import tree

FILES = {
    "/etc/c.txt": "-c more/a.txt\n--requirement=/srv/b.txt\n-r https://a.example/c.txt\nfoo<2\n",
    "/etc/more/a.txt": "-r../c.txt\n-c gone.txt\n",
    "/srv/b.txt": "bar\n",
    "/srv/other.txt": "",
}


def test_files_that_lines_name_are_read_once() -> None:
    asked: list[str] = []

    def read(path: str) -> str | None:
        asked.append(path)
        return FILES.get(path)

    assert set(texts(["/etc/c.txt"], read)) == {"/etc/c.txt", "/etc/more/a.txt", "/srv/b.txt"}
    assert sorted(asked) == ["/etc/c.txt", "/etc/more/a.txt", "/etc/more/gone.txt", "/srv/b.txt"]


def test_texts_of_constraints_are_part_of_what_decides(tmp_path: Path) -> None:
    machine = tmp_path / "c.txt"
    machine.write_text("foo<2\n")
    pushed = tree({"limits.txt": "bar<2\n", "uv.txt": "", "app.py": ""})
    layout = Layout.embedded(tmp_path)
    server = Server(layout, model_settings.Server(domain="localhost"), SupervisordHost(layout))
    config = {
        "PIP_CONSTRAINT": f"{machine} limits.txt",
        "PIP_BUILD_CONSTRAINT": "",
        "PIP_PRE": "1",
        "UV_CONSTRAINT": "uv.txt gone.txt",
    }
    found = facts.index_settings(server, config, AppName("blog"), pushed)
    said = {str(machine): "foo<2\n", "limits.txt": "bar<2\n", "uv.txt": ""}
    assert found.texts == said
    decides = {"constraint": f"{machine} limits.txt", "pre": "1", **said}
    assert found.deciding.items() >= decides.items()
    assert facts.index_settings(server, config).texts == {}


def test_packages_of_a_file_have_the_names_that_uv_writes() -> None:
    text = "# of the house\nFoo_Bar[x]<2\n  baz.qux==1 --hash=sha256:0\n-c more.txt\n"
    assert constrained(text) == {"foo-bar", "baz-qux"}


def test_only_plain_files_that_the_app_may_read_are_read(tmp_path: Path) -> None:
    plain, large, pipe = (tmp_path / name for name in ("plain", "large", "pipe"))
    plain.write_text("foo<2\n")
    large.write_bytes(b"#" * 1024 * 1025)
    os.mkfifo(pipe)
    assert on_disk(plain, readable) == "foo<2\n"
    assert on_disk(plain, lambda _: False) is None
    for other in (large, pipe, tmp_path, tmp_path / "gone", Path("/dev/zero")):
        assert on_disk(other, readable) is None


def readable(_: Path) -> bool:
    return True
