"""What happens behind the API, and which dates it moves (facts §3, §4)."""

import time

import pytest
from caller import Caller

from storelink.sandbox.admin import DeskError
from storelink.sandbox.running import Running

THEN = "2026-10-15T12:00:00"


def modified(call: Caller, path: str) -> str:
    found: str = call.json(path)["date_modified_gmt"]
    return found


def held_clock(store: Running) -> None:
    store.admin.hold_clock(1_795_000_000)  # 2026-11-18T11:06:40Z


NOW = "2026-11-18T11:06:40"


def variable(call: Caller) -> dict:
    found = call.json("products", type="variable", per_page=100)
    return next(product for product in found if len(product["variations"]) > 1)


def test_edits_stamp_their_record(store: Running, call: Caller):
    held_clock(store)
    order, product, customer = (
        call.ids(path, status="publish" if path == "products" else "any")[0]
        for path in ("orders", "products", "customers")
    )
    store.admin.edit_order(order, customer_note="new", billing={"city": "Oz"})
    store.admin.edit_product(product, regular_price="5.55", sale_price="")
    store.admin.edit_customer(customer, first_name="Neu")
    got = call.json(f"orders/{order}")
    assert (got["date_modified_gmt"], got["date_modified"]) == (NOW, "2026-11-18T06:06:40")
    assert (got["customer_note"], got["billing"]["city"]) == ("new", "Oz")
    assert got["billing"]["email"] != ""
    got = call.json(f"products/{product}")
    assert (got["date_modified_gmt"], got["price"]) == (NOW, "5.55")
    assert "5.55" in got["price_html"]
    got = call.json(f"customers/{customer}")
    assert (got["date_modified_gmt"], got["first_name"]) == (NOW, "Neu")


def test_a_silent_edit_moves_no_date(store: Running, call: Caller):
    order = call.ids("orders")[0]
    before = modified(call, f"orders/{order}")
    store.admin.set_field_silently("orders", order, status="failed")
    got = call.json(f"orders/{order}")
    assert (got["status"], got["date_modified_gmt"]) == ("failed", before)
    assert order in call.ids("orders", status="failed", per_page=100)


def test_stamping_moves_only_dates(store: Running, call: Caller):
    ids = call.ids("orders", per_page=5)
    store.admin.stamp("orders", ids, THEN)
    for number in ids:
        got = call.json(f"orders/{number}")
        assert (got["date_modified_gmt"], got["date_modified"]) == (THEN, "2026-10-15T08:00:00")
    asked = {"modified_after": "2026-10-15T11:59:59", "dates_are_gmt": "true"}
    assert sorted(call.ids("orders", **asked)) == sorted(ids)


def test_a_variation_stamps_its_parent(store: Running, call: Caller):
    held_clock(store)
    parent = variable(call)
    child = parent["variations"][0]
    store.admin.edit_variation(child, regular_price="0.50", sale_price="")
    got = call.json(f"products/{parent['id']}")
    assert (got["date_modified_gmt"], got["price"]) == (NOW, "0.50")
    assert modified(call, f"products/{parent['id']}/variations/{child}") == NOW
    store.admin.advance(5)
    made = store.admin.create_variation(parent["id"], "XXL", regular_price="0.25")
    got = call.json(f"products/{parent['id']}")
    assert (got["date_modified_gmt"], got["price"]) == ("2026-11-18T11:06:45", "0.25")
    assert got["variations"][-1] == made["id"]
    store.admin.delete("variations", made["id"])
    got = call.json(f"products/{parent['id']}")
    assert made["id"] not in got["variations"] and got["price"] == "0.50"


def test_trash_and_back(store: Running, call: Caller):
    held_clock(store)
    order = next(o for o in call.json("orders", per_page=30) if o["status"] == "completed")["id"]
    store.admin.trash("orders", order)
    assert order not in call.ids("orders", per_page=100)
    assert order not in call.ids("orders", per_page=100, include=order)
    assert call.ids("orders", status="trash", include=order) == [order]
    got = call.json(f"orders/{order}")
    assert (got["status"], got["date_modified_gmt"]) == ("trash", NOW)
    store.admin.advance(60)
    store.admin.restore("orders", order)
    got = call.json(f"orders/{order}")
    assert (got["status"], got["date_modified_gmt"]) == ("completed", "2026-11-18T11:07:40")
    assert not any(meta["key"].startswith("_wp_trash") for meta in got["meta_data"])


def test_trashing_a_variable_product_hides_its_variations(store: Running, call: Caller):
    parent = variable(call)
    path = f"products/{parent['id']}"
    assert len(call.ids(f"{path}/variations")) > 1
    store.admin.trash("products", parent["id"])
    got = call.json(path)
    assert (got["status"], got["variations"]) == ("trash", [])
    assert got["slug"].endswith("__trashed") and got["sku"] == parent["sku"]
    assert call.ids(f"{path}/variations") == []
    assert sorted(call.ids(f"{path}/variations", status="trash")) == parent["variations"]
    assert not set(parent["variations"]) & set(call.ids("variations", per_page=100))
    store.admin.restore("products", parent["id"])
    got = call.json(path)
    assert (got["status"], got["variations"]) == ("publish", parent["variations"])
    assert got["slug"] == parent["slug"]


