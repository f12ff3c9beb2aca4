"""Connecting stores in the console: by pasting keys, and by clicking in the stores themselves."""

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from console_house import Browser, ConsoleHouse

from storelink.connectors import registry
from storelink.connectors.key_grant import key_grant_of
from storelink.errors import Misconfigured
from storelink.sandbox.running import Running, RunningShopify, start, start_shopify
from storelink.sync.lane import FULL, hold
from storelink.web import reach


@pytest.fixture(scope="module")
def ops(house: ConsoleHouse) -> Browser:
    return house.sign_in("ops")


@pytest.fixture(scope="module")
def woo() -> Iterator[Running]:
    with start(12, 4, 5, seed=7) as store:
        yield store


@pytest.fixture(scope="module")
def shopify() -> Iterator[RunningShopify]:
    with start_shopify(12, 4, 5, seed=8) as store:
        yield store


@pytest.fixture(autouse=True)
def nothing_left(house: ConsoleHouse) -> Iterator[None]:
    """What a test connected is removed, so that the same store can be connected again."""
    yield
    house.shops.do("DELETE FROM pending_store")
    house.shops.do("UPDATE connector_config SET status = 'uninstalled' WHERE name LIKE 'new-%'")


def begin(ops: Browser, platform: str, url: str, name: str = "new-shop") -> str:
    answer = ops.send("/console/connect", platform=platform, name=name, store_url=url)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def shown(page: httpx.Response) -> str:
    assert page.status_code == 200, page.text
    return page.text


def test_pasted_keys_from_findings_to_the_first_read(house: ConsoleHouse, ops: Browser, woo: Running) -> None:
    at = begin(ops, "woocommerce", woo.url)
    assert "2. Give access" in shown(ops.get(at))
    bad = "cs_" + "0" * 40
    assert (
        ops.send(f"{at}/keys", auth_mode="keys", consumer_key=woo.key, consumer_secret=bad).status_code == 303
    )
    page = shown(ops.get(at))
    assert "stops you" in page and "How to mend it" in page and "Start reading" not in page
    early = ops.send(f"{at}/start", interval="300")
    assert early.status_code == 422 and "Test the connection first" in early.text
    ops.send(f"{at}/keys", auth_mode="keys", consumer_key=woo.key, consumer_secret=woo.secret)
    page = shown(ops.get(at))
    assert re.search(r"<b>Everything, since [A-Z][a-z]+ 20\d\d</b>", page)
    assert re.search(r"\"hint\">1\d orders · about \d+ s · 6 requests", page)
    assert re.search(r"Products \(4\) and customers \(\d+\) are always read whole\. Measured just now", page)
    kept = house.shops.rows("SELECT * FROM pending_store")
    for secret in (woo.key, woo.secret, bad):
        assert secret not in page and secret not in str(kept)
    answer = ops.send(f"{at}/start", interval="60")
    assert answer.headers["location"] == "/console/stores/new-shop/first-read"
    assert "Waits for its turn" in shown(ops.get(answer.headers["location"]))
    assert house.shops.rows("SELECT sync_interval, status FROM connector_config WHERE name = 'new-shop'") == [
        (60, "active")
    ]
    assert house.shops.one("SELECT count(*) FROM pending_store") == 0
    actor = "SELECT actor FROM audit_event WHERE action = 'connector.add' AND subject = 'new-shop'"
    assert house.shops.rows(actor) == [("user:ops@shop.example",)]
    part = ops.get("/console/stores/new-shop/first-read", headers={"HX-Request": "true"}).text
    assert "<html" not in part and 'data-live="store/new-shop"' in part


@pytest.fixture(scope="module")
def aged() -> Iterator[Running]:
    """A store with orders of the last 90 days, of the last year, and older ones."""
    with start(60, 4, 5, seed=7) as store:
        now = datetime.now(UTC)
        for at, doc in enumerate(store.admin.records("orders")):
            made = (now - timedelta(days=(5, 200, 700)[at % 3])).strftime("%Y-%m-%dT%H:%M:%S")
            store.admin.set_field_silently("orders", doc["id"], date_created_gmt=made)
        yield store


