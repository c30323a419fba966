"""What of a pushed tree is read for the words on a failure."""

from receiver.runs import pushed
from tests.unit.trees import tree

_SETTINGS = (
    "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n    a: str\n"
)


def test_no_more_is_read_of_a_tree_than_people_write() -> None:
    large = _SETTINGS.encode() + b"#" * (1024 * 1024)
    many = {f"a/b/c/{number}.py": "" for number in range(pushed._MOST_FILES)}
    assert list(pushed.known_of(tree({"conf.py": _SETTINGS, **many})).settings) == ["Settings"]
    assert not pushed.known_of(tree({"conf.py": large})).settings
    assert not pushed.known_of(tree({**many, "a/b/c/d/conf.py": _SETTINGS})).settings
