"""The page of one store: what it says of the store, and what its buttons do."""

import json
import re
from collections.abc import Iterator

import pytest
from console_house import Browser, ConsoleHouse

from storelink.web.console.store_words import set_aside


@pytest.fixture(scope="module")
def ops(house: ConsoleHouse) -> Browser:
    return house.sign_in("ops")


@pytest.fixture
def spoilt(house: ConsoleHouse) -> Iterator[str]:
    """An order of the WooCommerce store that cannot be understood; mended at the end."""
    order = house.values()["order_id"]
    before = next(one for one in house.woo.admin.records("orders") if str(one["id"]) == order)["total"]
    house.woo.admin.edit_order(int(order), total="-")
    house.woo.sync()
    yield order
    house.woo.admin.edit_order(int(order), total=before)
    house.woo.sync()


def test_it_tells_how_the_store_stands(house: ConsoleHouse, ops: Browser) -> None:
    page = ops.get("/console/stores/fjord-wool")
    assert page.status_code == 200
    assert "Products, customers and orders are in step." in page.text
    for part in ("passes", "webhooks", "verify", "quarantine", "budget", "access"):
        assert f'<section class="section" id="{part}"' in page.text
    hint = house.secrets["consumer_key"][-4:]
    assert f"ck_…{hint}" in page.text and "ck_" + house.secrets["consumer_key"][3:9] not in page.text
    assert "WooCommerce cannot list customers by change" in page.text
    shopify = ops.get("/console/stores/linden-tea").text
    assert "Orders over 60 days" in shopify and "API version" in shopify
    assert ops.get("/console/stores/nobody").status_code == 404


def test_readers_see_all_and_do_nothing(house: ConsoleHouse) -> None:
    reader = house.sign_in("reader")
    page = reader.get("/console/stores/fjord-wool").text
    assert "Your role, reader, sees all of this page." in page
    assert len(re.findall(r"<button class=\"btn[^\"]*\" disabled aria-describedby=\"why-not\">", page)) == 3
    assert reader.send("/console/stores/fjord-wool/pause").status_code == 403
    assert reader.get("/console/stores/fjord-wool/change").status_code == 403
    assert standing(house) == "active"


def test_pause_resume_sync_and_check(house: ConsoleHouse, ops: Browser) -> None:
    at = "/console/stores/fjord-wool"
    assert ops.ask("POST", f"{at}/pause").status_code == 403  # no key of a form
    answer = ops.send(f"{at}/pause")
    assert answer.status_code == 303 and standing(house) == "paused"
    page = ops.get(answer.headers["location"]).text
    assert "Paused by a person" in page and "Resume it first." in page
    assert ops.send(f"{at}/sync").status_code == 422
    assert ops.send(f"{at}/resume").status_code == 303 and standing(house) == "active"
    assert ops.send(f"{at}/sync").status_code == 303
    assert ops.send(f"{at}/verify", resource="orders").status_code == 303
    due = dict(house.shops.rows(
        "SELECT resource, full_due_at <= now() FROM sync_state WHERE connector_id = :id", id=house.woo.id
    ))  # fmt: skip
    assert due == {"orders": True, "products": False, "customers": False}
    checked = ops.send(f"{at}/check")
    assert checked.status_code == 200 and "The key may read and write." in checked.text
    deeds = house.shops.rows("SELECT action, actor FROM audit_event WHERE connector_id = :id"
                             " AND actor LIKE 'user:%'", id=house.woo.id)  # fmt: skip
    done = {"connector.pause", "connector.resume", "connector.sync_now", "connector.verify_now"}
    assert {(one, "user:ops@shop.example") for one in done} <= set(deeds)