def offered(page: str) -> list[tuple[str, str, int]]:
    """What may be chosen: what is sent, the title, how many orders."""
    found = re.findall(
        r'name="back" value="([^"]+)"(?: checked)?><span><b>([^<]+)</b><span class="hint">([\d,]+) orders',
        page,
    )
    return [(value, title, int(orders)) for value, title, orders in found]


def test_how_far_back_is_measured_and_chosen(house: ConsoleHouse, ops: Browser, aged: Running) -> None:
    at = begin(ops, "woocommerce", aged.url)
    ops.send(f"{at}/keys", auth_mode="keys", consumer_key=aged.key, consumer_secret=aged.secret)
    page = shown(ops.get(at))
    everything, year, quarter = offered(page)
    assert everything[0] == "everything" and everything[1].startswith("Everything, since ")
    assert (year[1], quarter[1]) == ("The last 12 months", "The last 90 days")
    assert everything[2] > year[2] > quarter[2] > 5
    assert page.count("Older orders come when they change.") == 1
    for wrong in ("2099-01-01", "x", "<b>"):
        refused = ops.send(f"{at}/start", interval="300", back=wrong)
        assert refused.status_code == 422 and "Start reading" in refused.text and "<b>x" not in refused.text
    assert ops.send(f"{at}/start", interval="300", back=quarter[0]).status_code == 303
    told = shown(ops.get("/console/stores/new-shop"))
    day = date.fromisoformat(quarter[0])
    said = f"Orders since {day.day} {day:%b %Y}; older ones when they change"
    assert said in told and said in shown(ops.get("/console/overview"))
    for place in ("/console/orders?q=zzzz", "/console/orders"):
        assert f"Not all orders are here: new-shop: o{said[1:]}" in shown(ops.get(place))
    assert house.shops.one(
        "SELECT reads_from::date - current_date FROM sync_state s"
        " JOIN connector_config c ON c.id = connector_id WHERE name = 'new-shop' AND resource = 'orders'"
    ) in (-91, -90, -89)


def test_how_far_back_is_changed_later(house: ConsoleHouse, ops: Browser, aged: Running) -> None:
    at = begin(ops, "woocommerce", aged.url)
    ops.send(f"{at}/keys", auth_mode="keys", consumer_key=aged.key, consumer_secret=aged.secret)
    ops.send(f"{at}/start", interval="300", back="2026-01-15")
    at = "/console/stores/new-shop"
    page = shown(ops.get(f"{at}/change"))
    assert 'value="2026-01-15"' in page and "Read are orders since 15 Jan 2026" in page
    wrong = ops.send(f"{at}/since", orders_since="2099-01-01")
    assert wrong.status_code == 422 and 'value="2099-01-01"' in wrong.text and "no day" in wrong.text
    later = ops.send(f"{at}/since", orders_since="2026-05-01")
    assert later.headers["location"].endswith("done=narrower")
    assert "Nothing that is held goes" in shown(ops.get(later.headers["location"]))
    assert "Orders since 1 May 2026" in shown(ops.get(at))
    back = ops.send(f"{at}/since", orders_since="")
    assert back.headers["location"].endswith("done=wider")
    page = shown(ops.get(back.headers["location"]))
    assert "read once more" in page and "older ones when they change" not in page
    told = house.shops.rows(
        "SELECT actor FROM audit_event WHERE action = 'connector.set_since' AND detail ? 'orders_since'"
    )
    assert told == [("user:ops@shop.example",)] * 2
    assert shown(ops.get("/console/audit?what=stores")).count("Changed how far back its orders are read") == 2


def test_what_saves_nothing_is_not_offered(
    house: ConsoleHouse, ops: Browser, shopify: RunningShopify
) -> None:
    at = begin(ops, "shopify", shopify.url)
    ops.send(f"{at}/keys", auth_mode="token", access_token=shopify.token)
    page = shown(ops.get(at))
    counts = [orders for _, _, orders in offered(page)]
    assert counts == sorted(set(counts), reverse=True) and counts
    truth = [datetime.fromisoformat(one["createdAt"]) for one in shopify.admin.records("orders")]
    assert counts[0] == len(truth)
    for value, _, orders in offered(page)[1:]:
        day = datetime.fromisoformat(value).replace(tzinfo=UTC)
        near = [sum(one >= day + timedelta(hours=off) for one in truth) for off in (-14, 14)]
        assert near[1] <= orders <= near[0]
    assert "writes all of it into files" in page


