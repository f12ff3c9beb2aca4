"""The words by which orders are found, gathered from the change feed after the orders were written.

A pass writes none of this: it would pay for an index that nobody waits for. The clock follows the feed in
batches, and where the feed was cut or begun anew it goes through all orders once. What is not gathered
yet is still found by its number, e-mail address and whole SKU, which have indexes of their own.
"""

import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg

from storelink.connectors import registry
from storelink.connectors.presenting import presenter_of
from storelink.errors import StorelinkError
from storelink.sync.erased import lock_number

BATCH = 2000
"""Events followed, or orders gone through, in one transaction."""
STORES = 200
"""Stores in one transaction: each is locked in it."""
LONGEST, MOST = 100, 200
"""Characters of a word, words of an order."""
_LOCK = 7_305_806_143_518_228_787  # any number that nobody else locks
_PARTS = re.compile(r"[^\W_]+")
_EDGE = re.compile(r"^[\W_]+|[\W_]+$")

_WHOLE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})

Psycopg = psycopg.Connection[Any]
Key = tuple[uuid.UUID, str]

# -- words -------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """Lower case, without accents: `Weiß` and `WEISS` are one, `Müller` and `muller` too."""
    split = unicodedata.normalize("NFKD", text.casefold().translate(_WHOLE))
    return "".join(one for one in split if not unicodedata.combining(one)).casefold()


def tokens(text: str) -> list[str]:
    """The words of a text as a person types them: `#10482`, `MUG-WEISS-30` and an e-mail stay whole."""
    found = (_EDGE.sub("", one)[:LONGEST] for one in fold(text).split())
    return list(dict.fromkeys(one for one in found if one))


def words_of(number: str | None, names: Iterable[str], email: str | None, skus: Iterable[str]) -> list[str]:
    """All that an order is found by. Of an e-mail's host only the whole address: it says nothing."""
    found: dict[str, None] = {}
    for text in (number or "", email or "", *names, *skus):
        for token in tokens(text):
            found[token] = None
            parts = token.partition("@")[0] if text == email else token
            found.update(dict.fromkeys(_PARTS.findall(parts)))
    return list(found)[:MOST]


def states_of(payment: str | None, shipping: str | None) -> list[str]:
    """Words for how an order is paid and shipped, so that rare states are found without reading all."""
    said = (("paid", payment), ("shipped", shipping))
    return [f"{name}={fold(state)}" for name, state in said if state is not None]


def query_of(wanted: Sequence[str], states: Sequence[Sequence[str]] = ()) -> str:
    """A `tsquery`: every one of the words, or what begins with it; and one of each group of states."""
    words = [_quoted(word) + ":*" for word in wanted]
    return " & ".join([*words, *("(" + " | ".join(map(_quoted, group)) + ")" for group in states)])


# -- gathering ---------------------------------------------------------------------------------------


def catch_up(connection: Psycopg, batch: int = BATCH) -> int:
    """Gather what changed since; commits. How much there was; 0 when all is gathered, or another is at it."""
    with connection.transaction():
        (ours,) = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone() or (False,)
        if not ours:
            return 0
        at = connection.execute(_AT).fetchone()
        if at is None:  # nothing was ever written
            return 0
        epoch, last, cut, ours_epoch, seq, store, order = at
        if ours_epoch != epoch or seq < cut or seq > last:
            connection.execute(_BEGIN, {"epoch": epoch, "seq": last, "store": uuid.UUID(int=0), "order": ""})
            store, order, seq = uuid.UUID(int=0), "", last
        if store is not None:
            return _walk(connection, (store, order), batch)
        return _follow(connection, seq, batch) if seq < last else 0


def forget(connection: Psycopg, connector_id: uuid.UUID, order_ids: Sequence[str]) -> None:
    """Take these orders' words away, in the present transaction."""
    connection.execute(
        "DELETE FROM order_words WHERE connector_id = %s AND order_id = ANY(%s)",
        (connector_id, list(order_ids)),
    )


def _walk(connection: Psycopg, after: Key, batch: int) -> int:
    found = connection.execute(_NEXT, (*after, batch)).fetchall()
    keys = _of_few_stores(found, 0)
    _gather(connection, keys)
    store, order = keys[-1] if len(keys) == batch or len(keys) < len(found) else (None, None)
    connection.execute("UPDATE words_feed SET walk_store = %s, walk_order = %s", (store, order))
    return len(keys)


