"""Config vars as the text of a .env file: read as python-dotenv reads it, but exactly or not at
all; and written.

Read are comments, `export `, 'single quotes' and "double quotes" over several lines, and quoted
parts that stand side by side, as in a shell. Nothing is put in for a `$`. Text is bytes with
surrogate escapes.
"""

import codecs
import re
from collections.abc import Mapping

from receiver.model.errors import ShipError, UsageError
from receiver.model.names import parse_config_name
from receiver.model.patterns import regex

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BETWEEN = regex(r"(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t\r]*(?:#[^\n]*)?")
_NAME = regex(r"(?:export[ \t]+)?([^ \t\r\n=#]+)[ \t]*(=?)")
_BLANKS = regex(r"[ \t]*(?=['\"])")
_PLAIN = regex(r"[^\n]*")
_COMMENT = regex(r"[ \t]+#.*")
_SINGLE = regex(r"'((?:\\['\\]|[^'\\]|\\(?!['\\]))*)'")
_DOUBLE = regex(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_ESCAPED = regex(r"\\(.)")
_END = regex(r"[ \t\r]*(?:[ \t]#[^\n]*)?(?:\n|$)")
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_AS_THEMSELVES = frozenset("\\'\"$`!")
_NEEDS_NO_QUOTES = regex(r"[A-Za-z0-9_./:@%+,=-]*")
_NEEDS_ESCAPES = regex(r"['\\\r]")
_SHELL_PARTS = regex(r"['\\]+|[^'\\]+")


class DotenvError(UsageError):
    """A line that cannot be read. What it holds is not shown, for it may be a secret."""

    default_reason = "usage/bad-env-line"

    def __init__(self, source: str, line: int, detail: str, advice: str) -> None:
        super().__init__(f"Line {line} of {source} cannot be read.", detail=detail, advice=advice)
        self.line = line


def parse_dotenv(data: bytes, source: str = "the .env text") -> dict[str, str]:
    """The variables of a .env file, in its order; where one is given twice, the later counts.

    Args:
        data: the file
        source: what an error calls it

    Raises:
        DotenvError: a line cannot be read
    """
    if data.startswith(_UTF16):
        raise DotenvError(source, 1, "It is in UTF-16.", "Save it as UTF-8.")
    text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    if text.count("\r\n") == text.count("\n"):  # as an editor on Windows ends every line
        text = text.replace("\r\n", "\n")
    reading, found = _Reading(text, source), dict[str, str]()
    while reading.goes_on():
        name = reading.name()
        found[name] = reading.value(name)
    return found


class _Reading:
    """A text, and how far it was read."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._at = 0

    def goes_on(self) -> bool:
        """Whether another variable follows the blanks and comments."""
        self._take(_BETWEEN)
        return self._at < len(self._text)

    def name(self) -> str:
        began = self._at
        found = self._take(_NAME)
        if found is None:
            raise self._error(began, "It does not begin with a name.", "Write NAME=VALUE.")
        try:
            name = parse_config_name(found[1])
        except ShipError as error:
            raise self._error(began, f"{error.title} {error.detail}", error.advice) from error
        if not found[2]:
            raise self._error(began, f"There is no = behind the name {name}.", "Write NAME=VALUE.")
        return name

    def value(self, name: str) -> str:
        self._take(_BLANKS)
        began = self._at
        value = self._quoted(name) if self._next() in {"'", '"'} else self._plain()
        if "\0" in value:
            raise self._error(
                began,
                f"The value of {name} holds a NUL byte, which no environment can.",
                "Encode the value, for example as base64.",
            )
        return value

    def _plain(self) -> str:
        found = self._take(_PLAIN)
        return _COMMENT.sub("", found[0] if found else "").strip(" \t\r")

    def _quoted(self, name: str) -> str:
        parts: list[str] = []
        while (mark := self._next()) in {"'", '"', "\\"}:
            began = self._at
            part = self._take({"'": _SINGLE, '"': _DOUBLE, "\\": _ESCAPED}[mark])
            if part is None and mark == "\\":
                break
            if part is None:
                raise self._error(
                    began,
                    f"The value of {name} has an opening {mark} without a closing one.",
                    "Close it; inside of quotation marks, write the same mark with a \\ before it.",
                )
            parts.append(_unescaped(mark, part[1]))
        if self._take(_END) is None:
            raise self._error(
                self._at,
                f"Something follows the closing quotation mark of {name}.",
                "Put all of the value into the quotation marks, and a comment behind a "
                "blank and #.",
            )
        return "".join(parts)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _error(self, at: int, detail: str, advice: str) -> DotenvError:
        return DotenvError(self._source, self._text.count("\n", 0, at) + 1, detail, advice)


def _unescaped(mark: str, text: str) -> str:
    if mark == "\\":
        return text
    if mark == "'":
        return re.sub(r"\\(['\\])", r"\1", text)
    return re.sub(r"\\(.)", lambda found: _meant(found[1]), text, flags=re.DOTALL)


def _meant(character: str) -> str:
    """What a backslash before a character stands for, between double quotes."""
    if character in _AS_THEMSELVES:
        return character
    return _CONTROL.get(character, f"\\{character}")


def dotenv_text(values: Mapping[str, str]) -> bytes:
    """The same as a .env file: lines that `parse_dotenv` and python-dotenv read."""
    return _lines({name: _quoted_for_dotenv(value) for name, value in values.items()})


def shell_text(values: Mapping[str, str]) -> bytes:
    """The same as lines that a shell reads; `parse_dotenv` finds the same in them."""
    return _lines({name: _quoted_for_shell(value) for name, value in values.items()})


def _lines(quoted: Mapping[str, str]) -> bytes:
    text = "".join(f"{name}={value}\n" for name, value in quoted.items())
    return text.encode("utf-8", "surrogateescape")


def _quoted_for_dotenv(value: str) -> str:
    if _NEEDS_NO_QUOTES.fullmatch(value):
        return value
    if not _NEEDS_ESCAPES.search(value):
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'


def _quoted_for_shell(value: str) -> str:
    """Quotes and backslashes stand between double quotes: shells and .env files agree on them
    there.
    """
    if _NEEDS_NO_QUOTES.fullmatch(value):
        return value or "''"
    parts = _SHELL_PARTS.findall(value)
    return "".join(
        '"' + part.replace("\\", "\\\\") + '"' if part[0] in "'\\" else f"'{part}'"
        for part in parts
    )
