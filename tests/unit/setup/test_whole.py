"""Whether the files of installed packages are there, by the records that pip keeps of them."""

from pathlib import Path

from receiver.setup.whole import lost

RECORD = """\
blog/hook,sha256=x,5
blog/page.py,,
blog/__pycache__/page.cpython-311.pyc,,
blog-1.0.dist-info/METADATA,,
blog-1.0.dist-info/RECORD,,
"""


def test_a_file_that_is_gone_or_torn_is_lost(tmp_path: Path) -> None:
    package, info = tmp_path / "blog", tmp_path / "blog-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (info / "RECORD").write_text(RECORD)
    (info / "METADATA").write_text("Name: blog\nVersion: 1.0\n")
    (package / "hook").write_text("whole")
    (package / "page.py").touch()
    assert list(lost([str(tmp_path)])) == []
    (package / "hook").write_text("torn")
    assert list(lost([str(tmp_path)])) == [package / "hook"]
    (package / "hook").unlink()
    (package / "page.py").unlink()
    assert sorted(lost([str(tmp_path)])) == [package / "hook", package / "page.py"]
