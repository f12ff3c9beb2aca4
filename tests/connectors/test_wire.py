"""Answers that drip, break off, are packed or are too long, over real sockets."""

import gzip
import itertools
import logging
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from ports import free_port

from storelink.connectors.http import Answer, HttpClient, Signed
from storelink.connectors.protocol import Limits, Traffic
from storelink.connectors.wire import BodyTooLarge, body_of
from storelink.errors import Misconfigured, Retryable, TooLarge

MIB = 1024 * 1024


@pytest.fixture
def connect() -> Iterator[Callable[..., HttpClient]]:
    made: list[HttpClient] = []

    def connect(url: str, *, tls: ssl.SSLContext | None = None, **limits: float) -> HttpClient:
        limits.setdefault("retries", 0)
        client = HttpClient(
            url,
            Limits(**limits),  # type: ignore[arg-type]
            lambda: datetime.now(UTC),
            Traffic(),
            tls=tls,
            sleep=lambda _seconds: None,
        )
        made.append(client)
        return client

    yield connect
    for client in made:
        client.close()


def get(client: HttpClient) -> Answer:
    return client.get("x", parse=lambda answer: answer)


def dripping(parts: bytes, pause: float) -> Iterator[bytes]:
    for at in range(len(parts)):
        yield parts[at : at + 1]
        time.sleep(pause)


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["headers", "body"])
def test_a_dripping_answer_ends(where: str, serve, answer, connect) -> None:
    """A byte every 20 ms never trips a timeout of 0.2 s between bytes; the whole has 5 of those."""
    whole = answer(b" " * 10_000)
    head = whole.index(b"\r\n\r\n") + 4
    quick = 0 if where == "headers" else head
    server = serve(lambda _r: itertools.chain([whole[:quick]], dripping(whole[quick:], 0.02)))
    begun = time.monotonic()
    with pytest.raises(Retryable) as caught:
        get(connect(server.url, timeout=0.2))
    assert caught.value.code == "timeout"
    assert time.monotonic() - begun < 30  # all of it would take minutes


def test_silence_ends(serve, connect) -> None:
    gate = threading.Event()

    def wait(_request: object) -> bytes:
        gate.wait(30)
        return b""

    try:
        with pytest.raises(Retryable) as caught:
            get(connect(serve(wait).url, timeout=0.2))
    finally:
        gate.set()
    assert caught.value.code == "timeout"


def test_the_next_request_has_a_deadline_of_its_own(serve, answer, connect) -> None:
    replies = iter([answer(b"[1]"), answer(b"[2]")])
    client = connect(serve(lambda _r: next(replies)).url, timeout=0.6)
    assert get(client).body == b"[1]"
    time.sleep(3.1)  # longer than the first one's deadline
    assert get(client).body == b"[2]"


# -- length ----------------------------------------------------------------------------------------


def test_a_gigabyte_is_refused_by_its_announcement(serve, answer, connect) -> None:
    sent: list[int] = []

    def flood(_request: object) -> Iterator[bytes]:
        yield answer(b"", Content_Length=str(1024 * MIB))
        for _ in range(1024):
            sent.append(1)
            yield b" " * MIB

    with pytest.raises(TooLarge, match="longer than 64 MiB"):
        get(connect(serve(flood).url))
    assert len(sent) < 64


def test_a_gigabyte_is_refused_as_it_comes(serve, answer, connect) -> None:
    def flood(_request: object) -> Iterator[bytes]:
        yield answer(b"", Content_Length=None, Transfer_Encoding="chunked")
        for _ in range(1024):
            yield b"100000\r\n" + b" " * MIB + b"\r\n"

    client = connect(serve(flood).url, body_limit=8 * MIB)
    with pytest.raises(TooLarge):
        get(client)


def test_five_megabytes_are_taken(serve, answer, connect) -> None:
    body = b"[" + b" " * (5 * MIB) + b"]"
    assert get(connect(serve(answer(body)).url)).body == body


def test_after_a_refused_answer_the_client_goes_on(serve, answer, connect) -> None:
    replies = iter([answer(b" " * 2 * MIB), answer(b"[]")])
    server = serve(lambda _r: next(replies))
    client = connect(server.url, body_limit=MIB)
    with pytest.raises(TooLarge):
        get(client)
    assert get(client).body == b"[]"
    assert server.connections == 2  # the rest of the first body was not read


# -- packed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_packed_answers(encoding: str, pack, serve, answer, connect) -> None:
    body = b"[" + b"1," * 100_000 + b"2]"
    server = serve(answer(pack(body), Content_Encoding=encoding or None))
    assert get(connect(server.url)).body == body
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_a_gzip_bomb_is_counted_unpacked(serve, answer, connect) -> None:
    bomb = gzip.compress(b"\0" * (80 * MIB), 9)
    assert len(bomb) < MIB
    with pytest.raises(TooLarge):
        get(connect(serve(answer(bomb, Content_Encoding="gzip")).url))


def test_a_bomb_is_never_held_whole() -> None:
    bomb = gzip.compress(b"\0" * (30 * MIB), 9)
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            body_of([bomb], encoding="gzip", announced=None, limit=MIB)
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("limit", [9, 10, 11])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_limit_to_the_byte(limit: int, encoding: str) -> None:
    body = b"0123456789"
    chunks = [gzip.compress(body)] if encoding else [body[:4], body[4:]]
    if limit < 10:
        with pytest.raises(BodyTooLarge):
            body_of(chunks, encoding=encoding, announced=None, limit=limit)
    else:
        assert body_of(chunks, encoding=encoding, announced=None, limit=limit)[0] == body


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"[1, 2, 3]")[:-4], "gzip"),
        (b"not gzip at all", "gzip"),
        (b"[]", "br"),
        (b"[]", "zstd"),
    ],
    ids=["cut", "junk", "br", "zstd"],
)
def test_packing_that_cannot_be_undone(body, encoding, serve, answer, connect) -> None:
    with pytest.raises(Retryable) as caught:
        get(connect(serve(answer(body, Content_Encoding=encoding)).url))
    assert caught.value.code == "cut"


