"""What becomes of orders, their lines and their refunds, right or wrong."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from storelink.connectors.protocol import Ignored, Rejection, Rows
from storelink.connectors.rows import OrderRow, ProductRow
from storelink.connectors.woocommerce.normalize import normalize
from storelink.connectors.woocommerce.order import financial_status

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


@pytest.mark.parametrize(
    ("platform_status", "status", "fulfillment"),
    [
        ("pending", "open", "unfulfilled"),
        ("on-hold", "open", "unfulfilled"),
        ("processing", "open", "unfulfilled"),
        ("completed", "completed", "fulfilled"),
        ("refunded", "completed", "unfulfilled"),
        ("cancelled", "cancelled", None),
        ("failed", "failed", None),
        ("wc-completed", "completed", "fulfilled"),
        ("awaiting-pickup", "open", "unfulfilled"),
        ("any plugin's own", "open", "unfulfilled"),
    ],
)
def test_statuses(make: Make, platform_status: str, status: str, fulfillment: str | None) -> None:
    row = order_of(make("order", status=platform_status))
    assert (row.status, row.fulfillment_status) == (status, fulfillment)
    assert row.platform_status == platform_status.removeprefix("wc-")


def test_an_order_refunded_after_it_was_sent_is_fulfilled(make: Make) -> None:
    row = order_of(make("order", status="refunded", date_completed="2026-11-21T02:00:00"))
    assert row.fulfillment_status == "fulfilled"


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft", "wc-checkout-draft"])
def test_an_order_that_is_not_placed_is_not_stored(make: Make, status: str) -> None:
    assert isinstance(normalize("orders", make("order", status=status), SETTINGS), Ignored)


@pytest.mark.parametrize(
    ("noted", "completed", "status"),
    [
        ("wc-processing", None, "open"),
        ("completed", None, "completed"),
        ("wc-failed", None, "failed"),
        (None, "2026-11-21T02:00:00", "completed"),
        (None, None, "cancelled"),
    ],
)
def test_a_trashed_order_has_the_status_it_had(
    make: Make, noted: str | None, completed: str | None, status: str
) -> None:
    meta = [{"key": "_wp_trash_meta_status", "value": noted}] if noted else []
    rows = rows_of("orders", make("order", status="trash", meta_data=meta, date_completed=completed))
    assert rows.trashed
    assert (rows.orders[0].status, rows.orders[0].platform_status) == (status, "trash")


@pytest.mark.parametrize(
    ("status", "paid", "total", "refunded", "wanted"),
    [
        ("pending", False, "10", "0", "pending"),
        ("on-hold", False, "10", "0", "pending"),
        ("on-hold", True, "10", "0", "paid"),
        ("processing", True, "10", "0", "paid"),
        ("processing", False, "10", "0", "paid"),
        ("completed", False, "10", "0", "paid"),
        ("own-status", False, "10", "0", "pending"),
        ("own-status", True, "10", "0", "paid"),
        ("cancelled", False, "10", "0", "voided"),
        ("cancelled", True, "10", "0", "paid"),
        ("failed", False, "10", "0", "voided"),
        ("failed", True, "10", "0", "paid"),
        ("processing", True, "10", "0.01", "partially_refunded"),
        ("completed", True, "10", "10", "refunded"),
        ("completed", True, "10", "12", "refunded"),
        ("cancelled", True, "10", "3", "partially_refunded"),
        ("cancelled", True, "10", "10", "refunded"),
        ("refunded", True, "10", "10", "refunded"),
        ("refunded", False, "10", "0", "refunded"),
        ("refunded", True, "10", "4", "refunded"),
        ("completed", True, "0", "0", "paid"),
        ("pending", False, "0", "0", "pending"),
    ],
)
def test_financial_status(status: str, paid: bool, total: str, refunded: str, wanted: str) -> None:
    assert financial_status(status, paid, Decimal(total), Decimal(refunded)) == wanted


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("id", ..., "id is no id"),
        ("id", True, "id is no id"),
        ("id", -4, "id is no id"),
        ("status", None, "status is missing"),
        ("status", [], "status is no text"),
        ("total", "-", "total is no amount: '-'"),
        ("total", "", "total is empty"),
        ("total", ..., "total is empty"),
        ("total", "NaN", "total is no amount"),
        ("total", "1e20", "total is too large"),
        ("total_tax", "Infinity", "total_tax is no amount"),
        ("customer_id", "x", "customer_id is no id"),
        ("line_items", "x", "line_items is no list"),
        ("line_items", [5], r"line_items\[0\] is no object"),
        ("line_items", [{"id": None}], r"line_items\[0\]\.id is no id"),
        ("fee_lines", [{"total": "junk"}], r"fee_lines\[0\]\.total is no amount"),
        ("refunds", [{"total": "-1.00"}], r"refunds\[0\]\.id is no id"),
        ("refunds", [{"id": 7, "total": "--1"}], r"refunds\[0\]\.total is no amount"),
        ("refund_details", [{"id": "?"}], r"refund_details\[0\]\.id is no id"),
        ("billing", "x", "billing is no object"),
        ("shipping", ["x"], "shipping is no object"),
        ("date_created_gmt", "junk", "date_created_gmt is no time"),
        ("date_modified_gmt", "2026-99-01T00:00:00", "date_modified_gmt is no time"),
        ("number", [], "number is no text"),
    ],
)
def test_an_order_that_is_no_order_is_refused_with_the_field(
    make: Make, field: str, value: Any, why: str
) -> None:
    found = normalize("orders", make("order", **{field: value}), SETTINGS)
    assert isinstance(found, Rejection)
    assert found.id == (None if field == "id" else "2965")
    assert re.match(why, found.error), found.error


@pytest.mark.parametrize("nothing", [None, [], {}, "", False])
@pytest.mark.parametrize("field", ["line_items", "fee_lines", "refunds", "billing", "shipping", "meta_data"])
def test_phps_ways_to_say_nothing_are_understood(make: Make, field: str, nothing: Any) -> None:
    assert rows_of("orders", make("order", **{field: nothing, "refund_details": ...}))


def test_an_order_without_what_it_need_not_have(make: Make) -> None:
    """Fields that are missing altogether, as a plugin or a later version may leave them out."""
    raw = {"id": 9, "status": "pending", "total": "5.00"}
    row = order_of(raw)
    assert (row.currency, row.order_number, row.email, row.customer_id) == ("USD", "9", None, None)
    assert (row.tax_amount, row.shipping_amount, row.created_at) == (None, None, None)
    assert rows_of("orders", raw).version is None


def test_an_order_without_any_currency_is_refused(make: Make) -> None:
    found = normalize("orders", make("order", currency=""), {})
    assert found == Rejection("2965", "currency is missing")


def test_junk_in_the_date_of_payment_is_as_if_there_were_none(make: Make) -> None:
    raw = make("order", status="on-hold", date_paid="junk", date_paid_gmt="junk", refunds=[])
    assert order_of(raw).financial_status == "pending"


def test_a_plugins_order_number_is_kept_beside_the_id(make: Make) -> None:
    row = order_of(make("order", number="WEB-2026-0042"))
    assert (row.order_id, row.order_number) == ("2965", "WEB-2026-0042")


def test_fees_may_be_many_and_negative(make: Make) -> None:
    fees = [{"total": "3.33", "amount": ""}, {"total": "-1.00"}, {"total": ""}]
    assert order_of(make("order", fee_lines=fees)).fee_amount == Decimal("2.33")


def test_an_address_is_in_the_platforms_own_keys(make: Make) -> None:
    row = order_of(make("order"))
    assert json.loads(row.shipping_address or "")["city"] == "San Francisco"


# -- lines -----------------------------------------------------------------------------------------


def line_of(make: Make, **fields: Any) -> Any:
    line = {**make("order")["line_items"][0], **fields}
    return rows_of("orders", make("order", line_items=[line])).items[0]


def test_case_29_an_order_with_a_deleted_product_is_an_order_like_any_other(make: Make) -> None:
    item = line_of(make, product_id=0, variation_id=0, sku=None)
    assert (item.product_id, item.variant_id, item.sku) == (None, None, None)
    assert item.title == "Tiny Socks 2"


@pytest.mark.parametrize(
    ("product", "variation", "product_id", "variant_id"),
    [
        (15, 0, "15", "15"),
        (29, 31, "29", "31"),
        ("29", "31", "29", "31"),
        (0, 0, None, None),
        ("", None, None, None),
    ],
)
def test_a_line_names_the_unit_that_was_sold(
    make: Make, product: Any, variation: Any, product_id: Any, variant_id: Any
) -> None:
    item = line_of(make, product_id=product, variation_id=variation)
    assert (item.product_id, item.variant_id) == (product_id, variant_id)


@pytest.mark.parametrize(
    ("sku", "kept"), [("", None), ("  ", None), (" A-1 ", "A-1"), (77, "77"), (False, None)]
)
def test_an_empty_sku_is_none(make: Make, sku: Any, kept: str | None) -> None:
    assert line_of(make, sku=sku).sku == kept


def test_case_43_the_float_price_of_a_line_is_never_used(make: Make) -> None:
    """It carries artefacts such as 15.299999999999999, and a plugin made it a boolean."""
    for junk in (170.27666666666667, True, "x", None, []):
        assert line_of(make, price=junk).price == Decimal("189.2")


def test_fractions_of_a_unit_can_be_sold(make: Make) -> None:
    item = line_of(make, quantity=1.25, subtotal="10.00", total="10.00")
    assert (item.quantity, item.price) == (Decimal("1.25"), Decimal(8))


def test_a_line_of_no_units_has_its_subtotal_as_price(make: Make) -> None:
    assert line_of(make, quantity=0, subtotal="7.00").price == 7


@pytest.mark.parametrize("missing", ["quantity", "subtotal", "total", "total_tax"])
def test_a_line_without_a_number_is_refused(make: Make, missing: str) -> None:
    line = {key: part for key, part in make("order")["line_items"][0].items() if key != missing}
    found = normalize("orders", make("order", line_items=[line]), SETTINGS)
    assert found == Rejection("2965", f"line_items[0].{missing} is missing")


def test_two_lines_with_one_id_are_refused(make: Make) -> None:
    line = make("order")["line_items"][0]
    found = normalize("orders", make("order", line_items=[line, {**line, "quantity": 9}]), SETTINGS)
    assert found == Rejection("2965", "line_items has one id twice")


def test_case_39_a_line_edited_down_has_the_discount_it_has_now(make: Make) -> None:
    """Discount is what is left between the line's own subtotal and total, not what a coupon once said."""
    item = line_of(make, quantity=1, subtotal="189.20", total="170.28")
    assert (item.discount_amount, item.price) == (Decimal("18.92"), Decimal("189.20"))


