"""From staging into the unified tables: one statement a table, its change events with it.

SQL is put together once per table from the column names of the models; no value is ever in it.
"""

from collections.abc import Sequence
from functools import cache

from storelink.sync.lane import Lane
from storelink.sync.stage import CUSTOMER, ITEM, ORDER, PRODUCT, REFUND, Entity

_WRITE = "s.verdict IN ('insert', 'fill', 'update')"
ONCE = {"order_item": ("sku", "product_id", "variant_id")}
"""Columns that are set once: a deleted product empties them on every later read."""


def merge_products(lane: Lane, platform: str) -> None:
    """Variants in; those of the same product that did not come are marked deleted."""
    _run(lane, _upsert(PRODUCT), platform)
    _run(lane, _drop_missing_variants(), platform)


def merge_customers(lane: Lane, platform: str) -> None:
    """Customers in."""
    _run(lane, _upsert(CUSTOMER), platform)


def merge_orders(lane: Lane, platform: str, *, fresh: bool, hint: bool) -> None:
    """Orders with lines and refunds in, their customers made sure of first.

    `fresh` says that no order of the page was known. `hint` makes the customers due: whoever
    ordered may have changed too, and WooCommerce cannot list customers by change.
    """
    for statement in _STUBS:
        _run(lane, statement, platform)
    if hint:
        _run(lane, _HINT_CUSTOMERS, platform)
    _run(lane, _upsert(ORDER), platform)
    for part in (ITEM, REFUND):
        if not fresh:
            _run(lane, _delete_parts(part), platform)
        _run(lane, _upsert_part(part), platform)


def make_stubs(lane: Lane, platform: str, customers: Sequence[str]) -> None:
    """Rows for customers that an order names and that are not here yet. Ids in order."""
    where = {"connector": lane.connector_id, "platform": platform, "customers": customers}
    for statement in _THESE_STUBS:
        lane.connection.execute(statement, where)


def mark_gone(lane: Lane) -> None:
    """Mark the rows of staged records that no longer exist in the store."""
    for entity in {"products": (PRODUCT,), "customers": (CUSTOMER,), "orders": (ORDER,)}[lane.resource]:
        _run(lane, _gone(entity), "")


def _run(lane: Lane, statement: str, platform: str) -> None:
    where = {"connector": lane.connector_id, "platform": platform}
    lane.connection.execute(statement, where)


@cache
def _upsert(entity: Entity) -> str:
    """Upsert with change events; a row that is as it was is neither written nor reported."""
    columns = ", ".join(entity.columns)
    values = ", ".join(f"r.{name}" for name in entity.columns)
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in entity.columns if name not in entity.key)
    old = ", ".join(f"t.{name}" for name in entity.columns)
    new = ", ".join(f"EXCLUDED.{name}" for name in entity.columns)
    key = ", ".join(entity.key)
    return f"""
        WITH written AS (
            INSERT INTO {entity.table} AS t (connector_id, platform, {columns}, synced_at, deleted_at)
            SELECT %(connector)s, %(platform)s, {values}, now(), CASE WHEN s.trashed THEN now() END
            FROM {entity.stage} r JOIN stage_record s ON s.record_id = r.{entity.record}
            WHERE {_WRITE} ORDER BY {", ".join(f"r.{name}" for name in entity.key)}
            ON CONFLICT (connector_id, {key}) DO UPDATE SET {changes}, synced_at = EXCLUDED.synced_at,
                deleted_at = CASE WHEN EXCLUDED.deleted_at IS NOT NULL
                                  THEN coalesce(t.deleted_at, EXCLUDED.deleted_at) END
            WHERE ({old}, t.deleted_at IS NULL) IS DISTINCT FROM ({new}, EXCLUDED.deleted_at IS NULL)
            RETURNING t.{entity.key[0]} AS key, t.xmax = 0 AS added, t.deleted_at
        )
        INSERT INTO change_event (connector_id, entity, key, op)
        SELECT %(connector)s, '{entity.event}', key,
               CASE WHEN added THEN 'insert' WHEN deleted_at = now() THEN 'delete' ELSE 'update' END
        FROM written ORDER BY key
    """  # noqa: S608


