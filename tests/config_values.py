"""Config vars of every kind of bytes, and an app that tells its environment: for the hosts'
tests alike."""

import json
import os
from collections.abc import Mapping

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

ECHO = """
import json, os

if "BROKEN" in os.environ:
    raise RuntimeError("BROKEN is set, as is " + os.environ.get("API_KEY", ""))

def app(environ, start_response):
    seen = {name.decode(): value.hex() for name, value in os.environb.items()}
    body = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
"""Answers with all of its environment. It does not start where BROKEN is set."""

_ALL = bytes(range(1, 256))
_AWKWARD = (
    b"",
    b" ",
    b"\n",
    b"\r\n",
    b"  two  words  ",
    b"a\nb\n",
    b"a\r\nb\r",
    b"'",
    b'"',
    b"\\",
    b"\\n",
    b"$HOME ${A} $(id) `id`",
    b"'it''s' \"so\"",
    b"#",
    b"a # b",
    b"=",
    b"a=b",
    b"export A=b",
    b"%s %i %%",
    b"{}",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc3\xa4",
    b"\xc2\x85",
    b"\x1b[31m",
    b"\xef\xbb\xbf",
    _ALL,
    _ALL[::-1] * 20,
    b"x" * 131_000,
)
_VALUES = st.binary(max_size=200).map(lambda raw: raw.replace(b"\0", b"")) | st.text(
    alphabet="'\"\\$`#= \t\r\nab", max_size=30
).map(str.encode)
BATCHES = st.lists(_VALUES, min_size=60, max_size=120).map(
    lambda values: {f"P{at}": value for at, value in enumerate([*_AWKWARD, *values])}
)
"""Many config vars for one release: what is known to be awkward, and what chance brings."""

FEW_BATCHES = settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
"""Each batch is a release of a running app, which takes seconds; none is tried again smaller."""


def as_bytes(values: Mapping[str, str]) -> dict[str, bytes]:
    """Values as ship prints them in JSON, as bytes again."""
    return {name: os.fsencode(value) for name, value in values.items()}


def echoed(body: bytes) -> dict[str, bytes]:
    """What the app said."""
    return {name: bytes.fromhex(value) for name, value in json.loads(body).items()}
