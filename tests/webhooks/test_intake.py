"""The one route: who is let in, and that an answer means it is on disk."""

import asyncio
import socket
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from webhook_house import House, Shop, install, register, secrets_of, serving

from storelink.config import Settings
from storelink.db import open_database
from storelink.sandbox.running import start
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import account, delivery, signing
from storelink.web.intake import FRESH, LAST, Looked, Stores

COUNT = "SELECT count(*) FROM webhook_delivery"


def topic(shop: Shop, verb: str = "updated") -> str:
    return f"orders/{verb}" if shop.platform == "shopify" else f"order.{verb}"


def test_a_signed_delivery_is_on_disk_when_it_is_answered(shop: Shop) -> None:
    secret = install(shop)
    assert shop.deliver(topic(shop), b'{"id":77}', secret) == 200
    rows = shop.house.rows("SELECT topic, resource, external_id, status FROM webhook_delivery")
    assert rows == [(topic(shop), "orders", "77", "received")]


def test_no_delivery_waits_while_a_store_is_read_anew(woo: Shop) -> None:
    """But for the first, and the first after a pause: what was known long ago may be wrong by now."""
    now, held = [100.0], threading.Event()
    stores = Stores(woo.house.database, woo.house.keyring, clock=lambda: now[0])
    read = stores._read

    def slowly(name: str) -> Looked:
        held.wait(60)
        return read(name)

    async def deliveries() -> None:
        first = await stores.find(woo.name)
        stores._read = slowly  # type: ignore[method-assign]
        now[0] += FRESH + 1
        assert await asyncio.wait_for(stores.find(woo.name), 30) is first  # who waits for it waits longer
        now[0] += LAST
        waiting = asyncio.create_task(stores.find(woo.name))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done, "a store's status of long ago was taken for granted"
        held.set()
        assert (await asyncio.wait_for(waiting, 10)).at > first.at

    asyncio.run(deliveries())


def test_by_name_or_by_id(shop: Shop) -> None:
    secret = install(shop)
    body = b'{"id":77}'
    for place in (str(shop.id), shop.name):
        assert shop.house.post(f"/webhooks/{place}", body, shop.headers(topic(shop), body, secret)) == 200
    assert shop.house.one(COUNT) == 2


def test_nothing_is_kept_of_what_is_not_signed(shop: Shop) -> None:
    secret = install(shop)
    body = b'{"id":77}'
    right = shop.headers(topic(shop), body, secret)
    wrong = shop.headers(topic(shop), body, f"{secret}x")
    name = next(one for one in right if "Signature" in one or "Hmac" in one)
    unsigned = {key: value for key, value in right.items() if key != name}
    for headers, sent in (
        (wrong, body),
        (unsigned, body),
        (right, body + b" "),
        ({**right, name: "?"}, body),
    ):
        assert shop.house.post(shop.path, sent, headers) == 401
    assert shop.house.one(COUNT) == 0
    assert shop.house.intake.counts[shop.name, "unsigned"] == 4


def test_the_unsigned_greeting(woo: Shop, shopify: Shop) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert woo.house.post(woo.path, b"webhook_id=11", form) == 200
    assert woo.house.post(shopify.path, b"webhook_id=11", form) == 401
    assert woo.house.one(COUNT) == 0


def test_a_topic_that_nobody_knows(shop: Shop) -> None:
    secret = install(shop)
    word = "themes/publish" if shop.platform == "shopify" else "coupon.updated"
    assert shop.deliver(word, b'{"id":1}', secret) == 200
    assert shop.house.rows("SELECT topic, resource, status FROM webhook_delivery") == [
        (word, None, "ignored")
    ]
    assert shop.house.intake.counts[shop.name, "unknown_topic"] == 1
    assert shop.follow().deliveries == 0


def test_stores_that_are_not_there(house: House) -> None:
    for place in ("nobody", str(uuid.uuid4()), "no%20name", "A" * 300, "a%00b"):
        assert house.post(f"/webhooks/{place}", b"{}") == 404


def test_paused_and_removed_stores(shop: Shop) -> None:
    secret = install(shop)
    with shop.house.database.session() as session:
        account.pause(session, shop.name)
        session.commit()
    assert shop.deliver(topic(shop), b'{"id":77}', secret) == 200
    with shop.house.database.session() as session:
        assert delivery.waiting(session) == []
        account.resume(session, shop.name)
        session.commit()
    with shop.house.database.session() as session:
        assert [one.name for one in delivery.waiting(session)] == [shop.name]
        account.remove(session, shop.name)
        session.commit()
    shop.house.intake.stores._known.clear()  # as after five seconds
    assert shop.deliver(topic(shop), b'{"id":77}', secret) == 410


