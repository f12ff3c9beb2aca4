"""Nulls that mean "you may not see this" are told from those that erase."""

from typing import Any

import pytest
from shopify_records import SEEN, address, customer, order

from storelink.connectors.protocol import Rows
from storelink.connectors.rows import CustomerRow, OrderRow
from storelink.connectors.shopify.normalize import normalize
from storelink.connectors.shopify.unseen import CUSTOMER_PERSONAL, ORDER_CUSTOMER, ORDER_PERSONAL

HIDDEN: dict[str, Any] = {"protected": {"personal": "withheld", "Customer": "granted"}}
UNKNOWN: dict[str, Any] = {}
PERSONAL = ("firstName", "lastName", "address1", "address2", "zip", "phone")


def redacted_address() -> dict[str, Any]:
    """Company, city, province and country are not protected."""
    return address(**dict.fromkeys(PERSONAL))


def redacted_order(**fields: Any) -> dict[str, Any]:
    hidden = redacted_address()
    return order(email=None, phone=None, shippingAddress=hidden, billingAddress=hidden) | fields


def redacted_customer(**fields: Any) -> dict[str, Any]:
    hidden = redacted_address() | {"id": "gid://shopify/MailingAddress/95"}
    return customer(
        firstName=None,
        lastName=None,
        defaultEmailAddress={"emailAddress": None, "marketingState": "SUBSCRIBED"},
        defaultPhoneNumber=None,
        defaultAddress=hidden,
        addresses=[hidden],
        **fields,
    )


def rows_of(resource: str, raw: Any, settings: Any) -> Rows:
    found = normalize(resource, raw, settings)
    assert isinstance(found, Rows), found
    assert found.partial is bool(found.withheld)
    return found


def test_case_42_what_is_withheld_is_named() -> None:
    rows = rows_of("orders", redacted_order(), HIDDEN)
    assert rows.withheld == ORDER_PERSONAL
    assert rows.orders[0].email is None
    rows = rows_of("customers", redacted_customer(), HIDDEN)
    assert rows.withheld == CUSTOMER_PERSONAL
    assert (rows.customers[0].email, rows.customers[0].name, rows.customers[0].phone) == (None, None, None)


def test_case_42_a_null_erases_where_access_is_granted() -> None:
    """The customer took the e-mail off the order, or the shop erased a person."""
    assert not rows_of("orders", redacted_order(customer=None), SEEN).withheld
    assert not rows_of("customers", redacted_customer(), SEEN).withheld


@pytest.mark.parametrize("settings", [UNKNOWN, {"protected": {"personal": "unknown"}}, {"protected": None}])
def test_while_nobody_knows_a_null_erases_nothing(settings: dict[str, Any]) -> None:
    assert rows_of("orders", redacted_order(), settings).withheld == ORDER_PERSONAL
    assert rows_of("customers", redacted_customer(), settings).withheld == CUSTOMER_PERSONAL
    guest = rows_of("orders", order(customer=None), settings)
    assert guest.withheld == ORDER_CUSTOMER


@pytest.mark.parametrize("settings", [UNKNOWN, {"protected": {"personal": "unknown"}}])
def test_a_record_that_shows_something_of_each_kind_vouches_for_itself(settings: dict[str, Any]) -> None:
    """Nearly every address has no second line."""
    assert not rows_of("orders", order(), settings).withheld
    assert not rows_of("customers", customer(), settings).withheld


@pytest.mark.parametrize(
    "fields",
    [
        {"email": None},
        {"shippingAddress": None},
        {"billingAddress": address(firstName=None, lastName=None)},
        {"billingAddress": address(address1=None, zip=None)},
        {"shippingAddress": address(phone=None)},
    ],
)
def test_access_is_given_by_kind_so_one_kind_does_not_vouch_for_another(fields: dict[str, Any]) -> None:
    assert rows_of("orders", order(**fields), UNKNOWN).withheld == ORDER_PERSONAL


def test_a_type_that_is_withheld_hides_who_ordered() -> None:
    settings = {"protected": {"personal": "granted", "Customer": "withheld"}}
    assert rows_of("orders", order(customer=None), settings).withheld == ORDER_CUSTOMER
    assert not rows_of("orders", order(), settings).withheld


def test_what_is_named_are_columns_and_places_in_json_columns() -> None:
    json_columns = {"metadata", "shipping_address", "billing_address", "default_address"}
    for names, row, raw in (
        (ORDER_PERSONAL | ORDER_CUSTOMER, OrderRow, order()),
        (CUSTOMER_PERSONAL, CustomerRow, customer()),
    ):
        for name in names:
            column, _, path = name.partition(".")
            assert column in row._fields
            if not path:
                continue
            assert column in json_columns
            found: Any = raw if column == "metadata" else address()
            for step in path.split("."):
                found = found[0] if isinstance(found, list) else found
                assert step in found, name
                found = found[step]


def test_a_city_is_never_withheld() -> None:
    for name in ORDER_PERSONAL | CUSTOMER_PERSONAL:
        assert name.rpartition(".")[2] not in ("company", "city", "province", "country", "countryCodeV2")
