"""What msgspec says of a value that does not fit its type, in plain words."""

from receiver.model.patterns import regex

_PLACE = regex(r" - at `(?:key in )?\$\.?([^`]*)`")
_GOT = regex(r"Expected `([^`]*)`, got `([^`]*)`")
_BOUND = regex(r"Expected `(?:int|float|int \| float)[^`]*` (>=|<=|>|<) (-?[\d.]+)")
_LENGTH = regex(r"Expected `(\w+)` of length (>=|<=) (\d+)")
_ENUM = regex(r"Invalid enum value (.+)")
_MISSING = regex(r"Object missing required field `([^`]*)`")
_UNKNOWN = regex(r"Object contains unknown field `([^`]*)`")
_KINDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number with a point",
    "int": "a whole number",
    "null": "nothing",
    "object": "a table of names and values",
    "str": "a text in quotes",
}
_BOUNDS = {">=": "{} or more", "<=": "{} or less", ">": "more than {}", "<": "less than {}"}


def in_plain_words(said: str, *, typed: bool = False) -> str:
    """A sentence for msgspec's, without the place; of what was typed as words, and is text."""
    text = _PLACE.sub("", said)
    if found := _GOT.fullmatch(text):
        seen = "" if typed else f", and is {_kinds(found[2])}"
        return f"It has to be {_kinds(found[1])}{seen}."
    if found := _BOUND.fullmatch(text):
        return f"It has to be {_BOUNDS[found[1]].format(found[2])}."
    if found := _LENGTH.fullmatch(text):
        things = "characters" if found[1] == "str" else "entries"
        return f"It has to have {_BOUNDS[found[2]].format(found[3])} {things}."
    if found := _ENUM.fullmatch(text):
        return f"It cannot be {found[1]}."
    if found := _MISSING.fullmatch(text):
        return f"It has no `{found[1]}`."
    if found := _UNKNOWN.fullmatch(text):
        return f"There is no setting `{found[1]}`."
    return "It does not have the form that it has to have." if "regex" in text else f"{text}."


def with_place(said: str) -> str:
    """The same behind the name of what does not fit."""
    place = place_of(said)
    return f"`{place}`: {in_plain_words(said)}" if place else in_plain_words(said)


def place_of(said: str) -> str:
    """The path to what does not fit, such as `check.path`; empty where it is the whole."""
    found = _PLACE.search(said)
    return found[1] if found else ""


def _kinds(names: str) -> str:
    """Such as `a text in quotes or a list`, for `str | array | null`."""
    wanted = [name for name in names.split(" | ") if name != "null"] or ["null"]
    return " or ".join(_KINDS.get(name, f"a {name}") for name in wanted)
