"""A database with a million orders, made on the server from a few hundred that the engine itself wrote.

Two sandbox stores are read as any store is. Their orders are then repeated by SQL, with ids, numbers,
people, SKUs and times of their own, so that rows have the very shape and width that the engine gives them.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psycopg

from bench.house import House
from storelink.config import Settings
from storelink.connectors.shopify import connector as shopify
from storelink.connectors.woocommerce import connector as woocommerce
from storelink.db import open_database
from storelink.sandbox.running import start, start_shopify
from storelink.sync import feed, order_words
from storelink.sync.opening import open_subject
from storelink.sync.synchronize import synchronize

EDITION = 4
"""Of what is made here: a kept database of another one is made anew."""
PEOPLE, SKUS = 200_000, 5_000
PLAN: dict[str, Any] = {"orders": 300, "products": 100, "customers": 100, "items_per_order": 3}


@dataclass(frozen=True)
class Part:
    """Orders of one store: the first id, the first number, and how addresses name people."""

    store: str
    orders: int
    id: int
    number: int
    names: tuple[str, str]


def parts(orders: int) -> tuple[Part, Part]:
    """Seven of ten in a WooCommerce store, the others in a Shopify store; some numbers are in both."""
    return (
        Part("shop", orders * 7 // 10, 1_000_000, 1_000_000, ("first_name", "last_name")),
        Part("boutique", orders * 3 // 10, 6_000_000_000_000, 1_500_000, ("firstName", "lastName")),
    )


@contextmanager
def million(orders: int, folder: Path | None, **settings: Any) -> Iterator[House]:
    """The house with so many orders; in `folder` it is kept for the next time."""
    home = folder or Path(tempfile.mkdtemp(prefix="storelink-bench-", dir="/tmp"))
    made = Settings(home=home, **settings)
    mark, sign = home / "orders.json", {"orders": orders, "edition": EDITION}
    try:
        if mark.exists() and json.loads(mark.read_text()) != sign:
            shutil.rmtree(home)
        home.mkdir(parents=True, exist_ok=True)
        with open_database(made) as database:
            house = House(made, database)
            if not mark.exists():
                fill(house, orders)
                mark.write_text(json.dumps(sign))
            quieten(house)
            yield house
    finally:
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)


def quieten(house: House) -> None:
    """No pass is due for a day, and all words are gathered: nothing is to run beside the measurement."""
    house.select(
        "UPDATE sync_state SET (next_due_at, full_due_at) = ROW (now() + interval '1 day',"
        " now() + interval '1 day'), last_success_at = now(), last_verified_at = now(), last_drift = 0"
    )
    house.select(
        "INSERT INTO words_feed (id, epoch, seq) SELECT 1, epoch, last_seq FROM change_feed"
        " ON CONFLICT (id) DO UPDATE SET epoch = EXCLUDED.epoch, seq = EXCLUDED.seq, walk_store = NULL"
    )


def fill(house: House, orders: int) -> None:
    """Read the stores, then repeat what they have."""
    with start(**PLAN) as shop, start_shopify(**PLAN) as boutique:
        keys = {"consumer_key": shop.key, "consumer_secret": shop.secret}
        house.add(woocommerce.CONNECTOR, ["shop"], shop.url, keys, "keys")
        house.add(shopify.CONNECTOR, ["boutique"], boutique.url, {"access_token": boutique.token}, "token")
        for name in ("shop", "boutique"):
            with open_subject(house.database, house.keyring, name, house.settings) as subject:
                synchronize(house.database, subject, subject.connector.resources)
    pooled = house.database.borrow()
    try:
        connection = cast("psycopg.Connection[Any]", pooled.driver_connection)
        while feed.publish(connection):
            connection.commit()
        connection.commit()
        while order_words.catch_up(connection):
            pass
        repeat(connection, parts(orders))
    finally:
        pooled.close()


def repeat(connection: "psycopg.Connection[Any]", wanted: tuple[Part, ...]) -> None:
    """Write the orders and what stands around them; indexes are made at the end, as it is quicker."""
    for setting in ("synchronous_commit = off", "session_replication_role = replica",
                    "maintenance_work_mem = '1GB'", "work_mem = '256MB'"):  # fmt: skip
        connection.execute(f"SET {setting}")
    connection.execute(_PEOPLE, {"people": PEOPLE, "first": _FIRST, "last": _LAST, "parts": _PARTS})
    indexes = connection.execute(_INDEXES).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    for part in wanted:
        _repeat_store(connection, part)
    for statement in _AROUND:
        connection.execute(statement)
    for _, statement in indexes:
        connection.execute(statement)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
    connection.autocommit = False
    for setting in ("synchronous_commit", "session_replication_role", "maintenance_work_mem", "work_mem"):
        connection.execute(f"RESET {setting}")
    connection.commit()


def _repeat_store(connection: "psycopg.Connection[Any]", part: Part) -> None:
    found = connection.execute("SELECT id FROM connector_config WHERE name = %s", (part.store,)).fetchone()
    assert found is not None
    values = {
        "store": found[0], "orders": part.orders, "id": part.id, "number": part.number, "people": PEOPLE,
        "skus": SKUS, "first": part.names[0], "last": part.names[1],
    }  # fmt: skip
    connection.execute(_SEEDS, values)
    connection.execute(_PLACES, values)
    for table, changed in (
        ("platform_customer", _CUSTOMER), ("platform_order", _ORDER), ("order_item", _ITEM),
        ("order_refund", _REFUND),
    ):  # fmt: skip
        columns = [row[0] for row in connection.execute(_COLUMNS, (table,))]
        chosen = ", ".join(changed.get(name, f't."{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        connection.execute(f"INSERT INTO {table} ({names}) SELECT {chosen} {_FROM[table]}", values)
    for statement in (_RECORDS, _WORDS, _EVENTS, _DELIVERIES):
        connection.execute(statement, values)
    connection.execute("DROP TABLE seed, place")


_COLUMNS = """
SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = current_schema()
ORDER BY ordinal_position
"""

_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename IN ('platform_order', 'order_item', 'order_refund', 'order_words', 'source_record',
    'platform_customer') AND schemaname = current_schema()
  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = indexname)
"""

