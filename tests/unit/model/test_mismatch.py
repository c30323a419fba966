"""What msgspec says of a value that does not fit, told in plain words; from msgspec's own
messages, which may change."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from receiver.model.mismatch import with_place


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    ratio: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    path: Annotated[str, msgspec.Meta(pattern="^/")] = "/"
    words: Annotated[list[str], msgspec.Meta(min_length=1)] = []
    short: Annotated[str, msgspec.Meta(max_length=3)] = ""
    kind: Literal["a", "b"] = "a"
    several: int | list[int] | None = None


class Outer(msgspec.Struct):
    inner: Inner


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ({"name": 1}, "`inner.name`: It has to be a text in quotes, and is a whole number."),
        ({"name": "x", "size": 0}, "`inner.size`: It has to be 1 or more."),
        ({"name": "x", "size": 10}, "`inner.size`: It has to be 9 or less."),
        (
            {"name": "x", "size": True},
            "`inner.size`: It has to be a whole number, and is true or false.",
        ),
        ({"name": "x", "ratio": 0.0}, "`inner.ratio`: It has to be more than 0.0."),
        (
            {"name": "x", "path": "a"},
            "`inner.path`: It does not have the form that it has to have.",
        ),
        ({"name": "x", "words": []}, "`inner.words`: It has to have 1 or more entries."),
        (
            {"name": "x", "words": ["a", 1]},
            "`inner.words[1]`: It has to be a text in quotes, and is a whole number.",
        ),
        ({"name": "x", "short": "long"}, "`inner.short`: It has to have 3 or less characters."),
        ({"name": "x", "kind": "c"}, "`inner.kind`: It cannot be 'c'."),
        (
            {"name": "x", "several": "c"},
            "`inner.several`: It has to be a whole number or a list, and is a text in quotes.",
        ),
        ({"name": "x", "nmae": 1}, "`inner`: There is no setting `nmae`."),
        ({}, "`inner`: It has no `name`."),
        ([], "`inner`: It has to be a table of names and values, and is a list."),
    ],
)
def test_each_kind_of_mismatch(inner: Any, told: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"inner": inner}, Outer)
    assert with_place(str(refused.value)) == told
