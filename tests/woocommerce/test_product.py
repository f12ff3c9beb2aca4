"""What becomes of products of every kind: one row per sellable unit."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from storelink.connectors.protocol import Ignored, Rejection, Rows
from storelink.connectors.rows import OrderRow, ProductRow
from storelink.connectors.woocommerce.normalize import normalize, rebuild

SETTINGS = {"currency": "USD", "time_zone": "America/New_York", "gmt_offset": -5}
Make = Callable[..., dict[str, Any]]


def rows_of(resource: str, raw: Any) -> Rows:
    found = normalize(resource, raw, SETTINGS)
    assert isinstance(found, Rows), found
    return found


def order_of(raw: Any) -> OrderRow:
    [row] = rows_of("orders", raw).orders
    return row


def product_of(raw: Any) -> ProductRow:
    [row] = rows_of("products", raw).products
    return row


@pytest.mark.parametrize("kind", ["simple", "external", "subscription", "bundle", "a plugin's own", "", None])
def test_a_product_of_any_kind_is_a_unit_of_its_own(make: Make, kind: Any) -> None:
    row = product_of(make("simple", type=kind))
    assert (row.variant_id, row.product_id, row.product_type) == ("15", "15", kind or None)


def test_a_group_of_products_is_no_unit(make: Make) -> None:
    rows = rows_of("products", make("simple", type="grouped", grouped_products=[14, 16]))
    assert rows.products == [] and rows.id == "15"


@pytest.mark.parametrize("kind", ["variable", "variable-subscription", "a plugin's own"])
def test_a_product_with_variations_is_its_variations(make: Make, kind: str) -> None:
    rows = rows_of("products", make("variable", type=kind))
    assert [row.variant_id for row in rows.products] == ["33"]
    assert rows.parts == ("30", "31", "32", "33")


def test_a_variable_product_without_variations_has_no_rows(make: Make) -> None:
    """So does one in the trash: WooCommerce empties its list."""
    for status, trashed in (("publish", False), ("trash", True)):
        rows = rows_of("products", make("variable", status=status, variations=[], variation_details=...))
        assert (list(rows.products), rows.parts, rows.trashed) == ([], (), trashed)


def test_a_product_read_without_its_variations_is_not_written(make: Make) -> None:
    found = normalize("products", make("variable", variation_details=...), SETTINGS)
    assert isinstance(found, Rejection) and "read without its variations" in found.error


def test_a_trashed_product_is_a_row_of_a_trashed_record(make: Make) -> None:
    rows = rows_of("products", make("simple", status="trash"))
    assert rows.trashed and not rows.products[0].available and rows.products[0].status == "trash"


def test_a_draft_nobody_saved_is_not_stored(make: Make) -> None:
    assert isinstance(normalize("products", make("simple", status="auto-draft"), SETTINGS), Ignored)


@pytest.mark.parametrize(
    ("fields", "available"),
    [
        ({}, True),
        ({"status": "draft"}, False),
        ({"status": "private"}, False),
        ({"purchasable": False}, False),
        ({"stock_status": "outofstock"}, False),
        ({"stock_status": "outofstock", "backorders_allowed": True}, True),
        ({"stock_status": "onbackorder"}, True),
        ({"purchasable": "1"}, False),
    ],
)
def test_available(make: Make, fields: dict[str, Any], available: bool) -> None:
    assert product_of(make("simple", **fields)).available is available


@pytest.mark.parametrize(
    ("own", "above", "status", "available"),
    [
        ("publish", "publish", "publish", True),
        ("private", "publish", "private", False),
        ("publish", "draft", "draft", False),
        ("publish", "trash", "trash", False),
    ],
)
def test_a_variation_is_not_more_public_than_its_product(
    make: Make, own: str, above: str, status: str, available: bool
) -> None:
    raw = make("variable", status=above)
    raw["variation_details"][0].update(status=own, stock_status="instock")
    row = product_of(raw)
    assert (row.status, row.available) == (status, available)


@pytest.mark.parametrize(
    ("fields", "price", "compare"),
    [
        ({"price": "", "regular_price": ""}, None, None),
        ({"price": "5", "regular_price": "8", "sale_price": "5", "on_sale": True}, 5, 8),
        ({"price": "5", "regular_price": "8", "on_sale": False}, 5, None),
        ({"price": "5", "regular_price": "", "on_sale": True}, 5, None),
        ({"price": 5}, 5, None),
        ({"price": 5.25}, Decimal("5.25"), None),
    ],
)
def test_prices(make: Make, fields: dict[str, Any], price: Any, compare: Any) -> None:
    row = product_of(make("simple", **fields))
    assert (row.price, row.compare_at_price) == (price, compare)


@pytest.mark.parametrize(
    ("manages", "own", "parents", "stock"),
    [
        (True, 5, None, 5),
        (True, -26, None, -26),
        (True, 2.5, None, Decimal("2.5")),
        (True, None, None, None),
        (False, 5, 9, None),
        ("parent", None, 9, 9),
        ("parent", 4, 9, 4),
        ("parent", None, None, None),
    ],
)
def test_stock(make: Make, manages: Any, own: Any, parents: Any, stock: Any) -> None:
    raw = make("variable", stock_quantity=parents)
    raw["variation_details"][0].update(manage_stock=manages, stock_quantity=own)
    assert product_of(raw).inventory_quantity == stock


def test_a_variations_options_and_title(make: Make) -> None:
    raw = make("variable")
    raw["variation_details"][0]["attributes"] = [
        {"name": "Size", "option": "M &amp; L"},
        {"name": "Colour", "option": "<b>red</b>"},
        {"name": "Any", "option": ""},
    ]
    row = product_of(raw)
    assert row.variant_title == "M & L / red"
    assert json.loads(row.options or "") == [
        {"name": "Size", "value": "M & L"},
        {"name": "Colour", "value": "red"},
    ]


def test_a_variation_that_fixes_nothing_is_called_by_its_name(make: Make) -> None:
    raw = make("variable")
    raw["variation_details"][0].update(attributes=[], name="Any size")
    row = product_of(raw)
    assert (row.variant_title, row.options) == ("Any size", b"[]")


def test_what_a_variation_has_not_its_product_has(make: Make) -> None:
    raw = make(
        "variable", description="", short_description="<p>Short</p>",
        brands=[{"name": ""}, {"name": "Acme &amp; Co"}], images=[{}, {"src": "product.jpg"}],
    )  # fmt: skip
    row = product_of(raw)
    assert (row.description, row.vendor, row.image_url) == ("Short", "Acme & Co", "product.jpg")
    raw["variation_details"][0].update(image={"src": "own.jpg"}, description="<p>Own</p>")
    row = product_of(raw)
    assert (row.description, row.image_url) == ("Own", "own.jpg")


def test_case_03_the_later_of_both_dates_is_the_version(make: Make) -> None:
    """A variation's edit need not bump its product, nor the other way round."""
    raw = make("variable", date_modified_gmt="2026-11-21T07:00:00")
    for stamp, later in (("2026-11-21T08:00:00", 8), ("2026-11-21T06:00:00", 7), (None, 7)):
        raw["variation_details"][0].update(date_modified_gmt=stamp, date_modified=None)
        rows = rows_of("products", raw)
        wanted = datetime(2026, 11, 21, later, tzinfo=UTC)
        assert rows.version == rows.products[0].source_updated_at == wanted


