from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from .store import Store


def get_store(connection: HTTPConnection) -> Store:
    return connection.app.state.store


StoreDep = Annotated[Store, Depends(get_store)]
