"""Orders narrowed down by their states: the same pages, whichever way they were found."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import text
from sqlmodel import Session

from storelink.db import Database
from storelink.sync import feed, order_list, order_words
from storelink.sync.order_list import Page, Wanted

Key = tuple[uuid.UUID, str]
PAID = ("paid", "paid", "paid", "pending", "authorized", "voided", "refunded", None)
SHIPPED = ("fulfilled", "unfulfilled", None)
NEWEST = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def stores(database: Database) -> tuple[uuid.UUID, ...]:
    """Two stores of 60 orders each; in one of them nothing was voided."""
    ids = (uuid.uuid4(), uuid.uuid4())
    with database.session() as session:
        run = session.connection().execute
        for at, store in enumerate(ids):
            run(text(_STORE), {"id": store, "name": f"s{at}"})
            for number in range(60):
                paid = PAID[(number * 7 + at) % 8]
                run(text(_ORDER), {
                    "store": store, "order": str(number), "number": f"{number}",
                    "paid": "paid" if at and paid == "voided" else paid, "shipped": SHIPPED[number % 3],
                    "at": NEWEST - timedelta(hours=number // 2 * (at + 1)),  # some at the same time
                })  # fmt: skip
        run(text(_EVENT), {"store": ids[0]})
        session.commit()
    pooled = database.borrow()
    try:
        connection = cast(feed.Psycopg, pooled.driver_connection)
        while feed.publish(connection):
            connection.commit()
        connection.commit()
        while order_words.catch_up(connection, 50):
            pass
    finally:
        pooled.close()
    return ids


_STORE = """
INSERT INTO connector_config (id, name, platform, store_url, auth_mode, status, sync_interval, allow_http,
    settings) VALUES (:id, :name, 'woocommerce', 'https://' || :name, 'keys', 'active', 300, false, '{}')
"""
_ORDER = """
INSERT INTO platform_order (connector_id, order_id, platform, order_number, status, financial_status,
    fulfillment_status, total_amount, refunded_amount, current_total_amount, currency, line_items, metadata,
    created_at, synced_at)
VALUES (:store, :order, 'woocommerce', :number, 'open', :paid, :shipped, 1, 0, 1, 'EUR', '[]', '{}', :at,
    now())
"""
_EVENT = "INSERT INTO change_event (connector_id, entity, key, op) VALUES (:store, 'order', '1', 'insert')"


def through(session: Session, wanted: Wanted) -> Iterator[tuple[Page, list[Key]]]:
    """Every page of two, from the newest on."""
    after = None
    while True:
        page = order_list.read_page(session, wanted, after=after, limit=2)
        yield page, [(row.store_id, row.order_id) for row in page.rows]
        if (after := page.older) is None:
            return


@pytest.mark.parametrize("near", [5000, 1], ids=["looked through", "by the words"])
@pytest.mark.parametrize(
    ("payment", "shipping", "since"),
    [("voided", None, None), ("unpaid", "unfulfilled", None), (None, "fulfilled", 12), ("paid", None, None),
     ("partially_refunded", None, None), ("voided", "fulfilled", 30)],
)  # fmt: skip
def test_orders_in_a_state(
    database: Database, stores: tuple[uuid.UUID, ...], monkeypatch: pytest.MonkeyPatch, near: int,
    payment: str | None, shipping: str | None, since: int | None,
) -> None:  # fmt: skip
    monkeypatch.setattr(order_list, "NEAR", near)
    monkeypatch.setattr(order_list, "LEAST", 1)
    moment = None if since is None else NEWEST - timedelta(hours=since)
    wanted = Wanted(stores, payment=payment, shipping=shipping, since=moment)
    with database.session() as session:
        expected = [tuple(row) for row in session.connection().execute(text(_EXPECTED), {
            "paid": {"unpaid": ["pending", "authorized"], None: None}.get(payment, [cast(Any, payment)]),
            "shipped": shipping, "since": moment,
        })]  # fmt: skip
        pages = list(through(session, wanted))
        assert [key for _, keys in pages for key in keys] == expected
        for (page, _), (_, before) in zip(pages[1:], pages, strict=False):  # and back
            newer = order_list.read_page(session, wanted, before=page.newer, limit=2)
            assert [(row.store_id, row.order_id) for row in newer.rows] == before


_EXPECTED = """
SELECT connector_id, order_id FROM platform_order
WHERE (CAST(:paid AS text[]) IS NULL OR financial_status = ANY(CAST(:paid AS text[])))
    AND (CAST(:shipped AS text) IS NULL OR fulfillment_status = :shipped)
    AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)
ORDER BY created_at DESC, connector_id, order_id
"""


def test_the_words_are_asked_only_where_looking_did_not_do(
    database: Database, stores: tuple[uuid.UUID, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.session() as session:
        session.connection().execute(text("DELETE FROM order_words"))
        wanted = Wanted(stores, payment="voided")
        assert len(order_list.read_page(session, wanted, limit=2).rows) == 2
        monkeypatch.setattr(order_list, "NEAR", 1)
        monkeypatch.setattr(order_list, "LEAST", 1)
        assert order_list.read_page(session, wanted, limit=2).rows == []
        session.rollback()


def test_words_of_many_stores_are_gathered_a_few_stores_at_a_time(
    database: Database, stores: tuple[uuid.UUID, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each store is locked in the transaction, and locks have only so much room."""
    monkeypatch.setattr(order_words, "STORES", 1)
    asked: list[int] = []
    inner = order_words._gather
    monkeypatch.setattr(
        order_words, "_gather",
        lambda connection, keys: (asked.append(len({store for store, _ in keys})), inner(connection, keys)),
    )  # fmt: skip
    pooled = database.borrow()
    try:
        connection = cast(feed.Psycopg, pooled.driver_connection)
        connection.execute("DELETE FROM order_words")
        connection.execute("DELETE FROM words_feed")
        connection.commit()
        while order_words.catch_up(connection, 80):
            pass
        assert connection.execute("SELECT count(*) FROM order_words").fetchone() == (120,)
        connection.execute("UPDATE platform_order SET order_number = 'again' WHERE order_id IN ('7', '8')")
        for key in ("7", "8"):
            for store in stores:
                connection.execute(
                    "INSERT INTO change_event (connector_id, entity, key, op)"
                    " VALUES (%s, 'order', %s, 'update')",
                    (store, key),
                )
        connection.commit()
        while feed.publish(connection):
            connection.commit()
        connection.commit()
        while order_words.catch_up(connection, 80):
            pass
        found = connection.execute("SELECT count(*) FROM order_words WHERE words @@ 'again'").fetchone()
        assert found == (4,)
    finally:
        pooled.close()
    assert set(asked) == {1} and len(asked) >= 6
