"""What each HTTP failure becomes, without a network; `test_wire.py` has the sockets."""

import inspect
import logging
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpcore
import httpx
import pytest
import respx

from storelink.connectors.failure import translate
from storelink.connectors.http import Answer, HttpClient, Signed
from storelink.connectors.protocol import Limits, Traffic
from storelink.connectors.retry import Retry
from storelink.connectors.status import TABLE, meaning
from storelink.errors import (
    AuthFailed,
    Misconfigured,
    Rejected,
    Retryable,
    StorelinkError,
    TooLarge,
)

URL = "https://shop.example/sub"
KIND = {
    "again": Retryable,
    "less": TooLarge,
    "credentials": AuthFailed,
    "refused": Rejected,
    "setup": Misconfigured,
}


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def web() -> Iterator[respx.MockRouter]:
    with respx.mock(using="httpcore", assert_all_called=False) as router:
        yield router


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits: list[float]) -> Iterator[HttpClient]:
    made = HttpClient(URL, Limits(), clock, Traffic(), sleep=waits.append, retry=Retry(attempts=3))
    yield made
    made.close()


def get(client: HttpClient, path: str = "x") -> Answer:
    return client.get(path, {"page": 1}, parse=lambda answer: answer)


# -- statuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row.status))
def test_every_row_of_the_table(row, web: respx.MockRouter, client: HttpClient, waits: list[float]) -> None:
    route = web.get(url__startswith=URL).respond(row.status, html="<b>no</b>")
    with pytest.raises(KIND[row.then]) as caught:
        get(client)
    assert type(caught.value) is KIND[row.then]
    assert f"{URL}/x answered {row.status}: {row.why}" in str(caught.value)
    assert route.call_count == (3 if row.then == "again" else 1)


def test_the_table_names_no_status_twice() -> None:
    assert len({row.status for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    ("status", "then"),
    [(305, "setup"), (460, "refused"), (499, "again"), (520, "again"), (599, "again"), (999, "again")],
)
def test_unheard_of_statuses(status: int, then: str) -> None:
    assert meaning(status).then == then


def test_every_status_has_a_meaning() -> None:
    assert {meaning(status).then for status in range(300, 1000)} == set(KIND)


def test_status_and_hint_go_up_with_the_error(web: respx.MockRouter, client: HttpClient) -> None:
    web.get(url__startswith=URL).respond(503, headers={"Retry-After": "600"})
    with pytest.raises(Retryable) as caught:
        get(client)
    assert (caught.value.status, caught.value.after) == (503, 600.0)


def test_a_wait_that_the_store_asks_for_is_made_and_counted(
    web: respx.MockRouter, waits: list[float]
) -> None:
    traffic = Traffic()
    client = HttpClient(URL, Limits(), clock, traffic, sleep=waits.append)
    web.get(url__startswith=URL).mock(
        side_effect=[
            httpx.Response(429, headers={"Retry-After": "7"}),
            httpx.Response(500),
            httpx.Response(200, content=b"[]"),
        ]
    )
    assert get(client).body == b"[]"
    assert waits[0] == 7.0
    assert traffic.throttled_seconds == 7.0  # the wait after the 500 was our own idea
    assert (traffic.requests, traffic.bytes) == (3, 2)
    client.close()


def test_a_long_wait_is_left_to_the_caller(
    web: respx.MockRouter, client: HttpClient, waits: list[float]
) -> None:
    route = web.get(url__startswith=URL).respond(503, headers={"Retry-After": "600"})
    with pytest.raises(Retryable):
        get(client)
    assert (route.call_count, waits) == (1, [])


def test_retries_come_from_the_limits(web: respx.MockRouter, waits: list[float]) -> None:
    client = HttpClient(URL, Limits(retries=0), clock, Traffic(), sleep=waits.append)
    route = web.get(url__startswith=URL).respond(500)
    with pytest.raises(Retryable):
        get(client)
    assert route.call_count == 1
    client.close()


def test_only_reads_are_repeated(web: respx.MockRouter, client: HttpClient) -> None:
    route = web.put(url__startswith=URL).respond(500)
    with pytest.raises(Retryable):
        client.send("PUT", "orders/0", {}, b"{}")
    assert route.call_count == 1
    assert route.calls[0].request.content == b"{}"
    assert route.calls[0].request.headers["content-type"] == "application/json"


def test_what_parse_finds_wrong_is_tried_again(
    web: respx.MockRouter, client: HttpClient, waits: list[float]
) -> None:
    web.get(url__startswith=URL).mock(
        side_effect=[httpx.Response(200, content=b"[1,"), httpx.Response(200, content=b"[1]")]
    )

    def parse(answer: Answer) -> bytes:
        if not answer.body.endswith(b"]"):
            raise Retryable("cut")
        return answer.body

    assert client.get("x", parse=parse) == b"[1]"
    assert len(waits) == 1


# -- redirects -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://www.shop.example/sub/x?page=1", "register https://www.shop.example/sub instead"),
        ("https://www.shop.example/store/x/", "register https://www.shop.example/store instead"),
        ("http://shop.example/sub/x", "register http://shop.example/sub instead"),
        ("https://shop.example:8443/sub/x", "register https://shop.example:8443/sub instead"),
        ("https://shop.example.evil/sub/x", "register https://shop.example.evil/sub instead"),
        ("//evil.example/y", "register https://evil.example instead"),
        ("https://ck_1:cs_2@other.example/", "register https://other.example instead"),
        ("/store/x", "register https://shop.example/store instead"),
        ("/sub/x/", "sends us to https://shop.example/sub/x/; storelink follows no redirects"),
        ("https://shop.example", "sends us to https://shop.example; storelink follows no"),
    ],
)
def test_redirects_are_not_followed(
    location: str, words: str, web: respx.MockRouter, client: HttpClient
) -> None:
    route = web.get(url__startswith=URL).respond(301, headers={"Location": location})
    with pytest.raises(Misconfigured) as caught:
        get(client)
    assert words in str(caught.value)
    assert "page=1" not in str(caught.value)
    assert "cs_2" not in str(caught.value)
    assert route.call_count == 1


