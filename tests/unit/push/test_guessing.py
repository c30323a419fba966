"""How those are slowed down who show tokens that are none."""

import threading

from receiver.push.http.guessing import Guessing


class Clock:
    """A time that stands still, and what was waited."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.now_s


def test_each_wrong_token_of_an_address_waits_longer_and_others_do_not() -> None:
    clock = Clock()
    guessing = Guessing(clock.waits.append, clock.now)
    assert all(guessing.slow("203.0.113.7") for _ in range(8))
    assert clock.waits == [0.25, 0.5, 1, 2, 4, 8, 8, 8]
    guessing.slow("203.0.113.8")
    assert clock.waits[-1] == 0.25
    clock.now_s = 601
    guessing.slow("203.0.113.7")
    assert clock.waits[-1] == 0.25, "it is forgotten"


def test_a_network_of_ipv6_is_one_address() -> None:
    clock = Clock()
    guessing = Guessing(clock.waits.append, clock.now)
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "unknown"):
        guessing.slow(address)
    assert clock.waits == [0.25, 0.5, 0.25, 0.25]


def test_only_some_wait_at_the_same_time_and_the_others_are_sent_away() -> None:
    go, entered = threading.Event(), threading.Semaphore(0)

    def wait(_: float) -> None:
        entered.release()
        go.wait(20)

    guessing = Guessing(wait)
    threads = [threading.Thread(target=guessing.slow, args=(f"10.0.0.{it}",)) for it in range(32)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert entered.acquire(timeout=20)
    assert guessing.slow("10.0.1.1") is False
    go.set()
    for thread in threads:
        thread.join(20)
    assert guessing.slow("10.0.1.1") is True
