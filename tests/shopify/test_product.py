"""What becomes of Shopify's products and their variants."""

import json
from decimal import Decimal
from typing import Any

import pytest
from shopify_records import SEEN, product, simple_product, variant

from storelink.connectors.protocol import Rejection, Rows
from storelink.connectors.rows import ProductRow
from storelink.connectors.shopify.normalize import normalize


def rows_of(raw: Any) -> Rows:
    found = normalize("products", raw, SEEN)
    assert isinstance(found, Rows), found
    return found


def row_of(raw: Any) -> ProductRow:
    return rows_of(raw).products[0]


def one(**fields: Any) -> ProductRow:
    """The row of a product's only variant, with fields of the variant replaced."""
    return row_of(product(variants=[variant(**fields)]))


def test_every_variant_is_a_row_field_by_field() -> None:
    raw = product()
    rows = rows_of(raw)
    assert (rows.id, rows.parts, rows.partial, rows.trashed) == ("71", ("81", "82"), False, False)
    assert str(rows.version) == "2026-03-02 03:04:05+00:00"
    first, second = rows.products
    assert first._replace(metadata="", options=None) == ProductRow(
        variant_id="81",
        sku="SHIRT-RED-L",
        product_id="71",
        title="Shirt",
        variant_title="Red / L",
        description="Soft & light.\nLinen.",
        price=Decimal("20.00"),
        compare_at_price=Decimal("25.00"),
        currency="USD",
        available=True,
        inventory_quantity=Decimal(7),
        status="active",
        vendor="Loom",
        product_type="Tops",
        options=None,
        image_url="https://cdn.example/shirt.jpg?v=1",
        url="https://shop.example/products/shirt?variant=81",
        metadata="",
        source_created_at=first.source_created_at,
        source_updated_at=rows.version,
    )
    assert str(first.source_created_at) == "2026-01-02 03:04:05+00:00"
    assert json.loads(first.options or "") == [
        {"name": "Color", "value": "Red"},
        {"name": "Size", "value": "L"},
    ]
    own = {name: part for name, part in raw.items() if name != "variants"}
    assert json.loads(first.metadata) == {**raw["variants"][0], "product": own}
    assert (second.variant_id, second.sku, second.variant_title) == ("82", "SHIRT-RED-M", "Red / M")


def test_the_only_variant_of_a_product_without_choices_has_no_title_of_its_own() -> None:
    [row] = rows_of(simple_product()).products
    assert (row.variant_id, row.product_id, row.title, row.sku) == ("83", "72", "Mug", "MUG")
    assert (row.variant_title, row.options) == (None, None)
    assert row.url == "https://shop.example/products/shirt"


def test_a_real_choice_called_default_title_keeps_it() -> None:
    assert one(title="Default Title").variant_title == "Default Title"


@pytest.mark.parametrize(
    ("status", "for_sale", "available"),
    [
        ("ACTIVE", True, True),
        ("ACTIVE", False, False),
        ("UNLISTED", True, True),
        ("DRAFT", True, False),
        ("ARCHIVED", True, False),
        ("A_WORD_OF_2028", True, False),
        (None, True, False),
    ],
)
def test_what_can_be_bought(status: str | None, for_sale: bool, available: bool) -> None:
    row = row_of(product(status=status, variants=[variant(availableForSale=for_sale)]))
    assert row.available is available
    assert row.status == (status.lower() if status else None)


@pytest.mark.parametrize(
    ("quantity", "item", "wanted"),
    [
        (7, {"tracked": True}, 7),
        (0, {"tracked": True}, 0),
        (-3, {"tracked": True}, -3),
        (None, {"tracked": True}, None),
        (0, {"tracked": False}, None),
        (7, None, 7),
        (7, {}, 7),
    ],
)
def test_stock(quantity: int | None, item: Any, wanted: int | None) -> None:
    assert one(inventoryQuantity=quantity, inventoryItem=item).inventory_quantity == wanted


