"""What an app's routing settings become in nginx's file."""

import re
from typing import Any

import msgspec
import pytest

from receiver.model.names import AppName
from receiver.model.release import Release
from receiver.model.routing import NAMES, Routing, overlaid
from receiver.model.settings import App, Server
from receiver.nginx.sites import Front, is_current, site_file
from tests.unit.nginx.test_sites import GUNICORN, SETTINGS, VPS, release

APP = AppName("my-blog")
OTHER: dict[str, Any] = {
    "max_body_mb": 777,
    "read_timeout_s": 777,
    "buffering": False,
    "gzip": False,
    "hsts": 777,
    "headers": {"X-Frame-Options": "DENY"},
    "allow": ["203.0.113.7"],
    "deny": ["2001:db8::/32"],
    "rate": 7,
    "burst": 7,
    "redirects": {"/old": "/new"},
    "cache": {"/page": 7},
    "static_cache": 7,
    "www": "remove",
}
"""For each setting a value that is not the default."""
FILES = release(None, site=".")
PROXIED = release(GUNICORN, assets="collected")


def text_of(code: dict[str, Any], of: Release = PROXIED, front: Front = VPS, **own: Any) -> str:
    """An app's file, by what its code says and what `nginx:set` says above it."""
    settings = msgspec.structs.replace(SETTINGS, nginx=own)
    live = msgspec.structs.replace(of, nginx=overlaid(Routing(), code))
    return site_file(front, APP, settings, live, "a").text


def body(text: str) -> str:
    """The file without the line that says what it was made of."""
    return text.partition("\n")[2]


def test_every_setting_has_a_value_to_be_tested_with() -> None:
    assert set(OTHER) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_in_the_file_whoever_says_it(name: str) -> None:
    value, around = {name: OTHER[name]}, {"rate": 5} if name == "burst" else {}
    by_code, by_server = text_of({**around, **value}), text_of(around, **value)
    assert by_code == by_server
    assert body(by_code) != body(text_of(around))
    assert not is_current(by_code, VPS, APP, SETTINGS, PROXIED, "a")


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_is_the_default_leaves_the_file_as_it_is(name: str) -> None:
    default = getattr(Routing(), name)
    assert text_of({}, **{name: default}) == text_of({})


def test_a_line_above_the_tables_of_app_toml_counts_above_the_code_and_below_nginx_set() -> None:
    settings = App(port=1, port_a=2, port_b=3, max_body_mb=5)
    assert settings.routed(Routing(max_body_mb=7)).max_body_mb == 5
    again = msgspec.structs.replace(settings, nginx={"max_body_mb": 100})
    assert again.routed(Routing(max_body_mb=7)).max_body_mb == 100


@pytest.mark.parametrize("of", [PROXIED, FILES], ids=["process", "files"])
def test_headers_are_in_every_location_that_has_some_of_its_own(of: Release) -> None:
    text = text_of({"headers": {"Referrer-Policy": "no-referrer"}, "hsts": 60}, of)
    line = "add_header Referrer-Policy no-referrer always;"
    for block in re.split(r"\n    location ", text):
        if "add_header" in block:
            assert line in block
            assert "add_header Strict-Transport-Security $ship_my_blog__hsts always;" in block


def test_a_header_of_the_app_is_replaced_and_an_empty_one_only_taken_away() -> None:
    text = text_of({"headers": {"x-frame-options": "DENY", "X-Powered-By": ""}})
    assert "proxy_hide_header x-frame-options;" in text
    assert "proxy_hide_header X-Powered-By;" in text
    assert "add_header x-frame-options DENY always;" in text
    assert "add_header X-Powered-By" not in text


def test_nothing_is_sent_twice_where_ship_sends_it_too() -> None:
    text = text_of({"headers": {"x-content-type-options": "nosniff"}}, FILES)
    assert "add_header X-Content-Type-Options" not in text
    again = text_of(
        {"headers": {"X-Frame-Options": "DENY"}}, headers={"x-frame-options": "SAMEORIGIN"}
    )
    assert re.findall(r"(?i)add_header x-frame-options (\w+)", again) == ["SAMEORIGIN"] * len(
        re.findall(r"(?i)add_header x-frame-options", again)
    )


def test_behind_proxies_their_word_tells_whether_it_is_https() -> None:
    front = msgspec.structs.replace(
        VPS, server=Server(domain="example.com", trusted_proxies=("cloudflare",))
    )
    assert "map $ship_my_blog__scheme $ship_my_blog__hsts {" in text_of({"hsts": 1}, front=front)
    assert "map $scheme $ship_my_blog__hsts {" in text_of({"hsts": 1})


@pytest.mark.parametrize(
    "value", ['a"; return 200 "', "a\\", "default-src 'self'; script-src 'none'", "a}{#;", '\\"']
)
def test_a_header_cannot_end_its_line(value: str) -> None:
    text = text_of({"headers": {"X-Own": value}})
    lines = [line for line in text.splitlines() if "add_header X-Own" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r'\s+add_header X-Own "(?:[^"\\]|\\.)*" always;', line)


@pytest.mark.parametrize("of", [PROXIED, FILES], ids=["process", "files"])
def test_closed_files_are_kept_by_nobody_between(of: Release) -> None:
    text = text_of({"allow": ["203.0.113.7"], "static_cache": 60}, of)
    assert 'no-cache "private, max-age=60";' in text
    assert "public" not in re.sub(r"/public/?", "", text)
    assert "add_header Cache-Control $ship_cache_control" not in text


def test_a_redirect_keeps_the_query_unless_it_has_one() -> None:
    moved = {"/a": "/b", "/c": "https://x.org/?d=1", "/e": "/f#g", "/h": "/i(j)", "/k": ""}
    text = text_of({"redirects": moved})
    assert re.findall(r"return 301 (.*);", text) == [
        "/b$is_args$args",
        '"https://x.org/?d=1"',
        '"/f#g"',
        '"/i(j)$is_args$args"',
    ]


def test_a_place_is_written_once_where_several_settings_name_it() -> None:
    cache = {"/": 1, "/static/": 1, "/old": 1, "/b.g/": 2, "/b.g/a/": 3, "/one": 3, "/none": 0}
    text = text_of({"cache": cache, "redirects": {"/old": "/new"}})
    places = re.findall(r"\n    location (.*) \{", text)
    assert len(places) == len(set(places))
    below = ['~ "^/b\\\\.g/a/"', '~ "^/b\\\\.g/"']
    assert [place for place in places if place.startswith("~ ") and "b" in place] == below
    assert {"/", "= /one", "= /old", "^~ /static/"} < set(places)
    assert "= /none" not in places
    assert "inactive=6s" in text


def test_where_a_name_sends_on_depends_on_what_the_other_is_served_by() -> None:
    """`SETTINGS` has the domains www.blog.org and blog.org."""

    def targets(front: Front) -> list[str]:
        text = text_of({"www": "add"}, front=front)
        return re.findall(r"return 30[18] (\S+)\$request_uri;", text)

    assert targets(VPS) == ["$scheme://www.blog.org"] * 2
    odd = msgspec.structs.replace(VPS, server=Server(domain="example.com", http_port=8080))
    assert targets(odd) == ["$scheme://www.blog.org:$server_port"] * 2
    trusting = Server(domain="example.com", trusted_proxies=("cloudflare",))
    behind = msgspec.structs.replace(VPS, server=trusting)
    assert targets(behind) == ["$ship_my_blog__scheme://www.blog.org"] * 2