def test_quarantine_shows_what_is_wrong_and_tries_again(
    house: ConsoleHouse, ops: Browser, spoilt: str
) -> None:
    page = ops.get("/console/stores/fjord-wool").text
    assert f"Order {spoilt}" in page and '<span class="hit">  &#34;total&#34;: &#34;-&#34;,</span>' in page
    email = house.shops.one("SELECT payload #>> '{billing,email}' FROM quarantined_record")
    assert "@" in email and email not in page
    at = "/console/stores/fjord-wool/quarantine/retry"
    still = ops.send(at, resource="orders", record=spoilt)
    assert still.status_code == 303 and "done=still" in still.headers["location"]
    house.woo.admin.edit_order(int(spoilt), total="12.00")
    assert "done=retried" in ops.send(at).headers["location"]
    assert house.shops.one("SELECT count(*) FROM quarantined_record") == 0


def test_webhooks_are_looked_at_removed_and_installed(house: ConsoleHouse, ops: Browser) -> None:
    at = "/console/stores/linden-tea"
    assert "The store is polled." in ops.get(at).text
    wrong = ops.send(f"{at}/webhooks/install", public_url="ftp://nowhere")
    assert wrong.status_code == 422 and "no address that stores can deliver to" in wrong.text
    assert ops.send(f"{at}/webhooks/install", public_url=house.shops.url).status_code == 303
    found = ops.send(f"{at}/webhooks/look")
    assert found.status_code == 200 and found.text.count("Delivers") >= 5 and not _is_missing(found.text)
    assert ops.send(f"{at}/webhooks/remove").status_code == 303
    assert _is_missing(ops.send(f"{at}/webhooks/look").text)


def _is_missing(page: str) -> bool:
    """Whether a state says so; the check's table has a column of that name."""
    return "Missing</span>" in page


def test_intervals_and_keys(house: ConsoleHouse, ops: Browser) -> None:
    at = "/console/stores/fjord-wool"
    wrong = ops.send(f"{at}/intervals", interval="soon", orders="5")
    assert wrong.status_code == 422 and wrong.text.count("Enter whole seconds, 10 to 86400.") == 2
    assert ops.send(f"{at}/intervals", interval="120", orders="60").status_code == 303
    kept = house.shops.rows(
        "SELECT sync_interval, s.interval FROM connector_config c JOIN sync_state s ON s.connector_id = c.id"
        " WHERE resource = 'orders' AND name = 'fjord-wool'"
    )
    assert kept == [(120, 60)]
    bad = ops.send(f"{at}/keys", consumer_key="ck_" + "0" * 40, consumer_secret="cs_" + "0" * 40)
    assert bad.status_code == 422 and "keeps the ones it has" in bad.text and "0000" not in bad.text
    key, secret = house.woo.store.read_key
    assert ops.send(f"{at}/keys", consumer_key=key, consumer_secret=secret).status_code == 303
    page = ops.get(at).text
    assert f"ck_…{key[-4:]}" in page and "by Ines Ops" in page
    fields = {name: house.secrets[name] for name in ("consumer_key", "consumer_secret")}
    assert ops.send(f"{at}/keys", **fields).status_code == 303


@pytest.fixture
def drifting(house: ConsoleHouse) -> Iterator[list[str]]:
    """Two orders differ at the WooCommerce store's last check, and 12 products wait to be accepted."""
    before = house.shops.rows(_CHECKED + " ORDER BY resource", id=house.woo.id)
    orders = [row[0] for row in house.shops.rows(
        "SELECT order_id FROM platform_order WHERE connector_id = :id ORDER BY 1 LIMIT 1", id=house.woo.id
    )]  # fmt: skip
    found = {"in_store": 26, "held": 25, "missing": 1, "stale": 1, "gone": 0, "fixed": 0, "fix": False,
             "differing": [["90210", "missing"], [orders[0], "stale"]]}  # fmt: skip
    house.shops.do(_CHECK, id=house.woo.id, resource="orders", drift=2, withheld=0, ledger=json.dumps(found))
    found = {**found, "missing": 0, "stale": 0, "gone": 12, "fix": True, "differing": [["7", "withheld"]]}
    house.shops.do(_CHECK, id=house.woo.id, resource="products", drift=12, withheld=12,
                   ledger=json.dumps(found))  # fmt: skip
    yield orders
    for resource, drift, withheld, _, ledger in before:
        house.shops.do(_CHECK, id=house.woo.id, resource=resource, drift=drift, withheld=withheld,
                       ledger=json.dumps(ledger))  # fmt: skip


