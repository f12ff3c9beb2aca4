"""A name that leads elsewhere when it is asked again: what was looked at is what is connected to."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from raw_server import Server, answer

from storelink.connectors.http import HttpClient
from storelink.connectors.protocol import Limits, Reach, Traffic
from storelink.connectors.reach import check, resolve
from storelink.errors import Misconfigured, Retryable

PUBLIC = "93.184.216.34"
Names = Callable[..., None]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """A resolver that answers `shop.example` otherwise each time; the last answer stays."""

    def answers(*addresses: str) -> None:
        left = list(addresses)
        real = socket.getaddrinfo

        def ask(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "shop.example":
                return real(host, port, *args, **kwargs)
            given = left.pop(0) if len(left) > 1 else left[0]
            return [
                (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
                for one in given.split()
            ]

        monkeypatch.setattr(socket, "getaddrinfo", ask)

    return answers


def client_of(server: Server, reach: Reach, host: str = "shop.example") -> HttpClient:
    limits = Limits(retries=0, timeout=5, reach=reach)
    return HttpClient(f"http://{host}:{server.port}", limits, lambda: datetime.now(UTC), Traffic())


@pytest.mark.parametrize(
    ("leads_to", "reach"),
    [
        ("127.0.0.1", "public"),
        (f"{PUBLIC} 127.0.0.1", "public"),  # one that is not allowed spoils all: which is taken is chance
        ("::ffff:127.0.0.1", "public"),
        ("10.0.0.7", "public"),
        ("169.254.169.254", "public"),
        ("169.254.169.254", "private"),
        ("::ffff:169.254.169.254", "private"),
        ("64:ff9b::a9fe:a9fe", "private"),
        ("0.0.0.0", "private"),
    ],
)
def test_a_name_that_comes_to_lead_inside_is_refused(
    server: Server, names: Names, leads_to: str, reach: Reach
) -> None:
    names(PUBLIC, leads_to)
    for address in resolve("shop.example").values():
        check("shop.example", address, reach)  # as it was when it was entered
    client = client_of(server, reach)
    try:
        with pytest.raises(Misconfigured, match=r"shop\.example") as read:
            client.get("x", parse=lambda answer: answer)
        with pytest.raises(Misconfigured, match=r"shop\.example"):
            client.write("POST", "x", body=b"{}")
        with pytest.raises(Misconfigured), client.stream("/x", "http://shop.example/x"):
            pass
    finally:
        client.close()
    assert read.value.code == "private"
    assert server.connections == 0 and server.requests == []


def test_the_name_is_asked_once_for_a_connection(server: Server, names: Names) -> None:
    names("127.0.0.1", "127.0.0.9")
    client = client_of(server, "private")
    try:
        assert client.get("x", parse=lambda answer: answer).status == 200
    finally:
        client.close()
    assert server.requests[0].headers["host"] == f"shop.example:{server.port}"


def test_an_address_that_does_not_answer_is_passed_over(server: Server, names: Names) -> None:
    names("::1 127.0.0.1")
    client = client_of(server, "private")
    try:
        assert client.get("x", parse=lambda answer: answer).status == 200
    finally:
        client.close()


def test_a_name_without_an_address(server: Server, names: Names) -> None:
    client = client_of(server, "private", "no-such-host.invalid")
    try:
        with pytest.raises(Retryable) as refused:
            client.get("x", parse=lambda answer: answer)
    finally:
        client.close()
    assert refused.value.code == "dns"


def test_who_entered_it_on_the_command_line_may_lead_it_anywhere(server: Server, names: Names) -> None:
    names("127.0.0.1")
    client = client_of(server, "anywhere")
    try:
        assert client.get("x", parse=lambda answer: answer).status == 200
    finally:
        client.close()


def test_a_redirect_leads_nowhere(server: Server, names: Names) -> None:
    names("127.0.0.1")
    server.handler = lambda _: answer(b"", status=302, headers={"Location": "http://169.254.169.254/x"})
    client = client_of(server, "private")
    try:
        with pytest.raises(Misconfigured):
            client.get("x", parse=lambda answer: answer)
    finally:
        client.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize("address", ["2002:7f00:1::", "::7f00:1", "100.64.0.1", "224.0.0.1", "fe80::1"])
def test_what_is_not_the_public_internet(address: str) -> None:
    (meant,) = resolve(address).values()
    with pytest.raises(Misconfigured):
        check("x", meant, "public")
