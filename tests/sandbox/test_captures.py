"""The simulated store held to what a real WooCommerce 11 answered to the same request."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from caller import Caller
from recording import FOLDER, Recorded, differences, recorded, tidy

from storelink.sandbox.running import Running, start
from storelink.sandbox.woocommerce.php import encode

NOBODY = ("", "")
#: what differs from answer to answer for good reasons, and is held to its presence alone
FREE = frozenset(("date", "x-wp-total", "x-wp-totalpages", "content-length", "connection"))


def held(want: Recorded, got: httpx.Response, *, body: bool = True) -> None:
    """Status, header names and values, and the JSON's keys and types are those recorded."""
    assert got.status_code == want.status, got.text
    if want.headers is not None:
        theirs = {name.lower(): value for name, value in want.headers.items()}
        ours = {name.lower(): value for name, value in got.headers.items()}
        assert set(theirs) == set(ours)
        for name in set(theirs) - FREE:
            assert tidy(ours[name]) == tidy(theirs[name]), name
    if body:
        assert differences(want.json, got.json()) == []


def error(want: Recorded, got: httpx.Response) -> None:
    """The same, and the body to the letter."""
    held(want, got)
    assert got.json() == want.json


def send(caller: Caller, path: str, want: Recorded) -> httpx.Response:
    """The recorded body to a path of this store, with the recorded verb."""
    method = want.request.split(" ", 1)[0]
    headers = {"content-type": "application/json"} if want.sent else {}
    return caller.http.request(method, path, content=want.sent.encode(), headers=headers)


def first(caller: Caller, path: str, **params: Any) -> int:
    return caller.ids(path, **params)[0]


# reading


def test_lists_and_single_records(ask: Caller):
    held(recorded("customer-full.json.txt"), ask.get(f"customers/{first(ask, 'customers')}"))
    simple = next(p for p in ask.json("products", type="simple", per_page=100) if p["sku"])
    held(recorded("product-simple.json.txt"), ask.get("products", sku=simple["sku"]))
    every = ask.json("products", type="variable", per_page=100)
    variable = next(p for p in every if p["sku"] and p["variations"])
    held(recorded("product-variable.json.txt"), ask.get("products", sku=variable["sku"]))
    held(
        recorded("product-variations.json.txt"),
        ask.get(f"products/{variable['id']}/variations", per_page=1),
    )
    held(recorded("variations-global-endpoint.json.txt"), ask.get("variations", per_page=1))
    held(recorded("refunds-global.json.txt"), ask.get("refunds", per_page=2))


@pytest.mark.parametrize("name", ["order-EUR.json", "order-JPY.json", "order-full-with-refunds.json"])
def test_every_order_has_the_recorded_keys_and_types(ask: Caller, name: str):
    want = recorded(name).json
    want["_links"].setdefault("customer", [])
    for order in ask.json("orders", per_page=100, status="any"):
        order["_links"].setdefault("customer", [])
        order["meta_data"] = []
        assert differences(want, order) == []


def test_every_list_agrees_with_its_single_records(ask: Caller):
    for path, params in {
        "orders": {},
        "products": {},
        "customers": {"role": "all"},
    }.items():
        for record in ask.json(path, per_page=7, **params):
            assert ask.json(f"{path}/{record['id']}") == record


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("040-product.created", "products/{variation}"),
        ("038-product.restored", "products/{simple}"),
        ("046-customer.created", "customers/{customer}"),
        ("025-order.restored", "orders/{order}"),
    ],
)
def test_single_records_are_what_a_webhook_carried(ask: Caller, name: str, path: str):
    """A delivery's body is the record as REST shows it, here byte for byte as PHP wrote it."""
    raw = (FOLDER / "webhooks" / f"{name}.txt").read_bytes().partition(b"\n\n")[2].rstrip(b"\n")
    ids = {
        "variation": first(ask, "variations"),
        "simple": first(ask, "products", type="simple", status="publish"),
        "customer": first(ask, "customers"),
        "order": first(ask, "orders", customer=0) if "order" in path else 0,
    }
    want = json.loads(raw)
    got = ask.get(path.format(**ids))
    record = got.json()
    want["_links"].setdefault("customer", [])
    record["_links"].setdefault("customer", [])
    record["meta_data"] = []
    assert differences(want, record) == []
    assert encode(json.loads(raw)) == raw


def test_refunds_of_an_order(ask: Caller):
    rows = ask.json("refunds", per_page=100)
    order = next(row["parent_id"] for row in rows if row["line_items"])
    held(recorded("refunds-list.json.txt"), ask.get(f"orders/{order}/refunds", per_page=100))


