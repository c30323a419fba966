"""What is known of a release whose process failed."""

import io

from receiver.model.build import Tree
from receiver.runs.pushed import known_of
from tests.unit.trees import archive


def hosts_variable(settings: str) -> str:
    return known_of(Tree(io.BytesIO(archive({"shop/settings.py": settings})))).hosts_variable


def test_the_variable_of_the_host_names_is_found() -> None:
    assert hosts_variable('DEBUG = 1\nALLOWED_HOSTS = env.list("HOSTS")\n') == "HOSTS"
    assert hosts_variable('ALLOWED_HOSTS = os.environ.get("SHOP_HOSTS", "").split()\n') == (
        "SHOP_HOSTS"
    )
    assert hosts_variable('ALLOWED_HOSTS = ["x.test"]\nKEY = env("KEY")\n') == ""


def test_a_line_that_is_made_to_be_slow_is_not() -> None:
    """Root looks through it; half a megabyte of this took half an hour."""
    assert hosts_variable(f"ALLOWED_HOSTS = {'env ' * 125_000}\n") == ""
