"""Amounts: exact, or refused with words."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storelink.connectors.money import amount, or_zero, unit_price
from storelink.connectors.unfit import Unfit

TAKEN = [
    ("0.00", "0"),
    ("170.28", "170.28"),
    ("-184.33", "-184.33"),
    ("+5", "5"),
    (" 12.50 ", "12.5"),
    (".5", "0.5"),
    ("7.", "7"),
    ("1", "1"),
    ("-0.00", "0"),
    ("1e3", "1000"),
    ("2.50E-2", "0.025"),
    ("0.000001", "0"),
    ("170.276666", "170.2767"),
    ("0.00005", "0.0001"),
    ("-0.00005", "-0.0001"),
    ("0.00004999", "0"),
    ("999999999999999.9999", "999999999999999.9999"),
    ("1E-999999", "0"),
    (3, "3"),
    (-3, "-3"),
    (999_999_999_999_999, "999999999999999"),
    (64.505, "64.505"),
    (9.0, "9"),
    (0.1, "0.1"),
    (0.002, "0.002"),
]
REFUSED: list[tuple[Any, str]] = [
    ("-", "no amount"),
    ("junk", "no amount"),
    ("1,23", "no amount"),
    ("1_000.00", "no amount"),
    ("$5", "no amount"),
    ("0x10", "no amount"),
    ("1.2.3", "no amount"),
    ("--5", "no amount"),
    ("NaN", "no amount"),
    ("Infinity", "no amount"),
    ("-inf", "no amount"),
    ("sNaN", "no amount"),
    ("9" * 200, "no amount"),
    ("1000000000000000", "too large"),
    ("999999999999999.99995", "too large"),
    ("1E+15", "too large"),
    ("1E+999999", "too large"),
    (10**15, "too large"),
    (10**400, "too large"),
    (-(10**15), "too large"),
    (170.27666666666667, "lost its exact value"),
    (15.299999999999999, "lost its exact value"),
    (1e300, "too large"),
    (1e-9, "lost its exact value"),
    (float("nan"), "lost its exact value"),
    (float("inf"), "lost its exact value"),
    (True, "no amount"),
    (False, "no amount"),
    ([], "no amount"),
    ({}, "no amount"),
]


@pytest.mark.parametrize(("value", "wanted"), TAKEN)
def test_taken(value: Any, wanted: str) -> None:
    assert amount(value, "total") == Decimal(wanted)


@pytest.mark.parametrize(("value", "why"), REFUSED)
def test_refused_with_the_name_of_the_field(value: Any, why: str) -> None:
    with pytest.raises(Unfit, match=rf"^total .*{why}"):
        amount(value, "total")


@pytest.mark.parametrize("value", ["", "  ", None])
def test_empty_is_none(value: Any) -> None:
    assert amount(value, "total") is None


def test_an_empty_string_may_count_as_zero_and_a_missing_field_may_not() -> None:
    assert or_zero("", "total") == 0
    with pytest.raises(Unfit, match="total is missing"):
        or_zero(None, "total")


@pytest.mark.parametrize(
    ("subtotal", "quantity", "price"),
    [
        ("567.60", "3", "189.2"),
        ("10.00", "3", "3.3333"),
        ("20.00", "3", "6.6667"),
        ("0.0001", "2", "0.0001"),
        ("5.00", "1", "5"),
        ("5.00", "0", "5"),
        ("0.00", "0", "0"),
        ("7.50", "0.5", "15"),
        ("-10.00", "-2", "5"),
        ("-1.00", "3", "-0.3333"),
        ("999999999999999.9999", "3", "333333333333333.3333"),
    ],
)
def test_the_unit_price_is_exact_to_four_places(subtotal: str, quantity: str, price: str) -> None:
    assert unit_price(Decimal(subtotal), Decimal(quantity), "price") == Decimal(price)


def test_a_unit_price_too_large_to_store_is_refused() -> None:
    with pytest.raises(Unfit, match="too large"):
        unit_price(Decimal("999999999999999"), Decimal("0.0001"), "price")


@given(st.decimals(min_value=-(10**15) + 1, max_value=10**15 - 1, places=4))
def test_whatever_the_column_holds_comes_through_unchanged(number: Decimal) -> None:
    assert amount(format(number, "f"), "total") == number


@given(st.text(max_size=30) | st.integers() | st.floats() | st.none() | st.booleans())
def test_an_amount_fits_its_column_or_is_refused(value: Any) -> None:
    try:
        found = amount(value, "total")
    except Unfit:
        return
    if found is not None:
        assert found.is_finite() and abs(found) < 10**15
        assert found == round(found, 4)
