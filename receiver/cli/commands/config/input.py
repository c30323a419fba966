"""Config vars as they are given: in words, in files, on standard input; read where they are
typed.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from receiver.cli import given_file, show
from receiver.cli.call import Call
from receiver.cli.given_file import STDIN
from receiver.model.errors import NotFoundError, UsageError
from receiver.model.names import is_config_name, parse_config_name

if TYPE_CHECKING:
    from receiver.model.layout import AppPaths

_MOST_BYTES = 4 * 1024 * 1024


class Given(msgspec.Struct):
    """Config vars to set."""

    typed: dict[str, str] = msgspec.field(default_factory=dict)
    """Those whose values stood in the command line."""
    read: dict[str, str] = msgspec.field(default_factory=dict)
    """Those that came from a file or from standard input."""

    @property
    def values(self) -> dict[str, str]:
        return {**self.typed, **self.read}


def gather(call: Call, words: Sequence[str], from_files: Sequence[str] = ()) -> Given:
    """Config vars to set, as `config:set` takes them.

    Raises:
        UsageError: something of it cannot be meant, or nothing is given
    """
    given = Given(dict(_parse_pair(word) for word in words if word != STDIN))
    pairs = [_parse_file_pair(text) for text in from_files]
    if [*words, *(path for _, path in pairs)].count(STDIN) > 1:
        raise UsageError(
            "Standard input can be read once, and more than one config var is to come from it.",
            advice="Give all of them on it as lines NAME=VALUE: `ship config:set - < FILE`.",
            reason="usage/bad-config-pair",
        )
    for name, path in pairs:
        given.read[name] = _value_of(call, name, path)
    if STDIN in words:
        given.read |= read_values(call, STDIN)
    if not given.values:
        raise nothing_given("config:set GREETING=hi")
    return given


def names_to_unset(call: Call, names: Sequence[str]) -> tuple[str, ...]:
    """Config vars to remove, as `config:unset` takes them; they are there."""
    gone = tuple(dict.fromkeys(parse_config_name(name) for name in names))
    if not gone:
        raise nothing_given("config:unset GREETING")
    from receiver.state import config_history, records

    paths = call.server.app(call.app)
    known = {*records.read_config(paths.config), *config_history.pending(paths).unset}
    for name in gone:
        check_is_set(call, name, known)
    return gone


def values_of(call: Call, release: str | None = None) -> dict[str, str]:
    """The config vars as they are stored, by name; or those that a release runs with."""
    from receiver.model.names import parse_release_version
    from receiver.state import records

    version = parse_release_version(release) if release is not None else None
    paths: AppPaths = call.server.app(call.app)
    if version is None:
        return dict(sorted(records.read_config(paths.config).items()))
    records.read_release(paths, version)  # tells which there are, where this one is not
    return dict(sorted(records.read_config(paths.release(version).env).items()))


def check_is_set(call: Call, name: str, known: Sequence[str] | set[str] | dict[str, str]) -> None:
    """Refuse a name that none of the app's config vars has."""
    if name not in known:
        raise NotFoundError(
            f"{call.app} has no config var {name}.",
            detail=f"It has: {', '.join(sorted(known)) or 'none'}.",
            advice=f"Set it with `ship config:set {name}=VALUE -a {call.app}`.",
            reason="not-found/config-var",
        )


def read_values(call: Call, path: str, kind: str | None = None) -> dict[str, str]:
    """The config vars of a .env or JSON text, from a file or from standard input."""
    from receiver.model import config_formats

    source = "standard input" if path == STDIN else path
    return config_formats.read(read_bytes(call, path), source, kind)


def read_bytes(call: Call, path: str) -> bytes:
    """All of a file, or of standard input.

    Raises:
        UsageError: it cannot be read, is not to be read, or is too long
    """
    data = given_file.read(call, path, _MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UsageError(
            f"There is more than {_MOST_BYTES:,} bytes to read, which cannot be config vars.",
            reason="usage/bad-config-value",
        )
    return data


def _value_of(call: Call, name: str, path: str) -> str:
    from receiver.model.config_vars import check_value

    value = read_bytes(call, path).decode("utf-8", "surrogateescape")
    check_value(name, value)
    if value.count("\n") == 1 and value.endswith("\n"):
        show.progress(f" !     The value of {name} ends with a line end, as what was read does.")
    return value


def _parse_pair(text: str) -> tuple[str, str]:
    from receiver.model.config_vars import check_value

    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(
            f"{_shown(text)} is not a config var and its value.",
            advice="Write NAME=VALUE, in quotes if the value has blanks: `ship config:set 'A=b "
            "c'`.",
            reason="usage/bad-config-pair",
        )
    name = parse_config_name(name)
    # bytes as they were typed, whatever encoding this machine believes in
    value = os.fsencode(value).decode("utf-8", "surrogateescape")
    check_value(name, value)
    return name, value


def _shown(text: str) -> str:
    """A word, unless it may be a value that was torn off its name."""
    return text if is_config_name(text) else "One of the words"


def _parse_file_pair(text: str) -> tuple[str, str]:
    name, separator, path = text.partition("=")
    if not separator or not path:
        raise UsageError(
            f"{text!r} is not a config var and a file.",
            advice="Write --from-file NAME=PATH, such as `--from-file CERT=cert.pem`; with `-` for "
            "PATH, the value comes"
            " from standard input.",
            reason="usage/bad-config-pair",
        )
    return parse_config_name(name), path


def nothing_given(example: str) -> UsageError:
    """The error for a command that lacks all of its words."""
    return UsageError(
        "No config var is given.",
        advice=f"For example: `ship {example}`.",
        reason="usage/no-config-var",
    )
