"""The search syntax, the search index's lag, and who may see what (facts §1 and §4)."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shopify_graph import Asker, make_asker

from storelink.sandbox.shopify.context import ALL_SCOPES, Context
from storelink.sandbox.shopify.ids import gid
from storelink.sandbox.shopify.search import All, Either, Not, Term, parse
from storelink.sandbox.shopify.site import read_stamp, stamp_text

ORDERS = "query($query: String) { orders(first: 250, query: $query) { nodes { id } } }"
PRODUCTS = "query($query: String) { products(first: 250, query: $query) { nodes { id status title } } }"
CUSTOMERS = "query($query: String) { customers(first: 250, query: $query) { nodes { id updatedAt } } }"


@pytest.fixture(scope="module")
def shop() -> Iterator[Asker]:
    asker = make_asker(orders=120, products=40, customers=50)
    yield asker
    asker.store.close()


def found(shop: Asker, text: str, query: str, context: Context | None = None) -> set[int]:
    (page,) = shop.ask(text, context, query=query).values()
    return {int(node["id"].rpartition("/")[2]) for node in page["nodes"]}


def rows(shop: Asker, kind: str, test: Any) -> set[int]:
    return {number for number, row in shop.store.drawers[kind].rows.items() if test(row)}


def test_the_tree_of_a_query() -> None:
    a, b, c = (Term(name, "", "1", False) for name in "abc")
    assert parse("a:1 b:1") == parse("a:1 AND b:1") == All((a, b))
    assert parse("a:1 b:1 OR c:1") == Either((All((a, b)), c))
    assert parse("a:1 (b:1 OR c:1)") == All((a, Either((b, c))))
    assert parse("-a:1") == parse("NOT a:1") == Not(a)
    assert parse("a:>='2026-11-20T10:00:00Z'") == Term("a", ">=", "2026-11-20T10:00:00Z", True)
    assert parse('a:"x y" z') == All((Term("a", "", "x y", True), Term(None, "", "z", False)))
    assert parse("") == All(())


@given(st.text(max_size=60))
def test_any_text_is_a_query(text: str) -> None:
    parse(text)


def test_comparators(shop: Asker) -> None:
    moment = sorted(row.modified or 0 for row in shop.store.drawers["orders"].rows.values())[60]
    at = stamp_text(moment)
    for sign, test in {
        ">=": lambda row: row.modified >= moment,
        ">": lambda row: row.modified > moment,
        "<=": lambda row: row.modified <= moment,
        "<": lambda row: row.modified < moment,
        "": lambda row: row.modified == moment,
    }.items():
        assert found(shop, ORDERS, f"updated_at:{sign}'{at}'") == rows(shop, "orders", test)
    both = f"updated_at:>='{at}' AND updated_at:<'{stamp_text(moment + 864_000)}'"
    span = rows(shop, "orders", lambda row: moment <= row.modified < moment + 864_000)
    assert found(shop, ORDERS, both) == span
    low = shop.ids("orders")[10]
    assert found(shop, ORDERS, f"id:<={low}") == set(shop.ids("orders")[:11])


def test_and_binds_tighter_than_or(shop: Asker) -> None:
    active = rows(shop, "products", lambda row: row.status == "ACTIVE")
    draft = rows(shop, "products", lambda row: row.status == "DRAFT")
    low = shop.ids("products")[20]
    assert found(shop, PRODUCTS, f"status:draft OR status:active id:<{low}") == draft | {
        number for number in active if number < low
    }
    assert found(shop, PRODUCTS, "-status:active") == set(shop.ids("products")) - active
    assert found(shop, PRODUCTS, "status:active,draft") == active | draft


def test_words(shop: Asker) -> None:
    variant = next(doc for doc in shop.edits.records("variants") if doc["sku"])
    assert variant["_product"] in found(shop, PRODUCTS, f"sku:{variant['sku']}")
    order = shop.edits.record("orders", shop.ids("orders")[7])
    assert found(shop, ORDERS, f"name:{order['name']}") == {order["id"]}
    assert order["id"] in found(shop, ORDERS, f"email:'{order['email']}'")
    paid = rows(shop, "orders", lambda row: row.status == "PAID")
    assert found(shop, ORDERS, "financial_status:paid") == paid


def test_an_unknown_field_matches_everything_and_is_warned_about(shop: Asker) -> None:
    answer = shop.answer(ORDERS, query="colour:red")
    assert len(answer["data"]["orders"]["nodes"]) == len(shop.ids("orders"))
    (told,) = answer["extensions"]["search"]
    assert told["path"] == ["orders"]
    assert told["warnings"] == [
        {"field": "colour", "message": "Invalid search field for this query.", "code": "invalid_field"}
    ]
    assert "extensions" not in shop.answer(ORDERS, query="test:false")


def test_times_without_quotes_or_sense_are_refused(shop: Asker) -> None:
    bare = shop.refused(ORDERS, query="updated_at:>2026-01-01T00:00:00Z")
    assert bare["extensions"]["code"] == "NOT_IMPLEMENTED"
    assert shop.refused(ORDERS, query="updated_at:>'soon'")["extensions"]["code"] == "BAD_REQUEST"


def test_customers_updated_at_matches_whole_days(shop: Asker) -> None:
    row = next(iter(shop.store.drawers["customers"].rows.values()))
    at = row.modified or 0
    late, early = stamp_text(at + 1), stamp_text(at - 1)
    assert row.id in found(shop, CUSTOMERS, f"updated_at:>'{late}'") or (at + 1) // 3600 != at // 3600
    assert row.id in found(shop, CUSTOMERS, f"updated_at:<'{early}'") or (at - 1) // 3600 != at // 3600
    assert row.id not in found(shop, CUSTOMERS, f"updated_at:>'{stamp_text(at + 90_000)}'")


def test_the_index_lags_behind_what_is_read_directly() -> None:
    asker = make_asker(orders=20, products=6, customers=5)
    asker.store.clock.hold()
    asker.edits.set_shop(index_lag=60)
    product = asker.ids("products")[0]
    now = stamp_text(asker.store.clock.stamp())
    asker.edits.edit_product(product, title="Fresh")
    made = asker.edits.create_product("Newest")["id"]
    since = f"updated_at:>='{now}'"
    assert found(asker, PRODUCTS, since) == set()
    direct = asker.ask("query($id: ID!) { product(id: $id) { title } }", id=gid("Product", product))
    assert direct["product"]["title"] == "Fresh"
    listed = asker.ask("{ products(first: 250) { nodes { id } } }")["products"]["nodes"]
    assert gid("Product", made) in {node["id"] for node in listed}
    asker.store.clock.advance(30)
    asker.edits.edit_product(product, title="Fresher")
    asker.store.clock.advance(31)
    assert found(asker, PRODUCTS, since) == {product, made}
    gone = asker.ids("products")[1]
    asker.edits.delete("products", gone)
    assert gone not in found(asker, PRODUCTS, "id:>0")
    asker.store.clock.advance(61)
    assert found(asker, PRODUCTS, "id:>0") == set(asker.ids("products"))
    asker.store.close()


def test_a_missing_scope_denies_a_field_and_keeps_the_rest(shop: Asker) -> None:
    context = Context(scopes=ALL_SCOPES - {"read_customers", "write_customers"})
    answer = shop.answer(
        "{ orders(first: 1) { nodes { id } } customers(first: 1) { nodes { id } } }", context
    )
    assert answer["data"] is None or answer["data"]["customers"] is None
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert error["extensions"]["requiredAccess"] == "`read_customers` access scope."
    assert error["path"] == ["customers"]
    nested = shop.answer("{ orders(first: 50) { nodes { id customer { id } } } }", context)
    assert all(node["customer"] is None for node in nested["data"]["orders"]["nodes"])
    assert {error["extensions"]["code"] for error in nested["errors"]} == {"ACCESS_DENIED"}
    nameless = Context(scopes=frozenset({"read_orders"}))
    lines = "{ orders(first: 9) { nodes { lineItems(first: 9) { nodes { sku product { id } } } } } }"
    told = shop.answer(lines, nameless)
    assert {error["path"][-1] for error in told["errors"]} == {"product"}
    assert any(order["lineItems"]["nodes"] for order in told["data"]["orders"]["nodes"])
    writer = Context(scopes=frozenset({"write_customers"}))
    assert shop.ask("{ customers(first: 1) { nodes { id } } }", writer)
    customer = gid("Customer", shop.ids("customers")[0])
    product = gid("Product", shop.ids("products")[0])
    two = shop.answer("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", context, ids=[customer, product])
    assert two["data"]["nodes"] == [None, {"id": product}]
    nobody = Context(scopes=frozenset())
    assert shop.ask("{ shop { name } currentAppInstallation { accessScopes { handle } } }", nobody)


def test_protected_data_is_null_or_closed(shop: Asker) -> None:
    text = (
        "{ customers(first: 3) { nodes { id displayName firstName state defaultEmailAddress { emailAddress }"
        " defaultAddress { city zip formatted } } }"
        " orders(first: 3) { nodes { id email shippingAddress { zip city } } } }"
    )
    level1 = shop.ask(text, Context(protected="level1"))
    for person in level1["customers"]["nodes"]:
        assert (person["firstName"], person["displayName"], person["defaultEmailAddress"]) == (None, "", None)
        assert person["state"]
        address = person["defaultAddress"]
        assert address is None or (address["zip"], address["formatted"]) == (None, [])
    assert all(order["email"] is None for order in level1["orders"]["nodes"])
    none = shop.refused("{ customers(first: 1) { nodes { id } } }", Context(protected="none"))
    assert "not approved to access the Customer object" in none["message"]


def test_old_orders_are_out_of_sight_everywhere(shop: Asker) -> None:
    context = Context(all_orders=False)
    asker = shop
    limit = asker.store.clock.stamp() - 60 * 86_400
    young = rows(asker, "orders", lambda row: row.created >= limit)
    old = max(set(asker.ids("orders")) - young)
    assert found(asker, ORDERS, "id:>0", context) == young
    assert asker.ask("{ ordersCount { count } }", context)["ordersCount"]["count"] == len(young)
    text = "query($id: ID!) { order(id: $id) { id } node(id: $id) { id } }"
    assert asker.ask(text, context, id=gid("Order", old)) == {"order": None, "node": None}
    assert asker.ask(text, id=gid("Order", old))["order"] is not None
    line = asker.edits.record("orders", old)["_lines"]
    if line:
        assert (
            asker.ask("query($id: ID!) { node(id: $id) { id } }", context, id=gid("LineItem", line[0]["id"]))[
                "node"
            ]
            is None
        )
    backdated = asker.edits.orders.create_order(createdAt=stamp_text(limit + 3_600))
    assert backdated["id"] in found(asker, ORDERS, "id:>0", context)
    assert read_stamp(backdated["createdAt"]) == limit + 3_600
