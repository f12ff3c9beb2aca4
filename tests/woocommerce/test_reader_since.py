"""Orders from a time on, of a simulated store over real sockets: `after` as WooCommerce reads it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from woo_reading import Reading, Shop, asked, ids, lines

from storelink.connectors.bound import Extent
from storelink.sandbox.running import Running


def made(store: Running) -> dict[int, datetime]:
    """When each order that lists may show was made, by the store's own words."""
    return {
        doc["id"]: datetime.fromisoformat(doc["date_created_gmt"]).replace(tzinfo=UTC)
        for doc in store.admin.records("orders")
        if doc["status"] not in ("checkout-draft", "auto-draft")
    }


def middle(store: Running) -> datetime:
    """A moment before which about half of them were made."""
    return sorted(made(store).values())[len(made(store)) // 2]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_everything_made_since_is_read_and_listed_and_nothing_else(
    shop: Shop, reading: Reading, zone: str
) -> None:
    store = shop(orders=420, products=10, customers=20, time_zone=zone)
    store.admin.trash("orders", max(made(store)))
    store.admin.trash("orders", min(made(store)))
    reader, moment = reading(store), middle(store)
    wanted = sorted(key for key, at in made(store).items() if at >= moment)
    assert 150 < len(wanted) < 270, "both halves are several pages"
    pages = list(reader.backfill("orders", None, moment))
    assert sorted(ids(pages)) == wanted
    assert sorted(int(line.id) for line in lines(reader.list_all("orders", moment))) == wanted
    assert sorted(int(line.id) for line in lines(reader.list_all("orders", moment.astimezone()))) == wanted
    assert {line.version for line in lines(reader.list_all("orders", moment))} == {
        line.version for line in lines(reader.list_all("orders")) if int(line.id) in wanted
    }


def test_a_read_goes_on_from_each_of_its_pages(shop: Shop, reading: Reading) -> None:
    store = shop(orders=260, products=5, customers=10)
    store.admin.trash("orders", max(made(store)))
    moment = middle(store)
    wanted = {key for key, at in made(store).items() if at >= moment}
    seen: set[int] = set()
    for page in reading(store).backfill("orders", None, moment):
        seen |= set(ids([page]))
        cursor = json.loads(json.dumps(page.cursor))
        rest = set(ids(reading(store).backfill("orders", cursor, moment)))
        assert seen | rest == wanted
    assert seen == wanted


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize(
    "moment", [datetime(2026, 3, 8, 2, 30, tzinfo=UTC), datetime(2025, 11, 2, 5, 30, tzinfo=UTC)]
)
def test_the_very_second_counts_in_the_hours_that_clocks_skip_and_repeat(
    shop: Shop, reading: Reading, zone: str, moment: datetime
) -> None:
    """WooCommerce's own filter leaves out that second, and in spring an hour (facts §3)."""
    store = shop(orders=12, products=2, customers=2, time_zone=zone)
    keys = sorted(made(store))[:4]
    for key, off in zip(keys, (0, 15 * 60, -1, -3600), strict=True):
        at = (moment + timedelta(seconds=off)).strftime("%Y-%m-%dT%H:%M:%S")
        store.admin.set_field_silently("orders", key, date_created_gmt=at)
    wanted = sorted(key for key, at in made(store).items() if at >= moment)
    assert keys[0] in wanted and keys[1] in wanted and keys[2] not in wanted
    reader = reading(store)
    assert sorted(ids(reader.backfill("orders", None, moment))) == wanted
    assert sorted(int(line.id) for line in lines(reader.list_all("orders", moment))) == wanted


def test_a_store_that_ignores_the_filter_reads_no_more_than_asked(shop: Shop, reading: Reading) -> None:
    store = shop(orders=60, products=2, customers=2)
    reader, moment = reading(store), middle(store)
    ask = reader._client.get

    class Forgetful:
        def get(self, path: str, params: Any = None, **how: Any) -> Any:
            return ask(path, {key: value for key, value in (params or {}).items() if key != "after"}, **how)

    reader._client = Forgetful()
    wanted = sorted(key for key, at in made(store).items() if at >= moment)
    assert sorted(ids(reader.backfill("orders", None, moment))) == wanted
    assert sorted(int(line.id) for line in lines(reader.list_all("orders", moment))) == wanted


def test_what_is_asked_for_by_change_or_id_is_not_bounded(shop: Shop, reading: Reading) -> None:
    store = shop(orders=20, products=2, customers=2)
    reader, oldest = reading(store), min(made(store), key=lambda key: made(store)[key])
    now = datetime.now(UTC)
    store.admin.edit_order(oldest, customer_note="changed")
    list(reader.list_all("orders", now))
    assert str(oldest) in {line.id for line in lines(reader.list_since("orders", now))}
    (page,) = reader.fetch("orders", [str(oldest)])
    assert str(oldest) in page.found


def test_how_many_there_are_is_asked_with_one_request(shop: Shop, reading: Reading) -> None:
    store = shop(orders=150, products=2, customers=2)
    reader, moment = reading(store), middle(store)
    alive = {
        doc["id"] for doc in store.admin.records("orders") if doc["status"] not in ("trash", "auto-draft")
    }
    times = {key: at for key, at in made(store).items() if key in alive}
    before = len(asked(store))
    assert reader.extent("orders") == Extent(len(times), min(times.values()))
    found = reader.extent("orders", moment)
    assert len(asked(store)) == before + 2
    assert found.count is not None and found.oldest is not None
    # two hours more are counted than are read
    assert found.count == sum(at > moment - timedelta(hours=2) for at in times.values())
    assert found.oldest >= moment - timedelta(hours=2)
    assert reader.extent("orders", datetime.now(UTC) + timedelta(days=2)) == Extent(0, None)
