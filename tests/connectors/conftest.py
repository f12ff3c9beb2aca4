"""Servers whose every byte a test can choose, and what real stores answered."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from raw_server import Handler, Server, answer

CAPTURES = Path(__file__).parents[1] / "captures" / "woocommerce"


def recorded(name: str) -> bytes:
    """A recorded answer of a real store, as it would come over the wire."""
    raw = (CAPTURES / name).read_bytes()
    if b"\n--- " not in raw:  # recorded by another script: status, perhaps headers, body
        body = raw[raw.rindex(b"\n") + 1 :]
        return answer(body, int(raw.split()[0]), "recorded")
    head, _, body = raw[raw.index(b"\n--- ") + 5 :].partition(b"\n\n")
    status, *lines = head.decode().split("\n")
    headers = {}
    for line in lines:
        field_name, _, value = line.partition(": ")
        headers[field_name] = value
    for hop in ("Transfer-Encoding", "Connection", "Content-Length", "Date"):
        headers.pop(hop, None)
    return answer(body, int(status), "recorded", **headers)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Makes servers; all are closed at the end."""
    servers: list[Server] = []

    def start(handler: Handler | bytes = b"", tls: ssl.SSLContext | None = None) -> Server:
        made = Server(handler if callable(handler) else lambda _request: handler, tls)
        servers.append(made)
        return made

    yield start
    for server in servers:
        server.close()


@pytest.fixture(name="answer")
def _answer() -> Callable[..., bytes]:
    return answer


@pytest.fixture(name="recorded")
def _recorded() -> Callable[[str], bytes]:
    return recorded


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