# -- broken off ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1,",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2]",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[]",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff" * 100,
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_off(sent: bytes, serve, connect) -> None:
    with pytest.raises(Retryable) as caught:
        get(connect(serve(lambda _r: iter([sent])).url))
    assert caught.value.code == "cut"


def test_cut_once_then_whole(serve, answer, connect) -> None:
    whole = answer(b"[1, 2, 3]")
    replies = iter([iter([whole[:-3]]), whole])
    assert get(connect(serve(lambda _r: next(replies)).url, retries=1)).body == b"[1, 2, 3]"


def test_a_connection_that_the_store_closed_meanwhile(serve, answer, connect) -> None:
    """The server hangs up after each answer without saying so: a fresh connection is made."""
    server = serve(lambda _r: iter([answer(b"[]")]))
    client = connect(server.url, retries=1)
    for _ in range(5):
        assert get(client).body == b"[]"


@pytest.mark.parametrize("https", [False, True])
def test_closing_ends_what_is_under_way(https: bool, serve, server_tls, trusting) -> None:
    asked, gate = threading.Event(), threading.Event()

    def wait(_request: object) -> bytes:
        asked.set()
        gate.wait(30)
        return b""

    server = serve(wait, tls=server_tls if https else None)
    client = HttpClient(server.url, Limits(), lambda: datetime.now(UTC), Traffic(), tls=trusting)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(get, client)
        try:
            assert asked.wait(60)
            client.close()
            with pytest.raises(Retryable):  # without a wait for the store or between tries
                waiting.result(5)
        finally:
            gate.set()


def test_more_threads_than_connections(serve, answer, connect) -> None:
    """Each gets its own answer, nobody's connection is taken away, and the width is kept."""
    inside, most, lock = 0, 0, threading.Lock()

    def echo(request) -> bytes:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.001)
        with lock:
            inside -= 1
        return answer(request.target.encode())

    server = serve(echo)
    client = connect(server.url, width=4)

    def ask(number: int) -> bytes:
        return client.get("x", {"n": number}, parse=lambda answer: answer).body

    with ThreadPoolExecutor(12) as pool:
        bodies = list(pool.map(ask, range(400)))
    assert bodies == [f"/x?n={number}".encode() for number in range(400)]
    assert most == 4
    assert server.connections == 4


# -- reaching it -----------------------------------------------------------------------------------


def test_nobody_listens(connect) -> None:
    port = free_port()
    with pytest.raises(Retryable) as caught:
        get(connect(f"http://127.0.0.1:{port}"))
    assert caught.value.code == "unreachable"


def test_no_such_host(connect) -> None:
    with pytest.raises(Retryable) as caught:
        get(connect("http://no-such-host.invalid"))
    assert caught.value.code == "dns"
    assert "no-such-host.invalid" in str(caught.value)


def test_https(serve, answer, connect, server_tls, trusting) -> None:
    server = serve(answer(b"[]"), tls=server_tls)
    client = connect(server.url, tls=trusting)
    assert client.encrypted
    assert get(client).body == b"[]"
    assert get(client).body == b"[]"
    assert server.connections == 1


def test_an_authority_named_by_the_environment(
    serve, answer, connect, server_tls, authority, monkeypatch, tmp_path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert get(connect(serve(answer(b"[]"), tls=server_tls).url)).body == b"[]"


def test_a_certificate_that_nobody_vouches_for(serve, answer, connect, server_tls) -> None:
    with pytest.raises(Retryable) as caught:
        get(connect(serve(answer(b"[]"), tls=server_tls).url))
    assert caught.value.code == "tls"
    assert "certificate is not valid" in str(caught.value)


def test_a_certificate_for_another_host(serve, answer, connect, authority, trusting) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    with pytest.raises(Retryable) as caught:
        get(connect(serve(answer(b"[]"), tls=context).url, tls=trusting))
    assert caught.value.code == "tls"
    assert "localhost" in str(caught.value)


def test_https_asked_of_a_plain_server(serve, answer, connect) -> None:
    server = serve(answer(b"[]"))
    with pytest.raises(Retryable) as caught:
        get(connect(server.url.replace("http:", "https:")))
    assert caught.value.code in ("tls", "unreachable", "cut")


def test_a_slow_handshake_ends(connect) -> None:
    """A server that accepts and then says nothing holds nobody longer than the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Retryable) as caught:
            get(connect(url, timeout=0.3))
    assert caught.value.code == "timeout"


# -- secrets ---------------------------------------------------------------------------------------


def test_a_redirect_shows_no_keys_in_the_log(serve, answer, caplog) -> None:
    target = "/x?consumer_key=ck_hush&consumer_secret=cs_hush&oauth_signature=sig_hush"
    server = serve(answer(b"", 301, "Moved", Location=target))
    client = HttpClient(
        server.url,
        Limits(),
        lambda: datetime.now(UTC),
        Traffic(),
        sign=lambda *_: Signed(target.partition("?")[2], ((b"Authorization", b"Basic a2V5"),)),
    )
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, logger="httpcore"),  # a command run before may have quieted it
        pytest.raises(Misconfigured) as caught,
    ):
        get(client)
    client.close()
    assert "receive_response_headers" in caplog.text  # it was logged, at debug level
    for text in (caplog.text, str(caught.value), repr(caught.value)):
        assert "hush" not in text
        assert "a2V5" not in text
