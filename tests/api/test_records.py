"""The unified tables over HTTP: whole, in order, page by page, and only what was asked for."""

from decimal import Decimal
from typing import Any

import pytest
from api_house import ApiHouse
from sqlalchemy import event

from storelink.web.api.paging import decimal_text

TABLES = {"orders": ("order_id",), "products": ("variant_id",), "customers": ("customer_id",)}


def every(house: ApiHouse, secret: str, what: str, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        asked = params | ({"after": after} if after else {})
        answer = house.ask("GET", f"/v1/{what}", secret, params=asked)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["data"]
        after = answer.json()["next"]
        if after is None:
            return rows


def test_records_over_http(house: ApiHouse, stores: tuple[str, str]) -> None:
    """One walk through everything that lists can do: registering two stores takes longer than all of it."""
    secret = house.token("reader")
    for what, keys in TABLES.items():
        expected = house.shops.rows(
            f"SELECT c.name, t.{keys[0]} FROM platform_{what[:-1]} t"
            " JOIN connector_config c ON c.id = t.connector_id WHERE t.deleted_at IS NULL"
        )
        for limit in (1, 3, 250):
            rows = every(house, secret, what, limit=limit)
            assert sorted((row["store"], row[keys[0]]) for row in rows) == sorted(expected)
    _newest_first(house, secret)
    _filters(house, secret, stores)
    _whole_records(house, secret)
    _sparse_fields(house, secret)
    _odd_requests(house, secret)
    _a_status_that_no_order_has_reads_no_table(house, secret)


def _newest_first(house: ApiHouse, secret: str) -> None:
    house.shops.do(
        "UPDATE platform_order SET created_at = NULL"
        " WHERE order_id = (SELECT min(order_id) FROM platform_order)"
    )
    rows = every(house, secret, "orders", limit=3)
    times = [row["created_at"] for row in rows]
    dated = [one for one in times if one]
    assert dated == sorted(dated, reverse=True) and len(dated) == len(times) - 2
    assert times[-2:] == [None, None]


def _filters(house: ApiHouse, secret: str, stores: tuple[str, str]) -> None:
    one = every(house, secret, "orders")[0]
    assert {row["store"] for row in every(house, secret, "orders", number=one["order_number"])} == set(stores)
    ((email,),) = house.shops.rows("SELECT email FROM platform_order WHERE email <> '' LIMIT 1")
    found = every(house, secret, "orders", email=email.upper())
    assert found and all(row["email"].lower() == email.lower() for row in found)
    ((sku, orders),) = house.shops.rows(
        "SELECT sku, count(DISTINCT (connector_id, order_id)) FROM order_item JOIN platform_order"
        " USING (connector_id, order_id) WHERE deleted_at IS NULL AND sku <> ''"
        " GROUP BY sku ORDER BY 2 DESC LIMIT 1"
    )
    assert len(every(house, secret, "orders", sku=sku)) == orders
    assert every(house, secret, "orders", store=stores[1], status="open") == [
        row for row in every(house, secret, "orders") if row["store"] == stores[1] and row["status"] == "open"
    ]
    middle = one["created_at"]
    assert [row["order_id"] for row in every(house, secret, "orders", created_since=middle)][:1] == [
        one["order_id"]
    ]
    assert every(house, secret, "orders", changed_since="2999-01-01T00:00:00Z") == []
    house.shops.do("UPDATE platform_order SET deleted_at = now() WHERE order_id = :id", id=one["order_id"])
    keys = {(row["store"], row["order_id"]) for row in every(house, secret, "orders")}
    assert (stores[0], one["order_id"]) not in keys
    assert any(row["deleted_at"] for row in every(house, secret, "orders", deleted=True))


def _whole_records(house: ApiHouse, secret: str) -> None:
    store, order_id, items = house.shops.rows(
        "SELECT c.name, i.order_id, count(*) FROM order_item i JOIN connector_config c"
        " ON c.id = i.connector_id GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 1"
    )[0]
    whole = house.ask("GET", f"/v1/stores/{store}/orders/{order_id}", secret).json()["data"]
    assert len(whole["items"]) == items and isinstance(whole["metadata"], dict)
    kept = house.shops.one(
        "SELECT total_amount FROM platform_order o JOIN connector_config c ON c.id = o.connector_id"
        " WHERE c.name = :store AND order_id = :id", store=store, id=order_id,
    )  # fmt: skip
    assert Decimal(whole["total_amount"]) == kept and isinstance(whole["total_amount"], str)
    assert house.ask("GET", f"/v1/stores/{store}/orders/0", secret).status_code == 404


def _sparse_fields(house: ApiHouse, secret: str) -> None:
    rows = every(house, secret, "orders", fields="total_amount,metadata")
    assert rows[0].keys() == {"store", "order_id", "total_amount", "metadata"}
    assert "metadata" not in every(house, secret, "orders")[0]
    refused = house.ask("GET", "/v1/orders", secret, params={"fields": "total,connector_id"})
    assert refused.status_code == 422 and refused.json()["code"] == "fields"


def _odd_requests(house: ApiHouse, secret: str) -> None:
    for what, params in (
        ("orders", {"after": "x"}),
        ("orders", {"after": "WyJhIl0"}),
        ("orders", {"after": "W251bGwsIm4iLCJvIl0"}),
        ("orders", {"limit": "0"}),
        ("orders", {"status": "odd"}),
        ("orders", {"created_since": "2026-01-01T00:00:00"}),
        ("orders", {"email": "a\0b"}),
        ("products", {"changed_since": "soon"}),
    ):
        answer = house.ask("GET", f"/v1/{what}", secret, params=params)
        assert answer.status_code == 422, (params, answer.text)
        assert answer.json()["title"] and answer.json()["detail"]


@pytest.mark.parametrize(
    ("value", "least", "text"),
    [("12.5000", 2, "12.50"), ("12.0000", 2, "12.00"), ("1.2345", 2, "1.2345"), ("3.0000", 0, "3"),
     ("1200000.0000", 0, "1200000"), ("-0.1000", 2, "-0.10"), ("5", 2, "5.00")],
)  # fmt: skip
def test_numbers_as_text(value: str, least: int, text: str) -> None:
    assert decimal_text(Decimal(value), least) == text


_MANY = """
INSERT INTO platform_order (connector_id, order_id, order_number, platform, status, total_amount,
    refunded_amount, current_total_amount, currency, line_items, metadata, created_at, synced_at)
SELECT c.id, 'many-' || n, n, 'woocommerce', CASE WHEN n % 40 = 0 THEN 'open' ELSE 'completed' END, 1, 0, 1,
    'EUR', '[]', '{}', timestamptz '2026-01-01' - n * interval '1 minute', now()
FROM generate_series(1, 20000) n, (SELECT id FROM connector_config ORDER BY name LIMIT 1) c
"""


def _a_status_that_no_order_has_reads_no_table(house: ApiHouse, secret: str) -> None:
    house.shops.do("DELETE FROM platform_order WHERE status = 'failed'")
    house.shops.do(_MANY)
    with house.database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE platform_order")
        connection.commit()
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        if "LATERAL" in statement:
            asked.append((statement, values))

    event.listen(house.database.engine, "before_cursor_execute", note)
    try:
        assert every(house, secret, "orders", status="failed") == []
        assert len(house.ask("GET", "/v1/orders?status=open", secret).json()["data"]) == 50
    finally:
        event.remove(house.database.engine, "before_cursor_execute", note)
    assert len(asked) == 2
    with house.database.engine.connect() as connection:
        for statement, values in asked:
            ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
            assert "ix_platform_order_status" in str(plan), plan
            assert "Seq Scan on platform_order" not in str(plan)
