"""Clients that ask a site again and again until their standard input ends, then tell what they got.

A program of its own, so that it measures undisturbed: `python -m bench.clients ADDRESS PORT HOST`.
"""

import http.client
import itertools
import json
import ssl
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

CLIENTS = 8
PAUSE_S = 0.02  # bounded: about 40 requests a second and client
LIMIT_S = 30.0
HTTPS_PORT = 443


@dataclass
class Seen:
    """What all clients got; times are of the clock that only goes forward."""

    answers: Counter[str] = field(default_factory=Counter)
    good_at: list[float] = field(default_factory=list)
    longest_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, answer: str, began: float) -> None:
        now = time.monotonic()
        with self.lock:
            self.answers[answer] += 1
            self.longest_s = max(self.longest_s, now - began)
            if answer == "200":
                self.good_at.append(now)

    def told(self) -> dict[str, object]:
        times = sorted(self.good_at)
        gaps = [after - before for before, after in itertools.pairwise(times)]
        total = sum(self.answers.values())
        return {
            "requests": total,
            "lost": total - self.answers["200"],
            "answers": dict(self.answers),
            "longest_gap_s": round(max(gaps, default=0.0), 3),
            "longest_request_s": round(self.longest_s, 3),
        }


class Https(http.client.HTTPConnection):
    """A connection to an address, by the name of a host; whoever made its certificate."""

    def __init__(self, address: str, port: int, host: str) -> None:
        super().__init__(address, port, timeout=LIMIT_S)
        self._name = host

    def connect(self) -> None:
        super().connect()
        self.sock = _TRUSTING.wrap_socket(self.sock, server_hostname=self._name)


_TRUSTING = ssl.create_default_context()
_TRUSTING.check_hostname, _TRUSTING.verify_mode = False, ssl.CERT_NONE


def ask(address: str, port: int, host: str) -> tuple[str, str]:
    """The status of one GET / on a connection of its own, or the error's name; and the body."""
    connection = (
        Https(address, port, host)
        if port == HTTPS_PORT
        else http.client.HTTPConnection(address, port, timeout=LIMIT_S)
    )
    try:
        connection.request("GET", "/", headers={"Host": host, "Connection": "close"})
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, ""
    else:
        return str(response.status), body
    finally:
        connection.close()


def main() -> None:
    """Ask until standard input ends."""
    address, port, host = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    seen, stop = Seen(), threading.Event()

    def client() -> None:
        while not stop.is_set():
            began = time.monotonic()
            status, _ = ask(address, port, host)
            seen.take(status, began)
            time.sleep(PAUSE_S)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps(seen.told()))


if __name__ == "__main__":
    main()