def test_what_the_product_has_today_is_no_part_of_the_order(make: Make) -> None:
    """Or an edit of one product would change every order that ever had it."""
    before = make("order")
    after = make("order")
    for line in after["line_items"]:
        line.update(image={"id": 5, "src": "new.jpg"}, parent_name="New", global_unique_id="978")
    after.update(needs_processing=False, _links={})
    assert rows_of("orders", before) == rows_of("orders", after)


def test_lines_as_an_object_with_gaps_are_a_list(make: Make) -> None:
    one, two, _ = make("order")["line_items"]
    rows = rows_of("orders", make("order", line_items={"0": one, "2": two}))
    assert [item.item_id for item in rows.items] == ["10876", "10877"]
    assert isinstance(json.loads(rows.orders[0].line_items), list)


# -- refunds ---------------------------------------------------------------------------------------


def refunded(make: Make, *lines: dict[str, Any], amount: str = "5.00") -> Rows:
    detail = {"id": 50, "amount": amount, "reason": "", "date_created_gmt": "2026-11-21T08:00:00"}
    return rows_of(
        "orders",
        make(
            "order",
            refunds=[{"id": 50, "total": "-" + amount}],
            refund_details=[{**detail, "line_items": list(lines)}],
        ),
    )


def refund_line(quantity: Any, item: Any = "10876", **more: Any) -> dict[str, Any]:
    meta = [{"key": "_other", "value": []}, {"key": "_refunded_item_id", "value": item}]
    return {"id": 1, "quantity": quantity, "total": "-4.00", "total_tax": "-1.00", "meta_data": meta, **more}


