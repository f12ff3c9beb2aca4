"""The official `woocommerce` package against the simulated store: lists, writes, errors, batch."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from woocommerce import API

from storelink.sandbox.running import Running, start

Ask = Callable[..., requests.Response]


class Official:
    """The client as its page shows it; `requests` closes each connection with its answer."""

    def __init__(self, store: Running, **options: Any) -> None:
        self.store = store
        self.api = API(store.url, store.key, store.secret, version="wc/v3", timeout=30, **options)

    def ask(self, verb: str, path: str, *data: Any, **params: Any) -> Any:
        """Status and JSON of one call."""
        named = {"params": params} if params else {}
        with getattr(self.api, verb)(path, *data, **named) as answer:
            return answer.status_code, answer.json(), answer.headers


@pytest.fixture(params=["http", "https", "https, keys in the query"])
def official(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Official]:
    secure = request.param != "http"
    with start(orders=30, products=25, customers=20, https=secure) as store:
        if store.ca_file:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(store.ca_file))
        yield Official(store, query_string_auth="query" in request.param)


def test_lists(official: Official):
    for path in ("orders", "products", "customers", "variations", "refunds", "webhooks"):
        status, found, headers = official.ask("get", path, per_page=5)
        assert status == 200 and isinstance(found, list)
        assert int(headers["x-wp-total"]) >= len(found)
    walked: list[int] = []
    page = 1
    while True:
        asked = {"per_page": 7, "page": page, "orderby": "id", "order": "asc", "status": "any"}
        status, found, headers = official.ask("get", "orders", **asked)
        assert status == 200
        if not found:
            break
        walked += [order["id"] for order in found]
        page += 1
    assert walked == sorted(set(walked))
    _, found, headers = official.ask("get", "orders", status="completed,processing", per_page=100)
    assert len(found) == int(headers["x-wp-total"]) > 5
    assert {order["status"] for order in found} <= {"completed", "processing"}
    asked = {"modified_after": "2026-09-01T00:00:00", "dates_are_gmt": "true"}
    _, found, _ = official.ask("get", "orders", **asked)
    assert all(order["date_modified_gmt"] > "2026-09-01T00:00:00" for order in found)


def test_a_product_from_birth_to_death(official: Official):
    sent = {
        "name": "Premium Qualität – “Größe”", "type": "simple", "regular_price": "21.99",
        "description": "Schön & gut <b>!</b>", "sku": "PQ-1", "manage_stock": True,
        "stock_quantity": 5, "categories": [{"id": 17}], "images": [{"src": "https://x.example/i.png"}],
        "meta_data": [{"key": "a", "value": {"b": [1, 2]}}],
    }  # fmt: skip
    status, made, headers = official.ask("post", "products", sent)
    assert status == 201
    assert headers["location"].endswith(f"/wp-json/wc/v3/products/{made['id']}")
    assert (made["name"], made["price"], made["stock_quantity"]) == (sent["name"], "21.99", 5)
    assert made["meta_data"][0]["value"] == {"b": [1, 2]}
    path = f"products/{made['id']}"
    status, changed, _ = official.ask("put", path, {"sale_price": "19.99", "inventory_delta": -2})
    assert (status, changed["price"], changed["on_sale"]) == (200, "19.99", True)
    assert changed["stock_quantity"] == 3
    status, error, _ = official.ask("post", "products", {"name": "x", "sku": "PQ-1"})
    assert (status, error["code"]) == (400, "woocommerce_rest_product_not_created")
    assert official.ask("get", path)[1] == changed
    status, before, _ = official.ask("delete", path)
    assert (status, before["status"]) == (200, "publish")
    assert official.ask("get", path)[1]["status"] == "trash"
    assert official.ask("delete", path)[0] == 410
    assert official.ask("delete", path, force=True)[0] == 200
    assert official.ask("get", path)[0] == 404


def test_variations(official: Official):
    sent = {
        "name": "Shirt", "type": "variable",
        "attributes": [{"name": "Size", "variation": True, "options": ["S", "M"]}],
    }  # fmt: skip
    parent = official.ask("post", "products", sent)[1]["id"]
    path = f"products/{parent}/variations"
    ids = []
    for size, price in (("S", "10.00"), ("M", "12.50")):
        body = {"regular_price": price, "attributes": [{"name": "Size", "option": size}]}
        status, made, _ = official.ask("post", path, body)
        assert (status, made["name"], made["parent_id"]) == (201, size, parent)
        ids.append(made["id"])
    shown = official.ask("get", f"products/{parent}")[1]
    assert (shown["variations"], shown["price"]) == (ids, "10.00")
    assert official.ask("put", f"{path}/{ids[0]}", {"regular_price": "13.00"})[0] == 200
    assert official.ask("get", f"products/{parent}")[1]["price"] == "12.50"
    assert official.ask("put", f"products/{ids[0]}", {"name": "x"})[0] == 404
    assert official.ask("put", f"{path}/99999", {})[0] == 400
    assert official.ask("post", "products/99999/variations", {})[0] == 404
    status, done, _ = official.ask(
        "post", f"{path}/batch", {"update": [{"id": ids[1], "sku": "B"}], "delete": [ids[0]]}
    )
    assert (status, done["update"][0]["sku"], done["delete"][0]["id"]) == (200, "B", ids[0])
    assert official.ask("get", f"products/{parent}")[1]["variations"] == ids[1:]


def test_an_order_from_birth_to_death(official: Official):
    product = official.ask(
        "post", "products",
        {"name": "Mug", "sku": "MUG", "regular_price": "10.00", "manage_stock": True, "stock_quantity": 9},
    )[1]["id"]  # fmt: skip
    sent = {
        "payment_method": "fakepay", "set_paid": True,
        "billing": {"first_name": "Zoë", "country": "US", "state": "CA", "email": "z@example.test"},
        "line_items": [{"product_id": product, "quantity": 2}, {"sku": "MUG", "quantity": 1}],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Flat", "total": "5.00"}],
    }  # fmt: skip
    status, order, _ = official.ask("post", "orders", sent)
    assert (status, order["status"], order["total"]) == (201, "processing", "37.89")
    assert order["date_paid"] and order["billing"]["first_name"] == "Zoë"
    assert official.ask("get", f"products/{product}")[1]["stock_quantity"] == 6
    path = f"orders/{order['id']}"
    _, moved, _ = official.ask("put", path, {"shipping": {"country": "DE", "city": "Köln"}})
    assert (moved["total"], moved["tax_lines"][0]["rate_id"]) == ("41.65", 4)
    assert moved["billing"]["first_name"] == "Zoë" and moved["shipping"]["city"] == "Köln"
    _, noted, _ = official.ask("put", path, {"customer_note": "hi"})
    assert noted["total"] == "41.65"
    line = order["line_items"][1]["id"]
    _, fewer, _ = official.ask("put", path, {"line_items": [{"id": line, "quantity": 0}]})
    assert (len(fewer["line_items"]), fewer["total"]) == (1, "29.75")
    assert official.ask("put", path, {"line_items": [{"id": 1, "quantity": 1}]})[0] == 400
    status, error, _ = official.ask("put", path, {"line_items": [{"quantity": 1}]})
    assert (status, error["code"]) == (400, "woocommerce_rest_required_product_reference")
    official.ask("put", path, {"status": "cancelled"})
    assert official.ask("get", f"products/{product}")[1]["stock_quantity"] == 8
    assert official.ask("put", path, {"status": "completed"})[1]["date_completed"]
    assert official.ask("delete", path)[0] == 200
    assert official.ask("put", path, {"status": "processing"})[1]["status"] == "processing"
    assert official.ask("delete", path, force=True)[0] == 200
    assert official.ask("get", path)[0] == 404


def test_addresses(official: Official):
    order = official.ask("get", "orders", per_page=1)[1][0]
    path = f"orders/{order['id']}"
    odd = {"address_1": "<script>\n🙂" + "x" * 5000, "country": "ZZ", "nonsense": "y", "city": ""}
    status, got, _ = official.ask("put", path, {"shipping": odd})
    assert status == 200
    assert got["shipping"]["address_1"] == odd["address_1"]
    assert "nonsense" not in got["shipping"] and got["shipping"]["city"] == ""
    assert official.ask("put", path, {"shipping": ["x"]})[1]["shipping"] == got["shipping"]
    for body, code in (
        ({"billing": {"email": ""}}, "rest_invalid_email"),
        ({"billing": {"email": "no"}}, "rest_invalid_email"),
        ({"shipping": {"postcode": 123}}, "rest_invalid_type"),
        ({"shipping": {"postcode": None}}, "rest_invalid_type"),
        ({"shipping": "here"}, "rest_invalid_type"),
        ({"status": "nope"}, "rest_not_in_enum"),
    ):
        status, error, _ = official.ask("put", path, body)
        assert (status, error["code"]) == (400, "rest_invalid_param"), body
        assert error["data"]["details"][next(iter(body))]["code"] == code
    assert error["data"]["params"]["status"].startswith("status is not one of pending, ")


def test_refunds(official: Official):
    order = official.store.admin.create_order()
    path = f"orders/{order['id']}/refunds"
    line = order["line_items"][0]["id"]
    part = {"line_items": [{"id": line, "quantity": 1, "refund_total": 10}], "api_refund": False}
    status, made, headers = official.ask("post", path, {**part, "reason": "Damaged ☹"})
    assert (status, made["amount"], made["reason"]) == (201, "10.00", "Damaged ☹")
    assert made["line_items"][0]["quantity"] == -1 and "parent_id" not in made
    assert "(?P<order_id>[\\d]+)" in headers["location"]
    assert official.ask("post", path, {"amount": 5})[0] == 400
    assert official.ask("post", path, {"amount": "5.00"})[1]["refunded_payment"] is True
    assert official.ask("post", path, {"amount": "5.00", "api_refund": "false"})[0] == 201
    assert [p["amount"] for p in official.store.admin.payments()] == [500]
    assert official.ask("post", path, {"amount": "-1"})[1]["data"] == 400
    for junk in ("junk", "100.00"):
        status, error, _ = official.ask("post", path, {"amount": junk, "api_refund": False})
        assert (status, error["message"], error["data"]) == (500, "Invalid refund amount.", 500)
    assert official.ask("post", path, {"amount": "1.239", "api_refund": False})[1]["amount"] == "1.24"
    assert len(official.ask("get", path)[1]) == 4
    one = f"{path}/{made['id']}"
    assert official.ask("get", one)[1] == made
    assert official.ask("put", one, {})[0] == 404
    assert official.ask("delete", one)[0] == 501
    assert official.ask("delete", one, force=True)[0] == 200
    assert official.ask("get", one)[0] == 404
    assert official.ask("put", f"orders/{order['id']}", {"status": "refunded"})[0] == 200
    newest = official.ask("get", path)[1][0]
    assert (newest["reason"], newest["amount"]) == ("Order fully refunded.", "28.76")


def test_customers(official: Official):
    sent = {"email": "nina@example.test", "first_name": "Nína", "billing": {"city": "Reykjavík"}}
    status, made, _ = official.ask("post", "customers", sent)
    assert (status, made["username"], made["role"]) == (201, "nina", "customer")
    path = f"customers/{made['id']}"
    assert official.ask("put", path, {"last_name": "Þór"})[1]["last_name"] == "Þór"
    assert official.ask("get", "customers", email="NINA@example.test")[1][0]["id"] == made["id"]
    for body, code in (
        ({**sent, "email": "Nina@Example.test"}, "registration-error-email-exists"),
        ({"first_name": "x"}, "rest_missing_callback_param"),
        ({"email": "no"}, "rest_invalid_param"),
    ):
        status, error, _ = official.ask("post", "customers", body)
        assert (status, error["code"]) == (400, code)
    assert official.ask("delete", path)[0] == 501
    assert official.ask("delete", path, force=True)[0] == 200
    assert official.ask("get", path)[1]["code"] == "wc_user_invalid_id"
    assert official.ask("delete", "customers/1", force=True)[0] == 403
    assert official.ask("put", "customers/1", {"email": "other@example.test"})[0] == 403


def test_webhooks(official: Official):
    sent = {"name": "n", "topic": "order.updated", "delivery_url": "http://x.example/y", "secret": "s"}
    status, made, _ = official.ask("post", "webhooks", sent)
    assert (status, made["status"]) == (201, "active")
    assert "secret" not in made and "failure_count" not in made
    path = f"webhooks/{made['id']}"
    assert official.ask("put", path, {"status": "paused"})[1]["status"] == "paused"
    assert [hook["id"] for hook in official.ask("get", "webhooks")[1]] == [made["id"]]
    for change, code in (
        ({"topic": "customer.restored"}, "woocommerce_rest_shop_webhook_invalid_topic"),
        ({"delivery_url": "ftp://x"}, "woocommerce_rest_shop_webhook_invalid_delivery_url"),
    ):
        status, error, _ = official.ask("post", "webhooks", {**sent, **change})
        assert (status, error["code"]) == (400, code)
    assert official.ask("delete", path)[0] == 501
    assert official.ask("delete", path, force=True)[0] == 200
    assert official.ask("get", path)[0] == 404


def test_batches(official: Official):
    people = [{"email": f"b{n}@example.test"} for n in range(3)]
    status, done, _ = official.ask("post", "customers/batch", {"create": [*people, people[0]]})
    assert status == 200
    assert [bool(part.get("error")) for part in done["create"]] == [False, False, False, True]
    gone = [part["id"] for part in done["create"][:2]]
    status, done, _ = official.ask("post", "customers/batch", {"delete": [*gone, 99999]})
    assert [part.get("error", {}).get("code") for part in done["delete"]] == [
        None, None, "wc_user_invalid_id",
    ]  # fmt: skip
    number = official.ask("post", "orders", {"status": "completed"})[1]["id"]
    wild = {"id": number, "status": "nope", "shipping": {"postcode": 5, "city": None}}
    _, done, _ = official.ask("post", "orders/batch", {"update": [wild]})
    got = done["update"][0]
    assert (got["status"], got["shipping"]["postcode"], got["shipping"]["city"]) == ("pending", "5", "")
    assert (
        official.ask("post", "products/batch", {"create": [{"name": str(n)} for n in range(101)]})[0] == 413
    )
    _, done, _ = official.ask("post", "products/batch", {"create": [{"name": "one"}], "update": []})
    assert list(done) == ["create"]
    assert official.ask("post", "orders/batch", {"update": [wild]}, _fields="id")[1] == []


def test_errors(official: Official):
    for path, status, code in (
        ("orders/99999", 404, "woocommerce_rest_shop_order_invalid_id"),
        ("products/99999", 404, "woocommerce_rest_product_invalid_id"),
        ("products/abc", 404, "rest_no_route"),
        ("nosuch", 404, "rest_no_route"),
    ):
        found, error, _ = official.ask("get", path)
        assert (found, error["code"]) == (status, code)
    assert official.ask("get", "orders", per_page=101)[0] == 400
    assert official.ask("put", "orders/99999", {})[0] == 400
    assert official.ask("delete", "orders/99999")[0] == 404
    status, _, headers = official.ask("options", "orders")
    assert (status, headers["allow"]) == (200, "GET, POST")


def test_bodies_of_another_type(store: Running):
    def post(path: str, kind: str, data: Any) -> Any:
        with requests.post(
            f"{store.url}/wp-json/wc/v3/{path}", data=data, headers={"content-type": kind},
            auth=(store.key, store.secret), timeout=30, verify=str(store.ca_file),
        ) as answer:  # fmt: skip
            return answer.status_code, answer.json()

    status, empty = post("orders", "text/plain", b'{"customer_note": "lost"}')
    assert (status, empty["customer_note"], empty["line_items"]) == (201, "", [])
    status, read = post("orders", "application/x-www-form-urlencoded", {"billing[city]": "Oz"})
    assert (status, read["billing"]["city"]) == (201, "Oz")
    order = store.admin.create_order()["id"]
    status, refund = post(f"orders/{order}/refunds", "text/plain", b'{"amount": "1.00"}')
    assert (status, refund["amount"], refund["refunded_payment"]) == (201, "", True)
    assert len(store.admin.payments()) == 1


def test_it_may_skip_verification(monkeypatch: pytest.MonkeyPatch):
    with start(orders=2, products=2, customers=2, https=True) as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Official(store, verify_ssl=False).ask("get", "orders")[0] == 200
        with pytest.raises(requests.exceptions.SSLError):
            Official(store).ask("get", "orders")
