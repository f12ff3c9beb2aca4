"""The cost model against costs that a live store reported, and that the facts derive from them."""

import pytest
from graphql import parse, validate

from storelink.sandbox.shopify.cost import actual, growth, requested
from storelink.sandbox.shopify.schema import load_schema

SCHEMA = load_schema("2026-10").graphql


def cost(text: str, **variables: object) -> int:
    document = parse(text)
    assert validate(SCHEMA, document) == []
    return requested(SCHEMA, document, None, variables)


def test_how_a_connection_grows():
    assert [growth(n) for n in (0, 1, 10, 50, 100, 250)] == [1, 1, 4, 7, 9, 11]


@pytest.mark.parametrize(("text", "wanted"), [
    ("{ products(first: 250) { nodes { id title } pageInfo { hasNextPage endCursor } } }", 13),
    ("{ products(first: 250) { nodes { id variants(first: 250) { nodes { id } }"
     " media(first: 250) { nodes { id } } metafields(first: 250) { nodes { id } } } } }", 442),
    ("{ bulkOperations(first: 1) { nodes { id } } }", 3),
    ('{ bulkOperation(id: "gid://shopify/BulkOperation/1") { id status } }', 1),
    ("{ productsCount { count precision } }", 10),
    ('{ nodes(ids: ["gid://shopify/Product/1", "gid://shopify/Product/2"]) { __typename id } }', 1),
    ('{ node(id: "gid://shopify/Product/0") { id } nodes(ids: []) { id } }', 2),
    ("{ nodes(ids: []) { ... on Product { title }"
     " ... on Customer { displayName email defaultAddress { id } } } }", 2),
    ('{ product(id: "gid://shopify/Product/1") { id media(first: 5) { nodes { id } }'
     ' metafields(first: 5, namespace: "x") { nodes { id } } } }', 11),
    ('mutation { bulkOperationRunQuery(query: "") { bulkOperation { id } userErrors { field } } }', 10),
    ("mutation($w: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: ORDERS_CREATE,"
     " webhookSubscription: $w) { webhookSubscription { id } userErrors { field } } }", 10),
    ("{ products(first: 10) { edges { node { id } } nodes { id } } }", 10),
    ("{ shop { id name } }", 1),
])  # fmt: skip
def test_costs_that_a_live_store_reported(text: str, wanted: int):
    assert cost(text) == wanted


VARIANT = "id selectedOptions { name } inventoryItem { id measurement { weight { value } } }"
PRODUCT = "id variantsCount { count } options { id } featuredMedia { id preview { image { url } } }"
ADDRESS = "firstName lastName"
BAG = "{ shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }"
CUSTOMER = (
    "id amountSpent { amount } defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } "
    f"defaultAddress {{ {ADDRESS} }} addressesV2(first: 10) {{ nodes {{ {ADDRESS} }} }}"
)
ORDER = (
    f"id totalPriceSet {BAG} customAttributes {{ key }} customer {{ id }} "
    f"shippingAddress {{ {ADDRESS} }} billingAddress {{ {ADDRESS} }}"
)
LINES = (
    f"lineItems(first: $lines) {{ nodes {{ id originalTotalSet {BAG} customAttributes {{ key }} "
    "product { id } variant { id } } pageInfo { endCursor } }"
)
TRANSACTION = f"id amountSet {BAG} parentTransaction {{ id }}"
REFUNDS = (
    f"transactions(first: 20) {{ {TRANSACTION} }} refunds(first: 10) {{ id totalRefundedSet {BAG} "
    "refundLineItems(first: 50) { nodes { id lineItem { id } location { id } } } "
    "refundShippingLines(first: 5) { nodes { id } } orderAdjustments(first: 5) { nodes { id } } "
    f"transactions(first: 10) {{ nodes {{ {TRANSACTION} }} }} }}"
)


@pytest.mark.parametrize(("first", "inner", "wanted"), [(50, 50, 352), (100, 100, 542), (250, 250, 772)])
def test_pages_of_products(first: int, inner: int, wanted: int):
    text = (
        f"query($first: Int!, $inner: Int!) {{ products(first: $first) {{ nodes {{ ...P }} }} }} "
        f"fragment P on Product {{ {PRODUCT} variants(first: $inner) {{ nodes {{ {VARIANT} }} }} "
        "metafields(first: 20) { nodes { key } } }"
    )
    assert cost(text, first=first, inner=inner) == wanted


def test_pages_of_variants_and_customers():
    variants = (
        f'{{ product(id: "gid://shopify/Product/1") {{ variants(first: 250) {{ nodes {{ {VARIANT} }} }} }} }}'
    )
    assert cost(variants) == 58
    assert cost(f"{{ customers(first: 250) {{ nodes {{ {CUSTOMER} }} }} }}") == 112


@pytest.mark.parametrize(("first", "lines", "more", "wanted"), [
    (100, 50, "", 317), (250, 50, "", 387), (25, 50, REFUNDS, 488), (50, 50, REFUNDS, 569),
])  # fmt: skip
def test_pages_of_orders(first: int, lines: int, more: str, wanted: int):
    text = (
        "query($first: Int! = 3, $lines: Int!) { orders(first: $first) { nodes { "
        f"{ORDER} {LINES} {more} }} }} }}"
    )
    assert cost(text, first=first, lines=lines) == wanted


def test_one_order():
    text = (
        f'query($lines: Int! = 250) {{ order(id: "gid://shopify/Order/1") {{ {ORDER} {LINES} {REFUNDS} }} }}'
    )
    assert cost(text) == 97


def test_what_is_skipped_costs_nothing():
    text = "query($no: Boolean!) { shop { id } products(first: 250) @include(if: $no) { nodes { id } } }"
    assert (cost(text, no=False), cost(text, no=True)) == (1, 14)


def test_what_it_turned_out_to_cost():
    text = "{ products(first: 250) { nodes { id variants(first: 250) { nodes { id } } } } }"
    document = parse(text)

    def turned_out(*sizes: int) -> int:
        nodes = [{"id": "x", "variants": {"nodes": [{"id": "y"}] * size}} for size in sizes]
        return actual(SCHEMA, document, None, {}, {"products": {"nodes": nodes}})

    assert requested(SCHEMA, document) == turned_out(*[250] * 250) == 2 + 11 * (1 + 13)
    assert turned_out(1) == 2 + 1 * (1 + 3)
    assert turned_out(*[1] * 10) == 2 + 4 * (1 + 3)
    assert turned_out() == 3  # as reported for an empty list
    assert actual(SCHEMA, document, None, {}, None) == 2  # as reported for one refused
    single = parse('{ product(id: "gid://shopify/Product/1") { id media(first: 5) { nodes { id } } } }')
    assert actual(SCHEMA, single, None, {}, {"product": None}) == 1
