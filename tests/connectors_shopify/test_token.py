"""Tokens: renewed in time, once on 401, by one at a time; refusals told apart."""

import threading
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from storelink.connectors.shopify.token import MemoryKeeper
from storelink.errors import AuthFailed, Misconfigured, Retryable

APP = {"client_id": "c" * 32, "client_secret": "shpss_" + "d4" * 16}
QUERY = "query Name { shop { name } }"
INVALID = b'{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}'


class Shop:
    """Grants tokens t1, t2, …; takes only those that are not revoked."""

    def __init__(self, answer, said, life: int = 86399) -> None:
        self.answer, self.said, self.life = answer, said, life
        self.asked: list[dict] = []
        self.revoked: set[str] = set()
        self.refusal: bytes | None = None
        self.lock = threading.Lock()

    def __call__(self, request) -> bytes:
        if request.path == "/admin/oauth/access_token":
            with self.lock:
                self.asked.append(orjson.loads(request.body))
                number = len(self.asked)
            if self.refusal is not None:
                return self.refusal
            token = {"access_token": f"t{number}", "scope": "read_orders", "expires_in": self.life}
            if "refresh_token" in self.asked[-1]:
                token |= {"refresh_token": f"r{number}", "refresh_token_expires_in": 7776000}
            return self.answer(orjson.dumps(token))
        if request.headers.get("x-shopify-access-token") in self.revoked:
            return self.answer(INVALID, 401)
        return self.said({"shop": {"name": "x"}})


def pair(clock, seconds: float = 3600, **more: object) -> dict:
    ends = (clock() + timedelta(seconds=seconds)).isoformat()
    return {"access_token": "t0", "expires_at": ends, "refresh_token": "r0", "scope": "", **more}


@pytest.fixture
def shop(answer, said) -> Shop:
    return Shop(answer, said)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_client_credentials_are_exchanged_once_and_renewed_before_the_end(shop, serve, connect) -> None:
    clock, server = Clock(), serve(shop)
    client = connect(server.url, mode="client-credentials", clock=clock, **APP)
    client.ask(QUERY)
    client.ask(QUERY)
    assert shop.asked == [APP | {"grant_type": "client_credentials"}]
    assert client.granted == {"read_orders"}
    clock.now += timedelta(seconds=86399 - 301)
    client.ask(QUERY)
    assert len(shop.asked) == 1
    clock.now += timedelta(seconds=2)
    client.ask(QUERY)
    assert len(shop.asked) == 2
    assert server.requests[-1].headers["x-shopify-access-token"] == "t2"


def test_while_the_old_one_is_good_a_failed_renewal_is_no_failure(shop, serve, connect, answer) -> None:
    clock = Clock()
    client = connect(serve(shop).url, mode="client-credentials", clock=clock, **APP)
    client.ask(QUERY)
    shop.refusal = answer(b"", 503)
    clock.now += timedelta(seconds=86399 - 100)
    client.ask(QUERY)
    clock.now += timedelta(seconds=200)
    with pytest.raises(Retryable):
        client.ask(QUERY)


def test_a_refused_token_is_replaced_once(shop, serve, connect) -> None:
    client = connect(serve(shop).url, mode="client-credentials", **APP)
    shop.revoked = {"t1"}
    assert client.ask(QUERY).data
    assert len(shop.asked) == 2
    shop.revoked = {"t2", "t3", "t4"}
    with pytest.raises(AuthFailed) as caught:
        client.ask(QUERY)
    assert caught.value.code == "invalid_token"
    assert len(shop.asked) == 3


def test_a_static_token_that_is_refused_is_refused(shop, serve, connect) -> None:
    shop.revoked = {"shpat_static1"}
    with pytest.raises(AuthFailed):
        connect(serve(shop).url, access_token="shpat_static1").ask(QUERY)
    assert shop.asked == []


