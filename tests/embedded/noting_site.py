"""An app whose commands note in its storage that they ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import pytest

from receiver.model.names import AppName
from receiver.model.release import Build
from receiver.state import records
from tests.checkout import Checkout, Pushed
from tests.embedded.embedded_server import EmbeddedServer, own_name


@dataclass(frozen=True)
class NotingSite:
    """The app, and the checkout that it is pushed from."""

    server: EmbeddedServer
    app: AppName
    laptop: Checkout

    @classmethod
    def of(cls, server: EmbeddedServer, request: pytest.FixtureRequest) -> Self:
        """One of its own for a test."""
        name = own_name(request)
        return cls(server, server.create(name), server.checkout(name))

    def push_files(self, files: Mapping[str, str]) -> Pushed:
        self.laptop.commit(files)
        return self.laptop.push()

    @property
    def ran(self) -> list[str]:
        """What was noted, a line for each run."""
        return (self.server.paths(self.app).storage / "ran").read_text().splitlines()

    @property
    def config(self) -> dict[str, str]:
        return records.read_config(self.server.paths(self.app).config)

    @property
    def last_build(self) -> Build:
        paths = self.server.paths(self.app)
        build = records.read_build(paths, records.build_numbers(paths)[-1])
        assert build is not None
        return build

    def ask(self, path: str = "/") -> tuple[int, str]:
        return self.server.ask(self.app, path)
