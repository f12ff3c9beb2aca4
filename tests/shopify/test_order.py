"""What becomes of Shopify's orders, their lines and their refunds."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from shopify_records import (
    SEEN,
    address,
    both,
    item,
    order,
    refund,
    refund_line,
    refunded_order,
    shipping,
    shop,
    transaction,
)

from storelink.connectors.protocol import Rejection, Rows
from storelink.connectors.rows import ItemRow, OrderRow
from storelink.connectors.shopify.normalize import normalize
from storelink.connectors.shopify.order import status


def rows_of(raw: Any) -> Rows:
    found = normalize("orders", raw, SEEN)
    assert isinstance(found, Rows), found
    return found


def order_of(raw: Any) -> OrderRow:
    [row] = rows_of(raw).orders
    return row


def item_of(raw: Any) -> ItemRow:
    [row] = rows_of(raw).items
    return row


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


# -- status ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cancelled", "closed", "financial", "fulfillment", "wanted"),
    [
        (False, False, "PAID", "UNFULFILLED", "open"),
        (False, False, "PENDING", "FULFILLED", "open"),
        (False, False, "PARTIALLY_PAID", "FULFILLED", "open"),
        (False, False, "AUTHORIZED", "FULFILLED", "open"),
        (False, False, "PAID", "PARTIALLY_FULFILLED", "open"),
        (False, False, "PAID", "RESTOCKED", "open"),
        (False, False, "VOIDED", "UNFULFILLED", "open"),
        (False, False, "EXPIRED", "UNFULFILLED", "open"),
        (False, False, None, "UNFULFILLED", "open"),
        (False, False, "PARTIALLY_REFUNDED", "UNFULFILLED", "open"),
        (False, False, "PAID", "FULFILLED", "completed"),
        (False, False, "PAID", "FULFILLMENT_NOT_REQUIRED", "completed"),
        (False, False, "PARTIALLY_REFUNDED", "FULFILLED", "completed"),
        (False, False, "REFUNDED", "FULFILLED", "completed"),
        (False, False, "REFUNDED", "UNFULFILLED", "completed"),
        (False, True, "PENDING", "UNFULFILLED", "completed"),
        (True, False, "PAID", "FULFILLED", "cancelled"),
        (True, True, "REFUNDED", "RESTOCKED", "cancelled"),
    ],
)
def test_status(cancelled: bool, closed: bool, financial: str | None, fulfillment: str, wanted: str) -> None:
    assert status(cancelled, closed, financial, fulfillment) == wanted
    raw = order(
        cancelledAt="2026-07-01T10:00:00Z" if cancelled else None,
        closedAt="2026-07-01T11:00:00Z" if closed else None,
        displayFinancialStatus=financial,
        displayFulfillmentStatus=fulfillment,
    )
    row = order_of(raw)
    assert row.status == wanted
    assert row.platform_status == ("cancelled" if cancelled else "closed" if closed else "open")
    assert (row.cancelled_at is not None) is cancelled


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("FULFILLED", "fulfilled"),
        ("FULFILLMENT_NOT_REQUIRED", "fulfilled"),
        ("PARTIALLY_FULFILLED", "partially_fulfilled"),
        ("RESTOCKED", "restocked"),
        ("UNFULFILLED", "unfulfilled"),
        ("ON_HOLD", "unfulfilled"),
        ("IN_PROGRESS", "unfulfilled"),
        ("OPEN", "unfulfilled"),
        ("PENDING_FULFILLMENT", "unfulfilled"),
        ("REQUEST_DECLINED", "unfulfilled"),
        ("SCHEDULED", "unfulfilled"),
        ("A_WORD_OF_2028", "a_word_of_2028"),
    ],
)
def test_fulfillment_status(said: str, wanted: str) -> None:
    assert order_of(order(displayFulfillmentStatus=said)).fulfillment_status == wanted


@pytest.mark.parametrize(
    "said",
    [
        "AUTHORIZED",
        "EXPIRED",
        "PAID",
        "PARTIALLY_PAID",
        "PARTIALLY_REFUNDED",
        "PENDING",
        "REFUNDED",
        "VOIDED",
    ],
)
def test_financial_status_is_shopifys_in_small_letters(said: str) -> None:
    assert order_of(order(displayFinancialStatus=said)).financial_status == said.lower()
    assert order_of(order(displayFinancialStatus=None)).financial_status is None


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("#1001", "1001"), ("EN-1001-A", "EN-1001-A"), ("", "1001"), (None, "1001"), ("##7", "#7")],
)
def test_the_order_number_is_the_name_without_its_sign(name: str | None, wanted: str) -> None:
    assert order_of(order(name=name)).order_number == wanted


def test_a_test_order_is_an_order_that_says_so() -> None:
    row = order_of(order(test=True))
    assert json.loads(row.metadata)["test"] is True
    assert json.loads(order_of(order()).metadata)["test"] is False


# -- amounts ---------------------------------------------------------------------------------------


def test_amounts_are_before_refunds_and_after_edits() -> None:
    """Three shirts were ordered, one was taken off by an edit, one of the two was given back."""
    raw = refunded_order(
        edited=True,
        originalTotalPriceSet=shop("67.1"),
        lineItems=[
            item(
                quantity=3,
                currentQuantity=1,
                discountAllocations=[{"allocatedAmountSet": both("6.0")}],
                taxLines=[{"title": "GST", "rate": 0.1, "priceSet": shop("5.4")}],
            )
        ],
    )
    row, line = order_of(raw), item_of(raw)
    assert (row.total_amount, row.refunded_amount, row.current_total_amount) == money("45.1", "19.8", "25.3")
    assert (row.subtotal_amount, row.tax_amount, row.shipping_amount) == money("36", "4.1", "5")
    assert (row.discount_amount, row.fee_amount) == money("7", "0")
    assert (line.quantity, line.current_quantity, line.refunded_quantity) == money("3", "1", "1")
    assert (line.price, line.total_amount, line.tax_amount, line.discount_amount) == money(
        "20", "36", "3.6", "4"
    )


def test_the_parts_make_up_the_total() -> None:
    for raw in (order(), with_taxes_included(), refunded_order()):
        row = order_of(raw)
        parts = (row.subtotal_amount, row.shipping_amount, row.tax_amount, row.fee_amount)
        assert sum(part or 0 for part in parts) == row.total_amount
        assert sum(line.total_amount for line in rows_of(raw).items) == row.subtotal_amount


def with_taxes_included() -> dict[str, Any]:
    """The same order in a shop whose prices have the 10 % in them: 45.1 is 41 and its tax."""
    return order(
        taxesIncluded=True,
        lineItems=[
            item(
                price="22.0",
                discountAllocations=[{"allocatedAmountSet": both("4.4")}],
                taxLines=[{"title": "GST", "rate": 0.1, "priceSet": shop("3.6")}],
            )
        ],
        shippingLines=[
            shipping(
                originalPriceSet=both("8.8"),
                discountedPriceSet=both("5.5"),
                taxLines=[{"title": "GST", "rate": 0.1, "priceSet": shop("0.5")}],
            )
        ],
        subtotalPriceSet=both("39.6"),
        totalDiscountsSet=both("7.7"),
    )


def test_a_shop_whose_prices_have_the_tax_in_them_gives_the_same_row() -> None:
    mine, theirs = order_of(with_taxes_included()), order_of(order())
    assert mine._replace(line_items="", metadata="") == theirs._replace(line_items="", metadata="")
    assert item_of(with_taxes_included()) == item_of(order())


def test_a_line_given_for_nothing_has_its_price_and_no_tax() -> None:
    raw = item(discountAllocations=[{"allocatedAmountSet": both("40.0")}], taxLines=[])
    for taxes_included in (False, True):
        line = item_of(order(lineItems=[raw], taxesIncluded=taxes_included))
        assert (line.price, line.discount_amount, line.total_amount, line.tax_amount) == money(
            "20", "40", "0", "0"
        )


def test_duties_fees_and_tips_are_fees() -> None:
    fees = {
        "originalTotalDutiesSet": shop("3.0"),
        "originalTotalAdditionalFeesSet": shop("1.5"),
        "totalTipReceivedSet": shop("2.0"),
    }
    assert order_of(order(**fees)).fee_amount == Decimal("6.5")
    assert order_of(order(**fees, dutiesIncluded=True)).fee_amount == Decimal("3.5")


def test_free_shipping_costs_nothing_and_a_removed_line_does_not_count() -> None:
    free = shipping(discountedPriceSet=both("0.0"), taxLines=[])
    assert order_of(order(shippingLines=[free])).shipping_amount == 0
    gone = shipping(id="gid://shopify/ShippingLine/32", isRemoved=True)
    assert order_of(order(shippingLines=[shipping(), gone])).shipping_amount == 5
    assert order_of(order(shippingLines=[])).shipping_amount == 0


@pytest.mark.parametrize(
    ("name", "column", "wanted"),
    [
        ("subtotalPriceSet", "subtotal_amount", Decimal(36)),
        ("totalTaxSet", "tax_amount", None),
        ("totalDiscountsSet", "discount_amount", Decimal(7)),
    ],
)
def test_amounts_that_may_be_null(name: str, column: str, wanted: Decimal | None) -> None:
    assert getattr(order_of(order(**{name: None})), column) == wanted


def test_what_was_given_back_is_what_succeeded() -> None:
    statuses = ["SUCCESS", "PENDING", "FAILURE", "ERROR", "AWAITING_RESPONSE", "UNKNOWN"]
    refunds = [
        refund(
            50 + place,
            refundLineItems=[],
            totalRefundedSet=both("1.0"),
            transactions=[transaction(60 + place, "REFUND", "1.0", said)],
        )
        for place, said in enumerate(statuses)
    ]
    paid = [entry for one in refunds for entry in one["transactions"]]
    other = [transaction(41, "SALE", "45.1"), transaction(43, "VOID", "45.1"), transaction(44, "CHANGE", "9")]
    rows = rows_of(order(refunds=refunds, transactions=[*other, *paid], totalRefundedSet=both("2.0")))
    assert rows.orders[0].refunded_amount == 1
    assert [row.amount for row in rows.refunds] == [1, 0, 0, 0, 0, 0]


def test_a_refund_has_its_lines_its_reason_and_its_time() -> None:
    [row] = rows_of(refunded_order()).refunds
    assert (row.refund_id, row.order_id, row.amount, row.currency) == (
        "51", "450789469", Decimal("19.8"), "USD"
    )  # fmt: skip
    assert row.reason == "Too small"
    assert json.loads(row.items) == [{"item_id": "11", "quantity": 1, "amount": "18.0", "tax": "1.8"}]
    assert str(row.created_at) == "2026-07-02 08:00:00+00:00"
    pending = refunded_order(refunds=[refund(createdAt=None, note=None)])
    [row] = rows_of(pending).refunds
    assert (row.reason, str(row.created_at)) == (None, "2026-07-02 08:00:01+00:00")


def test_a_refund_in_a_shop_with_taxes_in_its_prices_names_lines_before_tax() -> None:
    line = refund_line(value="19.8", tax="1.8")
    raw = with_taxes_included() | {"refunds": [refund(refundLineItems=[line])]}
    [row] = rows_of(raw).refunds
    assert json.loads(row.items) == [{"item_id": "11", "quantity": 1, "amount": "18.0", "tax": "1.8"}]


# -- the exceptions --------------------------------------------------------------------------------

OTHERWISE = {
    "an unpaid order whose item was taken back": order(
        lineItems=[item(currentQuantity=1)],
        refunds=[refund(transactions=[], totalRefundedSet=both("0.0"))],
        currentTotalPriceSet=both("25.3"),
        displayFinancialStatus="PENDING",
        transactions=[],
    ),
    "a cancelled order that nobody had paid": order(
        lineItems=[item(currentQuantity=0)],
        refunds=[refund(refundLineItems=[refund_line(quantity=2)], transactions=[])],
        currentTotalPriceSet=both("0.0"),
        cancelledAt="2026-07-01T10:00:00Z",
        displayFinancialStatus="VOIDED",
        transactions=[transaction(43, "VOID", "45.1")],
    ),
    "a refund that the bank has not confirmed": refunded_order(
        transactions=[transaction(41, "SALE", "45.1"), transaction(42, "REFUND", "19.8", "PENDING")],
        refunds=[refund(transactions=[transaction(42, "REFUND", "19.8", "PENDING")])],
    ),
    "a fee kept on a return": refunded_order(
        transactions=[transaction(41, "SALE", "45.1"), transaction(42, "REFUND", "15.0")],
        refunds=[refund(transactions=[transaction(42, "REFUND", "15.0")])],
    ),
    "an exchange, whose money is net of what was given instead": refunded_order(
        lineItems=[item(currentQuantity=1), item(12, price="10.0", quantity=1, discountAllocations=[])],
        transactions=[transaction(41, "SALE", "45.1"), transaction(42, "REFUND", "9.8")],
        refunds=[refund(transactions=[transaction(42, "REFUND", "9.8")])],
    ),
}
"""Orders whose current total at Shopify is not their total less what was paid back."""


@pytest.mark.parametrize("case", OTHERWISE)
def test_the_current_total_is_the_total_less_the_refunds_where_shopify_says_otherwise(case: str) -> None:
    raw = OTHERWISE[case]
    row = order_of(raw)
    assert row.current_total_amount == row.total_amount - row.refunded_amount
    shopifys = Decimal(json.loads(row.metadata)["currentTotalPriceSet"]["shopMoney"]["amount"])
    assert row.current_total_amount != shopifys, "it is an exception, and the raw order keeps its figure"


@pytest.mark.parametrize("raw", [order(), refunded_order()])
def test_else_both_are_one(raw: dict[str, Any]) -> None:
    assert order_of(raw).current_total_amount == Decimal(raw["currentTotalPriceSet"]["shopMoney"]["amount"])


# -- what went wrong in other connectors -----------------------------------------------------------


def test_case_37_an_exchange_does_not_count_twice() -> None:
    """What the customer got instead is in no refundLineItems, and the refund is net of it."""
    rows = rows_of(OTHERWISE["an exchange, whose money is net of what was given instead"])
    [given_back] = rows.refunds
    assert given_back.amount == rows.orders[0].refunded_amount == Decimal("9.8")
    [line] = json.loads(given_back.items)
    assert (line["amount"], line["tax"]) == ("18.0", "1.8"), "the lines are worth more than was paid"
    back, instead = rows.items
    assert (back.current_quantity, back.refunded_quantity) == (1, 1)
    assert (instead.current_quantity, instead.refunded_quantity) == (1, 0)


def test_case_38_shop_and_presentment_currency_are_never_mixed() -> None:
    def foreign(raw: Any) -> Any:
        """Every amount as a customer sees it who pays in yen."""
        if isinstance(raw, dict):
            if "shopMoney" in raw:
                yen = str(round(Decimal(raw["shopMoney"]["amount"]) * 150))
                return raw | {"presentmentMoney": {"amount": yen, "currencyCode": "JPY"}}
            return {name: foreign(part) for name, part in raw.items()}
        return [foreign(part) for part in raw] if isinstance(raw, list) else raw

    raw = foreign(refunded_order(presentmentCurrencyCode="JPY"))
    mine, theirs = rows_of(raw), rows_of(refunded_order())
    row = mine.orders[0]
    assert (row.presentment_currency, row.presentment_total_amount) == ("JPY", 6765)
    assert row.currency == "USD"
    same = {"line_items": "", "metadata": "", "presentment_currency": "", "presentment_total_amount": None}
    assert row._replace(**same) == theirs.orders[0]._replace(**same)
    assert (mine.items, mine.refunds) == (theirs.items, theirs.refunds)


@pytest.mark.parametrize(
    "raw",
    [
        order(totalTaxSet=both("4.1", currency="CAD")),
        order(lineItems=[item(originalUnitPriceSet=both("20", currency="CAD"))]),
        order(lineItems=[item(taxLines=[{"priceSet": shop("3.6", "CAD")}])]),
        order(shippingLines=[shipping(discountedPriceSet=both("5", currency="CAD"))]),
        refunded_order(
            refunds=[refund(refundLineItems=[refund_line(subtotalSet=both("18", currency="CAD"))])]
        ),
        order(transactions=[transaction(42, "REFUND", "5", amountSet=both("5", currency="CAD"))]),
        order(currencyCode="CAD"),
    ],
)
def test_case_38_an_amount_in_another_currency_is_refused(raw: dict[str, Any]) -> None:
    found = normalize("orders", raw, SEEN)
    assert (isinstance(found, Rejection) and "CAD" in found.error) or "another currency" in found.error


def test_case_39_an_order_edited_down_has_its_share_of_the_old_discount() -> None:
    """Shopify keeps on the line the discount and the tax of the three that were ordered at first."""
    old = item(
        quantity=3,
        currentQuantity=2,
        discountAllocations=[{"allocatedAmountSet": both("1.0")}, {"allocatedAmountSet": both("5.0")}],
        taxLines=[{"priceSet": shop("3.0")}, {"priceSet": shop("2.4")}],
    )
    line = item_of(order(lineItems=[old], edited=True))
    assert (line.quantity, line.current_quantity, line.refunded_quantity) == money("3", "2", "0")
    assert (line.price, line.total_amount, line.tax_amount, line.discount_amount) == money(
        "20", "36", "3.6", "4"
    )


def test_case_39_a_line_taken_off_keeps_its_quantity_and_has_no_amounts() -> None:
    gone = item(12, quantity=2, currentQuantity=0)
    _, line = rows_of(order(lineItems=[item(), gone], edited=True)).items
    assert (line.quantity, line.current_quantity, line.refunded_quantity) == money("2", "0", "0")
    assert (line.total_amount, line.tax_amount, line.discount_amount) == money("0", "0", "0")
    assert line.price == 20


def test_a_line_given_back_whole_is_not_one_taken_off() -> None:
    back = refund(refundLineItems=[refund_line(quantity=2, value="36.0", tax="3.6")])
    line = item_of(order(lineItems=[item(currentQuantity=0)], refunds=[back]))
    assert (line.quantity, line.current_quantity, line.refunded_quantity) == money("2", "0", "2")
    assert (line.total_amount, line.tax_amount) == money("36", "3.6")


def test_more_given_back_than_left_the_line_adds_nothing() -> None:
    """Money for units that the customer kept, or a return that is not yet through."""
    back = refund(refundLineItems=[refund_line(quantity=2)])
    line = item_of(order(lineItems=[item(currentQuantity=1)], refunds=[back, refund(52, refundLineItems=[])]))
    assert (line.quantity, line.refunded_quantity, line.total_amount) == money("2", "2", "36")


def test_units_given_back_are_added_over_the_refunds() -> None:
    rows = rows_of(order(lineItems=[item(currentQuantity=0)], refunds=[refund(52), refund(51)]))
    assert rows.items[0].refunded_quantity == 2
    assert rows.parts == ("51", "52")


@pytest.mark.parametrize("name", ["lineItems", "shippingLines", "refunds", "transactions"])
def test_cases_19_20_an_order_read_without_a_list_is_refused(name: str) -> None:
    whole = order()
    for spoilt in (None, {"nodes": whole[name]}, {"edges": [], "pageInfo": {"hasNextPage": True}}, ...):
        raw = order(**{name: spoilt})
        if spoilt is ...:
            del raw[name]
        found = normalize("orders", raw, SEEN)
        assert isinstance(found, Rejection) and found.id == "450789469" and name in found.error


@pytest.mark.parametrize("name", ["refundLineItems", "transactions"])
def test_cases_19_20_a_refund_read_without_a_list_is_refused(name: str) -> None:
    """A bulk operation cannot carry them: such an order must be fetched once more."""
    bare = refund()
    del bare[name]
    found = normalize("orders", refunded_order(refunds=[bare]), SEEN)
    assert isinstance(found, Rejection) and found.error == f"refunds[0].{name} is missing"


def test_case_29_an_order_with_a_deleted_product_is_an_order_like_any_other() -> None:
    line = item_of(order(lineItems=[item(product=None, variant=None, sku="")]))
    assert (line.product_id, line.variant_id, line.sku) == (None, None, None)
    assert (line.title, line.total_amount) == ("Shirt - Red / L", 36)


def test_case_44_a_guest_has_no_customer_and_an_order_without_address_none() -> None:
    row = order_of(
        order(customer=None, shippingAddress=None, billingAddress=address(**dict.fromkeys(address())))
    )
    assert (row.customer_id, row.shipping_address, row.billing_address) == (None, None, None)
    assert row.email == "ann@example.com"


def test_case_44_presentment_totals_may_be_absent() -> None:
    row = order_of(order(totalPriceSet=shop("45.1")))
    assert (row.presentment_currency, row.presentment_total_amount) == ("USD", None)


def test_one_line_twice_is_refused() -> None:
    for raw in (order(lineItems=[item(), item()]), order(refunds=[refund(), refund()])):
        found = normalize("orders", raw, SEEN)
        assert isinstance(found, Rejection) and "one id twice" in found.error


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("id", ..., "id is no id of Order"),
        ("id", 450789469, "id is no id of Order"),
        ("id", "gid://shopify/Customer/1", "id is no id of Order"),
        ("id", "gid://shopify/Order/0", "id is no id of Order"),
        ("id", "gid://shopify/Order/", "id is no id of Order"),
        ("id", "gid://shopify/Order/1/2", "id is no id of Order"),
        ("id", "gid://shopify/Order/" + "9" * 20, "id is no id of Order"),
        ("updatedAt", None, "updatedAt is missing"),
        ("updatedAt", "0000-00-00T00:00:00Z", "updatedAt is no time"),
        ("updatedAt", "2026-06-30T13:24:58", "updatedAt is no time"),
        ("updatedAt", 1751289898, "updatedAt is no time"),
        ("createdAt", "0001-01-01T00:00:00Z", "createdAt is out of range"),
        ("cancelledAt", "yesterday", "cancelledAt is no time"),
        ("totalPriceSet", None, "totalPriceSet is missing"),
        ("totalPriceSet", {"shopMoney": None}, "totalPriceSet is missing"),
        ("totalPriceSet", shop(""), "totalPriceSet is empty"),
        ("totalPriceSet", shop("1e17"), "totalPriceSet is too large"),
        ("totalPriceSet", shop("4,10"), "totalPriceSet is no amount"),
        (
            "totalPriceSet",
            {"shopMoney": {"amount": 0.1 + 0.2, "currencyCode": "USD"}},
            "lost its exact value",
        ),
        ("totalPriceSet", shop("45.1", "dollars"), "totalPriceSet is in no currency"),
        ("taxesIncluded", "yes", "taxesIncluded is neither true nor false"),
        ("displayFinancialStatus", 3, "displayFinancialStatus is no word"),
        ("customer", "61", "customer is no object"),
        ("customer", {}, "customer.id is no id of Customer"),
        ("lineItems", [None], "lineItems\\[0\\] is no object"),
        ("lineItems", [item(quantity=-1)], "lineItems\\[0\\].quantity is no number of units"),
        ("lineItems", [item(quantity="1.5")], "lineItems\\[0\\].quantity is no number of units"),
        ("lineItems", [item(quantity=None)], "lineItems\\[0\\].quantity is missing"),
        ("lineItems", [item(quantity=True)], "lineItems\\[0\\].quantity is no amount"),
        ("lineItems", [item(discountAllocations=None)], "lineItems\\[0\\].discountAllocations is missing"),
        ("shippingAddress", "1 Elm St", "shippingAddress is no object"),
        ("email", ["ann@example.com"], "email is no text"),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused_by_name(field: str, value: Any, why: str) -> None:
    raw = order(**{field: value})
    if value is ...:
        del raw[field]
    found = normalize("orders", raw, SEEN)
    assert isinstance(found, Rejection)
    assert re.search(why, found.error), found.error


@pytest.mark.parametrize("amount", ["45.10", "45.1", " 45.1 ", 45.1, "4.51e1", "+45.1"])
def test_amounts_in_any_form_that_lost_nothing(amount: Any) -> None:
    row = order_of(order(totalPriceSet=shop(amount)))
    assert row.total_amount == Decimal("45.1")


def test_times_with_an_offset_are_the_same_moment() -> None:
    assert rows_of(order(updatedAt="2026-07-02T04:00:02-04:00")).version == rows_of(order()).version
