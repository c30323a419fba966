"""Our XML-RPC against that of Python, which supervisord uses at its end."""

import xmlrpc.client
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.hosts.supervisord import xml_rpc

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")))
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(-(2**31), 2**31 - 1),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=12,
)


@given(st.lists(TEXTS | st.booleans()))
def test_a_call_is_read_as_it_was_meant(arguments: list[Any]) -> None:
    sent = xml_rpc.call_text("supervisor.startProcess", tuple(arguments))
    assert xmlrpc.client.loads(sent.decode()) == (tuple(arguments), "supervisor.startProcess")


@given(VALUES)
def test_an_answer_is_read_as_it_was_meant(value: Any) -> None:
    sent = xmlrpc.client.dumps((value,), methodresponse=True)
    assert xml_rpc.answer_of(sent.encode()) == value


def test_a_fault_is_raised() -> None:
    sent = xmlrpc.client.dumps(xmlrpc.client.Fault(10, "BAD_NAME: web & <more>"))
    with pytest.raises(xml_rpc.FaultError) as caught:
        xml_rpc.answer_of(sent.encode())
    assert (caught.value.code, caught.value.text) == (10, "BAD_NAME: web & <more>")


def test_a_text_without_a_type_is_a_text() -> None:
    text = b"<methodResponse><params><param><value>a</value></param></params></methodResponse>"
    assert xml_rpc.answer_of(text) == "a"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no answer",
        b"<methodResponse><params></params></methodResponse>",
        b"<methodResponse><params><param><value><int>x</int></value></param></params>",
        b"<methodResponse><fault><value><int>1</int></value></fault></methodResponse>",
        xmlrpc.client.dumps((1.5,), methodresponse=True).encode(),
    ],
)
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - in whichever words
        xml_rpc.answer_of(text)
