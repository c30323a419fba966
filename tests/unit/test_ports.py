"""Ports of tests: no two runs, and no two servers of one run, are given the same."""

import socket
from contextlib import ExitStack, suppress

from tests import ports


def test_a_range_has_one_owner_until_it_is_given_back() -> None:
    first, second = ports.claim_range(), ports.claim_range()
    try:
        assert first.last < second.first or second.last < first.first
        first.give_back()
        again = ports.claim_range()
        assert again.first != second.first
        again.give_back()
    finally:
        second.give_back()


def test_a_port_that_is_listened_on_is_passed_over() -> None:
    port = ports.free_port()
    with ExitStack() as held:
        with suppress(OSError):  # another program listens there already
            held.enter_context(socket.create_server(("127.0.0.1", port + 1)))
        assert ports.free_port() != port + 1
