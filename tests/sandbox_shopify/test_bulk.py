"""Bulk operations: what is refused, how they run, what their files hold, and how they go wrong."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from shopify_caller import ShopifyCaller

from storelink.sandbox.admin import DeskError
from storelink.sandbox.running import RunningShopify, start_shopify

RUN = (
    "mutation Run($query: String!, $grouped: Boolean! = false) {"
    " bulkOperationRunQuery(query: $query, groupObjects: $grouped) {"
    " bulkOperation { id status createdAt objectCount url } userErrors { field message code } } }"
)
LOOK = (
    "query Look($id: ID!) { bulkOperation(id: $id) { id status type errorCode createdAt completedAt"
    " objectCount rootObjectCount fileSize url partialDataUrl query } }"
)
CANCEL = (
    "mutation Cancel($id: ID!) { bulkOperationCancel(id: $id) {"
    " bulkOperation { id status } userErrors { field message } } }"
)
ORDERS = "{ orders { edges { node { id name lineItems { edges { node { id sku } } } } } } }"
IDS = "{ orders { edges { node { id } } } }"


@pytest.fixture
def shop() -> Iterator[RunningShopify]:
    with start_shopify(orders=60, products=20, customers=20) as found:
        yield found


@pytest.fixture
def call(shop: RunningShopify) -> Iterator[ShopifyCaller]:
    caller = ShopifyCaller(shop)
    yield caller
    caller.close()


def begin(call: ShopifyCaller, query: str = ORDERS, **more: Any) -> str:
    found = call.ask(RUN, query=query, **more)["bulkOperationRunQuery"]
    assert found["userErrors"] == []
    return found["bulkOperation"]["id"]


def look(call: ShopifyCaller, gid: str) -> Any:
    return call.ask(LOOK, id=gid)["bulkOperation"]


def run(call: ShopifyCaller, query: str = ORDERS, **more: Any) -> Any:
    return look(call, begin(call, query, **more))


def lines(url: str) -> list[Any]:
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


def refusal(call: ShopifyCaller, query: str) -> list[str]:
    found = call.ask(RUN, query=query)["bulkOperationRunQuery"]
    assert found["bulkOperation"] is None
    assert {error["code"] for error in found["userErrors"]} == {"INVALID"}
    assert all(error["field"] == ["query"] for error in found["userErrors"])
    return [error["message"] for error in found["userErrors"]]


def nested(*names: str) -> str:
    inner = ""
    for name in reversed(names):
        inner = f"{name} {{ edges {{ node {{ id {inner} }} }} }}"
    return f"{{ {inner} }}"


def products(*names: str) -> str:
    inner = " ".join(f"{name} {{ edges {{ node {{ id }} }} }}" for name in names)
    return f"{{ products {{ edges {{ node {{ id {inner} }} }} }} }}"


@pytest.mark.parametrize(("query", "messages"), [
    ("{ shop { id } }", ["Bulk queries must contain at least one connection."]),
    ("", ["Invalid bulk query: syntax error, unexpected end of file"]),
    ('{ node(id: "gid://shopify/Product/0") { id } }', [
        "Bulk queries cannot contain a top level `node` field.",
        "Bulk queries must contain at least one connection.",
    ]),
    ("{ products { nodes { id title } } }", [
        "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: "
        "'products { edges { node {'. Selecting via 'nodes' is not supported. "
        "Invalid connection fields: 'products'.",
    ]),
    ("{ products { edges { node { title variants { edges { node { id } } } } } } }", [
        "The parent 'node' field for a nested connection must select the 'id' field without an alias and "
        "must be of 'ID' return type. Connection fields without 'id': products.",
    ]),
    ("{ products { edges { node { id: title variants { edges { node { id } } } } } } }", [
        "The parent 'node' field for a nested connection must select the 'id' field without an alias and "
        "must be of 'ID' return type. Connection fields without 'id': products.",
    ]),
    ("{ orders { edges { node { id fulfillments { events { edges { node { id } } } } } } } }", [
        "Queries that contain a connection field within a list field are not currently supported.",
    ]),
    ("{ orders { edges { node { id refunds { refundLineItems { edges { node { id } } } } } } } }", [
        "Queries that contain a connection field within a list field are not currently supported.",
    ]),
    (nested("collections", "products", "variants", "metafields"), [
        "Bulk queries cannot contain connections with a nesting depth greater than 2.",
    ]),
    (products("variants", "metafields", "collections", "media", "events"), [
        "Bulk queries cannot contain more than 5 connections.",
    ]),
    ('mutation { productDelete(input: { id: "gid://shopify/Product/1" }) { deletedProductId } }', [
        "Invalid operation type. Only `query` operations are supported.",
    ]),
])  # fmt: skip
def test_what_is_no_bulk_query(call: ShopifyCaller, query: str, messages: list[str]):
    assert refusal(call, query) == messages


def test_a_misspelt_field(call: ShopifyCaller):
    (message,) = refusal(call, "{ orders { edges { node { idd } } } }")
    assert message.startswith("Invalid bulk query: ") and "idd" in message


def test_what_the_sandbox_does_not_know_it_says(call: ShopifyCaller):
    two = "{ orders { edges { node { id } } } products { edges { node { id } } } }"
    assert call.errors(RUN, query=two)[0]["extensions"]["code"] == "NOT_IMPLEMENTED"


def test_from_start_to_file(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.hold_clock(1_795_000_000)
    started = call.ask(RUN, query=ORDERS)["bulkOperationRunQuery"]["bulkOperation"]
    assert started == {
        "id": started["id"], "status": "CREATED", "createdAt": "2026-11-18T11:06:40Z", "objectCount": "0",
        "url": None,
    }  # fmt: skip
    assert started["id"].startswith("gid://shopify/BulkOperation/")
    found = look(call, started["id"])
    assert (found["status"], found["type"], found["errorCode"]) == ("COMPLETED", "QUERY", None)
    assert found["query"] == ORDERS
    assert found["partialDataUrl"] is None and found["completedAt"] == "2026-11-18T11:06:40Z"
    rows = lines(found["url"])
    assert found["fileSize"] == str(len(httpx.get(found["url"]).content))
    assert found["objectCount"] == str(len(rows))
    orders = [row for row in rows if "__parentId" not in row]
    assert found["rootObjectCount"] == str(len(orders)) == str(shop.admin.counts()["orders"])
    items = [row for row in rows if "__parentId" in row]
    assert {tuple(row) for row in orders} == {("id", "name")}
    assert {tuple(row) for row in items} == {("id", "sku", "__parentId")}
    paged = call.ask("{ orders(first: 250) { nodes { id name lineItems(first: 9) { nodes { id sku } } } } }")
    wanted = {
        node["id"]: [(line["id"], line["sku"]) for line in node["lineItems"]["nodes"]]
        for node in paged["orders"]["nodes"]
    }
    held: dict[str, list[Any]] = {order["id"]: [] for order in orders}
    for item in items:
        held[item["__parentId"]].append((item["id"], item["sku"]))
    assert held == wanted


def test_grouped_or_not(call: ShopifyCaller):
    apart = lines(run(call)["url"])
    together = lines(run(call, grouped=True)["url"])
    key = json.dumps
    assert sorted(map(key, apart)) == sorted(map(key, together))
    parent = None
    for row in together:
        parent = row["id"] if "__parentId" not in row else parent
        assert row.get("__parentId", parent) == parent
    # not grouped, no child stands beside its parent
    last = max(at for at, row in enumerate(apart) if "__parentId" not in row)
    assert all("__parentId" not in row for row in apart[: last + 1])


def test_two_levels(call: ShopifyCaller):
    query = (
        "{ customers { edges { node { id orders { edges { node { id"
        " lineItems { edges { node { id } } } } } } } } } }"
    )
    kinds = Counter(row["id"].split("/")[3] for row in lines(run(call, query)["url"]))
    assert kinds["Customer"] and kinds["Order"] and kinds["LineItem"]
    for grouped in (False, True):
        rows = {row["id"]: row for row in lines(run(call, query, grouped=grouped)["url"])}
        for row in rows.values():
            kind = row["id"].split("/")[3]
            parent = {"Order": "Customer", "LineItem": "Order"}.get(kind)
            if parent:
                assert rows[row["__parentId"]]["id"].split("/")[3] == parent


def test_a_filter_and_nothing_found(call: ShopifyCaller):
    at = call.ask("{ orders(first: 5, sortKey: UPDATED_AT, reverse: true) { nodes { id updatedAt } } }")
    newest = at["orders"]["nodes"]
    query = (
        f"""{{ orders(query: "updated_at:>='{newest[4]["updatedAt"]}'") {{ edges {{ node {{ id }} }} }} }}"""
    )
    found = lines(run(call, query)["url"])
    assert {row["id"] for row in found} >= {node["id"] for node in newest}
    nothing = run(call, "{ orders(query: \"updated_at:>'2090-01-01T00:00:00Z'\") { edges { node { id } } } }")
    assert (nothing["status"], nothing["url"], nothing["objectCount"]) == ("COMPLETED", None, "0")
    assert nothing["fileSize"] is None


def test_five_at_once(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.set_site(bulk_seconds=60)
    running = [begin(call, IDS) for _ in range(5)]
    assert look(call, running[0])["status"] == "CREATED"
    assert look(call, running[0])["status"] == "RUNNING"
    refused = call.ask(RUN, query=IDS)["bulkOperationRunQuery"]
    words = f"A bulk query operation for this app and shop is already in progress: {', '.join(running)}."
    assert refused == {
        "bulkOperation": None,
        "userErrors": [{"field": None, "message": words, "code": "OPERATION_IN_PROGRESS"}],
    }
    # another app has its own five
    other = call.post(RUN, {"query": IDS}, token=shop.other_token).json()["data"]
    assert other["bulkOperationRunQuery"]["userErrors"] == []
    theirs = other["bulkOperationRunQuery"]["bulkOperation"]["id"]
    assert look(call, theirs) is None
    shop.admin.advance(61)
    assert {look(call, gid)["status"] for gid in running} == {"COMPLETED"}
    assert begin(call, IDS)


def test_others_hold_the_places(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.set_site(bulk_occupied=5)
    refused = call.ask(RUN, query=IDS)["bulkOperationRunQuery"]["userErrors"][0]
    assert refused["code"] == "OPERATION_IN_PROGRESS" and refused["message"].count("gid://") == 5
    shop.admin.set_site(bulk_occupied=0)
    assert run(call, IDS)["status"] == "COMPLETED"


def test_listing(shop: RunningShopify, call: ShopifyCaller):
    first = begin(call, IDS)
    look(call, first)
    shop.admin.advance(5)
    shop.admin.set_site(bulk_seconds=60)
    second = begin(call, ORDERS)

    def listed(**asked: Any) -> list[str]:
        text = (
            "query L($query: String, $reverse: Boolean = false, $sort: BulkOperationsSortKeys = CREATED_AT)"
            " { bulkOperations(first: 3, query: $query, reverse: $reverse, sortKey: $sort)"
            " { nodes { id query } edges { node { id } } pageInfo { hasNextPage } } }"
        )
        found = call.ask(text, **asked)["bulkOperations"]
        assert [edge["node"]["id"] for edge in found["edges"]] == [node["id"] for node in found["nodes"]]
        return [node["id"] for node in found["nodes"]]

    assert listed() == [second, first]
    assert listed(reverse=True) == [first, second]
    assert listed(query="status:running operation_type:query") == [second]
    assert listed(query=f"id:{first.rpartition('/')[2]}") == [first]
    assert listed(query="operation_type:mutation") == []
    assert listed(query="status:EXPIRED") == []
    assert call.ask("{ currentBulkOperation { id } }")["currentBulkOperation"]["id"] == second
    assert call.ask(f'{{ node(id: "{first}") {{ id }} }}')["node"]["id"] == first
    wrong = call.errors('{ bulkOperations(first: 1, query: "created_at:not-a-date") { nodes { id } } }')[0]
    assert wrong["message"] == "Invalid timestamp for query filter `created_at`."
    none = call.errors("{ bulkOperations { nodes { id } } }")[0]
    assert none["message"] == "you must provide one of first or last"


def test_ids_that_are_none(call: ShopifyCaller):
    assert look(call, "gid://shopify/BulkOperation/1") is None
    assert call.errors(LOOK, id="not-a-gid")
    assert call.errors(LOOK, id="gid://shopify/Product/1")[0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    gone = call.ask(CANCEL, id="gid://shopify/BulkOperation/1")["bulkOperationCancel"]
    assert gone["userErrors"] == [{"field": ["id"], "message": "Bulk operation does not exist"}]


def test_cancelling(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.set_site(bulk_seconds=60)
    gid = begin(call)
    found = call.ask(CANCEL, id=gid)["bulkOperationCancel"]
    assert found == {"bulkOperation": {"id": gid, "status": "CANCELING"}, "userErrors": []}
    for _ in range(50):
        if look(call, gid)["status"] == "CANCELED":
            break
    found = look(call, gid)
    assert (found["status"], found["url"], found["completedAt"]) == ("CANCELED", None, None)
    shop.admin.set_site(bulk_seconds=0)
    done = run(call)
    refused = call.ask(CANCEL, id=done["id"])["bulkOperationCancel"]
    assert refused["userErrors"] == [
        {"field": None, "message": "A bulk operation cannot be canceled when it is completed"}
    ]


@pytest.mark.parametrize(("fault", "status", "code"), [
    ("failed", "FAILED", "INTERNAL_SERVER_ERROR"), ("failed_empty", "FAILED", "INTERNAL_SERVER_ERROR"),
    ("timeout", "FAILED", "TIMEOUT"), ("access_denied", "FAILED", "ACCESS_DENIED"),
    ("expired", "EXPIRED", None), ("canceled", "CANCELED", None),
])  # fmt: skip
def test_ends_without_a_result(
    shop: RunningShopify, call: ShopifyCaller, fault: str, status: str, code: str | None
):
    whole = lines(run(call)["url"])
    shop.admin.set_site(bulk_fault=fault, bulk_fault_times=1)
    found = run(call)
    assert (found["status"], found["errorCode"], found["url"]) == (status, code, None)
    if fault in ("failed", "timeout"):
        part = lines(found["partialDataUrl"])
        assert 0 < len(part) < len(whole) and part == whole[: len(part)]
        assert found["objectCount"] == str(len(part))
    else:
        assert found["partialDataUrl"] is None
    assert run(call)["status"] == "COMPLETED"


def test_results_that_are_not_as_they_should_be(shop: RunningShopify, call: ShopifyCaller):
    good = run(call)
    body = httpx.get(good["url"]).content

    def with_fault(words: str, **more: Any) -> tuple[Any, bytes]:
        shop.admin.set_site(bulk_fault=words)
        found = run(call, **more)
        assert found["status"] == "COMPLETED"
        return found, httpx.get(found["url"]).content

    found, same = with_fault("wrong_count")
    assert same == body and int(found["objectCount"]) == int(good["objectCount"]) + 7
    found, same = with_fault("wrong_root_count")
    assert same == body and int(found["rootObjectCount"]) == int(good["rootObjectCount"]) + 3
    found, short = with_fault("no_newline")
    assert short == body[:-1] and found["fileSize"] == str(len(short))
    found, cut = with_fault("cut")
    assert cut == body[: int(len(body) * 0.6)] and found["fileSize"] == str(len(body))
    _, broken = with_fault("broken_line")
    assert len(broken) == len(body) and sum(a != b for a, b in zip(broken, body, strict=True)) == 1
    for grouped in (False, True):
        _, turned = with_fault("children_first", grouped=grouped)
        seen: set[str] = set()
        for line in turned.splitlines():
            row = json.loads(line)
            assert row.get("__parentId") not in seen
            seen.add(row["id"])
        assert sorted(turned.splitlines()) == sorted(body.splitlines())
    shop.admin.set_site(bulk_fault="stuck")
    gid = begin(call)
    shop.admin.advance(3600)
    assert [look(call, gid)["status"] for _ in range(2)] == ["CREATED", "RUNNING"]
    call.ask(CANCEL, id=gid)
    # what was not spoiled is as it was
    assert httpx.get(good["url"]).content == body


def test_links_are_signed_and_run_out(shop: RunningShopify, call: ShopifyCaller):
    found = run(call)
    url = found["url"]
    whole = httpx.get(url)
    assert whole.headers["accept-ranges"] == "bytes"
    rest = httpx.get(url, headers={"Range": "bytes=100-"})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    size = len(whole.content)
    assert rest.headers["content-range"] == f"bytes 100-{size - 1}/{size}"
    part = httpx.get(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, whole.content[:10])
    assert httpx.get(url, headers={"Range": f"bytes={size}-"}).status_code == 416
    assert httpx.get(url.partition("?")[0]).status_code == 403
    assert httpx.get(url[:-4] + "0000").status_code == 403
    shop.admin.advance(8 * 86_400)
    gone = httpx.get(url)
    assert gone.status_code == 400 and "ExpiredToken" in gone.text
    late = look(call, found["id"])
    assert (late["status"], late["url"]) == ("EXPIRED", None)
    shop.admin.set_clock(0)
    shop.admin.set_site(bulk_fault="url_expired", bulk_fault_times=1)
    found = run(call)
    assert found["status"] == "COMPLETED" and httpx.get(found["url"]).status_code == 400


def test_a_download_that_breaks_off_goes_on(shop: RunningShopify, call: ShopifyCaller):
    found = run(call)
    body = httpx.get(found["url"]).content
    shop.admin.faults([{"match": {"path": "^/_bulk/", "times": 1}, "do": {"truncate": 0.5}}])
    got = b""
    with pytest.raises(httpx.RemoteProtocolError), httpx.stream("GET", found["url"]) as answer:
        for part in answer.iter_raw():
            got += part
    shop.admin.faults([])
    assert 0 < len(got) < len(body)
    rest = httpx.get(found["url"], headers={"Range": f"bytes={len(got)}-"})
    assert got + rest.content == body


def test_it_shows_the_store_as_it_is_now(shop: RunningShopify, call: ShopifyCaller):
    names = {row["id"]: row["name"] for row in lines(run(call)["url"]) if "name" in row}
    number = int(next(iter(names)).rpartition("/")[2])
    query = "{ orders { edges { node { id note } } } }"
    run(call, query)
    shop.admin.edit_order(number, note="since then")
    notes = {row["id"]: row["note"] for row in lines(run(call, query)["url"])}
    assert notes[f"gid://shopify/Order/{number}"] == "since then"


def test_one_made_ahead_is_handed_out(shop: RunningShopify, call: ShopifyCaller):
    query = "{ orders { edges { node { id confirmationNumber } } } }"
    shop.admin.prepare_bulk(query)
    found = run(call, query)
    assert found["rootObjectCount"] == str(shop.admin.counts()["orders"])
    assert len(lines(found["url"])) == shop.admin.counts()["orders"]
    with pytest.raises(DeskError, match="at least one connection"):
        shop.admin.prepare_bulk("{ shop { id } }")
    shop.admin.set_site(scopes=["read_products"])
    with pytest.raises(DeskError, match="Access denied"):
        shop.admin.prepare_bulk(query)


def test_a_result_is_kept_for_later_stores(tmp_path: Path):
    bodies = []
    for at in range(3):
        with start_shopify(orders=20, products=8, customers=8, bulk_folder=str(tmp_path)) as shop:
            caller = ShopifyCaller(shop)
            if at == 1:  # taken from the folder, not made again
                (kept,) = tmp_path.glob("*.jsonl")
                kept.write_bytes(kept.read_bytes().replace(b"#", b"%"))
            if at == 2:  # an edited shop answers for itself
                number = shop.admin.truth()["orders"][0]["id"]
                shop.admin.edit_order(number, note="new")
            found = run(caller)
            bodies.append((httpx.get(found["url"]).content, found["objectCount"]))
            caller.close()
    assert bodies[1] == (bodies[0][0].replace(b"#", b"%"), bodies[0][1])
    assert bodies[2] == bodies[0]


def test_scopes_and_protected_data(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.set_site(scopes=["read_products"])
    found = run(call, IDS)
    assert (found["status"], found["errorCode"], found["url"]) == ("FAILED", "ACCESS_DENIED", None)


def test_it_costs_ten_and_one(shop: RunningShopify, call: ShopifyCaller):
    told = call.post(RUN, {"query": IDS}).json()
    assert told["extensions"]["cost"]["actualQueryCost"] == 10
    gid = told["data"]["bulkOperationRunQuery"]["bulkOperation"]["id"]
    assert call.post(LOOK, {"id": gid}).json()["extensions"]["cost"]["requestedQueryCost"] == 1