@pytest.mark.parametrize(
    ("price", "compared", "wanted"),
    [
        ("20.00", "25.00", "25"),
        ("20.00", None, None),
        ("20.00", "20.00", None),
        ("20.00", "0.00", None),
        ("20.00", "15.00", None),
        ("0.00", "0.01", "0.01"),
    ],
)
def test_a_price_is_compared_with_a_higher_one_only(
    price: str, compared: str | None, wanted: str | None
) -> None:
    row = one(price=price, compareAtPrice=compared)
    assert row.price == Decimal(price)
    assert row.compare_at_price == (Decimal(wanted) if wanted else None)


def test_money_that_no_ten_digits_hold() -> None:
    assert one(price="1250000000000.00").price == 1_250_000_000_000


@pytest.mark.parametrize("sku", ["", None, "   "])
def test_an_empty_sku_is_none(sku: str | None) -> None:
    assert one(sku=sku).sku is None


def test_case_44_two_variants_may_share_a_sku() -> None:
    rows = rows_of(product(variants=[variant(81, sku="SAME"), variant(82, sku="SAME")]))
    assert [row.sku for row in rows.products] == ["SAME", "SAME"]


def test_what_is_not_there_is_none() -> None:
    row = row_of(
        product(descriptionHtml="", vendor="", productType="", featuredMedia=None, onlineStoreUrl=None)
    )
    assert (row.description, row.vendor, row.product_type, row.image_url, row.url) == (None,) * 5
    assert row_of(product(featuredMedia={"alt": "", "preview": {"image": None}})).image_url is None
    assert row_of(product(featuredMedia={"alt": "", "preview": None})).image_url is None


def test_titles_are_no_markup() -> None:
    row = row_of(product(title=" Salt & <b>Pepper</b>\n Mill", variants=[variant(title="<M>")]))
    assert (row.title, row.variant_title) == ("Salt & <b>Pepper</b> Mill", "<M>")


def test_the_currency_is_the_shops() -> None:
    found = normalize("products", product(), {})
    assert isinstance(found, Rows) and found.products[0].currency is None


def test_a_row_is_as_new_as_the_later_of_product_and_variant() -> None:
    """The record's version is what a list of products shows."""
    rows = rows_of(product(variants=[variant(updatedAt="2026-05-01T00:00:00Z"), variant(82)]))
    assert [str(row.source_updated_at)[:10] for row in rows.products] == ["2026-05-01", "2026-03-02"]
    assert str(rows.version)[:10] == "2026-03-02"


def test_case_21_all_variants_of_a_product_with_2048() -> None:
    raw = product(variants=[variant(number) for number in range(3000, 952, -1)])
    rows = rows_of(raw)
    assert [row.variant_id for row in rows.products] == [str(number) for number in range(953, 3001)]
    assert rows.parts == tuple(sorted(str(number) for number in range(953, 3001)))


@pytest.mark.parametrize(
    "variants", [None, ..., [], {"nodes": [variant()]}, {"edges": [], "pageInfo": {"hasNextPage": True}}]
)
def test_case_21_a_product_read_without_its_variants_is_refused(variants: Any) -> None:
    """Written, it would delete them all."""
    raw = product(variants=variants)
    if variants is ...:
        del raw["variants"]
    found = normalize("products", raw, SEEN)
    assert isinstance(found, Rejection)
    assert (found.id, found.error.split()[0]) == ("71", "variants")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"price": None}, "variants[0].price is missing"),
        ({"price": 19.999999}, "variants[0].price is a number that lost its exact value: 19.999999"),
        ({"id": "gid://shopify/Product/81"}, "variants[0].id is no id of ProductVariant"),
        ({"selectedOptions": None}, "variants[0].selectedOptions is missing"),
        ({"updatedAt": "soon"}, "variants[0].updatedAt is no time: 'soon'"),
        ({"inventoryItem": []}, "variants[0].inventoryItem is no object: list"),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused_by_name(fields: dict[str, Any], why: str) -> None:
    found = normalize("products", product(variants=[variant(**fields)]), SEEN)
    assert isinstance(found, Rejection) and found.error.startswith(why)


def test_one_variant_twice_is_refused() -> None:
    found = normalize("products", product(variants=[variant(), variant()]), SEEN)
    assert isinstance(found, Rejection) and found.error == "variants has one id twice"
