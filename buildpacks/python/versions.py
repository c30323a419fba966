"""Version numbers and the ranges of them that Python projects write; release numbers only."""

import re

from receiver.model.patterns import regex

_CLAUSE = regex(r"\s*(===|==|!=|~=|<=|>=|<|>)\s*v?([0-9]+(?:\.[0-9]+)*)(\.\*)?[^,]*")


def numbers(version: str) -> tuple[int, ...]:
    """`3.12.4` as (3, 12, 4); what follows the release numbers (`rc1`, `+cpu`) is left out."""
    match = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def satisfies(version: str, specifier: str) -> bool:
    """Whether `version` lies in a range such as `>=3.11,<4` or `==3.12.*`.

    A clause that is not understood holds: the installer reads it again, and knows every form.
    """
    return all(_holds(numbers(version), clause) for clause in specifier.split(","))


def _holds(version: tuple[int, ...], clause: str) -> bool:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        return True
    operator, wanted, any_rest = match[1], numbers(match[2]), match[3]
    if operator == "~=":
        return _compare(version, wanted) >= 0 and version[: len(wanted) - 1] == wanted[:-1]
    if any_rest:
        return (version[: len(wanted)] == wanted) is (operator != "!=")
    order = _compare(version, wanted)
    return {
        "===": order == 0,
        "==": order == 0,
        "!=": order != 0,
        "<=": order <= 0,
        ">=": order >= 0,
        "<": order < 0,
        ">": order > 0,
    }[operator]


def _compare(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """As for `3.12` and `3.12.0`, which are equal: missing numbers count as zero."""
    length = max(len(left), len(right))
    padded_left = left + (0,) * (length - len(left))
    padded_right = right + (0,) * (length - len(right))
    return (padded_left > padded_right) - (padded_left < padded_right)


def satisfies_constraint(version: str, constraint: str) -> bool:
    """The same for a range as poetry writes it: `^3.11`, `~3.11`, `3.11.*`, `3.11`, `*`, `<3 ||
    >=3.9`.
    """
    return any(
        all(satisfies(version, _standard(clause)) for clause in _clauses(alternative))
        for alternative in constraint.split("||")
    )


def _clauses(alternative: str) -> list[str]:
    return [
        clause for clause in re.split(r"[,\s]+(?=[\^~<>=!*0-9])", alternative.strip()) if clause
    ]


def _standard(clause: str) -> str:
    """One clause of poetry's, as the standard writes it."""
    shape = re.fullmatch(r"(\^|~(?!=)|)\s*v?([0-9]+(?:\.[0-9]+)*)(\.\*)?", clause.strip())
    if shape is None:
        return "" if clause.strip() == "*" else clause
    operator, low = shape[1], numbers(shape[2])
    if not operator:
        return f"=={shape[2]}{shape[3] or ''}"
    kept = _caret_kept(low) if operator == "^" else min(len(low), 2)
    high = (*low[: kept - 1], low[kept - 1] + 1)
    return f">={shape[2]},<{'.'.join(map(str, high))}"


def _caret_kept(low: tuple[int, ...]) -> int:
    """How many numbers `^` leaves as they are: up to the first that is not zero, which may not
    grow.
    """
    first = next((place for place, number in enumerate(low) if number), len(low) - 1)
    return first + 1


def standard(constraint: str) -> str:
    """A range as poetry writes it, as the standard does; of alternatives the last, which is the
    newest.
    """
    clauses = _clauses(constraint.rpartition("||")[2])
    return ",".join(one for one in map(_standard, clauses) if one)
