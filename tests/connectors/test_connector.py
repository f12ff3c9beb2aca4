"""The WooCommerce connector as the engine sees it."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from storelink.connectors.protocol import Account, Limits
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.errors import Misconfigured
from storelink.sandbox.running import start


def clock() -> datetime:
    return datetime.now(UTC)


def account(url: str, key: str = "ck_1", secret: str = "cs_1") -> Account:
    return Account("shop", url, "keys", {"consumer_key": key, "consumer_secret": secret})


def test_what_it_says_of_itself() -> None:
    assert CONNECTOR.platform == "woocommerce"
    assert [field.slot for field in CONNECTOR.auth_modes["keys"]] == ["api_key", "secret"]
    assert all(field.secret for field in CONNECTOR.auth_modes["keys"])
    assert set(CONNECTOR.listed_whole) <= set(CONNECTOR.resources)
    assert CONNECTOR.resources.index("customers") < CONNECTOR.resources.index("orders")
    assert CONNECTOR.normalizer_version >= 1
    assert CONNECTOR.normalize_url("Shop.Example/wp-admin/") == "https://shop.example"


def test_opening_asks_nothing(serve, answer) -> None:
    server = serve(answer(b"[]"))
    CONNECTOR.open(account(server.url), Limits(), clock).close()
    assert (server.connections, server.requests) == (0, [])


@pytest.mark.parametrize(
    "unusable", [account("ftp://shop.example"), account("https://s.example", key=""), account("")]
)
def test_an_unusable_account(unusable: Account) -> None:
    with pytest.raises(Misconfigured):
        CONNECTOR.open(unusable, Limits(), clock)


def test_a_store_is_read_through_it() -> None:
    """Client, reader and normalizer joined: every kind of read, once, and its traffic counted."""
    with start(orders=12, products=4, customers=5) as shop:
        for field, value in zip(CONNECTOR.auth_modes["keys"], (shop.key, shop.secret), strict=True):
            assert re.fullmatch(field.pattern or "", value)
        store = CONNECTOR.open(account(shop.url, shop.key, shop.secret), Limits(), clock)
        try:
            learnt = store.check().settings
            before = store.traffic.requests
            for resource in CONNECTOR.resources:
                listed = {one.id for page in store.list_all(resource) for one in page.records}
                pages = list(store.backfill(resource, None))
                raws = [raw for page in pages for raw in page.records]
                assert {str(raw["id"]) for raw in raws} >= listed - {"0"}
                for raw in raws:
                    CONNECTOR.normalize(resource, raw, learnt)
                if resource not in CONNECTOR.listed_whole:
                    assert list(store.list_since(resource, clock() - timedelta(days=9000)))
                (fetched,) = store.fetch(resource, sorted(listed)[:1])
                assert len(fetched.found) == 1
            assert store.traffic.requests > before
        finally:
            store.close()