def test_the_first_read_says_how_fast_it_goes_and_how_long_it_takes(
    house: ConsoleHouse, ops: Browser, woo: Running
) -> None:
    at = begin(ops, "woocommerce", woo.url)
    ops.send(f"{at}/keys", auth_mode="keys", consumer_key=woo.key, consumer_secret=woo.secret)
    ops.send(f"{at}/start", interval="60")
    store = house.shops.one("SELECT id FROM connector_config WHERE name = 'new-shop'")
    house.shops.do(
        "UPDATE sync_state SET phase = 'live', last_success_at = now(), watermark = now(),"
        " next_due_at = now() WHERE connector_id = :id AND resource <> 'orders'", id=store,
    )  # fmt: skip
    house.shops.do(
        "UPDATE sync_state SET phase = 'backfill', cursor = '{\"done\": 4000, \"total\": 40000}'"
        " WHERE connector_id = :id AND resource = 'orders'", id=store,
    )  # fmt: skip
    house.shops.do(
        "INSERT INTO sync_run (id, connector_id, resource, kind, status, started_at, fetched, inserted,"
        " updated, unchanged, deleted, quarantined, requests, bytes, throttled_seconds)"
        " VALUES (gen_random_uuid(), :id, 'orders', 'backfill', 'running', now() - interval '1000 s',"
        " 180000, 180000, 0, 0, 0, 0, 40, 9, 0)",
        id=store,
    )
    with hold(house.database, store, "orders", FULL):
        page = shown(ops.get("/console/stores/new-shop/first-read"))
    assert re.search(r"10 %, 1\d\d orders a second", page)
    assert re.search(r"About [34] min left", page)


def approve(page: str, answer: str = "approve") -> str:
    """The link on the store's own page."""
    found = re.search(rf'href="([^"]+)" class="wc-auth-{answer}"', page)
    assert found, page
    return html.unescape(found[1])


def test_a_woocommerce_store_makes_the_keys(house: ConsoleHouse, ops: Browser, woo: Running) -> None:
    at = begin(ops, "woocommerce", woo.url)
    out = ops.get(f"{at}/go")
    assert out.status_code == 303 and out.headers["location"].startswith(f"{woo.url}/wc-auth/v1/authorize?")
    assert "Waiting for your store" in shown(ops.get(at))
    assert ops.get(f"{at}/waiting").status_code == 200
    with httpx.Client(timeout=30) as visitor:
        page = visitor.get(out.headers["location"]).text
        back = visitor.get(woo.url + approve(page))
    assert back.status_code == 302
    assert ops.get(f"{at}/waiting").headers["hx-redirect"] == at
    there = urlsplit(back.headers["location"])
    answer = ops.get(f"{there.path}?{there.query}")
    assert answer.status_code == 303 and answer.headers["location"] == at
    assert "The key may read and write." in shown(ops.get(at))
    assert ops.send(f"{at}/start", interval="300").status_code == 303
    again = callback(out.headers["location"])
    assert house.stranger().ask("POST", again, content=keys("x")).status_code == 404


def callback(address: str) -> str:
    """The path that the store was given for its answer."""
    return urlsplit(parse_qs(urlsplit(address).query)["callback_url"][0]).path


def keys(reference: str, **more: Any) -> bytes:
    told = {"key_id": 7, "user_id": reference, "consumer_key": "ck_" + "1" * 40,
            "consumer_secret": "cs_" + "1" * 40, "key_permissions": "read_write"}  # fmt: skip
    return json.dumps(told | more).encode()


def test_a_callback_that_nobody_asked_for_leaves_nothing(
    house: ConsoleHouse, ops: Browser, woo: Running
) -> None:
    at = begin(ops, "woocommerce", woo.url)
    path = callback(ops.get(f"{at}/go").headers["location"])
    reference = path.rpartition("/")[2]
    stranger = house.stranger()
    for where, body in (
        (path[:-4] + "AAAA", keys(reference)), (path, keys("another")), (path, b"{"), (path, b"[]"),
        (path, keys(reference, consumer_key="ck_'; DROP")), (path, keys(reference, consumer_secret=7)),
        (path, keys(reference) + b" " * 20_000), (path.replace("woocommerce", "shopify"), keys(reference)),
        (path.replace("woocommerce", "nothing"), keys(reference)),
    ):  # fmt: skip
        answer = stranger.ask("POST", where, content=body)
        assert answer.status_code == 404, (where, body)
        assert house.shops.rows("SELECT api_key FROM pending_store") == [(None,)]
    assert stranger.ask("POST", path, content=keys(reference)).status_code == 200
    assert stranger.ask("POST", path, content=keys(reference)).status_code == 404, "it is good once"
    newer = callback(ops.get(f"{at}/go").headers["location"])
    assert newer != path
    answers = [stranger.ask("POST", path, content=b"{}").status_code for _ in range(40)]
    assert answers[-1] == 429, "whoever guesses has to wait"


