"""Visitors who ask for a page all the time, with a connection of its own for each request."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from tests.vps.ship_server import DOMAIN, Site

CLIENTS = 4
PAUSE_S = 0.02
LIMIT_S = 20.0


class Visitors:
    """Four of them, from outside through nginx, from `with` to its end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._going = True
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(CLIENTS)]
        self.pages: Counter[str] = Counter()
        self.lost: list[str] = []
        self.longest_s = 0.0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._going = False
        for thread in self._threads:
            thread.join()

    def _ask_on(self) -> None:
        while self._going:
            started = time.monotonic()
            try:
                status, text = self._site.server.ask(
                    f"{self._site.app}.{DOMAIN}", timeout_s=LIMIT_S
                )
            except OSError as error:
                self.lost.append(repr(error))
            else:
                self.pages[text] += 1
                if status != 200:
                    self.lost.append(f"{status}: {text[:200]}")
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            time.sleep(PAUSE_S)
