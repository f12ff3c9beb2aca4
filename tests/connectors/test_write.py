"""One request that must not be done twice, over real sockets: what is certain of it, and what is not."""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from ports import free_port

from storelink.connectors.http import HttpClient, Signed
from storelink.connectors.protocol import Limits, Traffic
from storelink.errors import Misconfigured, OutcomeUnknown, Retryable

BODY = b'{"amount":"1.00"}'


@pytest.fixture
def connect() -> Iterator[Callable[..., HttpClient]]:
    made: list[HttpClient] = []

    def connect(url: str, *, tls: ssl.SSLContext | None = None, **more: object) -> HttpClient:
        limits = Limits(timeout=5, retries=4)
        client = HttpClient(
            url,
            limits,
            lambda: datetime.now(UTC),
            Traffic(),
            tls=tls,
            sleep=lambda _seconds: None,
            **more,
        )
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close()


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with its first connection what it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(60)
        listener.close()
    assert not thread.is_alive()


def reset(connection: socket.socket) -> None:
    """Close with a reset rather than with an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def unread(connection: socket.socket) -> None:
    """Wait until bytes have arrived and leave them unread: closed sooner, there was no connection."""
    assert select.select([connection], [], [], 10)[0]


def reset_unread(connection: socket.socket) -> None:
    unread(connection)
    reset(connection)


def unsent(client: HttpClient, **more: float) -> Retryable:
    with pytest.raises(Retryable) as caught:
        client.write("POST", "x", None, BODY, **more)
    assert caught.value.code == "unsent"
    assert "nothing was sent" in str(caught.value)
    return caught.value


def unknown(client: HttpClient, **more: float) -> OutcomeUnknown:
    with pytest.raises(OutcomeUnknown) as caught:
        client.write("POST", "x", None, BODY, **more)
    return caught.value


# -- an answer -------------------------------------------------------------------------------------


def test_the_answer_is_handed_back(serve, answer, connect) -> None:
    server = serve(answer(b'{"id":1}', 201, "Created"))
    got = connect(f"{server.url}/shop").write("POST", "x/y", {"a": 1}, BODY, headers=((b"Ex", b"tra"),))
    assert (got.status, got.body) == (201, b'{"id":1}')
    assert got.url == f"{server.url}/shop/x/y"
    asked = server.requests[0]
    assert (asked.method, asked.target, asked.body) == ("POST", "/shop/x/y?a=1", BODY)
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["ex"] == "tra"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 429, 500, 502, 503])
def test_no_status_is_an_error_here_or_tried_again(status: int, serve, answer, connect) -> None:
    server = serve(lambda _r: answer(b"<b>no</b>", status, "No", Location="/elsewhere", Retry_After="1"))
    assert connect(server.url).write("POST", "x", None, BODY).status == status
    assert len(server.requests) == 1


def test_each_has_a_connection_of_its_own(serve, answer, connect) -> None:
    server = serve(answer(b"{}"))
    client = connect(server.url)
    client.get("x", parse=lambda got: got)  # leaves an idle one, which the store may be closing
    for _ in range(2):
        client.write("POST", "x", None, BODY)
    assert server.connections == 3


def test_each_is_signed_anew(serve, answer, connect) -> None:
    server = serve(answer(b"{}"))
    asked: list[tuple[str, str]] = []

    def sign(method: str, url: str, _params: object) -> Signed:
        asked.append((method, url))
        return Signed(f"n={len(asked)}", ((b"Authorization", b"Basic x"),))

    client = connect(server.url, sign=sign)
    client.write("POST", "x", None, BODY)
    client.write("PUT", "x", None, BODY)
    assert asked == [("POST", f"{server.url}/x"), ("PUT", f"{server.url}/x")]
    assert [one.target for one in server.requests] == ["/x?n=1", "/x?n=2"]
    assert server.requests[1].headers["authorization"] == "Basic x"


def test_an_answer_before_the_request_was_read_counts(answer, connect) -> None:
    """A server that has had enough answers, and closes on what still comes."""

    def early(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(answer(b'{"code":"large"}', 413, "Too large", Connection="close"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with listening(early) as url:
        got = connect(url).write("POST", "x", None, b" " * 8_000_000)
    assert (got.status, got.body) == (413, b'{"code":"large"}')


# -- certainly not sent ----------------------------------------------------------------------------


def test_refused(connect) -> None:
    port = free_port()
    assert "accepts" in str(unsent(connect(f"http://127.0.0.1:{port}")))


def test_no_such_host(connect) -> None:
    assert "DNS" in str(unsent(connect("http://nowhere.invalid")))


def test_no_connection_in_time(connect) -> None:
    """A full backlog: the kernel takes no further connection, and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        place = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(place)
        assert "in time" in str(unsent(connect(f"http://127.0.0.1:{place[1]}"), timeout=0.3))
        for one in waiting:
            one.close()