def test_what_the_store_says_about_itself(ask: Caller):
    held(recorded("system-status.json.txt"), ask.get("system_status"))
    want = recorded("payment-gateways.json.txt")
    got = ask.get("payment_gateways", _fields="id,enabled,method_supports")
    held(want, got)
    assert got.json() == want.json


def test_paging_errors_and_ends(ask: Caller):
    error(recorded("page-0.txt"), ask.get("orders", page=0))
    error(recorded("page-per_page-101.txt"), ask.get("orders", per_page=101))
    past = ask.get("orders", page=99999, per_page=100)
    error(recorded("page-past-end-orders.txt"), past)
    assert (past.headers["x-wp-total"], past.headers["x-wp-totalpages"]) == ("0", "0")
    past = ask.get("products", page=99999, per_page=100)
    error(recorded("page-past-end-products.txt"), past)
    assert int(past.headers["x-wp-total"]) > 0


def test_what_is_not_there(ask: Caller):
    error(recorded("customer-404.txt"), ask.get("customers/99999"))
    error(recorded("order-404.txt"), ask.get("orders/99999"))
    error(recorded("product-404.txt"), ask.get("products/99999"))
    error(recorded("err-404-product.txt"), ask.get("products/99999999"))
    error(recorded("err-404-route.txt"), ask.get("nosuch"))
    error(recorded("err-nonnumeric-id.txt"), ask.get("products/abc"))


# who asks


def basic(caller: Caller, pair: tuple[str, str] | None) -> httpx.Response:
    auth = httpx.BasicAuth(*pair) if pair else None
    return httpx_get(caller, "orders", {"per_page": "1"}, auth)


def httpx_get(caller: Caller, path: str, params: dict[str, str], auth: httpx.Auth | None) -> httpx.Response:
    request = caller.http.build_request("GET", path, params=params)
    return caller.http.send(request, auth=auth)


def test_who_may_not_over_https(shop: Running, ask: Caller):
    error(recorded("auth-wrong-key.txt"), basic(ask, ("ck_" + "0" * 40, "cs_" + "0" * 40)))
    error(recorded("auth-wrong-secret.txt"), basic(ask, (shop.key, "cs_" + "0" * 40)))
    error(recorded("auth-writeonly-read.txt"), basic(ask, shop.write_only_key))
    want = recorded("auth-customer-role.txt")
    error(want, httpx_get(ask, "orders", {"_fields": "id"}, httpx.BasicAuth(*shop.customer_key)))
    put = ask.http.build_request("PUT", "orders/1", json={})
    error(
        recorded("auth-readonly-write.txt"),
        ask.http.send(put, auth=httpx.BasicAuth(*shop.read_key)),
    )


@pytest.fixture(scope="module")
def plain() -> Iterator[Caller]:
    """Asks a store over plain http."""
    with start(orders=5, products=5, customers=5) as store:
        caller = Caller(store)
        yield caller
        caller.close()


def test_who_may_not_over_http(plain: Caller):
    store = plain.store
    error(recorded("auth-none.txt"), basic(plain, None))
    error(recorded("auth-basic-over-http.txt"), basic(plain, (store.key, store.secret)))
    keys = {"consumer_key": store.key, "consumer_secret": store.secret}
    error(recorded("auth-query-over-http.txt"), httpx_get(plain, "orders", keys, None))
    signed = {
        "oauth_consumer_key": store.key,
        "oauth_timestamp": str(int(store.admin.now())),
        "oauth_nonce": "n1",
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_signature": "AAAA",
    }
    want = recorded("auth-oauth-bad-signature.txt")
    error(want, httpx_get(plain, "orders", signed, None))


# a store that is not well


def test_pages_that_are_not_the_store(store: Running, call: Caller):
    for name, rule in {
        "err-db-down.txt": {"database_down": True},
        "err-maintenance-503.txt": {"maintenance": True},
        "err-emit-fatal.txt": {"fatal": True},
    }.items():
        want = recorded(name)
        store.admin.faults([{"match": {}, "do": rule}])
        got = call.get("orders", per_page=1)
        held(want, got, body=False)
        for part in (r"<title>(.*?)</title>", r"<div class=\"wp-die-message\">(.*?)</div>"):
            assert re.findall(part, got.text) == re.findall(part, want.text)
    store.admin.faults([])
    for mode, name in (
        ("database_down", "err-db-down.txt"),
        ("maintenance", "err-maintenance-503.txt"),
    ):
        store.admin.set_site(mode=mode)
        held(recorded(name), call.get("orders", per_page=1), body=False)


def test_noise_in_front_of_the_json(store: Running, call: Caller):
    for name, rule in {"err-emit-bom.txt": "bom", "err-emit-notice.txt": "notice"}.items():
        want = recorded(name)
        store.admin.faults([{"do": {rule: True}}])
        got = call.get("orders", per_page=1, _fields="id")
        held(want, got, body=False)
        before = got.content[: got.content.index(b"[{")]
        expected = b"\xef\xbb\xbf" if rule == "bom" else want.text.split("[{")[0].encode()
        assert before == expected


