"""Version numbers and the ranges of them that Python projects write; release numbers only."""

import re

_CLAUSE = re.compile(r"\s*(===|==|!=|~=|<=|>=|<|>)\s*v?([0-9]+(?:\.[0-9]+)*)(\.\*)?[^,]*")


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
