"""The Procfile: which process types an app has, in its own order, each with a command line."""

from collections.abc import Iterator

import msgspec

from receiver.model.encodings import as_utf8, is_utf16
from receiver.model.errors import BuildError, UsageError
from receiver.model.names import parse_process_type
from receiver.model.patterns import regex

_LINE = regex(r"([^:\s]+)[ \t]*:[ \t]*(.*)")
_FORM = "Each line is `type: command`, such as `web: gunicorn app:app`."
_SHOWN_CHARACTERS = 80


def parse_procfile(data: bytes) -> dict[str, str]:
    """Command lines by process type.

    Line ends of Windows and a UTF-8 mark at the start are accepted.

    Raises:
        BuildError: it is empty, or a line cannot be meant; the line is named.
    """
    types: dict[str, str] = {}
    seen_at: dict[str, int] = {}
    for number, text in _lines(_decode(data)):
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        name, command = _Line(number, line).parse()
        if name in types:
            raise _Line(number, line).error(
                f"`{name}` stands in line {seen_at[name]} already.",
                "Keep one line for each process type.",
            )
        types[name], seen_at[name] = command, number
    if not types:
        raise BuildError(
            "The Procfile is empty.",
            detail="It holds no process type.",
            advice=f"{_FORM} Or delete the file, and the web process is looked for in the code.",
            reason="build/procfile-empty",
        )
    return types


def goes_on(data: bytes) -> bool:
    """Whether a line ends with a backslash, as in a shell, and is read as one with the next."""
    return any("\n" in text for _, text in _joined(_decode(data)))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; one that ends with a backslash goes on in the next."""
    for number, line in _joined(text):
        yield number, " ".join(part.strip() for part in line.split("\n"))


def _joined(text: str) -> Iterator[tuple[int, str]]:
    waiting, begun = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun or number
        stripped = line.rstrip()
        if stripped.endswith("\\") and not line.lstrip().startswith("#"):
            waiting += stripped[:-1] + "\n"
            continue
        yield begun, waiting + line
        waiting, begun = "", 0
    if waiting:
        yield begun, waiting


class _Line(msgspec.Struct, frozen=True):
    number: int
    text: str

    def parse(self) -> tuple[str, str]:
        match = _LINE.fullmatch(self.text)
        if match is None:
            raise self.error("There is no process type before a colon.", _FORM)
        if not match[2]:
            raise self.error("There is no command after the colon.", _FORM)
        try:
            return parse_process_type(match[1]), match[2]
        except UsageError as error:
            raise self.error(f"{error.title} {error.detail}", error.advice) from error

    def error(self, detail: str, advice: str) -> BuildError:
        shown = self.text[:_SHOWN_CHARACTERS].encode("unicode_escape").decode()
        return BuildError(
            f"Line {self.number} of the Procfile cannot be read: {shown}",
            detail=detail,
            advice=advice,
            reason="build/procfile-invalid",
        )


def _decode(data: bytes) -> str:
    if is_utf16(data):
        raise _not_utf8(data, "It is in UTF-16, as PowerShell's `>` writes it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seen = f"Byte {error.start} of it, in line {line}, is not UTF-8."
        raise _not_utf8(data, seen) from error


def _not_utf8(data: bytes, detail: str) -> BuildError:
    return BuildError(
        "The Procfile is not a text in UTF-8.",
        detail=detail,
        advice=as_utf8("Procfile", data),
        reason="build/procfile-encoding",
    )