def test_plain_permalinks_and_no_plugin(store: Running, call: Caller):
    store.admin.set_site(mode="plain_permalinks")
    got = call.http.get(f"{store.url}/wp-json")
    held(recorded("err-plain-permalinks.txt"), got, body=False)
    got = call.http.get(f"{store.url}/wp-json/")
    assert got.status_code == 200 and got.headers["content-type"].startswith("text/html")
    got = call.http.get("orders", follow_redirects=True)
    assert got.status_code == 200 and "<html" in got.text
    got = call.http.get(f"{store.url}/?rest_route=/wc/v3/orders")
    assert (got.status_code, got.json()["code"]) == (401, "woocommerce_rest_cannot_view")
    store.admin.set_site(mode="plugin_inactive")
    error(recorded("err-plugin-inactive.txt"), call.get("orders"))
    index = call.http.get(f"{store.url}/wp-json/").json()
    assert "wc/v3" not in index["namespaces"]


# writing


def rich(call: Caller) -> tuple[dict[str, Any], dict[int, int]]:
    """An order made of the very request that was recorded, and which id stands for which."""
    want = recorded("order-create-rich.json.txt")
    ids = {
        15: call.post("products", {
            "name": "Tiny Socks 2", "sku": "T-2", "regular_price": "189.20",
            "manage_stock": True, "stock_quantity": 98,
        }).json()["id"],
        14: call.post("products", {"name": '"Quoted" Teppich 1', "sku": "T-1"}).json()["id"],
        29: call.post("products", {
            "name": "<b>Bold</b> 靴 10", "sku": "T-10", "type": "variable",
            "attributes": [{"name": "Size", "variation": True, "options": ["S"]}],
        }).json()["id"],
        10: first(call, "customers"),
    }  # fmt: skip
    ids[31] = call.post(f"products/{ids[29]}/variations", {
        "sku": "T-10-S", "regular_price": "71.67", "attributes": [{"name": "Size", "option": "S"}],
        "manage_stock": True, "stock_quantity": 9,
    }).json()["id"]  # fmt: skip
    sent = httpx.Response(200, content=want.sent).json()
    sent["customer_id"] = ids[10]
    for line in sent["line_items"]:
        for key in ("product_id", "variation_id"):
            if key in line:
                line[key] = ids[line[key]]
    got = call.post("orders", sent)
    held(want, got, body=False)
    return got.json(), ids


