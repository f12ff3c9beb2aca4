"""Lists: paging and its oddities, filters, order, fields (facts §2–§4)."""

import pytest
from caller import Caller

from storelink.sandbox.running import Running, start


def walk(ask: Caller, path: str, **params: object) -> list[int]:
    """All ids, page by page."""
    found: list[int] = []
    page = 1
    while True:
        ids = ask.ids(path, page=page, **params)
        if not ids:
            return found
        found += ids
        page += 1


def test_paging_covers_everything_once(ask: Caller, shop: Running):
    everybody = [row["id"] for row in shop.admin.truth()["customers"]]
    assert walk(ask, "customers", role="all", per_page=37, orderby="id", order="asc") == everybody
    answer = ask.get("customers", role="all", per_page=37)
    assert answer.headers["x-wp-total"] == str(len(everybody))
    assert answer.headers["x-wp-totalpages"] == str(-(-len(everybody) // 37))


def test_links_lead_back_and_forth(ask: Caller):
    answer = ask.get("products", per_page=10, page=2, _fields="id,name")
    links = answer.headers["link"]
    base = f"{ask.store.url}/wp-json/wc/v3/products?per_page=10"
    assert links == (
        f'<{base}&page=1&_fields=id%2Cname>; rel="prev", <{base}&page=3&_fields=id%2Cname>; rel="next"'
    )
    past = ask.get("products", per_page=10, page=500).headers["link"]
    pages = ask.get("products", per_page=10).headers["x-wp-totalpages"]
    assert past == f'<{base}&page={pages}>; rel="prev"'
    alone = ask.get("products", per_page=100).headers["link"]
    assert alone == f'<{ask.store.url}/wp-json/>; rel="https://api.w.org/"'


def test_an_offset_wins_over_the_page_and_pages_overlap(ask: Caller):
    every = ask.ids("orders", orderby="id", order="asc", per_page=100)
    assert ask.ids("orders", orderby="id", order="asc", per_page=10, offset=7, page=3) == every[7:17]
    assert ask.ids("orders", orderby="id", order="asc", per_page=10, offset=0) == every[:10]
    assert ask.get("orders", per_page=10, offset=7).headers["x-wp-total"] == str(
        int(ask.get("orders").headers["x-wp-total"])
    )


def test_past_the_end(ask: Caller, shop: Running):
    """Orders forget their total, customers never; posts forget it behind an offset alone."""
    assert ask.get("customers", page=999).headers["x-wp-total"] != "0"
    assert ask.get("customers", offset=9999).headers["x-wp-total"] != "0"
    assert ask.get("products", offset=9999).headers["x-wp-total"] == "0"
    assert ask.get("products", page=999).headers["x-wp-total"] != "0"
    assert ask.get("orders", offset=9999).headers["x-wp-total"] == "0"


def test_legacy_storage_keeps_the_total_of_orders():
    with start(orders=12, products=3, customers=3, https=True, hpos=False) as store:
        caller = Caller(store)
        try:
            assert int(caller.get("orders", page=99).headers["x-wp-total"]) > 0
            assert caller.json("system_status")["settings"]["HPOS_enabled"] is False
        finally:
            caller.close()


@pytest.mark.parametrize("path", ["orders", "products", "customers", "variations", "refunds"])
def test_bounds_of_a_page(ask: Caller, path: str):
    for size in (0, -1, 101):
        answer = ask.get(path, per_page=size)
        assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
        assert answer.json()["data"]["details"]["per_page"]["code"] == "rest_out_of_bounds"
    answer = ask.get(path, per_page="many", page=0)
    assert answer.json()["message"] == "Invalid parameter(s): page, per_page"
    assert answer.json()["data"]["params"]["per_page"] == "per_page is not of type integer."


def test_orders_of_a_list(ask: Caller):
    def column(name: str, path: str = "orders", **params: object) -> list:
        return [part[name] for part in ask.json(path, per_page=100, **params)]

    created = column("date_created_gmt")
    assert created == sorted(created, reverse=True)
    newest = column("id", orderby="id")
    assert newest == sorted(newest, reverse=True)
    oldest = column("id", orderby="id", order="asc")
    assert oldest == sorted(oldest) and oldest[0] < newest[-1]
    pairs = [
        (p["date_modified_gmt"], p["id"])
        for p in ask.json("orders", per_page=100, orderby="modified", order="asc")
    ]
    assert pairs == sorted(pairs)
    names = column("name", "products", orderby="title", order="asc")
    assert names == sorted(names, key=str.lower)
    prices = [float(p or 0) for p in column("price", "products", orderby="price", order="desc")]
    assert prices == sorted(prices, reverse=True)
    asked = column("id")[:3][::-1]
    assert ask.ids("orders", include=",".join(map(str, asked)), orderby="include") == asked


@pytest.mark.parametrize(
    ("path", "wrong"),
    [("orders", "total"), ("orders", "date_modified"), ("customers", "modified"),
     ("customers", "date"), ("products", "total")],
)  # fmt: skip
def test_orders_that_no_list_has(ask: Caller, path: str, wrong: str):
    answer = ask.get(path, orderby=wrong)
    assert answer.status_code == 400
    assert answer.json()["data"]["details"]["orderby"]["code"] == "rest_not_in_enum"
    assert ask.get(path, order="up").status_code == 400


def test_statuses_of_orders(ask: Caller, shop: Running):
    truth = {row["id"]: row["status"] for row in shop.admin.truth()["orders"]}
    listed = set(walk(ask, "orders", per_page=100))
    unlisted = {"trash", "archived", "checkout-draft"}
    assert listed == {n for n, status in truth.items() if status not in unlisted}
    assert "awaiting-parts" in {truth[n] for n in listed}
    for status in ("completed", "awaiting-parts", "archived", "checkout-draft", "trash"):
        assert set(walk(ask, "orders", per_page=100, status=status)) == {
            n for n, s in truth.items() if s == status
        }
    both = set(walk(ask, "orders", per_page=100, status="completed,processing"))
    assert both == {n for n, s in truth.items() if s in ("completed", "processing")}
    assert set(walk(ask, "orders", per_page=100, status="any,trash")) == listed
    named = {part["slug"] for part in ask.json("orders/statuses")}
    assert {"archived", "checkout-draft", "awaiting-parts"} < named
    for status in ("wc-completed", "nope"):
        assert ask.get("orders", status=status).status_code == 400


def test_statuses_of_products(ask: Caller, shop: Running):
    truth = {row["id"]: row["status"] for row in shop.admin.truth()["products"]}
    assert set(walk(ask, "products", per_page=100)) == {n for n, status in truth.items() if status != "trash"}
    assert ask.get("products", status="any,trash").status_code == 400
    wanted = {n for n, s in truth.items() if s in ("publish", "trash")}
    assert set(walk(ask, "products", per_page=100, include_status="publish,trash")) == wanted
    assert "trash" in truth.values()


def test_include_and_exclude(ask: Caller):
    some = ask.ids("orders", per_page=100)
    text = ",".join(map(str, some))
    assert sorted(ask.ids("orders", include=text, per_page=100)) == sorted(some)
    brackets = "&".join(f"include[]={n}" for n in some[:3])
    answer = ask.http.get(f"orders?{brackets}&_fields=id")
    assert sorted(part["id"] for part in answer.json()) == sorted(some[:3])
    assert not set(ask.ids("orders", exclude=text, per_page=100)) & set(some)
    assert ask.ids("orders", include="99999999") == []
    assert ask.get("orders", include="1,x").status_code == 400
    long = ",".join(str(n) for n in range(1000, 4000))
    answer = ask.get("orders", include=long)
    assert answer.status_code == 414
    assert answer.headers["content-type"] == "text/html" and b"<html>" in answer.content


def test_unknown_parameters_are_ignored(ask: Caller):
    every = ask.get("orders").headers["x-wp-total"]
    assert ask.get("orders", number=5).headers["x-wp-total"] == every
    late = ask.get("customers", modified_after="2030-01-01T00:00:00")
    assert late.headers["x-wp-total"] == ask.get("customers").headers["x-wp-total"]


def test_roles_of_customers(ask: Caller, shop: Running):
    roles = {row["id"]: row["kind"] for row in shop.admin.truth()["customers"]}
    assert set(walk(ask, "customers", per_page=100)) == {n for n, role in roles.items() if role == "customer"}
    assert set(walk(ask, "customers", per_page=100, role="all")) == set(roles)
    managers = walk(ask, "customers", role="shop_manager")
    assert managers and {roles[n] for n in managers} == {"shop_manager"}
    assert None in {row["date_modified_gmt"] for row in shop.admin.truth()["customers"]}
    assert ask.get("customers", role="king").status_code == 400


def test_other_filters(ask: Caller):
    order = next(o for o in ask.json("orders", per_page=100) if o["customer_id"] and o["line_items"])
    assert order["id"] in ask.ids("orders", customer=order["customer_id"], per_page=100)
    assert order["id"] in ask.ids("orders", search=order["billing"]["email"], per_page=100)
    product = next(line["product_id"] for line in order["line_items"])
    assert order["id"] in ask.ids("orders", product=product, per_page=100)
    assert ask.ids("orders", parent=5) == []
    sale = ask.json("products", on_sale="true", per_page=100)
    assert sale and all(p["on_sale"] for p in sale)
    dear = ask.json("products", min_price=100, max_price=150, per_page=100)
    assert all(100 <= float(p["price"]) <= 150 for p in dear)
    assert {p["type"] for p in ask.json("products", type="variable")} == {"variable"}
    home = ask.json("products", category=16, per_page=100)
    assert home and all(p["categories"][0]["id"] == 16 for p in home)


def test_fields(ask: Caller):
    found = ask.json("orders", _fields="id,date_modified_gmt", per_page=3)
    assert [list(part) for part in found] == [["id", "date_modified_gmt"]] * 3
    whole = ask.json("orders", per_page=3)
    assert [p["date_modified_gmt"] for p in found] == [p["date_modified_gmt"] for p in whole]
    picked = ask.json("orders", _fields="status,id,billing.email,refunds", per_page=3)
    assert picked == [
        {
            "id": o["id"],
            "status": o["status"],
            "billing": {"email": o["billing"]["email"]},
            "refunds": o["refunds"],
        }
        for o in whole
    ]
    assert ask.json("orders", _fields="line_items.sku", per_page=1) == [{"line_items": []}]
    assert ask.json("orders", _fields="nothing", per_page=2) == [[], []]
    single = ask.json(f"orders/{whole[0]['id']}", _fields="id")
    assert list(single) == ["id", "_links"]
    people = ask.json("customers", _fields="id,email,date_modified_gmt", role="all", per_page=2)
    assert all(list(p) == ["id", "date_modified_gmt", "email"] for p in people)


def test_fields_of_a_record_that_changed(store: Running, call: Caller):
    number = call.ids("orders")[0]
    asked = {"_fields": "id,customer_note", "include": number}
    before = call.json("orders", **asked)
    store.admin.edit_order(number, customer_note="changed")
    assert call.json("orders", **asked) == [{"id": number, "customer_note": "changed"}] != before


def test_variations_by_parent_and_store_wide(ask: Caller, shop: Running):
    parents = ask.json("products", type="variable", status="publish", per_page=100)
    parent = next(p for p in parents if len(p["variations"]) > 1)
    own = ask.json(f"products/{parent['id']}/variations")
    assert sorted(v["id"] for v in own) == parent["variations"]
    store_wide = {v["id"]: v for v in ask.json("variations", per_page=100)}
    for variation in own:
        twin = dict(store_wide[variation["id"]])
        assert twin.pop("_links")["up"][0]["href"].endswith("/products/0")
        assert twin == {k: v for k, v in variation.items() if k != "_links"}
    assert ask.json("products/99999/variations") == []
    answer = ask.get(f"products/{parent['id']}/variations/99999")
    assert answer.json()["code"] == "woocommerce_rest_product_variation_invalid_id"
    prices = sorted(float(v["price"]) for v in own if v["price"])
    assert float(parent["price"]) == prices[0]
    assert (parent["regular_price"], parent["stock_quantity"]) == ("", None)


def test_a_variation_as_a_product(ask: Caller):
    child = ask.json("variations", per_page=1)[0]
    assert ask.get("products", type="variation").status_code == 400
    assert child["id"] not in walk(ask, "products", per_page=100)
    got = ask.json(f"products/{child['id']}")
    parent = ask.json(f"products/{child['parent_id']}")
    assert got["name"] == f"{parent['name']} - {child['name']}"
    assert (got["type"], got["parent_id"], got["sku"]) == ("variation", parent["id"], child["sku"])
    assert got["attributes"] == child["attributes"]
    assert child["id"] in [p["id"] for p in ask.json("products", sku=child["sku"])]


def test_older_stores_lack_the_store_wide_lists():
    options = {"has_variations": False, "has_refunds": False}
    with start(orders=4, products=4, customers=2, https=True, **options) as store:
        caller = Caller(store)
        try:
            for path in ("variations", "refunds"):
                answer = caller.get(path)
                assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")
            routes = caller.http.get(f"{store.url}/wp-json/wc/v3").json()["routes"]
            assert "/wc/v3/orders" in routes
            assert not {"/wc/v3/variations", "/wc/v3/refunds"} & set(routes)
            store.admin.set_site(has_variations=True)
            assert caller.get("variations").status_code == 200
        finally:
            caller.close()


def test_the_index_needs_no_key(shop: Running, ask: Caller):
    asked = {"_fields": "name,url,gmt_offset,timezone_string,namespaces"}
    index = ask.http.get(f"{shop.url}/wp-json/", params=asked, auth=("", "")).json()
    assert index["timezone_string"] == "America/New_York"
    assert index["gmt_offset"] in (-5, -4)
    assert index["url"] == shop.url and "wc/v3" in index["namespaces"]
    routes = ask.http.get(f"{shop.url}/wp-json/wc/v3", auth=("", "")).json()["routes"]
    assert {"/wc/v3/variations", "/wc/v3/refunds"} < set(routes)
    assert ask.http.get(f"{shop.url}/index.php/wp-json/wc/v3/orders").status_code == 200


def test_small_endpoints(ask: Caller):
    assert ask.json("settings/general/woocommerce_currency")["value"] == "USD"
    assert ask.json("settings/tax/woocommerce_prices_include_tax")["value"] == "no"
    assert ask.json("data/currencies/current")["symbol"] == "&#36;"
    totals = {part["slug"]: part["total"] for part in ask.json("reports/orders/totals")}
    assert totals["completed"] == int(ask.get("orders", status="completed").headers["x-wp-total"])
    assert {rate["country"] for rate in ask.json("taxes")} == {"US", "GB", "DE", "CA", "JP"}
    assert ask.http.head("orders").headers["x-wp-total"]


def test_json_is_written_as_php_writes_it(ask: Caller):
    raw = ask.get("orders", per_page=100).content
    assert raw.isascii() and b"\\u" in raw and b"http" in raw
    assert b"/" not in raw.replace(b"\\/", b"")
    assert b": " not in raw[:200] and b", " not in raw[:200]


def test_offset_paging_loses_rows_when_rows_move(store: Running, call: Caller):
    asked = {"orderby": "id", "order": "asc", "per_page": 10}
    every = call.ids("orders", **{**asked, "per_page": 100})
    first = call.ids("orders", page=1, **asked)
    store.admin.trash("orders", first[2])
    second = call.ids("orders", page=2, **asked)
    assert every[10] not in first + second
    overlap = call.ids("orders", offset=9, **asked)
    assert every[10] in overlap and first[-1] not in overlap