def test_a_product_gone_for_good_empties_order_lines_without_a_stamp(store: Running, call: Caller):
    made = store.admin.create_product(name="Gone", sku="GONE", regular_price="3.00")
    order = call.post("orders", {"line_items": [{"product_id": made["id"]}]}).json()
    store.admin.stamp("orders", [order["id"]], THEN)
    store.admin.delete("products", made["id"])
    got = call.json(f"orders/{order['id']}")
    line = got["line_items"][0]
    assert (line["product_id"], line["variation_id"], line["sku"]) == (0, 0, None)
    assert (line["name"], line["total"]) == ("Gone", "3.00")
    assert got["date_modified_gmt"] == THEN
    assert call.get(f"products/{made['id']}").status_code == 404


def test_deleting_a_product_takes_its_variations_along(store: Running, call: Caller):
    parent = variable(call)
    store.admin.delete("products", parent["id"])
    assert not set(parent["variations"]) & set(call.ids("variations", per_page=100))
    answer = call.get(f"products/{parent['id']}/variations")
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_deleted_customer_leaves_guests_behind(store: Running, call: Caller):
    order = next(o for o in call.json("orders", per_page=30) if o["customer_id"])
    store.admin.delete("customers", order["customer_id"])
    got = call.json(f"orders/{order['id']}")
    assert got["customer_id"] == 0 and "customer" not in got["_links"]
    assert got["date_modified_gmt"] == order["date_modified_gmt"]


def test_refunds_stamp_when_made_and_not_when_deleted(store: Running, call: Caller):
    held_clock(store)
    order = store.admin.create_order()["id"]
    store.admin.advance(10)
    first = store.admin.add_refund(order, "10.00", "Damaged")
    second = store.admin.add_refund(order)
    got = call.json(f"orders/{order}")
    assert got["date_modified_gmt"] == "2026-11-18T11:06:50"
    assert [part["total"] for part in got["refunds"]] == ["-", "-10.00"]
    assert got["total"] == "40.00" and got["status"] == "processing"
    store.admin.advance(10)
    store.admin.delete_refund(first["id"])
    got = call.json(f"orders/{order}")
    assert got["date_modified_gmt"] == "2026-11-18T11:06:50"
    assert [part["id"] for part in got["refunds"]] == [second["id"]]
    store.admin.add_refund(order, "40.00")
    assert call.json(f"orders/{order}")["status"] == "refunded"


def test_deleting_an_order_deletes_its_refunds(store: Running, call: Caller):
    order = store.admin.create_order()["id"]
    refund = store.admin.add_refund(order, "1.00")["id"]
    store.admin.delete("orders", order)
    assert call.get(f"orders/{order}").status_code == 404
    assert refund not in call.ids("refunds", per_page=100)


def test_births(store: Running, call: Caller):
    before = store.admin.counts()
    order = store.admin.create_order(status="on-hold")
    customer = store.admin.create_customer(email="a@b.example")
    product = store.admin.create_product(name="Neu", regular_price="9.99", sku="N")
    assert call.json(f"orders/{order['id']}")["status"] == "on-hold"
    assert call.json("customers", email="A@b.example")[0]["id"] == customer["id"]
    assert call.json("products", sku="N")[0]["price"] == "9.99" == product["price"]
    after = store.admin.counts()
    assert {kind: after[kind] - before[kind] for kind in before if after[kind] != before[kind]} == {
        "orders": 1, "products": 1, "customers": 1,
    }  # fmt: skip


def test_truth_and_records(store: Running, call: Caller):
    truth = store.admin.truth()
    assert {kind: len(rows) for kind, rows in truth.items()} == store.admin.counts()
    listed = call.ids("customers", role="all", per_page=100, orderby="id", order="asc")
    assert [row["id"] for row in truth["customers"]] == listed
    for kind in ("orders", "products", "customers"):
        records = store.admin.records(kind)
        assert [r["id"] for r in records] == [row["id"] for row in truth[kind]]
        assert records[0] == call.json(f"{kind}/{records[0]['id']}")


def test_the_clock_can_be_held_moved_and_wrong(store: Running, call: Caller):
    store.admin.hold_clock(1_800_000_000)
    assert store.admin.now() == 1_800_000_000
    assert call.get("orders").headers["date"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    store.admin.advance(90)
    assert store.admin.now() == 1_800_000_090
    store.admin.release_clock()
    assert 0 <= store.admin.now() - 1_800_000_090 < 30
    store.admin.set_clock(-86_400)
    assert abs(store.admin.now() - (time.time() - 86_400)) < 30


def test_the_journal_keeps_requests_and_no_secrets(store: Running, call: Caller):
    store.admin.clear_requests()
    call.get("orders", page=2, consumer_key="ck_1", oauth_signature="x")
    call.get("orders/99999")
    first, second = store.admin.requests()
    assert (first["method"], first["path"]) == ("GET", "/wp-json/wc/v3/orders")
    assert (first["query"], first["status"]) == ("page=2", 200)
    assert first["size"] > 1000
    assert (second["number"], second["status"]) == (2, 404)


def test_the_desk_refuses_what_it_does_not_know(store: Running, call: Caller):
    for act in (
        lambda: store.admin.do("nonsense"),
        lambda: store.admin.edit_order(1, status="x"),
        lambda: store.admin.faults([{"do": {"explode": 1}}]),
        lambda: store.admin.set_site(base="http://elsewhere"),
    ):
        with pytest.raises(DeskError):
            act()
    answer = call.http.post(f"{store.url}/_sandbox/do", json={"name": "counts"})
    assert answer.status_code == 403
    assert "token" not in repr(store.admin) and store.secret not in repr(store)
