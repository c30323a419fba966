"""nginx's lines of requests, told in words; what the real nginx writes is asked in
tests/embedded/test_router_lines.py."""

import json
import re

import pytest

from receiver.nginx.router_lines import parse, read, reason

ASKED = {
    "at": "1767225600.123",
    "id": "0f" * 16,
    "from": "192.0.2.7",
    "host": "blog.example.com",
    "request": "GET /a?page=2 HTTP/1.1",
    "status": "200",
    "reason": "",
    "bytes": "512",
    "received": "80",
    "time": "0.012",
    "complete": "OK",
    "body": "",
    "body_limit": "100",
    "app_status": "200",
    "app_connect": "0.001",
    "app_header": "0.010",
    "app_time": "0.011",
    "app_bytes": "700",
    "app_length": "512",
    "app_promised": "512",
    "referer": "",
    "agent": "test",
}
APP_FIELDS = ("app_status", "app_connect", "app_header", "app_time", "app_length", "app_promised")
NOT_PASSED_ON = dict.fromkeys(APP_FIELDS, "")
OLD = (
    b'2026-01-01T00:00:00+00:00 192.0.2.7 blog.example.com "GET / HTTP/1.1" 200 5'
    b' 0.003 upstream=200 upstream_time=0.002 "-" "curl"'
)


def line(**changes: str) -> bytes:
    return json.dumps(ASKED | changes).encode()


def told(**changes: str) -> str:
    parsed = parse(line(**changes))
    assert parsed is not None
    return parsed.text.decode("ascii")


def why(**changes: str) -> str | None:
    request = read(line(**changes))
    assert request is not None
    found = reason(request)
    return found.code if found else None


def test_a_request_that_went_well() -> None:
    parsed = parse(line())
    assert parsed is not None
    assert (parsed.at_us, parsed.source, parsed.process) == (
        1_767_225_600_123_000,
        "router",
        "nginx",
    )
    assert parsed.text.decode() == (
        "GET /a?page=2 200 host=blog.example.com from=192.0.2.7 bytes=512 time=0.012s (app 0.011s)"
        f" id={'0f' * 16}"
    )


def test_one_that_failed_says_why() -> None:
    assert told(status="502", app_status="502", app_connect="-", app_header="-").startswith(
        'GET /a?page=2 502 "the app refused the connection" host='
    )


def test_what_nginx_answers_itself_took_the_app_no_time() -> None:
    assert (
        "app "
        not in told(status="404", reason="not-deployed", **NOT_PASSED_ON).partition("time=")[2]
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"{",
        b"[]",
        b"3",
        b"null",
        b"{}",
        OLD,
        b'{"at":"x","request":"","status":""}',
        (b'{"at":1767225600.123,"request":"GET / HTTP/1.1","status":"200"}'),
        b"\xff\x00\xfe",
        line()[:-20],
    ],
)
def test_what_is_no_line_of_this_format_is_none(text: bytes) -> None:
    assert parse(text) is None


def test_a_line_of_another_ship_with_more_and_with_less_is_read() -> None:
    few = {name: ASKED[name] for name in ("at", "request", "status")}
    assert parse(json.dumps({**few, "new": "value"}).encode()) is not None


@pytest.mark.parametrize(
    "request_line",
    [
        'GET /a"b HTTP/1.1',
        "GET /\x1b[31m HTTP/1.1",
        "GET /\u009b31m HTTP/1.1",
        "GET /a b\nc HTTP/1.1",
        "GET /\u202ereverse HTTP/1.1",
        'GET /" 200 host=forged HTTP/1.1',
        "\x16\x03\x01",
        "",
    ],
)
def test_what_a_visitor_sends_stays_on_its_line_and_in_its_place(request_line: str) -> None:
    text = told(request=request_line, host="a b\x1b", **{"from": "\n"})
    assert re.fullmatch(
        r"(?:[!-~]+ )?(?:[!-~]+ )?200 host=[!-~]+ from=[!-~]+ bytes=512 time=\S+ \(app "
        r"\S+\) id=\w+",
        text,
    )


def test_bytes_that_are_no_text_are_read() -> None:
    assert parse(line().replace(b"/a?page=2", b"/\xff\xfe")) is not None


def test_an_address_without_end_is_cut() -> None:
    assert len(told(request=f"GET /{'a' * 9000} HTTP/1.1")) < 1_300


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/reset?token=abc&page=2", "/reset?token=***&page=2"),
        ("/?page=2&access_token=abc", "/?page=2&access_token=***"),
        ("/?API_KEY=abc", "/?API_KEY=***"),
        ("/?password=a%26b&user[passwd]=c", "/?password=***&user[passwd]=***"),
        ("/token=abc/x?page=2", "/token=abc/x?page=2"),
        ("/?q=secret", "/?q=secret"),
    ],
)
def test_secrets_of_a_query_are_left_out(asked: str, shown: str) -> None:
    assert f"GET {shown} 200 " in told(request=f"GET {asked} HTTP/1.1")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"status": "404", "app_status": "404"}, None),
        ({"status": "500", "app_status": "500"}, "app-answered"),
        ({"status": "503", "app_status": "503"}, "app-answered"),
        ({"app_length": "100"}, "broke-off"),
        ({"request": "HEAD / HTTP/1.1", "app_length": "0"}, None),
        ({"status": "304", "app_length": "0"}, None),
        ({"app_promised": ""}, None),
        ({"status": "499", "complete": "", "app_status": "-", "app_header": "-"}, "visitor-left"),
        ({"complete": ""}, "visitor-left-midway"),
        ({"status": "400", "complete": "", **NOT_PASSED_ON}, "visitor-left-early"),
        ({"status": "400", **NOT_PASSED_ON}, "bad-request"),
        ({"status": "403", **NOT_PASSED_ON}, "not-readable"),
        ({"status": "404", **NOT_PASSED_ON}, "no-such-file"),
        ({"status": "405", **NOT_PASSED_ON}, "method-not-allowed"),
        ({"status": "408", **NOT_PASSED_ON}, "visitor-too-slow"),
        ({"status": "413", "body": "300000000", **NOT_PASSED_ON}, "body-too-large"),
        ({"status": "500", **NOT_PASSED_ON}, "nginx-failed"),
        ({"status": "304", **NOT_PASSED_ON}, None),
        ({"status": "503", "reason": "maintenance", **NOT_PASSED_ON}, "maintenance"),
        ({"status": "503", "reason": "of a later ship", **NOT_PASSED_ON}, "of%20a%20later%20ship"),
    ],
)  # fmt: skip
def test_why_a_request_failed(changes: dict[str, str], code: str | None) -> None:
    assert why(**changes) == code


def test_limits_are_named_with_their_numbers() -> None:
    large = told(status="413", body="314572800", **NOT_PASSED_ON)
    assert '"300.0 MiB is above the limit of 100 MiB of a request\'s body"' in large
    slow = told(status="504", app_status="504", app_header="-", app_time="60.002")
    assert '"the app gave no answer within 60 s"' in slow
