"""Which config vars of a clone name it in place of its original, and what is advised when it
does not come up."""

import pytest

from receiver.apps.cloning import advice_for_clone
from receiver.apps.parts.host_names import names_host, with_own_host

OLD, NEW = "blog.example.com", "blog-2.example.com"


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (OLD, NEW),
        (f"localhost,{OLD}, www.example.org", f"localhost,{NEW}, www.example.org"),
        (f"{OLD} {OLD}:8000", f"{NEW} {NEW}:8000"),
        (f"https://{OLD}/x?next=http://{OLD}/", f"https://{NEW}/x?next=http://{NEW}/"),
        (f"['{OLD}']", f"['{NEW}']"),
        (f".{OLD}", f".{NEW}"),
        (f"https://*.{OLD}", f"https://*.{NEW}"),
        ("Blog.Example.com", NEW),
        (f"It is {OLD}.", f"It is {NEW}."),
    ],
)
def test_the_own_host_name_is_replaced(value: str, becomes: str) -> None:
    assert with_own_host({"A": value, "B": "x"}, OLD, NEW) == {"A": becomes}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOSTS", f"my-{OLD}"),
        ("HOSTS", f"my{OLD}"),
        ("HOSTS", f"api.{OLD}"),
        ("HOSTS", f"{OLD}.au"),
        ("HOSTS", f"{OLD}-x"),
        ("HOSTS", "blogXexample.com"),
        ("SENDER", f"Blog <blog@{OLD}>"),
        ("CDN", f"https://cdn.example.net/{OLD}/"),
        ("DATABASE_URL", OLD),
        ("DJANGO_DB_HOST", OLD),
        ("PGHOST", OLD),
        ("S3_BUCKET", OLD),
        ("ANYTHING", f"postgres://{OLD}/d"),
        ("ANYTHING", f"https://u:p@{OLD}/"),
        ("ANYTHING", f"https://{OLD}/hook?token=abc"),
        ("ANYTHING", f"host={OLD} password=x"),
        ("SECRET_KEY", f"x {OLD}"),
        ("API_TOKEN", OLD),
        ("ANYTHING", f'{{"host": "{OLD}"}}'),
        ("ANYTHING", f"-----BEGIN\n{OLD}\n"),
    ],
)
def test_what_is_no_whole_word_or_leads_to_a_service_or_may_be_secret_stays(
    name: str, value: str
) -> None:
    assert with_own_host({name: value}, OLD, NEW) == {}


def test_a_name_that_ends_as_the_originals_does_is_not_the_originals() -> None:
    assert names_host(f"https://{OLD}/", OLD)
    assert names_host(f"api.{OLD}", OLD)
    assert not names_host(f"https://my-{OLD}/", OLD)


def test_the_advice_names_the_way_that_works() -> None:
    advice = "It is a config var: `ship config:set HOSTS=x`, then push again."
    assert advice_for_clone(advice, "blog", "two", " --storage") == (
        "two is taken away. To have it stay: `ship apps:clone blog two --skip-deploy --storage`.\n"
        "It is a config var: `ship config:set -a two HOSTS=x`.\n"
        "Then: `ship releases:retry -a two`."
    )