_FIRST = (
    "Anna Ben Carla David Emma Felix Greta Hugo Ida Jan Karl Lena Max Nora Otto Paula Quinn Rosa Sam Tina"
    " Uwe Vera Willi Xenia Yara Zoe Ali Berta Cem Dora Erik Fanny Gina Hans Ines Jonas Kim Lars Mia Nils"
)
_LAST = (
    "Muller Schmidt Weber Fischer Meyer Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf"
    " Neumann Schwarz Zimmermann Braun Hofmann Hartmann Lange Werner Krause Lehmann Maier Kohler Herrmann"
    " Walter Konig Huber Kaiser Fuchs Peters Lang Scholz Moller Weiss Jung Hahn Schubert Vogel Friedrich"
    " Keller Gunther Frank Berger Winkler Roth Beck Lorenz"
)
_PARTS = "ba be bi bo da de di do fa fe ga go ha he ka ke la le li lo ma me mi na ne ra re sa se ta te"

_PEOPLE = """
CREATE TEMP TABLE person AS
SELECT n AS id, first, last, lower(first || '.' || last || '.' || n || '@mail.example') AS email
FROM (
    SELECT n, w.first[1 + n %% 40] AS first,
        CASE WHEN n %% 2 = 0 THEN w.last[1 + (n / 2) %% 50]
        ELSE initcap(w.part[1 + n %% 31] || w.part[1 + n / 31 %% 31] || w.part[1 + n / 961 %% 31]) END AS last
    FROM generate_series(1, %(people)s) n CROSS JOIN (
        SELECT string_to_array(%(first)s, ' ') AS first, string_to_array(%(last)s, ' ') AS last,
            string_to_array(%(parts)s, ' ') AS part) w
) p
"""

_SEEDS = """
CREATE TEMP TABLE seed AS SELECT row_number() OVER (ORDER BY order_id) - 1 AS at, order_id
FROM platform_order WHERE connector_id = %(store)s AND deleted_at IS NULL
"""

_PLACES = """
CREATE TEMP TABLE place AS
SELECT g, (%(id)s + g)::text AS order_id, (%(number)s + g)::text AS number, s.order_id AS seed,
    p.id AS person, p.first, p.last, p.email, now() - interval '2 minutes' * (%(orders)s - g) AS placed
FROM generate_series(1, %(orders)s) g
JOIN person p ON p.id = 1 + g::bigint * 48271 %% %(people)s
JOIN seed s ON s.at = g::bigint * 7919 %% (SELECT count(*) FROM seed)
"""

_FROM = {
    "platform_customer": """
        FROM person JOIN LATERAL (SELECT * FROM platform_customer
            WHERE connector_id = %(store)s ORDER BY customer_id LIMIT 1) t ON person.id %% 2 = 0""",
    "platform_order": """
        FROM place JOIN platform_order t ON t.connector_id = %(store)s AND t.order_id = place.seed""",
    "order_item": """
        FROM place JOIN (SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY item_id) AS line
            FROM order_item) t ON t.connector_id = %(store)s AND t.order_id = place.seed""",
    "order_refund": """
        FROM place JOIN (SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY refund_id) AS line
            FROM order_refund) t ON t.connector_id = %(store)s AND t.order_id = place.seed""",
}

