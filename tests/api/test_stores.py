"""Stores over HTTP: registering, changing, and what is never shown or asked."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from api_house import ApiHouse, answering
from raw_server import Server
from webhook_house import register

from storelink.config import Settings
from storelink.db import Database
from storelink.errors import Misconfigured
from storelink.sandbox.running import Running, start
from storelink.scheduler.queue import standing
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import feed
from storelink.sync.opening import open_subject
from storelink.web import reach


@pytest.fixture
def shop() -> Iterator[Running]:
    with start(12, 4, 5) as store:
        yield store


def new(store: Running, **more: Any) -> dict[str, Any]:
    keys = {"consumer_key": store.key, "consumer_secret": store.secret}
    return {"platform": "woocommerce", "name": "shop", "store_url": store.url, "credentials": keys} | more


def test_a_store_from_registering_to_removal(house: ApiHouse, shop: Running) -> None:
    ops = house.token("ops")
    made = house.ask("POST", "/v1/stores", ops, json=new(shop))
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/v1/stores/shop"
    assert made.json()["check"]["healthy"] and made.json()["data"]["settings"]["currency"] == "USD"
    assert house.ask("POST", "/v1/stores", ops, json=new(shop)).status_code == 422
    seen = house.ask("GET", "/v1/stores/shop", ops)
    etag = seen.headers["etag"]
    changed = house.ask(
        "PATCH", "/v1/stores/shop", ops, json={"interval": 60, "intervals": {"orders": 30}},
        headers={"If-Match": etag},
    )  # fmt: skip
    assert changed.json()["interval"] == 60 and changed.json()["intervals"]["orders"] == 30
    late = house.ask("PATCH", "/v1/stores/shop", ops, json={"interval": 90}, headers={"If-Match": etag})
    assert late.status_code == 412
    assert house.ask("GET", "/v1/stores/shop", ops).json()["interval"] == 60
    assert house.ask("POST", "/v1/stores/shop/check", ops).json()["healthy"]
    assert house.ask("POST", "/v1/stores/shop/pause", ops).json()["status"] == "paused"
    assert house.ask("POST", "/v1/stores/shop/sync", ops, json={}).status_code == 422
    assert house.ask("POST", "/v1/stores/shop/resume", ops).json()["status"] == "active"
    queued = house.ask("POST", "/v1/stores/shop/sync", ops, json={"resources": ["orders"]})
    assert queued.status_code == 202 and queued.json() == {
        "name": "shop",
        "resources": ["orders"],
        "workers": 0,
    }
    assert house.ask("POST", "/v1/stores/shop/verify", ops, json={}).status_code == 202
    assert waiting(house) == {"poll": 1, "full": 1}
    assert house.ask("GET", "/v1/stores/shop/standing", ops).json()["resources"][0]["state"] == "new"
    assert house.ask("GET", "/v1/stores/shop/runs", ops).json() == {"data": [], "next": None}
    assert house.ask("GET", "/v1/stores/shop/quarantine", ops).json() == {"data": [], "next": None}
    entered = house.ask(
        "PUT", "/v1/stores/shop/credentials", ops,
        json={"credentials": {"consumer_key": shop.read_key[0], "consumer_secret": shop.read_key[1]}},
        headers={"If-Match": "*"},
    )  # fmt: skip
    assert entered.status_code == 200, entered.text
    gone = house.ask("DELETE", "/v1/stores/shop?purge=true", ops)
    assert gone.json()["purged"] and house.ask("GET", "/v1/stores/shop", ops).status_code == 404
    deeds = house.ask("GET", "/v1/audit", ops).json()["data"]
    assert [one["action"] for one in deeds][:2] == ["connector.remove", "connector.set_credentials"]
    assert {one["actor"] for one in deeds if one["action"].startswith("connector.")} == {"token:ops 1"}


def waiting(house: ApiHouse) -> dict[str, int]:
    connection = house.database.engine.raw_connection()
    try:
        return dict(standing(connection.driver_connection, 60).waiting)  # type: ignore[arg-type] # psycopg's
    finally:
        connection.close()


def test_orders_since_a_day(house: ApiHouse, shop: Running) -> None:
    ops, any_state = house.token("ops"), {"If-Match": "*"}
    for day in ("soon", "2099-01-01", ""):
        bad = house.ask("POST", "/v1/stores", ops, json=new(shop, orders_since=day or "-"))
        assert bad.status_code == 422, bad.text
    made = house.ask("POST", "/v1/stores", ops, json=new(shop, orders_since="2026-01-15"))
    assert made.status_code == 201, made.text
    assert made.json()["data"]["orders_since"] == "2026-01-15T05:00:00Z", "as the day begins in New York"
    store = house.ask("GET", "/v1/stores/shop", house.token("reader"))
    assert store.json()["orders_since"] == "2026-01-15T05:00:00Z"
    orders = house.ask("GET", "/v1/stores/shop/standing", ops).json()["resources"][-1]
    assert (orders["resource"], orders["reads_from"]) == ("orders", "2026-01-15T05:00:00Z")
    late = {"If-Match": store.headers["etag"]}
    moved = house.ask("PATCH", "/v1/stores/shop", ops, json={"orders_since": "2025-01-01"}, headers=late)
    assert moved.json()["orders_since"] == "2025-01-01T05:00:00Z"
    again = house.ask("PATCH", "/v1/stores/shop", ops, json={"orders_since": "all"}, headers=late)
    assert again.status_code == 412, "the state that was seen is over"
    wrong = house.ask("PATCH", "/v1/stores/shop", ops, json={"orders_since": "1"}, headers=any_state)
    assert wrong.status_code == 422
    whole = house.ask("PATCH", "/v1/stores/shop", ops, json={"orders_since": "all"}, headers=any_state)
    assert whole.json()["orders_since"] is None
    with house.database.connect() as connection:
        told = connection.exec_driver_sql(
            "SELECT action, detail->'orders_since' FROM audit_event WHERE detail ? 'orders_since' ORDER BY id"
        ).all()
    assert [tuple(one) for one in told] == [
        ("connector.add", "2026-01-15T05:00:00+00:00"),
        ("connector.set_since", ["2026-01-15T05:00:00+00:00", "2025-01-01T05:00:00+00:00"]),
        ("connector.set_since", ["2025-01-01T05:00:00+00:00", None]),
    ]


def test_no_answer_shows_a_credential(house: ApiHouse, shop: Running) -> None:
    ops = house.token("admin")
    answers = [house.ask("POST", "/v1/stores", ops, json=new(shop))]
    answers.append(house.ask("POST", "/v1/stores", ops, json=new(shop, name="Not A Name")))
    answers.append(house.ask("POST", "/v1/stores", ops, json=new(shop, name="b", credentials=[shop.secret])))
    answers.append(house.ask("POST", "/v1/stores", ops, json=new(shop, name="c", extra=shop.secret)))
    bad = {"consumer_key": shop.key, "consumer_secret": shop.secret + "x"}
    answers.append(house.ask("POST", "/v1/stores", ops, json=new(shop, name="d", credentials=bad)))
    for path in ("/v1/stores", "/v1/stores/shop", "/v1/stores/shop/standing", "/v1/audit", "/v1/tokens"):
        answers.append(house.ask("GET", path, ops))
    answers.append(
        house.ask(
            "PUT",
            "/v1/stores/shop/credentials",
            ops,
            json={"credentials": bad | {"x": "y"}},
            headers={"If-Match": "*"},
        )
    )
    for answer in answers:
        for hidden in (shop.key, shop.secret, ops):
            assert hidden not in answer.text, answer.text


def test_a_store_that_cannot_be_read_is_not_stored(house: ApiHouse, shop: Running) -> None:
    ops = house.token("ops")
    keys = {"consumer_key": "ck_" + "0" * 40, "consumer_secret": "cs_" + "0" * 40}
    refused = house.ask("POST", "/v1/stores", ops, json=new(shop, credentials=keys))
    assert refused.status_code == 422 and refused.json()["code"] == "check_failed"
    assert house.ask("GET", "/v1/stores", ops).json() == {"data": []}


@pytest.mark.parametrize(
    ("url", "private", "allowed"),
    [
        ("https://127.0.0.1", False, False),
        ("https://127.0.0.1", True, True),
        ("https://localhost", False, False),
        ("https://[::1]", False, False),
        ("https://[::ffff:127.0.0.1]", False, False),
        ("https://2130706433", False, False),
        ("https://10.0.0.7", False, False),
        ("https://10.0.0.7", True, True),
        ("https://169.254.169.254", True, False),
        ("https://[fe80::1]", True, False),
        ("https://[fd00:ec2::254]", True, False),
        ("https://0.0.0.0", True, False),
        ("https://93.184.216.34", False, True),
        ("https://no-such-host.invalid", True, False),
    ],
)
def test_where_a_stores_url_may_lead(url: str, private: bool, allowed: bool) -> None:
    from storelink.connectors import registry

    settings = Settings(allow_private_stores=private)
    connector = registry.get("woocommerce")
    if allowed:
        assert reach.usable_store(settings, connector, url, allow_http=False)
    else:
        with pytest.raises(Misconfigured):
            reach.usable_store(settings, connector, url, allow_http=False)


def test_a_name_that_leads_inside_later_is_not_followed(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, []

    def rebinding(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "shop.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        place = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    inside = Server()
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    try:
        with answering(database, Keyring(provider_of(settings)), settings) as house:
            ops = house.token("ops")
            keys = {"consumer_key": "ck_" + "0" * 40, "consumer_secret": "cs_" + "0" * 40}
            body = {
                "platform": "woocommerce", "name": "shop", "credentials": keys, "allow_http": True,
                "store_url": f"http://shop.example:{inside.port}",
            }  # fmt: skip
            refused = house.ask("POST", "/v1/stores", ops, json=body)
            assert refused.status_code == 422 and "not on the public internet" in refused.text
            asked.clear()
            unseen = house.ask("POST", "/v1/stores", ops, json=body | {"check": False})
            assert unseen.status_code == 201, unseen.text
            assert not house.ask("POST", "/v1/stores/shop/check", ops).json()["healthy"]
            with pytest.raises(Misconfigured, match="public internet"):
                read(house, "shop")
    finally:
        inside.close()
    assert len(asked) > 1 and inside.connections == 0


def read(house: ApiHouse, name: str) -> None:
    shops = house.shops
    with open_subject(shops.database, shops.keyring, name, shops.settings, refresh=False) as subject:
        list(subject.store.list_all("orders"))


def test_a_token_is_asked_to_wait_when_it_asks_too_often(database: Database, settings: Settings) -> None:
    slow = settings.model_copy(update={"api_rate": 5})
    with answering(database, Keyring(provider_of(slow)), slow) as house:
        first, second = house.token("reader"), house.token("reader")
        answers = [house.ask("GET", "/v1/stores", first) for _ in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert house.ask("GET", "/v1/stores", second).status_code == 200


def test_the_feed_over_http_waits_for_a_change_and_says_where_it_is_cut(
    house: ApiHouse, shop: Running
) -> None:
    reader = house.token("reader")
    quiet = house.ask("GET", "/v1/changes", reader).json()
    assert quiet["data"] == [] and quiet["last"] == 0
    found: list[Any] = []

    def follow() -> None:
        found.append(house.ask("GET", "/v1/changes", reader, params={"wait": 30, "limit": 5}).json())

    waiter = threading.Thread(target=follow)
    begun = time.monotonic()
    waiter.start()
    register(house.shops, "woocommerce", shop, name="shop")
    publish(house)
    waiter.join(30)
    assert time.monotonic() - begun < 25
    assert len(found[0]["data"]) == 5 and found[0]["next"] == 5
    seen = [one["seq"] for one in found[0]["data"]]
    after, epoch = found[0]["next"], found[0]["epoch"]
    while (
        page := house.ask(
            "GET", "/v1/changes", reader, params={"after": after, "epoch": epoch, "limit": 7}
        ).json()
    )["data"]:
        seen += [one["seq"] for one in page["data"]]
        after = page["next"]
    assert seen == list(range(1, page["last"] + 1))
    assert re.fullmatch("[0-9a-f-]{36}", epoch)
    other = house.ask("GET", "/v1/changes", reader, params={"epoch": "00000000-0000-0000-0000-000000000000"})
    assert other.status_code == 409 and other.json()["code"] == "needs_decision"
    assert house.ask("GET", "/v1/changes", reader, params={"after": 10**9}).status_code == 409


def publish(house: ApiHouse) -> None:
    connection = house.database.engine.raw_connection()
    try:
        driver: Any = connection.driver_connection
        driver.rollback()
        while feed.publish(driver):
            pass
        driver.commit()
    finally:
        connection.close()