def _follow(connection: Psycopg, seq: int, batch: int) -> int:
    events = _of_few_stores(connection.execute(_EVENTS, (seq, batch)).fetchall(), 2)
    if events:
        _gather(connection, sorted({(store, key) for _, entity, store, key in events if entity == "order"}))
        connection.execute("UPDATE words_feed SET seq = %s", (events[-1][0],))
    return len(events)


def _of_few_stores(rows: list[Any], place: int) -> list[Any]:
    """The first of these rows, of at most `STORES` stores; `place` is where the store stands."""
    stores = set()
    for at, row in enumerate(rows):
        stores.add(row[place])
        if len(stores) > STORES:
            return rows[:at]
    return rows


def _gather(connection: Psycopg, keys: Sequence[Key]) -> None:
    """Write the words of these orders as the orders are now; those that are no more lose theirs."""
    if not keys:
        return
    for store in sorted({store for store, _ in keys}):  # as passes do: who erases waits, or we read after it
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (lock_number(store),))
    given = {"stores": [store for store, _ in keys], "orders": [order for _, order in keys]}
    rows = connection.execute(_ORDERS, given).fetchall()
    held = {(row[0], row[1]) for row in rows}
    gone = [key for key in keys if key not in held]
    for store in {store for store, _ in gone}:
        forget(connection, store, [order for one, order in gone if one == store])
    if rows:
        connection.execute(
            _WRITE,
            {
                "stores": [row[0] for row in rows],
                "orders": [row[1] for row in rows],
                "times": [row[2] for row in rows],
                "words": [_vector(_words(*row[3:])) for row in rows],
            },
        )


def _words(
    platform: str, number: str, email: str | None, shipping: Any, billing: Any, paid: str | None,
    shipped: str | None, skus: Sequence[str] | None,
) -> list[str]:  # fmt: skip
    found = words_of(number, _names(platform, shipping, billing), email, skus or ())
    return [*found, *states_of(paid, shipped)]


def _names(
    platform: str, shipping: Mapping[str, Any] | None, billing: Mapping[str, Any] | None
) -> Iterator[str]:
    try:
        presenter = presenter_of(registry.get(platform))
    except StorelinkError:  # a platform that was taken away
        return
    if presenter is None:
        return
    face = presenter.face(shipping, billing, {})
    for address in (face.shipping, face.billing):
        yield from filter(None, (address.first_name, address.last_name, address.company))


def _vector(words: Sequence[str]) -> str:
    """As `tsvector` is written."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


_AT = """
SELECT f.epoch, f.last_seq, f.cut_seq, w.epoch, w.seq, w.walk_store, w.walk_order
FROM change_feed f LEFT JOIN words_feed w ON w.id = 1 WHERE f.id = 1
"""

_BEGIN = """
INSERT INTO words_feed (id, epoch, seq, walk_store, walk_order)
VALUES (1, %(epoch)s, %(seq)s, %(store)s, %(order)s)
ON CONFLICT (id) DO UPDATE SET epoch = EXCLUDED.epoch, seq = EXCLUDED.seq,
    walk_store = EXCLUDED.walk_store, walk_order = EXCLUDED.walk_order
"""

_NEXT = """
SELECT connector_id, order_id FROM platform_order WHERE (connector_id, order_id) > (%s, %s)
ORDER BY connector_id, order_id LIMIT %s
"""

_EVENTS = "SELECT seq, entity, connector_id, key FROM change_event WHERE seq > %s ORDER BY seq LIMIT %s"

_ORDERS = """
SELECT o.connector_id, o.order_id, o.created_at, o.platform, o.order_number, o.email,
    o.shipping_address, o.billing_address, o.financial_status, o.fulfillment_status, i.skus
FROM unnest(%(stores)s::uuid[], %(orders)s::text[]) AS k (store, id)
JOIN platform_order o ON o.connector_id = k.store AND o.order_id = k.id
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT sku) AS skus FROM order_item
    WHERE connector_id = k.store AND order_id = k.id AND sku <> ''
) i ON true
"""

_WRITE = """
INSERT INTO order_words AS w (connector_id, order_id, created_at, words)
SELECT * FROM unnest(%(stores)s::uuid[], %(orders)s::text[], %(times)s::timestamptz[],
    %(words)s::tsvector[])
ON CONFLICT (connector_id, order_id) DO UPDATE
SET created_at = EXCLUDED.created_at, words = EXCLUDED.words
WHERE w.words IS DISTINCT FROM EXCLUDED.words OR w.created_at IS DISTINCT FROM EXCLUDED.created_at
"""