def test_case_40_a_refund_by_amount_has_no_lines_and_no_tax(make: Make) -> None:
    rows = refunded(make)
    assert rows.refunds[0].items == b"[]" and rows.orders[0].refunded_amount == 5
    assert all(item.refunded_quantity == 0 for item in rows.items)


@pytest.mark.parametrize("item", ["10876", 10876])
def test_a_refunded_line_is_named_as_text_or_as_a_number(make: Make, item: Any) -> None:
    rows = refunded(make, refund_line(-1, item))
    assert (rows.items[0].refunded_quantity, rows.items[0].current_quantity) == (1, 2)
    assert json.loads(rows.refunds[0].items) == [
        {"item_id": "10876", "quantity": 1, "amount": "4.00", "tax": "1.00"}
    ]


def test_a_refunded_line_of_nothing_known_is_kept_without_its_line(make: Make) -> None:
    rows = refunded(make, refund_line(-1, meta_data=[]))
    assert json.loads(rows.refunds[0].items)[0]["item_id"] is None
    assert all(item.refunded_quantity == 0 for item in rows.items)


def test_units_given_back_add_up_over_lines_and_refunds(make: Make) -> None:
    rows = refunded(make, refund_line(-1), refund_line(-0.5))
    assert rows.items[0].refunded_quantity == Decimal("1.5")
    assert [item["quantity"] for item in json.loads(rows.refunds[0].items)] == [1, 0.5]