@pytest.mark.parametrize("location", ["http://[", "", "\udcff".encode("utf-8", "replace").decode()])
def test_a_redirect_to_nowhere(location: str, web: respx.MockRouter, client: HttpClient) -> None:
    web.get(url__startswith=URL).respond(302, headers={"Location": location})
    with pytest.raises(Misconfigured):
        get(client)


# -- no answer -------------------------------------------------------------------------------------

FAILURES = sorted(
    (kind for _, kind in inspect.getmembers(httpcore, inspect.isclass) if issubclass(kind, Exception)),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", FAILURES, ids=lambda kind: kind.__name__)
def test_every_failure_of_the_layer_below_becomes_ours(
    kind: type[Exception], web: respx.MockRouter, client: HttpClient
) -> None:
    web.get(url__startswith=URL).mock(side_effect=kind("below"))
    with pytest.raises(StorelinkError) as caught:
        get(client)
    lasting = (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol)
    assert isinstance(caught.value, Misconfigured if kind in lasting else Retryable)
    assert caught.value.code
    assert "shop.example" in str(caught.value)


def test_the_layer_below_has_the_failures_of_httpx() -> None:
    """httpcore is the lower half of httpx: what httpx maps from it is what can happen."""
    names = {kind.__name__ for kind in FAILURES}
    transport = {
        name
        for name, kind in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(kind, httpx.TransportError)
    }
    assert transport - names == {"TransportError", "CloseError", "DecodingError"} & transport


def raised_from(outer: Exception, inner: Exception) -> Exception:
    try:
        raise outer from inner
    except Exception as error:
        return error


@pytest.mark.parametrize(
    ("cause", "code", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns", "no such host"),
        (ConnectionRefusedError(111, "refused"), "unreachable", "nothing accepts"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "tls", "no encrypted connection"),
        (ssl.SSLCertVerificationError(1, "certificate has expired"), "tls", "certificate"),
    ],
)
def test_why_no_connection_was_made(cause: Exception, code: str, words: str) -> None:
    error = translate(raised_from(httpcore.ConnectError("below"), cause), f"{URL}/x")
    assert isinstance(error, Retryable)
    assert error.code == code
    assert words in str(error)


def test_a_failure_is_not_blamed_on_what_the_caller_was_handling(
    web: respx.MockRouter, client: HttpClient
) -> None:
    web.get(url__startswith=URL).mock(side_effect=httpcore.ReadTimeout("below"))
    try:
        raise ssl.SSLError(1, "of somebody else")
    except ssl.SSLError:
        with pytest.raises(Retryable) as caught:
            get(client)
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    "url", ["", "shop", "ftp://shop.example", "http://", "http://:80", "http://a b", "http://x:99999"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(Misconfigured):
        HttpClient(url, Limits(), clock, Traffic())


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "shop..example"])
def test_a_host_that_no_resolver_takes(host: str) -> None:
    client = HttpClient(f"http://{host}", Limits(retries=0), clock, Traffic())
    with pytest.raises(StorelinkError):
        get(client)
    client.close()