def plainly(value: Any) -> Any:
    """A document without what is its own: ids, dates, keys, SKUs, links."""
    own = re.compile(r"(^|_)(id|date|key|url|sku|number)(_|$)|^_links$")
    if isinstance(value, dict) and value.get("key") == "_refunded_item_id":
        return "…"
    if isinstance(value, dict):
        return {
            k: "…" if own.search(k) and isinstance(v, int | str | dict) else plainly(v)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [plainly(part) for part in value]
    return value


def test_a_rich_order_comes_out_to_the_cent(call: Caller):
    want = recorded("order-create-rich.json.txt").json
    got, _ = rich(call)
    for document in (want, got):
        document["meta_data"].sort(key=lambda meta: meta["key"])
        document["transaction_id"] = "txn_rich" if document["transaction_id"] else ""
    assert differences(want, got) == []
    assert plainly(got) == plainly(want)


def test_refunds_as_recorded(call: Caller):
    order, _ = rich(call)
    path = f"orders/{order['id']}/refunds"
    want = recorded("refund-partial-lineitems-apirefund-true.json.txt")
    sent = httpx.Response(200, content=want.sent).json()
    sent["line_items"][0]["id"] = order["line_items"][0]["id"]
    got = call.post(path, sent)
    held(want, got)
    assert plainly(got.json()) == plainly(want.json)
    for name in ("refund-amount-only-apirefund-omitted.json.txt", "refund-no-amount.txt"):
        want = recorded(name)
        got = send(call, path, want)
        held(want, got)
        assert plainly(got.json()) == plainly(want.json)
    shown = call.json(f"orders/{order['id']}")["refunds"]
    assert [part["total"] for part in shown] == ["-", "-2.50", "-184.33"]
    assert [part["total_tax"] for part in shown] == ["0.00", "0.00", "-14.05"]
    error(recorded("refund-over.txt"), send(call, path, recorded("refund-over.txt")))
    want = recorded("refund-no-order.txt")
    error(want, send(call, "orders/99999999/refunds", want))


@pytest.mark.parametrize(
    ("name", "gateway"),
    [
        ("refund-gateway-cannot-refund.txt", "nopay"),
        ("refund-gateway-declined.txt", "fakepay"),
        ("refund-gateway-false.txt", "fakepay"),
        ("refund-gateway-missing.txt", "gone"),
        ("refund-gateway-missing.txt", ""),
    ],
)
def test_a_gateway_that_will_not(store: Running, call: Caller, name: str, gateway: str):
    order = store.admin.create_order(payment_method=gateway)
    want = recorded(name)
    error(want, send(call, f"orders/{order['id']}/refunds", want))
    assert call.json(f"orders/{order['id']}/refunds") == []
    assert call.json(f"orders/{order['id']}")["refunds"] == []
    assert store.admin.payments() == []


def test_nothing_left_to_refund(store: Running, call: Caller):
    order = store.admin.create_order()
    store.admin.add_refund(order["id"], "40.00")
    want = recorded("refund-after-full.txt")
    error(want, send(call, f"orders/{order['id']}/refunds", want))


def test_a_worker_that_died_after_the_money_moved(store: Running, call: Caller):
    order = store.admin.create_order()
    store.admin.set_site(gateway_dies="after")
    want = recorded("refund-worker-died.txt")
    got = send(call, f"orders/{order['id']}/refunds", want)
    held(want, got)
    kept = call.json(f"orders/{order['id']}/refunds")
    assert [(r["reason"], r["refunded_payment"], r["meta_data"]) for r in kept] == [("die [k:77]", False, [])]
    assert [payment["amount"] for payment in store.admin.payments()] == [500]


def test_orders_come_and_go_as_recorded(store: Running, call: Caller):
    want = recorded("err-400-bad-product.txt")
    got = send(call, "orders", want)
    held(want, got)
    assert plainly(got.json()) == plainly(want.json)
    number = got.json()["id"]
    want = recorded("order-delete-trash.json.txt")
    held(want, call.delete(f"orders/{number}"), body=False)
    error(recorded("order-delete-already-trashed.txt"), call.delete(f"orders/{number}"))
    want = recorded("order-put-404.txt")
    error(want, send(call, "orders/99999999", want))
    want = recorded("put-malformed-json.txt")
    error(want, send(call, f"orders/{number}", want))
    want = recorded("put-nonnumeric-id.txt")
    error(want, send(call, "orders/abc", want))
    got = call.put(f"orders/{number}", {"billing": {"email": "bad"}})
    error(recorded("put-invalid-email.txt"), got)


def test_a_new_order_in_the_trash_and_back(call: Caller):
    want = recorded("order-legacy-storage.json.txt").json
    number = call.post("orders", {"line_items": [{"product_id": 99999999}]}).json()["id"]
    call.delete(f"orders/{number}")
    kept = call.json(f"orders/{number}")
    assert kept["status"] == "trash"
    assert differences(want["meta_data"], kept["meta_data"]) == []
    assert {part["key"] for part in kept["meta_data"]} == {
        "_wp_trash_meta_status", "_wp_trash_meta_time",
    }  # fmt: skip


def test_other_writes_as_recorded(call: Caller):
    want = recorded("customer-delete-noforce.txt")
    error(want, call.delete(f"customers/{first(call, 'customers')}"))
    call.post("products", {"name": "tmp", "sku": "TMP-1"})
    want = recorded("product-duplicate-sku.txt")
    error(want, send(call, "products", want))
    for name in ("webhook-create-blocked.json.txt", "webhook-create.json.txt"):
        want = recorded(name)
        got = send(call, "webhooks", want)
        held(want, got)
        assert plainly(got.json()) == plainly(want.json)
    want = recorded("webhook-create-nourl.txt")
    error(want, send(call, "webhooks", want))


def test_batches_as_recorded(call: Caller):
    want = recorded("batch-101.txt")
    error(want, send(call, "orders/batch", want))
    want = recorded("batch-mixed.json.txt")
    made = [call.post("orders", {"status": "completed"}).json()["id"] for _ in range(3)]
    line = {"product_id": 99999999, "quantity": 1}
    made[2] = call.post("orders", {"status": "completed", "line_items": [line]}).json()["id"]
    sent = httpx.Response(200, content=want.sent).json()
    for part, held_id in zip(sent["update"], [made[0], 99999999, made[1], made[2]], strict=True):
        part["id"] = held_id
    got = call.post("orders/batch", sent)
    held(want, got, body=False)
    theirs, ours = want.json, got.json()
    assert [part.get("error") for part in ours["update"]] == [part.get("error") for part in theirs["update"]]
    assert ours["delete"] == theirs["delete"]
    assert differences(theirs["update"][3], ours["update"][3]) == []
    assert ours["update"][3]["status"] == "pending"
