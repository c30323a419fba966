"""Fixtures of the runtime's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.runtime_site import ASGI, Site
from tests.ports import free_port

KINDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "sync": ([], {}),
    "gthread": (["--threads=4"], {}),
    "gevent": (["--worker-class=gevent"], {}),
    "asgi": (["--worker-class=asgi"], {"app.py": ASGI}),
    "uvicorn": (["--worker-class=uvicorn.workers.UvicornWorker"], {"app.py": ASGI}),
}
"""Arguments and files of an app for each kind of worker."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "blog", free_port())
    yield made
    made.close()
