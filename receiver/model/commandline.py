"""A command line cut into words, as far as that can be done without a shell."""

import re

import msgspec

from receiver.model.patterns import regex

_PIECE = regex(
    r"""
      '(?P<single>[^'$]*)'
    | "(?P<double>(?:[^"\\`$]|\\["\\]|\$\{?[A-Za-z_])*)"
    | \\(?P<escaped>[^\s$])
    | (?P<bare>(?:[^\s'"\\;&|<>`*?\[\]~\#{}$!]|\$[A-Za-z_]|\$\{[A-Za-z_]\w*(?::?-[\w.:/,-]*)?\})+)
    | (?P<space>[ \t]+)
    """,
    re.VERBOSE,
)
_BRACED = regex(r"\$\{(?![A-Za-z_]\w*(?::?-[\w.:/,-]*)?\})")
_ASSIGNMENT = regex(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_FACTORY_CALL = regex(r"[\w.]+:\w+\([\w., =]*\)")


class Word(msgspec.Struct, frozen=True):
    """One word, quotes taken off; `$NAME` and `${NAME:-default}` still stand in it."""

    text: str
    quoted: bool

    @property
    def refers(self) -> bool:
        """Whether a variable has to be put in before the word means something."""
        return "$" in self.text

    @property
    def assignment(self) -> tuple[str, str] | None:
        """Name and value where the word reads `NAME=value`."""
        found = _ASSIGNMENT.fullmatch(self.text)
        return (found[1], found[2]) if found else None


def split_words(text: str) -> list[Word] | None:
    """The words of a simple command; None where only a shell can tell what is meant."""
    words: list[Word] = []
    position, open_word = 0, False
    text = text.strip()
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            return None
        position = piece.end()
        if piece["space"] is not None:
            open_word = False
            continue
        _extend(words, piece, glue=open_word)
        open_word = True
    return words if all(_is_plain(word) for word in words) else None


def _extend(words: list[Word], piece: re.Match[str], *, glue: bool) -> None:
    quoted = piece["bare"] is None
    if piece["double"] is not None:
        text = re.sub(r"\\([\"\\])", r"\1", piece["double"])
    else:
        text = piece["single"] or piece["escaped"] or piece["bare"] or ""
    before = words.pop() if glue else Word("", quoted=False)
    words.append(Word(before.text + text, before.quoted or quoted))


def _is_plain(word: Word) -> bool:
    if _BRACED.search(word.text):
        return False
    # A shell refuses bare parentheses, but `gunicorn main:create_app()` has one meaning only.
    return word.quoted or not set("()") & set(word.text) or bool(_FACTORY_CALL.fullmatch(word.text))