_NAMED = "jsonb_build_object(%(first)s::text, place.first, %(last)s::text, place.last)"
_CUSTOMER = {
    "customer_id": "(70000000 + person.id)::text", "email": "person.email",
    "name": "person.first || ' ' || person.last",
}  # fmt: skip
_ORDER = {
    "order_id": "place.order_id", "order_number": "place.number", "email": "place.email",
    "customer_id": "CASE WHEN place.person %% 2 = 0 THEN (70000000 + place.person)::text END",
    "shipping_address": f"t.shipping_address || {_NAMED}",
    "billing_address": f"t.billing_address || {_NAMED}",
    "created_at": "place.placed", "source_updated_at": "place.placed + interval '1 hour'",
    "synced_at": "least(place.placed + interval '1 hour 3 seconds', now())",
}  # fmt: skip
_SKU = "'SKU-' || 1 + (place.g::bigint * 31 + t.line * 977) %% %(skus)s"
_ITEM = {
    "id": "gen_random_uuid()", "order_id": "place.order_id",
    "item_id": "(place.g::bigint * 20 + t.line)::text",
    "sku": f"CASE WHEN t.sku <> '' THEN {_SKU} ELSE t.sku END",
}  # fmt: skip
_REFUND = {
    "order_id": "place.order_id", "refund_id": "(place.g::bigint * 20 + 900000000000 + t.line)::text",
    "created_at": "place.placed + interval '1 day'",
}  # fmt: skip

_RECORDS = """
INSERT INTO source_record (connector_id, resource, record_id, state, version, listed_version, content_hash,
    normalizer, read_started_at, read_finished_at)
SELECT %(store)s, resource, id, 'held', placed, placed, decode(md5(id), 'hex'), 1, placed, placed
FROM (SELECT 'orders' AS resource, order_id AS id, placed FROM place
    UNION ALL SELECT 'customers', customer_id, now() FROM platform_customer
        WHERE connector_id = %(store)s AND customer_id > '70000000' AND length(customer_id) = 8) r
"""

_WORDS = """
INSERT INTO order_words (connector_id, order_id, created_at, words)
SELECT %(store)s, p.order_id, p.placed, array_to_tsvector(array_remove(
    ARRAY[p.number, lower(p.first), lower(p.last), p.email, p.person::text, 'paid=' || o.financial_status,
        'shipped=' || o.fulfillment_status] || i.skus || i.ends
        || CASE WHEN i.skus <> '{}' THEN '{sku}'::text[] ELSE '{}' END, NULL))
FROM place p JOIN platform_order o ON o.connector_id = %(store)s AND o.order_id = p.order_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT lower(sku)) FILTER (WHERE sku <> ''), '{}') AS skus,
        coalesce(array_agg(DISTINCT substr(sku, 5)) FILTER (WHERE sku <> ''), '{}') AS ends
    FROM order_item i WHERE i.connector_id = %(store)s AND i.order_id = p.order_id
) i
"""

_EVENTS = """
INSERT INTO change_event (connector_id, entity, key, op, at)
SELECT %(store)s, 'order', order_id, 'insert', placed FROM place WHERE g > %(orders)s - 200000 ORDER BY g
"""

_DELIVERIES = """
INSERT INTO webhook_delivery (connector_id, topic, resource, external_id, received_at, triggered_at, status,
    attempts)
SELECT %(store)s, 'order.updated', 'orders', order_id, placed, placed, 'done', 1
FROM place WHERE g > %(orders)s - 50000 ORDER BY g
"""

_AROUND = (
    "UPDATE change_event SET seq = id WHERE seq IS NULL",
    "UPDATE change_feed SET last_seq = (SELECT max(seq) FROM change_event)",
    "UPDATE words_feed SET seq = (SELECT max(seq) FROM change_event)",
    """INSERT INTO sync_run (id, connector_id, resource, kind, status, started_at, finished_at, fetched,
        inserted, updated, unchanged, deleted, quarantined, requests, bytes, throttled_seconds)
    SELECT gen_random_uuid(), c.id, 'orders', 'incremental', 'done', now() - interval '5 minutes' * n,
        now() - interval '5 minutes' * n + interval '2 seconds', 3, 1, 2, 0, 0, 0, 2, 9000, 0
    FROM connector_config c CROSS JOIN generate_series(1, 20000) n""",
    """INSERT INTO audit_event (at, actor, action, connector_id, subject, detail)
    SELECT now() - interval '3 minutes' * n, 'user:support', 'refund.settled', c.id,
        gen_random_uuid()::text, '{}'
    FROM connector_config c CROSS JOIN generate_series(1, 50000) n""",
)