def test_a_store_that_says_no(ops: Browser, woo: Running) -> None:
    at = begin(ops, "woocommerce", woo.url)
    with httpx.Client(timeout=30) as visitor:
        page = visitor.get(ops.get(f"{at}/go").headers["location"]).text
    there = urlsplit(approve(page, "deny"))
    ops.get(f"{there.path}?{there.query}")
    assert "The store says that you did not agree." in shown(ops.get(at))


def test_stores_take_callbacks_over_https_only(woo: Running) -> None:
    grant = key_grant_of(registry.get("woocommerce"))
    assert grant is not None
    with pytest.raises(Misconfigured):
        grant.address("https://shop.example", "r", "http://sync.example/", "http://sync.example/")
    assert grant.address("https://shop.example", "r", "https://sync.example/", "https://sync.example/")
    asked = {"app_name": "x", "scope": "read_write", "user_id": "7", "return_url": "https://a.example",
             "callback_url": "http://a.example"}  # fmt: skip
    refused = httpx.get(f"{woo.url}/wc-auth/v1/authorize", params=asked)
    assert refused.status_code == 401 and "over SSL" in refused.text
    missing = httpx.get(f"{woo.url}/wc-auth/v1/authorize", params={"scope": "read"})
    assert missing.status_code == 401 and "Missing parameter app_name." in missing.text


def with_app(ops: Browser, store: RunningShopify) -> str:
    at = begin(ops, "shopify", store.url)
    fields = {"auth_mode": "code", "client_id": store.client_id, "client_secret": store.client_secret}
    assert ops.send(f"{at}/keys", **fields).status_code == 303
    return at


def returned(store_url: str, ops: Browser, at: str) -> str:
    """Where Shopify's page sends the browser back to, as a path of ours."""
    out = ops.get(f"{at}/go").headers["location"]
    assert out.startswith(f"{store_url}/admin/oauth/authorize?")
    back = urlsplit(httpx.get(out).headers["location"])
    assert back.path == "/console/connect/shopify/return"
    return f"{back.path}?{back.query}"


def test_a_shopify_store_is_let_into_by_its_owner(
    house: ConsoleHouse, ops: Browser, shopify: RunningShopify
) -> None:
    at = with_app(ops, shopify)
    there = returned(shopify.url, ops, at)
    other = house.sign_in("admin")
    assert other.get(there).status_code == 404, "the answer is to who asked"
    assert house.stranger().get(there).headers["location"].startswith("/console/sign-in?")
    answer = ops.get(there)
    assert answer.status_code == 303 and answer.headers["location"] == at
    assert "All well" in shown(ops.get(at))
    assert ops.get(there).status_code == 404, "it is good once"
    assert ops.send(f"{at}/start", interval="300").status_code == 303
    mode, settings, ends = house.shops.rows(
        "SELECT auth_mode, settings, token_expires_at FROM connector_config WHERE name = 'new-shop'"
    )[0]
    assert mode == "code" and ends is not None
    assert settings["redirect_url"].endswith("/console/connect/shopify/return")
    page = ops.get("/console/stores/new-shop").text
    assert "Renews itself" in page and "Refresh token" in page


