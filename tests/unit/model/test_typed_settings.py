"""Settings of the server as they are typed."""

import pytest

from receiver.model import typed_settings
from receiver.model.errors import UsageError


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("keep_releases=5", ("keep_releases",), 5),
        ("fetch_pythons=off", ("fetch_pythons",), False),
        ("https_port=8443", ("https_port",), 8443),
        ("trusted_proxies=cloudflare, ::1", ("trusted_proxies",), ["cloudflare", "::1"]),
        ("trusted_proxies=", ("trusted_proxies",), []),
        ("email=", ("email",), ""),
        ("acme_server=https://a.example/x?y=z", ("acme_server",), "https://a.example/x?y=z"),
        ("domain=https://New.Example.com/", ("domain",), "new.example.com"),
        ("domain=localhost", ("domain",), "localhost"),
        ("buildpacks.go=/srv/go", ("buildpacks", "go"), "/srv/go"),
    ],
)  # fmt: skip
def test_a_text_becomes_a_value_of_its_type(
    word: str, key: typed_settings.Key, value: object
) -> None:
    assert typed_settings.parse([word]) == {key: value}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("keep_releases=0", "A number from 1 to 1000."),
        ("fetch_pythons=perhaps", "`true` or `false`."),
        ("apps_memory=lots", "a share of the machine's, or `3G`."),
        ("certificates=sometimes", "`auto`, `off`"),
        ("buildpacks=go", "It is called buildpacks.NAME."),
        ("domain.x=1", "It is called domain."),
        ("kep_releases=1", "Did you mean keep_releases"),
        ("zzz=1", "docs/configuration.md lists the settings"),
        ("domain=nodot", "It has no dot"),
        ("former_domains=a.example,-b.example", "letters, digits and hyphens"),
    ],
)
def test_what_is_no_such_value_is_refused_with_what_would_be(word: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        typed_settings.parse([word])
    assert said in f"{refused.value.detail}\n{refused.value.advice}"


def test_values_are_shown_as_they_would_be_typed() -> None:
    shown = map(typed_settings.shown, (5, True, "x", ["a", "b"], [], "", None))
    assert list(shown) == ["5", "true", "x", "a,b", "(none)", "(none)", "(none)"]
