"""What the routes of `storelink serve` work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from storelink.config import Settings
from storelink.db import Database
from storelink.secrets.keyring import Keyring


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work with. `running` says whether the clock and the worker of this process run."""

    settings: Settings
    database: Database
    keyring: Keyring
    running: Callable[[], bool]


def services_of(request: Request) -> Services:
    """Those of the application that answers."""
    return cast(Services, request.app.state.services)


def remote_address(request: Request) -> str:
    """Where the request came from; behind a proxy that uvicorn trusts, what it forwards."""
    return request.client.host if request.client else ""


Use = Annotated[Services, Depends(services_of)]