def test_a_certificate_nobody_trusts(serve, answer, server_tls, connect) -> None:
    server = serve(answer(b"{}"), tls=server_tls)
    assert "certificate" in str(unsent(connect(server.url)))
    assert server.requests == []


def test_no_tls_there(connect) -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(1)

    with listening(hang_up) as url:
        unsent(connect(url.replace("http:", "https:")))


def test_a_handshake_that_stalls(connect) -> None:
    gate = threading.Event()
    with listening(lambda connection: (connection.recv(1), gate.wait(60))) as url:
        unsent(connect(url.replace("http:", "https:")), timeout=0.3)
        gate.set()


def test_a_closed_client(serve, answer, connect) -> None:
    server = serve(answer(b"{}"))
    client = connect(server.url)
    client.close()
    with pytest.raises(Retryable) as caught:
        client.write("POST", "x", None, BODY)
    assert caught.value.code == "unsent"
    assert server.connections == 0


def test_a_request_that_cannot_be_worded(serve, answer, connect) -> None:
    server = serve(answer(b"{}"))
    with pytest.raises(Misconfigured) as caught:
        connect(server.url).write("POST", "x", None, BODY, headers=((b"X", b"se\r\ncret"),))
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert server.requests == []


# -- nobody knows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [reset_unread, unread], ids=["reset", "closed"])
def test_cut_before_a_byte_was_read(how, connect) -> None:
    """The request left; that nothing of it was taken in, we cannot know."""
    with listening(how) as url:
        assert "may" in str(unknown(connect(url)))


def test_cut_after_the_request(connect) -> None:
    def read(connection: socket.socket) -> None:
        connection.recv(65536)
        reset(connection)

    with listening(read) as url:
        unknown(connect(url))


def test_cut_while_it_was_sent(connect) -> None:
    def read_some(connection: socket.socket) -> None:
        connection.recv(1)
        reset(connection)

    with listening(read_some) as url, pytest.raises(OutcomeUnknown):
        connect(url).write("POST", "x", None, b" " * 8_000_000)


@pytest.mark.parametrize(
    "much", [10, -20, -1], ids=["in the status line", "after the headers", "in the body"]
)
def test_cut_in_the_answer(much: int, serve, answer, connect) -> None:
    whole = answer(b'{"id":1,"amount":"1"}', 201)
    server = serve(lambda _r: iter([whole[:much]]))
    unknown(connect(server.url))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "said",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 201 Created\r\nContent-Length: x\r\n\r\n{}"],
    ids=["words", "length"],
)
def test_not_http(said: bytes, serve, connect) -> None:
    unknown(connect(serve(lambda _r: iter([said])).url))


def test_an_answer_that_cannot_be_unpacked(serve, answer, connect) -> None:
    server = serve(answer(b"no gzip", 201, Content_Encoding="gzip"))
    assert "cannot be read" in str(unknown(connect(server.url)))


def test_an_answer_too_long(serve, answer, connect) -> None:
    server = serve(lambda _r: iter([answer(b"", 201, Content_Length=str(1 << 40))]))
    assert "too long" in str(unknown(connect(server.url)))


def test_silence(serve, connect) -> None:
    gate = threading.Event()

    def wait(_request: object) -> bytes:
        gate.wait(60)
        return b""

    begun = time.monotonic()
    try:
        assert "in time" in str(unknown(connect(serve(wait).url), timeout=1.0))
    finally:
        gate.set()
    assert time.monotonic() - begun < 30


def test_the_timeout_is_for_the_whole_exchange(serve, answer, connect) -> None:
    gate = threading.Event()

    def drip(_request: object) -> Iterator[bytes]:
        for at, byte in enumerate(answer(b" " * 10_000, 201)):
            yield bytes([byte])
            if gate.wait(0.02 if at else 0):
                return

    begun = time.monotonic()
    unknown(connect(serve(drip).url), timeout=1.0)
    gate.set()
    assert time.monotonic() - begun < 30


def test_closing_the_client_leaves_it_to_its_end(serve, answer, connect) -> None:
    arrived, gate = threading.Event(), threading.Event()

    def wait(_request: object) -> bytes:
        arrived.set()
        gate.wait(60)
        return answer(b'{"id":1}', 201)

    client = connect(serve(wait).url)
    got: list[int] = []
    writing = threading.Thread(target=lambda: got.append(client.write("POST", "x", None, BODY).status))
    writing.start()
    assert arrived.wait(60)
    client.close()
    gate.set()
    writing.join(60)
    assert got == [201]