@pytest.mark.parametrize(
    ("total", "amount"), [("-", "0"), ("", "0"), ("-0.00", "0"), ("-1.24", "1.24"), ("2.00", "2")]
)
def test_the_orders_own_word_on_a_refund_without_details(make: Make, total: str, amount: str) -> None:
    rows = rows_of(
        "orders", make("order", refunds=[{"id": 7, "total": total, "reason": "r"}], refund_details=...)
    )
    assert [(refund.amount, refund.items, refund.reason) for refund in rows.refunds] == [
        (Decimal(amount), b"[]", "r")
    ]
    assert rows.orders[0].current_total_amount == Decimal("714.08") - Decimal(amount)


def test_a_refund_made_after_the_order_was_read_is_not_counted(make: Make) -> None:
    """The details were read a moment later. The order's next version will name it."""
    raw = make("order", refunds=make("order")["refunds"][1:])
    rows = rows_of("orders", raw)
    assert "2976" not in (rows.parts or ()) and len(rows.refunds) == 10
    assert "2976" not in str(json.loads(rows.orders[0].metadata)["refund_details"])


def test_one_refund_named_twice_is_one_refund(make: Make) -> None:
    twice = [{"id": 7, "total": "-1.00"}, {"id": 7, "total": "-1.00"}]
    rows = rows_of("orders", make("order", refunds=twice, refund_details=...))
    assert len(rows.refunds) == 1 and rows.orders[0].refunded_amount == 1


def test_case_28_an_order_whose_refund_was_deleted_is_another_order(make: Make) -> None:
    """The store moves no date and fires no webhook; the ids of refunds are what tells."""
    before, after = make("order"), make("order")
    del after["refunds"][0]
    assert before["date_modified_gmt"] == after["date_modified_gmt"]
    assert rows_of("orders", before).parts != rows_of("orders", after).parts
    assert order_of(before).current_total_amount < order_of(after).current_total_amount


def test_both_endpoints_of_refunds_give_the_same_record(make: Make) -> None:
    one = make("order")
    two = make("order")
    two["refund_details"] = [
        {**detail, "parent_id": 2965, "_links": {}} for detail in reversed(two["refund_details"])
    ]
    assert rows_of("orders", one) == rows_of("orders", two)
