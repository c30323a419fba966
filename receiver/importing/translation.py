"""The story of an import: looks at the files that an app had for another platform, and writes
what ship.toml takes of them.

It looks only; ship.toml alone is written, and nothing that stands in it is changed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from receiver.importing import dokku_checks as imported_checks
from receiver.importing import heroku as imported_heroku
from receiver.importing import piku as imported_piku
from receiver.importing.tables import missing_tables, tables_text
from receiver.importing.values import Imported, together
from receiver.machine import files
from receiver.model.app_json import FILE_NAME as APP_JSON
from receiver.model.errors import UsageError
from receiver.model.manifest import FILE_NAME, parse_manifest

_MOST_BYTES = 1_000_000


def look(folder: Path, config: Mapping[str, str], config_file: str) -> Imported:
    """What Ship makes of each line of the files in a folder, and of config vars from elsewhere.

    Raises:
        UsageError: there is no such folder, or a file of it cannot be read
        BuildError: its app.json would be refused by a push
    """
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {folder}.",
            advice="Name the checkout of the app, or go there.",
            reason="usage/unreadable-file",
        )
    return together([*_of_files(folder), imported_heroku.import_config(config, config_file)])


def _of_files(folder: Path) -> Iterator[Imported]:
    readers: tuple[tuple[str, Callable[[str], Imported]], ...] = (
        ("Procfile", lambda text: _procfile(folder, text)),
        (APP_JSON, _app_json),
        ("runtime.txt", imported_heroku.import_runtime),
        (".slugignore", imported_heroku.import_slugignore),
        ("CHECKS", imported_checks.import_checks),
        ("ENV", imported_piku.import_env),
        (imported_piku.SCALING, imported_piku.import_scaling),
    )
    for name, read in readers:
        if (folder / name).is_file():
            yield read(_text(folder / name))


def _procfile(folder: Path, text: str) -> Imported:
    """Lines of the Procfile, which tell of numbers in no other way than the files that have
    them.
    """
    declared, scaling = folder / APP_JSON, folder / imported_piku.SCALING
    first = imported_heroku.app_json_scale(_bytes(_text(declared))) if declared.is_file() else {}
    typed = imported_piku.numbers(_text(scaling)) if scaling.is_file() else {}
    return imported_heroku.import_procfile(text, first, typed)


def _app_json(text: str) -> Imported:
    data = _bytes(text)
    try:
        raw: Any = json.loads(text)
    except ValueError:
        raw = {}  # what is wrong is told in the words that a push has for it
    return imported_heroku.import_app_json(data, raw if isinstance(raw, dict) else {})


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The file {path} cannot be read: {error.strerror}.", reason="usage/unreadable-file"
        ) from error
    if len(data) > _MOST_BYTES:
        raise UsageError(
            f"{path} is too large to be such a file: {len(data):,} bytes.",
            reason="usage/unreadable-file",
        )
    return data.decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def additions(folder: Path, found: Imported) -> tuple[str, list[str]]:
    """What ship.toml of a folder lacks of these tables, as text; and the names of tables that
    are there already.
    """
    path = folder / FILE_NAME
    there = _text(path) if path.is_file() else ""
    parse_manifest(_bytes(there))
    missing, kept = missing_tables(there, found.manifest)
    return tables_text(missing), kept


def write(folder: Path, text: str) -> None:
    """Add tables to the end of ship.toml, which is made where there is none.

    Raises:
        BuildError: a push would refuse the file; nothing was written
    """
    path = folder / FILE_NAME
    there = _text(path) if path.is_file() else ""
    whole = f"{there.rstrip()}\n\n{text}" if there.strip() else text
    data = _bytes(whole)
    parse_manifest(data)
    files.write_atomically(path, data, mode=0o644)
