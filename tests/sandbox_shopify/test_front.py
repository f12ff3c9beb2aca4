"""The sandbox on the wire: statuses, headers, cost and bucket, faults."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest
from shopify_caller import ShopifyCaller

from storelink.sandbox.running import RunningShopify, start, start_shopify

SHOP = "query Shop { shop { id name } }"
PAGE = (
    "query Page($first: Int!) { orders(first: $first)"
    " { nodes { id lineItems(first: 50) { nodes { id } } } } }"
)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningShopify]:
    with start_shopify(orders=40, products=20, customers=20) as found:
        yield found


@pytest.fixture
def shop(running: RunningShopify) -> Iterator[RunningShopify]:
    """Reset after each test: switches, faults, clock."""
    before = running.admin.site()
    yield running
    running.admin.faults([])
    running.admin.release_clock()
    running.admin.set_clock(0)
    running.admin.set_site(**{name: before[name] for name in before if name != "domain"})


@pytest.fixture
def call(shop: RunningShopify) -> Iterator[ShopifyCaller]:
    caller = ShopifyCaller(shop)
    yield caller
    caller.close()


def test_an_answer_and_its_headers(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.hold_clock(1_795_000_000)
    answer = call.post(SHOP)
    assert answer.status_code == 200
    assert answer.json()["data"]["shop"]["name"]
    assert answer.json()["extensions"]["cost"] == {
        "requestedQueryCost": 1,
        "actualQueryCost": 1,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1999, "restoreRate": 100.0},
    }
    assert answer.headers["x-shopify-api-version"] == "2026-10"
    assert answer.headers["x-request-id"] != call.post(SHOP).headers["x-request-id"]
    assert parsedate_to_datetime(answer.headers["date"]).timestamp() == 1_795_000_000
    assert "x-shopify-api-deprecated-reason" not in answer.headers
    entry = shop.admin.requests()[-1]
    assert (entry["operation"], entry["method"], entry["status"]) == ("Shop", "POST", 200)


def test_versions_fall_forward(shop: RunningShopify, call: ShopifyCaller):
    def served(asked: str) -> str:
        return call.post(SHOP, version=asked).headers["x-shopify-api-version"]

    assert [served(v) for v in ("2026-10", "2026-07", "2025-01")] == ["2026-10", "2026-07", "2026-07"]
    assert call.post(SHOP, version="2031-01").status_code == 404
    assert call.post(SHOP, version="latest").status_code == 404
    shop.admin.set_site(served_version="2027-01")
    assert served("2026-10") == "2027-01"


def test_deprecation(shop: RunningShopify, call: ShopifyCaller):
    text = "{ orders(first: 1) { nodes { totalPrice } } }"
    assert "versioning" in call.post(text).headers["x-shopify-api-deprecated-reason"]
    shop.admin.set_site(deprecated="soon gone")
    assert call.post(SHOP).headers["x-shopify-api-deprecated-reason"] == "soon gone"


@pytest.mark.parametrize("token", ["", "shpat_wrong"])
def test_a_wrong_token(call: ShopifyCaller, token: str):
    answer = call.post(SHOP, token=token)
    assert answer.status_code == 401
    words = "[API] Invalid API key or access token (unrecognized login or wrong password)"
    assert answer.json() == {"errors": words}


@pytest.mark.parametrize(("mode", "status"), [
    ("frozen", 402), ("locked", 423), ("unknown", 404), ("security", 430), ("forbidden", 403),
    ("maintenance", 503), ("uninstalled", 401),
])  # fmt: skip
def test_shops_that_do_not_answer(shop: RunningShopify, call: ShopifyCaller, mode: str, status: int):
    shop.admin.set_site(mode=mode)
    answer = call.post(SHOP)
    assert answer.status_code == status
    assert isinstance(answer.json()["errors"], str)


def test_a_moved_shop(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.set_site(mode="moved", moved_to="https://new.myshopify.com/")
    answer = call.post(SHOP)
    assert answer.status_code == 303
    assert answer.headers["location"] == "https://new.myshopify.com/admin/api/2026-10/graphql.json"


def test_tokens_that_should_have_an_end(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.set_site(nonexpiring_refused=True)
    answer = call.post(SHOP)
    assert answer.status_code == 403
    assert answer.json()["errors"].startswith("[API] Non-expiring access tokens are no longer accepted")


def test_bodies(shop: RunningShopify, call: ShopifyCaller):
    def post(body: bytes, kind: str) -> httpx.Response:
        headers = {"X-Shopify-Access-Token": shop.token, "Content-Type": kind}
        return call.http.post("/admin/api/2026-10/graphql.json", content=body, headers=headers)

    assert post(SHOP.encode(), "application/graphql").json()["data"]["shop"]["id"]
    assert post(b"{", "application/json").status_code == 400
    assert post(b"[]", "application/json").status_code == 400
    answer = post(b"{}", "application/json")
    assert (answer.status_code, answer.json()) == (
        400,
        {"errors": {"query": "Required parameter missing or invalid"}},
    )
    assert post(b" " * (11 << 20), "application/json").status_code == 413
    assert call.http.get("/admin/api/2026-10/graphql.json").status_code == 404


def test_a_misspelt_field_fails(call: ShopifyCaller):
    answer = call.post("{ shop { nmae } }")
    assert answer.status_code == 200
    assert "data" not in answer.json()
    assert "nmae" in answer.json()["errors"][0]["message"]


def test_too_dear_a_query(call: ShopifyCaller):
    product = "product { id variants(first: 250) { nodes { id } } }"
    lines = f"lineItems(first: 250) {{ nodes {{ {product} }} }}"
    answer = call.post(f"{{ orders(first: 250) {{ nodes {{ id {lines} }} }} }}").json()
    error = answer["errors"][0]
    assert error["extensions"]["code"] == "MAX_COST_EXCEEDED"
    cost = error["extensions"]["cost"]
    assert cost == 2 + 11 * (1 + 2 + 11 * (1 + 1 + 13))
    assert error["message"].startswith(
        f"Query cost is {cost}, which exceeds the single query max cost limit (1000)"
    )
    assert "data" not in answer


def test_the_bucket_throttles_and_fills(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.hold_clock(1_795_000_000)
    shop.admin.set_site(plan="standard")
    shop.admin.drain(100)
    answer = call.post(PAGE, {"first": 250})
    told = answer.json()
    assert answer.status_code == 200 and "data" not in told
    assert told["errors"][0]["message"] == "Throttled"
    assert told["errors"][0]["extensions"]["code"] == "THROTTLED"
    cost = told["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (2 + 11 * (1 + 2 + 7), None)
    assert cost["throttleStatus"]["currentlyAvailable"] == 100
    shop.admin.advance((112 - 100) / 100)
    told = call.post(PAGE, {"first": 250}).json()
    assert told["data"]["orders"]["nodes"]
    spent = told["extensions"]["cost"]
    assert spent["actualQueryCost"] < 112
    # what was not used is back at once
    assert spent["throttleStatus"]["currentlyAvailable"] == 112 - spent["actualQueryCost"]
    shop.admin.advance(1000)
    assert call.post(SHOP).json()["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 1999


def test_buckets_are_of_an_app_and_a_plan(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.hold_clock()
    shop.admin.drain(0)
    assert "errors" in call.post(SHOP).json()
    assert "errors" not in call.post(SHOP, token=shop.other_token).json()
    sizes = {}
    for plan in ("standard", "advanced", "plus", "enterprise"):
        shop.admin.set_site(plan=plan)
        status = call.post(SHOP).json()["extensions"]["cost"]["throttleStatus"]
        sizes[plan] = (status["maximumAvailable"], status["restoreRate"])
    assert sizes == {
        "standard": (2000, 100),
        "advanced": (4000, 200),
        "plus": (20000, 1000),
        "enterprise": (40000, 2000),
    }


def test_what_was_spent(shop: RunningShopify, call: ShopifyCaller):
    before = shop.admin.spent()
    call.ask(PAGE, first=3)
    after = shop.admin.spent()
    assert after["queries"] - before["queries"] == 1
    assert after["requested"] - before["requested"] == 2 + 2 * (1 + 2 + 7)
    assert 0 < after["actual"] - before["actual"] <= 22


def test_faults_by_the_name_of_the_operation(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.faults([{"match": {"operation": "Page", "nth": 2}, "do": {"status": 502, "retry_after": 3}}])
    assert call.post(PAGE, {"first": 1}).status_code == 200
    assert call.post(SHOP).status_code == 200
    answer = call.post(PAGE, {"first": 1})
    assert (answer.status_code, answer.headers["retry-after"]) == (502, "3")
    assert shop.admin.fired() == [1]


def test_faults_of_many_kinds(shop: RunningShopify, call: ShopifyCaller):
    def script(do: dict) -> None:
        shop.admin.faults([{"do": do}])

    script({"html": True})
    assert call.post(SHOP).text.startswith("<!DOCTYPE")
    script({"throttled": True})
    assert call.post(SHOP).json()["errors"][0]["extensions"]["code"] == "THROTTLED"
    script({"error": "INTERNAL_SERVER_ERROR"})
    told = call.post(SHOP).json()["errors"][0]["extensions"]
    assert told["code"] == "INTERNAL_SERVER_ERROR" and told["requestId"]
    script({"error": {"code": "ACCESS_DENIED", "message": "Access denied for orders field."}})
    (told,) = call.post(SHOP).json()["errors"]
    assert told["message"].startswith("Access denied") and told["extensions"]["code"] == "ACCESS_DENIED"
    script({"error": "SHOP_INACTIVE"})
    (told,) = call.post(SHOP).json()["errors"]
    assert told["extensions"]["code"] == "SHOP_INACTIVE" and "nternal" not in told["message"]
    script({"strip_auth": True})
    assert call.post(SHOP).status_code == 401
    script({"truncate": 0.5})
    with pytest.raises(httpx.RemoteProtocolError):
        call.post(SHOP)
    script({"drop": "after"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        call.post(SHOP)
    script({"big": 3_000_000})
    assert len(call.post(SHOP).content) > 3_000_000
    script({"bom": True})
    assert call.post(SHOP).content.startswith(b"\xef\xbb\xbf")
    script({"replace": [["Sandbox", "Other"]]})
    assert call.ask(SHOP)["shop"]["name"] == "Other Shop"
    script({"redirect": "https://elsewhere.example/"})
    assert call.post(SHOP).headers["location"] == "https://elsewhere.example/"
    script({"clock": -3600})
    dated = parsedate_to_datetime(call.post(SHOP).headers["date"]).timestamp()
    assert abs(dated - (shop.admin.now() - 3600)) < 60


def test_a_poisoned_record_and_a_list_that_never_ends(shop: RunningShopify, call: ShopifyCaller):
    text = (
        "query L($first: Int!, $after: String) { orders(first: $first, after: $after)"
        " { nodes { id } pageInfo { endCursor } } }"
    )
    page = call.ask(text, first=3)["orders"]
    ids = [int(node["id"].rpartition("/")[2]) for node in page["nodes"]]
    shop.admin.faults([{"do": {"poison": ["orders", ids[2]]}}])
    assert call.errors(text, first=3)[0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert call.ask(text, first=2)["orders"]["nodes"] == page["nodes"][:2]
    shop.admin.faults([{"do": {"ignore_offset": True}}])
    assert call.ask(text, first=3, after=page["pageInfo"]["endCursor"])["orders"] == page
    shop.admin.faults([{"do": {"duplicate": True}}])
    assert len(call.ask(text, first=3)["orders"]["nodes"]) == 4


def test_edits_between_pages(shop: RunningShopify, call: ShopifyCaller):
    order = call.ask(PAGE, first=1)["orders"]["nodes"][0]["id"]
    number = int(order.rpartition("/")[2])
    shop.admin.faults([{
        "match": {"operation": "Page"}, "do": {"edits": [["edit_order", number, {"note": "between"}]]},
    }])  # fmt: skip
    call.ask(PAGE, first=1)
    assert shop.admin.record("orders", number)["note"] == "between"


def test_switches_that_do_not_exist(shop: RunningShopify):
    for switch in ({"colour": "blue"}, {"mode": "asleep"}, {"bulk_fault": "rain"}, {"protected": "maybe"}):
        with pytest.raises(Exception, match=r"switch|cannot|no fault"):
            shop.admin.set_site(**switch)
    with pytest.raises(TypeError, match="colour"), start_shopify(orders=1, colour="blue"):
        pass


def test_scopes(shop: RunningShopify, call: ShopifyCaller):
    shop.admin.set_site(scopes=["read_products", "write_orders"])
    answer = call.http.get("/admin/oauth/access_scopes.json", headers={"X-Shopify-Access-Token": shop.token})
    assert answer.json() == {"access_scopes": [{"handle": "read_products"}, {"handle": "write_orders"}]}
    assert call.http.get("/admin/oauth/access_scopes.json").status_code == 401
    told = call.errors("{ customers(first: 1) { nodes { id } } }")[0]
    assert told["extensions"]["code"] == "ACCESS_DENIED"
    assert call.ask(PAGE, first=1)["orders"]["nodes"]  # who may write may read


def test_the_same_shop_as_woocommerce():
    with (
        start(orders=30, products=12, customers=10) as woo,
        start_shopify(orders=30, products=12, customers=10, process=True) as shop,
    ):
        ours = {f"#{order['number']}" for order in woo.admin.records("orders")}
        caller = ShopifyCaller(shop)
        names = {
            node["name"]
            for node in caller.ask("{ orders(first: 250) { nodes { name } } }")["orders"]["nodes"]
        }
        caller.close()
        assert names and names <= ours
