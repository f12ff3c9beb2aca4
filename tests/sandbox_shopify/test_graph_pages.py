"""Connections: cursors, sizes, sort keys, and what may be asked for at once (facts §4)."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shopify_graph import Asker, make_asker, operations

from storelink.sandbox.shopify import graph, parts
from storelink.sandbox.shopify.context import Context
from storelink.sandbox.shopify.ids import gid

OPERATIONS = operations((Path(__file__).parent / "operations.graphql").read_text())
PAGE = (
    "query($first: Int, $last: Int, $after: String, $before: String, $query: String, $sort: OrderSortKeys,"
    " $reverse: Boolean) { orders(first: $first, last: $last, after: $after, before: $before, query: $query,"
    " sortKey: $sort, reverse: $reverse) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    " nodes { id updatedAt createdAt processedAt } } }"
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Asker]:
    asker = make_asker(orders=120, products=30, customers=25)
    yield asker
    asker.store.close()


def walk(shop: Asker, size: int, **more: Any) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        page = shop.ask(PAGE, first=size, after=after, **more)["orders"]
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("sort", "field"), [("UPDATED_AT", "updatedAt"), ("CREATED_AT", "createdAt"), ("ID", "id")]
)
def test_pages_join_to_the_whole_in_order(shop: Asker, sort: str, field: str, reverse: bool) -> None:
    nodes = walk(shop, 7, sort=sort, reverse=reverse)
    keys = [(node[field], node["id"]) for node in nodes]
    assert keys == sorted(keys, reverse=reverse)
    assert len({node["id"] for node in nodes}) == len(shop.ids("orders"))


def test_the_last_page_backwards(shop: Asker) -> None:
    whole = [node["id"] for node in walk(shop, 250, sort="ID")]
    page = shop.ask(PAGE, last=5, sort="ID")["orders"]
    assert [node["id"] for node in page["nodes"]] == whole[-5:]
    assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == (False, True)
    before = shop.ask(PAGE, last=5, before=page["pageInfo"]["startCursor"], sort="ID")["orders"]
    assert [node["id"] for node in before["nodes"]] == whole[-10:-5]
    turned = shop.ask(PAGE, first=5, sort="ID", reverse=True)["orders"]
    assert [node["id"] for node in turned["nodes"]] == whole[::-1][:5]


def test_a_cursor_is_of_its_sort_key(shop: Asker) -> None:
    page = shop.ask(PAGE, first=3, sort="UPDATED_AT")["orders"]
    cursor = page["pageInfo"]["endCursor"]
    assert set(json.loads(base64.b64decode(cursor))) == {"last_id", "last_value"}
    assert shop.refused(PAGE, first=3, sort="ID", after=cursor)["extensions"]["code"] == "BAD_REQUEST"
    assert shop.refused(PAGE, first=3, after="no cursor")["extensions"]["code"] == "BAD_REQUEST"


def test_sizes(shop: Asker) -> None:
    assert shop.refused(PAGE)["message"] == "you must provide one of first or last"
    for size in ({"first": 251}, {"first": 1, "last": 1}, {"first": -1}):
        assert shop.refused(PAGE, **size)["extensions"]["code"] == "BAD_REQUEST"
    assert shop.ask(PAGE, first=0)["orders"]["nodes"] == []
    nested = "{ orders(first: 1) { nodes { id lineItems { nodes { id } } } } }"
    assert shop.refused(nested)["path"] == ["orders", "nodes", 0, "lineItems"]


def test_nothing_comes_after_the_most_objects(shop: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_OBJECTS", 20)
    assert len(walk(shop, 7, sort="ID")) == 20
    assert len(walk(shop, 7, sort="ID", reverse=True)) == 20


def test_edited_between_pages_it_comes_again_at_the_end() -> None:
    asker = make_asker(orders=30, products=8, customers=5)
    first = asker.ask(PAGE, first=10, sort="UPDATED_AT")["orders"]
    seen = first["nodes"][2]["id"]
    asker.edits.orders.edit_order(int(seen.rpartition("/")[2]), note="moved")
    rest, after = [], first["pageInfo"]["endCursor"]
    while after:
        page = asker.ask(PAGE, first=10, sort="UPDATED_AT", after=after)["orders"]
        rest += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
    assert rest[-1] == seen
    assert {node["id"] for node in first["nodes"]} | set(rest) == {
        gid("Order", number) for number in asker.ids("orders")
    }
    asker.store.close()


def test_a_product_of_2048_variants_is_read_at_once_only_when_alone_at_the_root() -> None:
    asker = make_asker(orders=5, products=5, customers=5)
    product = asker.ids("products")[0]
    asker.edits.create_many_variants(product, 2048)
    fields = "variantsCount { count } variants(first: $first, after: $after) {"
    fields += " pageInfo { hasNextPage endCursor } nodes { id sku } }"
    one = f"query($id: ID!, $first: Int!, $after: String) {{ product(id: $id) {{ id {fields} }} }}"
    two = one[:-1] + "shop { id } }"
    listed = f"query($first: Int!, $after: String) {{ products(first: 1) {{ nodes {{ id {fields} }} }} }}"
    whole = asker.ask(one, id=gid("Product", product), first=2048)["product"]
    assert len(whole["variants"]["nodes"]) == whole["variantsCount"]["count"] == 2048
    assert "250" in asker.refused(two, id=gid("Product", product), first=251)["message"]
    assert "250" in asker.refused(listed, first=251)["message"]
    ids: list[str] = []
    after = None
    while True:
        page = asker.ask(listed, first=250, after=after)["products"]["nodes"][0]["variants"]
        ids += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert ids == [node["id"] for node in whole["variants"]["nodes"]]
    asker.store.close()


def test_nodes(shop: Asker) -> None:
    order = next(n for n in shop.ids("orders") if shop.edits.record("orders", n)["_lines"])
    line = shop.edits.record("orders", order)["_lines"][0]["id"]
    wanted = [
        gid("Order", order),
        gid("LineItem", line),
        gid("Product", 1),
        gid("Customer", shop.ids("customers")[0]),
    ]
    text = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = shop.ask(text, ids=wanted)["nodes"]
    assert [node and node["id"] for node in found] == [wanted[0], wanted[1], None, wanted[3]]
    assert found[1]["__typename"] == "LineItem"
    too_many = [gid("Order", number) for number in range(251)]
    assert shop.refused(text, ids=too_many)["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"
    assert shop.refused(text, ids=["5"])["extensions"]["code"] == "BAD_REQUEST"
    wrong = shop.refused("query($id: ID!) { product(id: $id) { id } }", id=wanted[0])
    assert wrong["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    assert shop.ask('{ product(id: "gid://shopify/Product/1") { id } }')["product"] is None


def test_counts(shop: Asker) -> None:
    data = shop.ask("{ all: ordersCount(limit: null) { count precision } some: ordersCount(limit: 10) { count"
                    " precision } productsCount { count } customersCount { count } }")  # fmt: skip
    assert data["all"] == {"count": len(shop.ids("orders")), "precision": "EXACT"}
    assert data["some"] == {"count": 10, "precision": "AT_LEAST"}
    assert data["productsCount"]["count"] == len(shop.ids("products"))


def test_a_bulk_read_in_slices_gives_everything(shop: Asker) -> None:
    document = shop.graph.validate("{ orders { edges { node { id lineItems { edges { node { id } } } } } } }")
    assert not isinstance(document, list)
    name, ids = shop.graph.root_ids(document, Context(unlimited=True))
    assert (name, sorted(ids)) == ("orders", shop.ids("orders"))
    found, lines = [], 0
    for at in range(0, len(ids), 50):
        context = Context(unlimited=True, only=ids[at : at + 50])
        data = shop.graph.execute(document, None, {}, context)["data"]
        found += [edge["node"]["id"] for edge in data["orders"]["edges"]]
        lines += sum(len(edge["node"]["lineItems"]["edges"]) for edge in data["orders"]["edges"])
    assert found == [gid("Order", number) for number in ids]
    assert lines == sum(len(doc["_lines"]) for doc in shop.edits.records("orders"))


@pytest.mark.parametrize("name", ["BulkProducts", "BulkCustomers", "BulkOrders"])
def test_the_fast_way_of_bulk_gives_what_graphql_core_gives(
    shop: Asker, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = shop.graph.validate(OPERATIONS[name])
    assert not isinstance(document, list)
    _, ids = shop.graph.root_ids(document, Context(unlimited=True))
    context = Context(unlimited=True, only=ids[:40])
    with monkeypatch.context() as without:
        without.setattr(graph, "execute_sync", None)
        fast = shop.graph.execute(document, None, {}, context)
    monkeypatch.setattr(graph, "swiftly", lambda *_: None)
    slow = shop.graph.execute(document, None, {}, context)
    assert fast == slow
    assert "errors" not in slow
    assert len(next(iter(slow["data"].values()))["edges"]) == min(40, len(ids))


def test_errors_of_a_bulk_slice_are_told_as_ever(shop: Asker) -> None:
    document = shop.graph.validate("{ orders { edges { node { id customer { id } } } } }")
    assert not isinstance(document, list)
    context = Context(scopes=frozenset({"read_orders"}), unlimited=True, only=shop.ids("orders"))
    answer = shop.graph.execute(document, None, {}, context)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"ACCESS_DENIED"}