def test_a_refresh_token_rotates_and_the_pair_is_kept(shop, serve, connect) -> None:
    clock = Clock()
    keeper = MemoryKeeper(pair(clock, 200))
    client = connect(serve(shop).url, mode="code", clock=clock, tokens=keeper, **APP)
    client.ask(QUERY)
    assert shop.asked == [APP | {"grant_type": "refresh_token", "refresh_token": "r0"}]
    kept = keeper.held()
    assert kept is not None
    assert (kept["access_token"], kept["refresh_token"]) == ("t1", "r1")
    assert kept["expires_at"] == (clock.now + timedelta(seconds=86399)).isoformat()
    clock.now += timedelta(days=2)
    client.ask(QUERY)
    assert shop.asked[-1]["refresh_token"] == "r1"


def test_threads_and_clients_that_renew_at_once_exchange_once(shop, serve, connect) -> None:
    keeper = MemoryKeeper(pair(lambda: datetime.now(UTC), -5))
    server = serve(shop)
    clients = [connect(server.url, mode="code", tokens=keeper, **APP) for _ in range(3)]
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            clients[number % 3].ask(QUERY)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert len(shop.asked) == 1


def test_another_process_has_renewed_already(shop, serve, connect) -> None:
    clock = Clock()
    keeper = MemoryKeeper(pair(clock))
    client = connect(serve(shop).url, mode="code", clock=clock, tokens=keeper, **APP)
    client.ask(QUERY)
    keeper.renew(keeper.held(), lambda _kept: pair(clock, access_token="theirs"))
    shop.revoked = {"t0"}
    client.ask(QUERY)
    assert shop.asked == []


REFUSALS = [
    (
        400,
        b'{"error":"invalid_grant","error_description":"expired"}',
        AuthFailed,
        "invalid_grant",
        "authorize",
    ),
    (
        401,
        b'{"error":"invalid_request","error_description":"This request requires an active refresh_token"}',
        AuthFailed,
        "invalid_grant",
        "authorize",
    ),
    (400, b'{"error":"invalid_client"}', AuthFailed, "invalid_client", "client secret"),
    (
        400,
        b"<html><title>Oauth error shop_not_permitted: Client credentials cannot be performed</title></html>",
        AuthFailed,
        "shop_not_permitted",
        "organisation",
    ),
    (400, b"<html>no</html>", AuthFailed, None, "grants no token"),
    (404, b"<html>no</html>", Misconfigured, "unknown_shop", "no shop"),
    (402, b"", Misconfigured, "frozen", "frozen"),
    (429, b'{"error":"slow"}', Retryable, None, "fewer"),
    (520, b"error code: 520", Retryable, None, "520"),
    (200, b"{}", Retryable, "unreadable", "no token"),
]


@pytest.mark.parametrize(("status", "body", "kind", "code", "words"), REFUSALS)
def test_what_the_token_endpoint_refuses(
    status, body, kind, code, words, shop, serve, connect, answer
) -> None:
    shop.refusal = answer(body, status)
    keeper = MemoryKeeper(pair(lambda: datetime.now(UTC), -5))
    client = connect(serve(shop).url, mode="code", tokens=keeper, **APP)
    with pytest.raises(kind, match=words) as caught:
        client.ask(QUERY)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert APP["client_secret"] not in str(caught.value)
    kept = keeper.held()
    assert kept is not None
    assert kept["refresh_token"] == "r0"


def test_a_shop_that_has_not_approved_the_app(shop, serve, connect) -> None:
    client = connect(serve(shop).url, mode="code", **APP)
    with pytest.raises(AuthFailed, match="connectors authorize"):
        client.ask(QUERY)


def test_secrets_that_are_echoed_are_hidden(shop, serve, connect, answer) -> None:
    secret = APP["client_secret"]
    shop.refusal = answer(orjson.dumps({"error": "x", "error_description": f"secret {secret} is wrong"}), 400)
    with pytest.raises(AuthFailed) as caught:
        connect(serve(shop).url, mode="client-credentials", **APP).ask(QUERY)
    assert secret not in str(caught.value)
