"""What becomes of customers, of anything else, and of edits that move no date."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from storelink.connectors.protocol import Rejection, Rows
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


def customer_of(raw: Any) -> Any:
    [row] = rows_of("customers", raw).customers
    return row


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [("Zoë", "O’Brien", "Zoë O’Brien"), ("Zoë", "", "Zoë"), ("", "", None), (None, "B&amp;B", "B&B")],
)
def test_a_customers_name(make: Make, first: Any, last: Any, name: str | None) -> None:
    assert customer_of(make("customer", first_name=first, last_name=last)).name == name


def test_a_customer_may_have_no_email_and_no_dates(make: Make) -> None:
    raw = make("customer", email="", date_modified_gmt=None, date_modified=None)
    assert customer_of(raw).email is None
    assert rows_of("customers", raw).version is None


def test_where_there_is_no_billing_address_the_shipping_address_counts(make: Make) -> None:
    raw = make("customer", billing={"email": "x@y", "phone": "5", "city": ""})
    row = customer_of(raw)
    assert json.loads(row.default_address)["city"] == "New York" and row.phone == "5"
    assert customer_of({**raw, "shipping": []}).default_address is None


@pytest.mark.parametrize("role", ["administrator", "shop_manager", "subscriber", None])
def test_customers_of_every_role_are_customers(make: Make, role: Any) -> None:
    assert customer_of(make("customer", role=role)).customer_id == "10"


# -- money and content that move no date -----------------------------------------------------------


@pytest.mark.parametrize("case", ["case_01", "case_02", "case_04"])
def test_cases_01_02_04_an_edit_that_moves_no_date_gives_other_rows_under_the_same_version(
    make: Make, case: str
) -> None:
    """01: lines edited · 02: stock sold · 04: refunded. Only reading again finds them, and then it does."""
    resource, before, after = {
        "case_01": ("orders", make("order"), make("order", total="700.00")),
        "case_02": ("products", make("simple"), make("simple", stock_quantity=94)),
        "case_04": ("orders", make("order", refunds=[]), make("order")),
    }[case]
    one, two = rows_of(resource, before), rows_of(resource, after)
    assert one.version == two.version
    assert one != two


def test_case_32_the_same_record_read_twice_is_the_same_rows(make: Make) -> None:
    """WooCommerce sends up to nine webhooks for one edit; reading again writes nothing."""
    for resource, name in (("orders", "order"), ("products", "variable"), ("customers", "customer")):
        assert rows_of(resource, make(name)) == rows_of(resource, make(name))


def test_case_43_meta_data_may_hold_anything(make: Make) -> None:
    """Values are strings, lists and objects; a tax line's `rate_id` is a number or a string."""
    values = ["x", 5, None, True, [{"a": 1}], {"b": [2]}, 1.5, ""]
    meta = [{"id": place, "key": "k", "value": value} for place, value in enumerate(values)]
    raw = make("order", meta_data=meta, tax_lines=[{"rate_id": "5"}, {"rate_id": 5}])
    assert json.loads(order_of(raw).metadata)["meta_data"] == meta


def test_ten_thousand_meta_fields(make: Make) -> None:
    meta = [{"id": place, "key": f"key {place}", "value": "x" * 500} for place in range(10_000)]
    assert len(order_of(make("order", meta_data=meta)).metadata) > 5_000_000


def test_case_44_a_guest_has_no_customer_and_every_shop_counts_from_one(make: Make) -> None:
    for nobody in (0, "0", None, ""):
        assert order_of(make("order", customer_id=nobody)).customer_id is None


# -- anything --------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [None, [], "x", 5, True, [{}]])
@pytest.mark.parametrize("resource", ["orders", "products", "customers"])
def test_what_is_no_object_is_refused(resource: str, raw: Any) -> None:
    found = normalize(resource, raw, SETTINGS)
    assert isinstance(found, Rejection) and found.id is None


def test_a_record_nested_without_end_is_refused(make: Make) -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"a": deep}
    for resource, name in (("orders", "order"), ("products", "simple"), ("customers", "customer")):
        found = normalize(resource, make(name, meta_data=[deep]), SETTINGS)
        assert isinstance(found, Rejection) and "nested" in found.error


def test_the_raw_record_is_left_as_it_was(make: Make) -> None:
    """The engine keeps it for the quarantine."""
    for resource, name in (
        ("orders", "order"), ("products", "simple"), ("products", "variable"), ("customers", "customer"),
    ):  # fmt: skip
        raw = make(name)
        normalize(resource, raw, SETTINGS)
        assert raw == make(name)


def test_rebuilding_from_nothing_is_nothing() -> None:
    for resource in ("orders", "products", "customers"):
        assert rebuild(resource, []) == {}
        assert isinstance(normalize(resource, {}, SETTINGS), Rejection)
