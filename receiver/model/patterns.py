"""Regular expressions that are compiled when they are first used.

There are hundreds, of which one command or push uses few; to compile one takes about as long as to
import a small module.
"""

import re
from typing import Any, AnyStr, cast


class _Regex:
    """Stands for a compiled expression, and becomes like it with the first use of each method."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(self._text, self._flags), name)
        setattr(self, name, found)
        return found


def regex(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, later; a mistake in it is an error only then. A match tells which
    expression it is of by the `pattern` of its `re`.
    """
    return cast("re.Pattern[AnyStr]", _Regex(text, flags))