def test_a_registered_store_is_let_into_again(
    house: ConsoleHouse, ops: Browser, shopify: RunningShopify
) -> None:
    at = with_app(ops, shopify)
    ops.get(returned(shopify.url, ops, at))
    ops.send(f"{at}/start", interval="300")
    house.shops.do("UPDATE connector_config SET status = 'auth_failed' WHERE name = 'new-shop'")
    sealed = "SELECT credentials, status FROM connector_config WHERE name = 'new-shop'"
    before = house.shops.rows(sealed)
    page = ops.get("/console/stores/new-shop").text
    assert 'href="/console/stores/new-shop/install"' in page
    out = ops.get("/console/stores/new-shop/install").headers["location"]
    back = urlsplit(httpx.get(out).headers["location"])
    forged = ops.get(f"{back.path}?{back.query.replace('hmac=', 'hmac=0')}")
    assert forged.status_code == 409 and "keeps the keys it has" in forged.text
    assert house.shops.rows(sealed) == before
    out = ops.get("/console/stores/new-shop/install").headers["location"]
    back = urlsplit(httpx.get(out).headers["location"])
    answer = ops.get(f"{back.path}?{back.query}")
    assert answer.headers["location"] == "/console/stores/new-shop?done=installed#access"
    ((credentials, status),) = house.shops.rows(sealed)
    assert status == "active" and credentials and credentials != before[0][0]
    assert house.shops.one("SELECT count(*) FROM pending_store") == 0
    deed = "SELECT actor FROM audit_event WHERE action = 'connector.set_credentials' ORDER BY id DESC LIMIT 1"
    assert house.shops.one(deed) == "user:ops@shop.example"
    assert ops.get("/console/stores/fjord-wool/install").status_code == 404  # it has keys, nobody's consent


@pytest.mark.parametrize("forged", [("code=", "code=x"), ("shop=", "shop=x"), ("hmac=", "hmac=0"),
                                    ("timestamp=", "timestamp=1")])  # fmt: skip
def test_an_answer_that_shopify_did_not_sign(
    ops: Browser, shopify: RunningShopify, forged: tuple[str, str]
) -> None:
    at = with_app(ops, shopify)
    there = returned(shopify.url, ops, at).replace(*forged, 1)
    assert ops.get(there).headers["location"] == at
    page = shown(ops.get(at))
    assert "The store did not let us in." in page and "Start reading" not in page
    assert shopify.client_secret not in page


def test_what_is_under_way_belongs_to_who_began_it(house: ConsoleHouse, ops: Browser, woo: Running) -> None:
    at = begin(ops, "woocommerce", woo.url)
    admin = house.sign_in("admin")
    for path in (at, f"{at}/go", f"{at}/waiting", "/console/connect/nonsense"):
        assert admin.get(path).status_code == 404
    assert admin.send(f"{at}/start").status_code == 404
    house.shops.do("UPDATE pending_store SET ends_at = now() - interval '1 second'")
    assert ops.get(at).status_code == 404


def test_what_cannot_be_connected_is_said_at_the_field(
    house: ConsoleHouse, ops: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(**fields: str) -> str:
        answer = ops.send("/console/connect", **{"platform": "woocommerce", "name": "new-shop"} | fields)
        assert answer.status_code == 422
        return html.unescape(answer.text)

    assert "is connected already" in first(store_url=house.woo.store.url)
    assert "is taken" in first(store_url="https://127.0.0.1", name="fjord-wool")
    assert "cannot be a store's name" in first(store_url="https://127.0.0.1", name="No Name")
    assert "Choose what the store runs on." in first(platform="nothing", store_url="https://127.0.0.1")
    assert "an address of the machine's own network" in first(store_url="https://169.254.169.254")
    at = begin(ops, "woocommerce", "https://127.0.0.1:1")

    def inside(*_: object, **__: object) -> str:
        raise Misconfigured("127.0.0.1 is not on the public internet.")

    monkeypatch.setattr(reach, "usable_store", inside)
    monkeypatch.setattr("storelink.web.console.connect.usable_store", inside)
    refused = ops.send(f"{at}/keys", auth_mode="keys", consumer_key="ck_1", consumer_secret="cs_1")
    assert refused.status_code == 422 and "not on the public internet" in refused.text


def test_settings_show_what_is_in_force_and_no_secret(house: ConsoleHouse, ops: Browser) -> None:
    page = shown(ops.get("/console/settings"))
    assert "STORELINK_KEEP_QUARANTINED" in page and "STORELINK_ALLOW_PRIVATE_STORES" in page
    url = house.shops.settings.database_url
    assert url is not None and url.get_secret_value() not in page and "set, not shown" in page
    assert house.sign_in("support").get("/console/settings").status_code == 403
