"""The record of what hardening changed, so that it can be undone; written before it is done."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from receiver.machine import files
from receiver.model.layout import Layout
from receiver.state import records


class File(msgspec.Struct, frozen=True):
    """A file that was written."""

    text: str
    before: str | None
    """What was there; None where there was none."""


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What one point changed."""

    files: dict[str, File] = {}
    rules: tuple[str, ...] = ()
    """Rules that were added to ufw, such as `80/tcp`."""
    enabled: bool = False
    """Whether the firewall was switched on."""
    values: dict[str, str] = {}
    """Settings of the kernel, as they were."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a confirmation."""

    points: tuple[str, ...]
    since: float
    """Seconds since 1970: a login that confirms is younger."""
    until: float
    """When it goes back."""
    over_ssh: bool = False
    """Whether it was typed over ssh: then it is confirmed so."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """hardening.json: what was changed, by point, in this order."""

    deeds: dict[str, Deed] = {}


class Ledger:
    """The records of one machine, on disk."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.hardening
        self._pending = layout.hardening_pending

    @property
    def deeds(self) -> Mapping[str, Deed]:
        """By point, what was changed."""
        found = records.read_json(self._path, Record)
        return {} if found is None else found.deeds

    def deed(self, point: str) -> Deed:
        return self.deeds.get(point, Deed())

    def note(self, point: str, deed: Deed) -> None:
        """Keep on disk what a point is about to change."""
        records.write_json(self._path, Record(deeds={**self.deeds, point: deed}))

    def forget(self, point: str) -> None:
        left = {name: deed for name, deed in self.deeds.items() if name != point}
        if left:
            records.write_json(self._path, Record(deeds=left))
        else:
            files.remove(self._path)

    @property
    def pending(self) -> Pending | None:
        return records.read_json(self._pending, Pending)

    def await_confirmation(self, pending: Pending) -> None:
        records.write_json(self._pending, pending)

    def end_waiting(self) -> None:
        files.remove(self._pending)

    def write(self, point: str, path: Path, text: str) -> None:
        """Write a file of a point's, with what is there on record before."""
        deed, there = self.deed(point), files.text_at(path)
        known = deed.files.get(str(path))
        before = known.before if known is not None and known.text == there else there
        noted = {**deed.files, str(path): File(text, before)}
        self.note(point, replace(deed, files=noted))
        path.parent.mkdir(mode=0o755, exist_ok=True)
        files.write_atomically(path, text, mode=0o644)

    def put_back(self, point: str) -> list[str]:
        """Put files of a point back as they were; returns those that somebody edited since, which
        stay.
        """
        edited = []
        for name, file in self.deed(point).files.items():
            path = Path(name)
            if files.text_at(path) not in {file.text, None}:
                edited.append(name)
            elif file.before is None:
                files.remove(path)
            else:
                files.write_atomically(path, file.before, mode=0o644)
        return edited