_CHECKED = "SELECT resource, last_drift, withheld, accepted, ledger FROM sync_state WHERE connector_id = :id"
_CHECK = (
    "UPDATE sync_state SET last_drift = :drift, withheld = :withheld, accepted = 0,"
    " ledger = CAST(:ledger AS jsonb) WHERE connector_id = :id AND resource = :resource"
)


def test_the_check_says_what_differs_and_what_a_person_may_do(
    house: ConsoleHouse, ops: Browser, drifting: list[str]
) -> None:
    at = "/console/stores/fjord-wool"
    page = ops.get(at).text
    assert f'href="/console/orders/fjord-wool/{drifting[0]}">{drifting[0]}</a>' in page
    assert "90210" in page and 'fjord-wool/90210"' not in page  # it is not here
    assert "<b>Missing.</b>" in page and "<b>Stale.</b>" in page and "Fetch 2 orders" in page
    assert "12 products are gone from the store" in page and "Accept 12 deletions" in page
    overview = ops.get("/console/overview").text
    assert "12 products are gone from the store" in overview and "See and decide" in overview
    assert house.sign_in("reader").send(f"{at}/accept", resource="products", accepted="12").status_code == 403
    for wrong in ({"resource": "products"}, {"resource": "none", "accepted": "12"},
                  {"resource": "products", "accepted": "-1"}):  # fmt: skip
        assert ops.send(f"{at}/accept", **wrong).status_code == 422
    answer = ops.send(f"{at}/accept", resource="products", accepted="12")
    assert "Accepted. The check begins now" in ops.get(answer.headers["location"]).text
    due = "SELECT resource, accepted FROM sync_state WHERE connector_id = :id AND full_due_at <= now()"
    assert ("products", 12) in house.shops.rows(due, id=house.woo.id)
    deed = "SELECT detail FROM audit_event WHERE action = 'connector.verify_now' ORDER BY id DESC LIMIT 1"
    assert house.shops.one(deed) == {"resources": ["products"], "accepted": 12}


def test_what_a_store_says_of_its_rate_is_shown(house: ConsoleHouse, ops: Browser) -> None:
    page = re.sub(r"<[^>]+>", "", ops.get("/console/stores/linden-tea").text)
    assert re.search(r"[\d,]+ of [\d,]+ points free .*refilled with \d+ a second", page)
    assert "points free" not in ops.get("/console/stores/fjord-wool").text


def test_the_part_that_moves_comes_alone(house: ConsoleHouse, ops: Browser) -> None:
    part = ops.get("/console/stores/fjord-wool/reading", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<section class="section" id="passes"') and "<html" not in part
    assert "Whole read, orders" in ops.get("/console/stores/fjord-wool/passes").text


def test_removing_asks_for_the_name(house: ConsoleHouse, ops: Browser) -> None:
    at = "/console/stores/linden-tea/remove"
    refused = ops.send(at, confirm="linden")
    assert refused.status_code == 422 and "Nothing was removed." in refused.text
    assert standing(house, "linden-tea") == "active"
    assert ops.send(at, confirm="linden-tea").status_code == 303
    assert standing(house, "linden-tea") == "uninstalled"
    assert ops.get("/console/stores/linden-tea").status_code == 404


def test_a_payload_is_cut_around_what_is_wrong() -> None:
    from datetime import UTC, datetime

    from storelink.models import QuarantinedRecord

    now = datetime.now(UTC)
    row = QuarantinedRecord(
        connector_id=None, resource="orders", external_id="7", error="lines[2].price is no amount: 'x'",
        payload={f"field_{one}": one for one in range(60)} | {"price": "x"}, first_seen_at=now,
        last_seen_at=now,
    )  # fmt: skip
    shown = set_aside(row)
    assert [line for line, hit in shown.lines if hit] == ['  "price": "x"'] and shown.left_out > 0


def standing(house: ConsoleHouse, name: str = "fjord-wool") -> str:
    return str(house.shops.one("SELECT status FROM connector_config WHERE name = :name", name=name))
