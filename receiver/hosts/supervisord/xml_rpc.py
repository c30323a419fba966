"""XML-RPC as supervisord speaks it: the text of a call, and what an answer holds.

Python's own client imports http.client, email and ssl, which takes longer than all else that
`ship ps` does. Of values, supervisord gives and takes texts, whole numbers, truths, lists and
records of them.
"""

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

_ESCAPED = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_OF_TEXT: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int": int,
    "i4": int,
    "boolean": lambda text: bool(int(text)),
}


class FaultError(Exception):
    """The answer that a call failed, with supervisord's own number and words for why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def call_text(method: str, arguments: tuple[str | bool, ...]) -> bytes:
    """What is sent to have a method called."""
    params = "".join(f"<param><value>{_sent(each)}</value></param>" for each in arguments)
    name = method.translate(_ESCAPED)
    return (
        "<?xml version='1.0'?>\n"
        f"<methodCall><methodName>{name}</methodName><params>{params}</params></methodCall>\n"
    ).encode()


def _sent(argument: str | bool) -> str:  # noqa: FBT001 - a value of either kind
    if isinstance(argument, bool):
        return f"<boolean>{argument:d}</boolean>"
    return f"<string>{argument.translate(_ESCAPED)}</string>"


def answer_of(text: bytes) -> Any:
    """The value that a call returned.

    Raises:
        FaultError: it failed
        ValueError: this is no answer
    """
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.CharacterDataHandler = reading.text
    parser.EndElementHandler = reading.end
    try:
        parser.Parse(text, True)
        (value,) = reading.values
        if reading.is_fault:
            raise FaultError(int(value["faultCode"]), str(value["faultString"]))
    except (expat.ExpatError, LookupError, TypeError) as error:
        raise ValueError(str(error)) from error
    return value


class _Reading:
    """Values as they come: those that are complete, innermost last."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.is_fault = False
        self._text = ""
        self._typed = False
        self._begun: list[int] = []
        """How many values there were at the start of each list and record around here."""

    def start(self, tag: str, _attributes: object) -> None:
        self._text = ""
        if tag == "value":
            self._typed = False
        elif tag in {"array", "struct"}:
            self._begun.append(len(self.values))
        elif tag == "fault":
            self.is_fault = True

    def text(self, text: str) -> None:
        self._text += text

    def end(self, tag: str) -> None:
        if tag in _OF_TEXT:
            self._took(_OF_TEXT[tag](self._text))
        elif tag == "array":
            self._took(self._inner())
        elif tag == "struct":
            inner = self._inner()
            self._took(dict(zip(inner[::2], inner[1::2], strict=True)))
        elif tag == "name" or (tag == "value" and not self._typed):
            self._took(self._text)  # a value without a type is a text
        elif tag in {"double", "base64", "dateTime.iso8601", "nil"}:
            raise ValueError(f"a value of the type {tag}")

    def _took(self, value: Any) -> None:
        self.values.append(value)
        self._typed = True
        self._text = ""

    def _inner(self) -> list[Any]:
        begun = self._begun.pop()
        inner = self.values[begun:]
        del self.values[begun:]
        return inner