@cache
def _upsert_part(entity: Entity) -> str:
    """Upsert of lines and refunds; the order's own event speaks for them."""
    columns = ", ".join(entity.columns)
    values = ", ".join(f"r.{name}" for name in entity.columns)
    once = ONCE.get(entity.table, ())
    changes = ", ".join(
        f"{name} = coalesce(t.{name}, EXCLUDED.{name})" if name in once else f"{name} = EXCLUDED.{name}"
        for name in entity.columns
        if name not in entity.key
    )
    return f"""
        INSERT INTO {entity.table} AS t (connector_id, {columns})
        SELECT %(connector)s, {values}
        FROM {entity.stage} r JOIN stage_record s ON s.record_id = r.{entity.record}
        WHERE {_WRITE} ORDER BY {", ".join(f"r.{name}" for name in entity.key)}
        ON CONFLICT (connector_id, {", ".join(entity.key)}) DO UPDATE SET {changes}
    """  # noqa: S608


@cache
def _delete_parts(entity: Entity) -> str:
    """Lines and refunds that the order no longer has."""
    same = " AND ".join(f"r.{name} = t.{name}" for name in entity.key)
    return f"""
        DELETE FROM {entity.table} t USING stage_record s
        WHERE t.connector_id = %(connector)s AND t.{entity.record} = s.record_id
          AND s.verdict IN ('fill', 'update') AND s.state NOT IN ('gone', 'quarantined')
          AND NOT EXISTS (SELECT 1 FROM {entity.stage} r WHERE {same})
    """  # noqa: S608


@cache
def _drop_missing_variants() -> str:
    return """
        WITH dropped AS (
            UPDATE platform_product t SET deleted_at = now(), synced_at = now()
            FROM stage_record s
            WHERE t.connector_id = %(connector)s AND t.product_id = s.record_id
              AND s.verdict IN ('insert', 'fill', 'update') AND s.state NOT IN ('gone', 'quarantined')
              AND t.deleted_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM stage_platform_product r WHERE r.variant_id = t.variant_id)
            RETURNING t.variant_id
        )
        INSERT INTO change_event (connector_id, entity, key, op)
        SELECT %(connector)s, 'product', variant_id, 'delete' FROM dropped ORDER BY variant_id
    """


@cache
def _gone(entity: Entity) -> str:
    return f"""
        WITH dropped AS (
            UPDATE {entity.table} t SET deleted_at = now(), synced_at = now()
            FROM stage_record s
            WHERE t.connector_id = %(connector)s AND t.{entity.record} = s.record_id
              AND s.verdict IN ('fill', 'update') AND s.state = 'gone' AND t.deleted_at IS NULL
            RETURNING t.{entity.key[0]} AS key
        )
        INSERT INTO change_event (connector_id, entity, key, op)
        SELECT %(connector)s, '{entity.event}', key, 'delete' FROM dropped ORDER BY key
    """  # noqa: S608


# An order may arrive before its customer; the customer's row must be there for the foreign key.
# Two statements, `source_record` first: whoever writes customers locks in this order too.
_WANTED = f"""
    SELECT DISTINCT r.customer_id FROM stage_platform_order r
    JOIN stage_record s ON s.record_id = r.order_id
    WHERE {_WRITE} AND r.customer_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM platform_customer t
                      WHERE t.connector_id = %(connector)s AND t.customer_id = r.customer_id)
    ORDER BY r.customer_id
"""  # noqa: S608


def _stubs(wanted: str) -> tuple[str, str]:
    """Make stubs of the customers that a query names as `customer_id`: in `source_record`, then as rows."""
    note = f"""
        INSERT INTO source_record (connector_id, resource, record_id, state, due_since)
        SELECT %(connector)s, 'customers', customer_id, 'stub', clock_timestamp() FROM ({wanted}) wanted
        ON CONFLICT DO NOTHING
    """  # noqa: S608
    row = f"""
        INSERT INTO platform_customer (connector_id, customer_id, platform, metadata, synced_at)
        SELECT %(connector)s, customer_id, %(platform)s, '{{}}', now() FROM ({wanted}) wanted
        ON CONFLICT DO NOTHING
    """  # noqa: S608
    return note, row


_STUBS = _stubs(_WANTED)
_THESE_STUBS = _stubs("SELECT unnest(%(customers)s::text[]) AS customer_id")

_HINT_CUSTOMERS = f"""
WITH named AS MATERIALIZED (
    SELECT h.record_id FROM source_record h
    WHERE h.connector_id = %(connector)s AND h.resource = 'customers' AND h.due_since IS NULL
      AND h.state <> 'gone'
      AND h.record_id IN (SELECT r.customer_id FROM stage_platform_order r
                          JOIN stage_record s ON s.record_id = r.order_id WHERE {_WRITE})
    ORDER BY h.record_id FOR UPDATE
)
UPDATE source_record h SET due_since = clock_timestamp() FROM named
WHERE h.connector_id = %(connector)s AND h.resource = 'customers' AND h.record_id = named.record_id
"""  # noqa: S608