def test_junk_in_one_variation_is_refused_by_its_place(make: Make) -> None:
    raw = make("variable")
    raw["variation_details"][0]["price"] = "junk"
    found = normalize("products", raw, SETTINGS)
    assert found == Rejection("29", "variation_details[0].price is no amount: 'junk'")


def test_case_44_two_variations_may_share_a_sku(make: Make) -> None:
    raw = make("variable")
    raw["variation_details"].append({**raw["variation_details"][0], "id": 34})
    rows = rows_of("products", raw)
    assert [(row.variant_id, row.sku) for row in rows.products] == [("33", "VAR-10-L"), ("34", "VAR-10-L")]


def test_what_changes_by_itself_changes_no_row(make: Make) -> None:
    one = make("variable")
    two = make("variable", related_ids=[1, 2], price_html="<b>from 5</b>", total_sales=999, _links={})
    two["variation_details"][0].update(_links={}, total_sales="7")
    assert rows_of("products", one) == rows_of("products", two)


def test_a_plugins_own_key_named_product_does_not_get_in_the_way(make: Make) -> None:
    raw = make("variable", product="mine")
    raw["variation_details"][0]["product"] = "mine too"
    rows = rows_of("products", raw)
    metadata = json.loads(rows.products[0].metadata)
    assert metadata["product"]["id"] == 29 and metadata["product"]["product"] == "mine"
    assert normalize("products", rebuild("products", [{"metadata": metadata}]), SETTINGS) == rows
