"""Log files that are rotated while they are read: no line is lost, none comes twice, and order
is kept."""

from collections.abc import Iterator
from itertools import chain, islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from receiver.machine.log_files import FileLog, FileLogs, Place, Told, newest_first
from receiver.model.log_line import LogLine, Stamper, unstamped

START_US = 1_769_847_300_000_000


def parse(_offset: int, raw: bytes) -> LogLine:
    at_us, text = unstamped(raw)
    return LogLine(at_us, "app", "web", text)


class Writer:
    """A process manager that puts times before lines, and rotates."""

    def __init__(self, path: Path, backups: int = 3) -> None:
        self.path = path
        self._backups = backups
        self._now = iter(range(START_US, START_US + 10**9, 7))
        self._stamper = Stamper(self._now.__next__)

    def write(self, chunk: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(self._stamper(chunk))

    def rotate(self) -> None:
        if not self.path.exists():
            return
        parts = [
            self.path,
            *(self.path.with_name(f"{self.path.name}.{n}") for n in range(1, self._backups + 1)),
        ]
        for younger, older in list(pairwise(parts))[::-1]:
            if younger.exists():
                younger.replace(older)


def texts(lines: Iterator[LogLine]) -> list[bytes]:
    return [line.text for line in lines]


def read_on(log: FileLog, place: Place) -> tuple[Place, list[bytes]]:
    found = list(log.after(place))
    return (found[-1][0] if found else place), [line.text for _, line in found]


deeds = st.lists(
    st.one_of(
        st.binary(max_size=60).map(lambda data: data.replace(b"\r", b"")),
        st.sampled_from(["rotate", "read", "read", "long", b"\n", b"line\n"]),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(deeds)
@example([b"begun ", "read", "rotate", b"ended\n", "read", "rotate", "rotate", b"last\n"])
def test_every_line_is_read_once_and_in_order(plan: list[bytes | str]) -> None:
    with TemporaryDirectory() as folder:
        writer = Writer(Path(folder, "web.a.log"), backups=40)
        log = FileLog(writer.path, parse)
        place, seen, written = log.end(), list[bytes](), b""
        for deed in plan:
            text = b"x" * 10_000 if deed == "long" else deed
            if isinstance(text, bytes):
                writer.write(text)
                written += text
            elif deed == "rotate":
                writer.rotate()
            else:
                place, more = read_on(log, place)
                seen += more
        place, more = read_on(log, place)
        *whole, _ = written.split(b"\n")
        assert seen + more == whole
        every = written.removesuffix(b"\n").split(b"\n") if written else []
        assert texts(log.before(None))[::-1] == every
        assert texts(log.before(place))[::-1] == whole


def test_of_many_lines_few_are_read(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "web.a.log")
    writer.write(b"".join(b"%d\n" % number for number in range(20_000)))
    log = FileLog(writer.path, parse)
    assert texts(islice(log.before(None), 3)) == [b"19999", b"19998", b"19997"]


def test_what_was_rotated_away_altogether_is_missed_and_nothing_comes_twice(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "web.a.log", backups=1)
    writer.write(b"1\n2\n")
    log = FileLog(writer.path, parse)
    place, seen = read_on(log, Place(0, 0, 0))
    for number in range(3, 7):
        writer.rotate()
        writer.write(b"%d\n" % number)
    _, more = read_on(log, place)
    assert seen + more == [b"1", b"2", b"5", b"6"]


def test_a_file_that_lost_its_beginning_is_read_on_where_it_was_left(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "1.log")
    log = FileLog(writer.path, parse)
    writer.write(b"1\n2\n3\n")
    place, _ = read_on(log, Place(0, 0, 0))
    kept = writer.path.read_bytes().splitlines(keepends=True)[1:]
    new = tmp_path / "new"
    new.write_bytes(b"ship: The beginning is not kept.\n" + b"".join(kept))
    new.replace(writer.path)
    writer.write(b"4\n")
    assert read_on(log, place)[1] == [b"4"]


def test_a_new_file_with_the_number_of_a_removed_one_is_a_new_file(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "access.log")
    writer.write(b"a\nb\n")
    log = FileLog(writer.path, parse)
    place, _ = read_on(log, Place(0, 0, 0))
    with writer.path.open("r+b") as file:  # the same number, other lines
        file.truncate()
    writer.write(b"c\nd\ne\n")
    assert read_on(log, place)[1] == [b"c", b"d", b"e"]


def test_lines_without_a_time_have_that_of_the_line_before(tmp_path: Path) -> None:
    path = tmp_path / "7.log"
    writer = Writer(path)
    writer.write(b"one\n")
    with path.open("ab") as file:
        file.write(b"Traceback\n  more\n")
    writer.write(b"two\n")
    log = FileLog(path, parse)
    forwards = [(line.text, line.at_us) for _, line in log.after(Place(0, 0, 0))]
    backwards = [(line.text, line.at_us) for line in log.before(None)]
    assert forwards == backwards[::-1]
    assert [at - START_US for _, at in forwards] == [0, 0, 0, 7]


def test_a_line_that_never_ends_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_bytes(b"x" * 1_000_000 + b"\nshort\n")
    log = FileLog(path, parse)
    forwards = [line.text for _, line in log.after(Place(0, 0, 0))]
    assert max(map(len, forwards)) < 400_000
    assert b"".join(forwards) == b"x" * 1_000_000 + b"short"
    assert b"".join(texts(log.before(None))[::-1]) == b"x" * 1_000_000 + b"short"


def test_the_end_of_what_is_ended_need_not_have_an_end(tmp_path: Path) -> None:
    path = tmp_path / "7.log"
    path.write_bytes(b"one\ntwo")
    assert read_on(FileLog(path, parse), Place(0, 0, 0))[1] == [b"one"]
    place, lines = read_on(FileLog(path, parse, ended=True), Place(0, 0, 0))
    assert lines == [b"one", b"two"]
    assert read_on(FileLog(path, parse, ended=True), place)[1] == []


@given(st.lists(st.lists(st.integers(0, 50))))
def test_several_logs_are_one_in_order_of_time(times: list[list[int]]) -> None:
    logs = [
        [LogLine(at, "app", str(number), b"") for at in sorted(found, reverse=True)]
        for number, found in enumerate(times)
    ]
    merged = list(newest_first(map(iter, logs)))
    assert [line.at_us for line in merged] == sorted(chain.from_iterable(times), reverse=True)
    for log in logs:
        assert [line for line in merged if line in log] == log


def test_a_log_that_appears_is_read_from_its_beginning(tmp_path: Path) -> None:
    def find() -> dict[str, FileLog]:
        return {path.stem: FileLog(path, parse) for path in sorted(tmp_path.glob("*.log"))}

    first = Writer(tmp_path / "a.log")
    first.write(b"old\n")
    logs = FileLogs("app", find, (tmp_path,))
    positions = dict(logs.end())
    second = Writer(tmp_path / "b.log")
    second.write(b"new\n")
    first.write(b"old and new\n")

    def new() -> list[Told]:
        found = list(logs.after(positions))
        positions.update({told.key: told.position for told in found})
        return found

    assert {told.line.text for told in new()} == {b"new", b"old and new"}
    assert new() == []


def test_what_is_no_line_is_read_once(tmp_path: Path) -> None:
    parsed: list[bytes] = []

    def own(offset: int, raw: bytes) -> LogLine | None:
        parsed.append(raw)
        return parse(offset, raw) if b"mine" in raw else None

    writer = Writer(tmp_path / "all.log")
    logs = FileLogs("audit", lambda: {"1": FileLog(writer.path, own)}, (tmp_path,))
    positions = dict(logs.end())
    found: list[bytes] = []
    for text in (b"mine 1\n", b"other\n", b"other\n", b"mine 2\nother\n", b"mine 3\n"):
        writer.write(text)
        for told in logs.after(positions):
            positions[told.key] = told.position
            found.append(told.line.text)
    assert found == [b"mine 1", b"mine 2", b"mine 3"]
    first = parsed[0]  # looked at again and again, to know the file
    assert [unstamped(raw)[1] for raw in parsed if raw != first].count(b"other") == 3
