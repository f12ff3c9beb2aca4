"""Signing in to the sandbox in every way, and reading on while tokens end."""

import http.client
import threading
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
import shopify

from storelink.connectors.protocol import Account, Limits
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.connectors.shopify.token import MemoryKeeper
from storelink.errors import AuthFailed
from storelink.sandbox.running import RunningShopify, start_shopify

QUERY = "query Name { shop { name } }"
DEAR = "query Dear { products(first: 250) { nodes { id variants(first: 250) { nodes { id } } } } }"


def clock() -> datetime:
    return datetime.now(UTC)


def browse(url: str) -> str:
    """Where the browser ends that opens `url` and approves."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        answer.read()
        return answer.headers["Location"]
    finally:
        connection.close()


def approved(shop: RunningShopify) -> tuple[Account, MemoryKeeper]:
    app = {"client_id": shop.client_id, "client_secret": shop.client_secret}
    keeper = MemoryKeeper()
    account = Account("shop", shop.url, "code", app, tokens=keeper)
    grant = CONNECTOR.authorization
    assert grant is not None
    ended = browse(grant.address(account, "https://ops.example/back", "n0nce"))
    token = grant.accept(account, ended, "n0nce", Limits(timeout=10), clock)
    keeper.renew(None, lambda _kept: token)
    return account, keeper


def test_the_official_package_believes_the_round_trip_of_our_address() -> None:
    """Its check of callbacks, over what the shop answers to the address that we make."""
    with start_shopify(orders=1, products=1, customers=1) as shop:
        app = {"client_id": shop.client_id, "client_secret": shop.client_secret}
        account = Account("shop", shop.url, "code", app)
        assert CONNECTOR.authorization is not None
        ended = browse(CONNECTOR.authorization.address(account, "https://ops.example/back", "st=a&te%"))
    params = dict(parse_qsl(urlsplit(ended).query))
    assert params["state"] == "st=a&te%"
    kept = shopify.Session.api_key, shopify.Session.secret
    shopify.Session.setup(api_key=shop.client_id, secret=shop.client_secret)
    try:
        assert shopify.Session.validate_params(params)
        assert not shopify.Session.validate_params({**params, "state": "another"})
    finally:
        shopify.Session.setup(api_key=kept[0], secret=kept[1])


def test_the_owner_approves_and_the_pair_is_renewed() -> None:
    with start_shopify(orders=5, products=3, customers=3) as shop:
        account, keeper = approved(shop)
        first = keeper.held()
        assert first is not None
        assert first["refresh_token"]
        client = Client(account, Limits(timeout=10, retries=0), clock)
        try:
            assert client.ask(QUERY).data["shop"]["name"]
            shop.admin.expire_tokens()
            assert client.ask(QUERY).data["shop"]["name"]
        finally:
            client.close()
        second = keeper.held()
        assert second is not None
        assert second["access_token"] != first["access_token"]
        assert second["refresh_token"] != first["refresh_token"]
        shop.admin.set_site(mode="uninstalled")
        client = Client(account, Limits(timeout=10, retries=0), clock)
        try:
            with pytest.raises(AuthFailed):
                client.ask(QUERY)
        finally:
            client.close()


@pytest.mark.parametrize("version", ["2026-07", "2026-10"])
def test_a_shop_is_read_through_the_connector(version: str) -> None:
    with start_shopify(orders=30, products=8, customers=10) as shop:
        account = Account(
            "shop",
            shop.url,
            "token",
            {"access_token": shop.token},
            {"api_version": version, "currency": "USD"},
        )
        store = CONNECTOR.open(account, Limits(timeout=10), clock)
        try:
            settings = {**account.settings, **store.check().settings}
            for resource in CONNECTOR.resources:
                raws = [raw for page in store.backfill(resource, None) for raw in page.records]
                assert raws
                for raw in raws:
                    rows = CONNECTOR.normalize(resource, raw, settings)
                    assert not hasattr(rows, "error"), rows
        finally:
            store.close()


def test_a_long_read_alone_is_never_throttled_and_uses_the_refill() -> None:
    with start_shopify(orders=5, products=40, customers=3) as shop:
        account = Account("shop", shop.url, "token", {"access_token": shop.token})
        client = Client(account, Limits(timeout=10, retries=0), clock)
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                client.ask(DEAR)

        shop.admin.drain(1000)  # what is left can be drawn at once: the refill is what counts
        client.ask(DEAR)
        threads = [threading.Thread(target=read) for _ in range(3)]
        try:
            for thread in threads:
                thread.start()
            time.sleep(1)
            before, began = shop.admin.spent(), time.monotonic()
            time.sleep(5)
            after, seconds = shop.admin.spent(), time.monotonic() - began
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
            client.close()
        assert after["throttled"] == 0
        left = after["level"] - before["level"]
        # what was restored was drawn, but for a page or two on the way
        assert after["actual"] - before["actual"] + left >= 0.95 * after["rate"] * seconds - 20
        assert abs(left) <= 200
        assert client.traffic.throttled_seconds > 3
