"""Routing settings as people give them: typed, in ship.toml, and in app.toml."""

import msgspec
import pytest

from receiver.model import routing
from receiver.model.errors import BuildError, UsageError
from receiver.model.manifest import parse_manifest
from receiver.model.routing import NAMES, Place, Routing, parse_place, parse_words
from receiver.model.settings import App


def test_typed_words_are_read_by_the_type_of_each_setting() -> None:
    typed = "gzip=off buffering=on max_body_mb=5 hsts=0 headers.X-Own=a=b headers.X-None="
    assert parse_words(tuple(typed.split())) == {
        "gzip": False,
        "buffering": True,
        "max_body_mb": 5,
        "hsts": 0,
        "headers": {"X-Own": "a=b", "X-None": ""},
    }


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("gzip", "write NAME=VALUE"),
        ("gzp=off", "Did you mean gzip?"),
        ("gzip=perhaps", "Invalid value 'perhaps' for gzip"),
        ("gzip.fast=1", "gzip is not a table"),
        ("max_body_mb=0", "It has to be 1 or more."),
        ("hsts=-1", "It has to be 0 or more."),
        ("allow=10.0.0.0/33", "does not appear to be an IPv4 or IPv6 network"),
        ("deny=1.2.3.4,all", "does not appear to be an IPv4 or IPv6 network"),
        ("deny=1.2.3.4;allow all", "does not appear to be an IPv4 or IPv6 network"),
        ("redirects.old=/new", "does not have the form"),
        ("redirects./a b=/new", "does not have the form"),
        ("redirects./old=/a b", "does not have the form"),
        ("redirects./old=//evil.org", "does not have the form"),
        ("redirects./old=/\\evil.org", "does not have the form"),
        ("redirects./old=javascript:alert(1)", "does not have the form"),
        ("redirects./old=/$host", "does not have the form"),
        ("redirects./old=/a;return 200", "does not have the form"),
        ('redirects./old="/a"', "does not have the form"),
        ("redirects./old=/old", "/old would redirect to itself"),
        ("redirects./.well-known/acme-challenge/a=/b", "are reserved"),
        ("cache./.ship-maintenance=1", "are reserved"),
        ("cache./a{=1", "does not have the form"),
        ("cache./a=4000", "It has to be 3600 or less."),
        ("cache./a=x", "a whole number"),
        ("www=both", "It cannot be 'both'."),
        ("allow=fe80::1%x;y", "names a zone of this machine"),
        ("headers.X-Own=a\n", "does not have the form"),
        ("headers.X-Own\n=a", "does not have the form"),
        ("redirects./old=/new\n", "does not have the form"),
        ("redirects./old\n=/new", "does not have the form"),
        ("headers=DENY", "headers is a table: name an entry."),
        ("headers.=DENY", "headers is a table: name an entry."),
        ("headers.X Own=1", "Invalid value '1'"),
        ("headers.Set-Cookie=a", "The header Set-Cookie cannot be set here"),
        ("headers.strict-transport-security=a", "set it by `hsts`"),
        ("headers.X-Accel-Redirect=/x", "controls nginx"),
        ("headers.X-Own=a\nb", "does not have the form"),
        ("headers.X-Own=$host", "does not have the form"),
        ("headers.X-Own=ü", "does not have the form"),
        ("headers.X-Own=" + "a" * 2001, "does not have the form"),
    ],
)
def test_what_cannot_be_set_is_refused_with_its_reason(word: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_words((word,))
    assert refused.value.reason == "usage/bad-nginx-setting"
    assert told in f"{refused.value.title} {refused.value.detail}"


def test_a_place_is_a_setting_or_an_entry_of_one() -> None:
    assert parse_place("gzip") == Place("gzip")
    assert parse_place("headers.X-A.b") == Place("headers", "X-A.b")
    assert str(parse_place("headers.X-A")) == "headers.X-A"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[nginx]\ngzp = true", "Line 2: There is no setting `nginx.gzp`."),
        ("[nginx]\ngzip = 'off'", "Line 2: `nginx.gzip`: It has to be true or false"),
        ("[nginx]\nmax_body_mb = 5000", "It has to be 1000 or less."),
        ("[nginx.headers]\nX-Own = '''a\nb'''", "does not have the form"),
        ("[nginx.headers]\nServer = 'x'", "The header Server cannot be set here"),
    ],
)
def test_a_mistake_in_ship_toml_is_named(text: str, told: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_manifest(text.encode())
    assert refused.value.reason == "build/manifest-invalid"
    assert told in refused.value.detail


def test_app_toml_is_held_to_the_same() -> None:
    with pytest.raises(msgspec.ValidationError, match="gzp"):
        msgspec.convert({"port": 1, "port_a": 2, "port_b": 3, "nginx": {"gzp": True}}, App)


def test_each_setting_has_a_sentence() -> None:
    for name in NAMES:
        assert routing.meaning(name).endswith(".")


def test_the_report_says_where_each_value_comes_from() -> None:
    code = Routing(
        gzip=False, max_body_mb=5, headers={"X-A": "1", "X-B": "2"}, redirects={"/old": "/new"}
    )
    own = {"max_body_mb": 9, "headers": {"X-B": "3"}}
    found = {it.name: (it.value, it.source) for it in routing.report(code, own)}
    assert found == {
        "max_body_mb": (9, "nginx:set"),
        "read_timeout_s": (60, "default"),
        "buffering": (True, "default"),
        "gzip": (False, "ship.toml"),
        "hsts": (0, "default"),
        "headers.X-A": ("1", "ship.toml"),
        "headers.X-B": ("3", "nginx:set"),
        "allow": ((), "default"),
        "deny": ((), "default"),
        "rate": (0, "default"),
        "burst": (20, "default"),
        "redirects./old": ("/new", "ship.toml"),
        "cache": ({}, "default"),
        "static_cache": (0, "default"),
        "www": ("", "default"),
    }


def test_settings_are_taken_back_whole_or_an_entry_at_a_time() -> None:
    own = {"gzip": False, "headers": {"X-A": "1", "X-B": "2"}}
    assert routing.without(own, (Place("headers", "X-A"),)) == {
        "gzip": False,
        "headers": {"X-B": "2"},
    }
    assert routing.without(own, (Place("headers"), Place("gzip"))) == {}
    assert routing.without({"headers": {"X-A": "1"}}, (Place("headers", "X-A"),)) == {}


def test_a_release_keeps_of_its_code_only_what_that_says() -> None:
    assert msgspec.json.encode(Routing()) == b"{}"
    assert msgspec.json.encode(Routing(gzip=False)) == b'{"gzip":false}'


@pytest.mark.parametrize(
    ("www", "sent_on"),
    [
        ("", {}),
        ("add", {"shop.org": "www.shop.org"}),
        ("remove", {"www.shop.org": "shop.org", "www.blog.example.com": "blog.example.com"}),
    ],
)
def test_of_two_names_one_sends_on_and_never_the_one_that_ship_asks_by(
    www: str, sent_on: dict[str, str]
) -> None:
    names = ("blog.example.com", "www.shop.org", "shop.org", "alone.org", "www.blog.example.com")
    routing = msgspec.convert({"www": www}, Routing)
    assert routing.sent_on(names) == sent_on
