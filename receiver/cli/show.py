"""Prints for people and programs: data to standard output, progress and errors to standard
error.

What passes here for eyes passes the filter of `model/terminal`; `write` hands on exact bytes.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from receiver.model.errors import ShipError
from receiver.model.output import Output
from receiver.model.terminal import Filter, harmless, harmless_json, harmless_lines

_CHUNK_BYTES = 65_536


def data(text: str) -> None:
    """What was asked for, in a line or several."""
    write(harmless_lines(text).encode("utf-8", "surrogateescape") + b"\n")


def write(chunk: bytes) -> None:
    """Bytes of what was asked for, exactly."""
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


@contextmanager
def lines() -> Iterator[Filter]:
    """What programs wrote, as it comes."""
    shown = Filter(write)
    yield shown
    shown.end()


def file(path: Path) -> None:
    """What a file holds of it."""
    with path.open("rb") as handle, lines() as shown:
        while chunk := handle.read(_CHUNK_BYTES):
            shown(chunk)


def progress(text: str) -> None:
    """A line about what goes on, or several."""
    transcript(harmless_lines(text).encode("utf-8", "surrogateescape") + b"\n")


def warning(text: str) -> None:
    """Something to read, although the work goes on: as in a transcript."""
    progress("\n".join(f" !     {line}" for line in text.splitlines()))


def transcript(chunk: bytes) -> None:
    """Bytes of a deploy's transcript, which `Output` wrote."""
    sys.stderr.buffer.write(chunk)
    sys.stderr.buffer.flush()


def as_json(value: object) -> None:
    """A value for a program to read."""
    write(_json(value).encode() + b"\n")


def error(found: ShipError, *, as_json: bool) -> None:
    """Why a command ends without success."""
    if as_json:
        transcript(_json(found.fields()).encode() + b"\n")
    else:
        Output(transcript).error(found)


def heading(text: str) -> None:
    """What the lines below are about."""
    data(f"=== {text}")


def fields(values: Mapping[str, str]) -> None:
    """Names and values, the values in line."""
    width = max(map(len, values), default=0) + 2
    for name, value in values.items():
        data(f"{name + ':':<{width}}{value}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows: with a head and colours on a terminal, else lines that other programs can cut."""
    if sys.stdout.isatty() and rows:
        _table_for_eyes(columns, rows)
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(columns))] if rows else []
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        data("  ".join(cells).rstrip())


def _table_for_eyes(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(harmless(cell, colours=False)) for cell in row))
    Console().print(shown)


def _json(value: object) -> str:
    import json

    return harmless_json(json.dumps(value, indent=2))