def test_a_body_that_is_too_long(shop: Shop) -> None:
    install(shop)
    shop.house.intake.longest = 1000
    assert shop.house.post(shop.path, b"x" * 1001) == 413
    parts = urlsplit(shop.house.url)
    with socket.create_connection((parts.hostname, parts.port), 10) as line:
        head = f"POST {shop.path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head.encode() + b"400\r\n" + b"x" * 1024 + b"\r\n")  # and no end of it
        assert b" 413 " in line.recv(1000)


def test_the_same_delivery_again(shopify: Shop) -> None:
    secret = install(shopify)
    for _ in range(3):
        more = {"X-Shopify-Webhook-Id": "w-1"}
        assert shopify.deliver("orders/updated", b'{"id":77}', secret, **more) == 200
    assert shopify.house.one(COUNT) == 1
    merged = (
        b'{"admin_graphql_api_customer_kept_id":"gid://shopify/Customer/7",'
        b'"admin_graphql_api_customer_deleted_id":"gid://shopify/Customer/8"}'
    )
    for _ in range(2):
        shopify.deliver("customers/merge", merged, secret, **{"X-Shopify-Webhook-Id": "w-2"})
    assert shopify.house.one(COUNT) == 3


def test_two_records_of_one_second_share_woocommerces_delivery_id(woo: Shop) -> None:
    secret = install(woo)
    for record in (77, 78):
        more = {"X-WC-Webhook-Delivery-ID": "32e910"}
        assert woo.deliver("order.updated", b'{"id":%d}' % record, secret, **more) == 200
    assert woo.house.one(COUNT) == 2


def test_many_at_once_are_written_together(shop: Shop) -> None:
    secret = install(shop)
    before = shop.house.intake.writer.batches
    shop.house.do("DELETE FROM webhook_delivery")
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda at: shop.deliver(topic(shop), b'{"id":%d}' % (at + 1), secret), range(200))
        )
    assert answers == [200] * 200
    assert shop.house.one("SELECT count(DISTINCT external_id) FROM webhook_delivery") == 200
    assert shop.house.intake.writer.batches - before < 200


def test_rotation_old_and_new(woo: Shop) -> None:
    old = install(woo)
    new = install(woo, new_secret=True)
    assert new != old
    assert secrets_of(woo) == (new, old)
    for secret in (old, new):
        assert woo.deliver("order.updated", b'{"id":77}', secret) == 200
    assert all(hook["secret"] == new for hook in woo.admin.webhooks())


def test_a_replaced_secret_ends(woo: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    install(woo)
    monkeypatch.setattr(signing, "GRACE", signing.GRACE * 0)
    new = install(woo, new_secret=True)
    assert secrets_of(woo) == (new,)


def test_new_credentials_keep_what_is_under_way(shop: Shop) -> None:
    old = install(shop)
    fresh = {"consumer_key": shop.store.read_key[0], "consumer_secret": shop.store.read_key[1]} if (
        shop.platform == "woocommerce"
    ) else {"access_token": shop.store.token, "client_secret": "shpss_another"}  # fmt: skip
    from storelink.connectors import registry

    with shop.house.database.session() as session:
        account.set_credentials(session, shop.house.keyring, registry.get(shop.platform), shop.name, fresh)
        session.commit()
    assert old in secrets_of(shop)
    assert shop.deliver(topic(shop), b'{"id":77}', old) == 200
    if shop.platform == "shopify":
        assert shop.deliver(topic(shop), b'{"id":77}', "shpss_another") == 200


def test_no_answer_of_200_without_the_database(wire: Any, home: Any) -> None:
    settings = Settings(home=home, database_url=wire.url)
    with (
        open_database(settings, migrate=False) as database,
        serving(House(database, Keyring(provider_of(settings)), settings)) as house,
        start(2, 2, 2) as store,
    ):
        woo = register(house, "woocommerce", store, read=False)
        secret = install(woo)
        assert woo.deliver("order.updated", b'{"id":1}', secret) == 200
        wire.cut()
        assert woo.deliver("order.updated", b'{"id":2}', secret) == 503
        wire.mend()
        assert woo.deliver("order.updated", b'{"id":3}', secret) == 200
        assert house.rows("SELECT external_id FROM webhook_delivery ORDER BY id") == [("1",), ("3",)]


def test_a_delivery_never_waits_for_a_pass_that_writes(shop: Shop) -> None:
    secret = install(shop)
    order = next(one["id"] for one in shop.admin.truth()["orders"])
    with shop.house.database.connect() as connection:
        from sqlalchemy import text

        connection.execute(text("SELECT 1 FROM source_record FOR UPDATE"))
        answered: list[int] = []
        thread = threading.Thread(
            target=lambda: answered.append(shop.deliver(topic(shop), b'{"id":%d}' % order, secret))
        )
        thread.start()
        thread.join(60)
        assert answered == [200]
