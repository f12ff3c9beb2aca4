"""Servers whose every byte a test can choose, and clients for them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import orjson
import pytest
from raw_server import Handler, Server, answer

from storelink.connectors.protocol import Account, Limits
from storelink.connectors.shopify.client import Client

TOKEN = "shpat_" + "a1" * 16


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Makes servers; all are closed at the end."""
    servers: list[Server] = []

    def start(handler: Handler | bytes = b"") -> Server:
        servers.append(Server(handler if callable(handler) else lambda _request: handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Makes clients; all are closed at the end."""
    made: list[Client] = []

    def connect(
        url: str, retries: int = 0, mode: str = "token", tokens=None, clock=None, **entered
    ) -> Client:
        credentials = entered or {"access_token": TOKEN}
        client = Client(
            Account("shop", url, mode, credentials, tokens=tokens),
            Limits(retries=retries, timeout=10),
            clock or (lambda: datetime.now(UTC)),
            sleep=lambda _seconds: None,
        )
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close()


@pytest.fixture(name="answer")
def _answer() -> Callable[..., bytes]:
    return answer


@pytest.fixture
def said() -> Callable[..., bytes]:
    """A GraphQL answer, as it goes over the wire."""

    def make(data: object = None, errors: object = None, status: int = 200, cost=None, **more) -> bytes:
        headers = {name: more.pop(name) for name in list(more) if name.startswith("X_")}
        requested, actual, available = cost or (10, 10, 1990.0)
        throttle = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": 100.0}
        extensions = {
            "cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": throttle}
        }
        body = {"data": data, "extensions": extensions | more}
        if errors is not None:
            body["errors"] = errors
        return answer(orjson.dumps(body), status, **headers)

    return make