# -- what is sent, and what is kept of the answer --------------------------------------------------


def test_what_every_request_says(web: respx.MockRouter, client: HttpClient) -> None:
    route = web.get(url__startswith=URL).respond(200)
    client.get("orders/ä b/%", {"q": "a,b c&d/é"}, parse=lambda answer: answer)
    request = route.calls[0].request
    assert request.headers["user-agent"].startswith("storelink/")
    assert request.headers["host"] == "shop.example"
    assert request.headers["accept"] == "application/json"
    assert b"/sub/orders/%C3%A4%20b/%25?q=a%2Cb%20c%26d%2F%C3%A9" in request.url.raw_path


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://shop.example:80", "shop.example"),
        ("http://shop.example:8080", "shop.example:8080"),
        ("https://shop.example:80", "shop.example:80"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_host_header(url: str, host: str, web: respx.MockRouter) -> None:
    route = web.get().respond(200)
    client = HttpClient(url, Limits(), clock, Traffic())
    get(client)
    assert route.calls[0].request.headers["host"] == host
    client.close()


def test_every_attempt_is_signed_anew(web: respx.MockRouter, waits: list[float]) -> None:
    signed: list[tuple[str, str]] = []

    def sign(method: str, url: str, params: object) -> Signed:
        signed.append((method, url))
        return Signed(f"n={len(signed)}", ((b"X-Try", b"%d" % len(signed)),))

    client = HttpClient(URL, Limits(), clock, Traffic(), sign=sign, sleep=waits.append)
    route = web.get(url__startswith=URL).mock(
        side_effect=[httpx.Response(500), httpx.Response(200), httpx.Response(200)]
    )
    get(client)
    assert [call.request.url.query for call in route.calls] == [b"n=1", b"n=2"]
    assert [call.request.headers["x-try"] for call in route.calls] == ["1", "2"]
    assert signed == [("GET", f"{URL}/x")] * 2
    client.get("x", parse=lambda answer: answer, signed=False)
    assert len(signed) == 2
    assert "x-try" not in route.calls[2].request.headers
    client.close()


def test_store_time_is_the_stores_clock_as_the_request_left(web: respx.MockRouter) -> None:
    ticks = iter(range(100))
    start = datetime(2026, 11, 21, tzinfo=UTC)
    client = HttpClient(URL, Limits(), lambda: start + timedelta(seconds=next(ticks)), Traffic())
    web.get(url__startswith=URL).respond(200, headers={"Date": "Fri, 20 Nov 2026 10:00:00 GMT"})
    read = get(client).read
    assert (read.started, read.finished) == (start, start + timedelta(seconds=1))
    date = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert read.store_time is not None
    assert date - timedelta(seconds=5) < read.store_time < date
    web.get(url__startswith=URL).respond(200, headers={"Date": "junk"})
    assert get(client).read.store_time is None
    client.close()


def test_the_platform_reads_its_own_errors_first(web: respx.MockRouter) -> None:
    def explain(answer: Answer) -> StorelinkError | None:
        return Rejected("its own words") if answer.status == 500 else None

    client = HttpClient(URL, Limits(), clock, Traffic(), explain=explain)
    web.get(url__startswith=URL).mock(side_effect=[httpx.Response(500), httpx.Response(401)])
    with pytest.raises(Rejected, match="its own words"):
        get(client)
    with pytest.raises(AuthFailed):
        get(client)
    client.close()


def test_cookies_are_not_kept(web: respx.MockRouter, client: HttpClient) -> None:
    route = web.get(url__startswith=URL).respond(200, headers={"Set-Cookie": "a=b"})
    get(client)
    get(client)
    assert "cookie" not in route.calls[1].request.headers


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with respx.mock(using="httpcore") as web:
        web.get("http://shop.example/x?page=1").respond(200)
        client = HttpClient("http://shop.example", Limits(), clock, Traffic())
        assert get(client).status == 200
        client.close()


def test_nothing_is_logged_of_a_query(
    web: respx.MockRouter, client: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        web.get(url__startswith=URL).mock(side_effect=httpcore.ReadError("x"))
        with pytest.raises(Retryable):
            client.get("x", {"consumer_secret": "cs_hush"}, parse=lambda answer: answer)
    assert "cs_hush" not in caplog.text
