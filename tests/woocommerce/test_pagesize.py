"""How many records are asked for at once: by their weight, so that memory stays flat."""

from collections.abc import Callable

import pytest

from storelink.connectors.woocommerce.pagesize import FIRST, LEAST, PageSize
from storelink.connectors.woocommerce.reader import Reader
from storelink.sandbox.running import Running


@pytest.mark.parametrize(
    ("each", "size"),
    [(500, 100), (3_500, 100), (8_000, 50), (40_000, 10), (100_000, LEAST), (5_000_000, LEAST)],
)
def test_a_page_is_about_as_heavy_as_it_should_be(each: int, size: int) -> None:
    pages = PageSize()
    assert pages.value == FIRST
    pages.weigh(each * 10, 10)
    assert pages.change() is (size != FIRST)
    assert pages.value == size


def test_a_size_that_fits_is_kept() -> None:
    """Every change costs the pages that were asked for ahead."""
    pages = PageSize()
    pages.weigh(80_000, 10)
    assert pages.change() and pages.value == 50
    for each in (7_000, 6_000, 12_000, 9_000):
        pages.weigh(each * 50, 50)
        assert not pages.change()


def test_an_empty_page_says_nothing() -> None:
    pages = PageSize()
    pages.weigh(2, 0)
    assert not pages.change() and pages.value == FIRST


def test_a_page_without_new_rows_is_no_reason_to_change(
    shop: Callable[..., Running], reading: Callable[..., Reader]
) -> None:
    """Heavy and light records in one list: every one is read, whatever the size does."""
    store = shop(orders=160)
    rows = sorted(row["id"] for row in store.admin.truth()["orders"] if row["status"] != "checkout-draft")
    for key in rows[60:90]:
        store.admin.set_field_silently("orders", key, customer_note="x" * 150_000)
    found = [raw["id"] for page in reading(store).backfill("orders", None) for raw in page.records]
    assert sorted(found) == rows and len(set(found)) == len(found)


def test_heavy_records_are_fetched_a_few_at_a_time_once_that_is_known(
    shop: Callable[..., Running], reading: Callable[..., Reader]
) -> None:
    store = shop(orders=160)
    rows = [row["id"] for row in store.admin.truth()["orders"] if row["status"] == "completed"][:60]
    for key in rows:
        store.admin.set_field_silently("orders", key, customer_note="x" * 100_000)
    reader = reading(store)
    wanted = [str(key) for key in rows]
    first = list(reader.fetch("orders", wanted))
    again = list(reader.fetch("orders", wanted))
    assert len(first) == 1 and len(again) == 15
    for pages in (first, again):
        assert [key for page in pages for key in sorted(page.found, key=wanted.index)] == wanted
