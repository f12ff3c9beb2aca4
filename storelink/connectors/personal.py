"""Which parts of a platform's raw records are about a person: told by what is not. Pure.

A store's plugins write whatever they like into a record, so nothing is looked for. A platform names what
may stay (ids, states, times, money, what was bought), and everything else of the record goes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from storelink.connectors.protocol import Connector, Rows
from storelink.connectors.rows import Json
from storelink.connectors.storable import json_text

Shape = Mapping[str, Any]
"""Key → None where a number or a word may stay as it is, else the shape of the object, or of the objects
of the list, that stands there; a frozenset for a list of which only entries of these keys may stay."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What of one platform's raw records may stay when a person is erased."""

    order: Shape = field(default_factory=dict)
    line: Shape = field(default_factory=dict)
    customer: Shape = field(default_factory=dict)
    phones: tuple[str, ...] = ()
    """Where an order's raw record has phone numbers, by dotted path."""

    def blank(self, rows: Rows) -> Rows:
        """The rows without the person; amounts, times and ids stay. Blanking twice is blanking once."""
        return replace(
            rows,
            partial=False,
            withheld=frozenset(),
            customers=[
                row._replace(
                    email=None, name=None, phone=None, default_address=None,
                    metadata=_pruned(row.metadata, self.customer),
                )
                for row in rows.customers
            ],
            orders=[
                row._replace(
                    email=None, shipping_address=None, billing_address=None,
                    line_items=_pruned(row.line_items, self.line),
                    metadata=_pruned(row.metadata, self.order),
                )
                for row in rows.orders
            ],
            refunds=[row._replace(reason=None) for row in rows.refunds],
        )  # fmt: skip

    def phones_of(self, metadata: Json) -> Iterator[str]:
        """The phone numbers in the raw record of an order."""
        raw = orjson.loads(metadata)
        for path in self.phones:
            value = raw
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, str) and value:
                yield value


def personal_of(connector: Connector) -> Personal:
    """What may stay of this platform's raw records; nothing of one that does not say."""
    found: Personal | None = getattr(connector, "personal", None)
    return found or Personal()


def prune(value: Any, shape: Shape) -> Any:
    """Only what `shape` names. A list stays a list; where PHP numbers a list's keys, so does it."""
    if isinstance(value, list):
        return [prune(item, shape) for item in value if isinstance(item, dict)]
    if not isinstance(value, dict):
        return None
    if value and all(isinstance(key, str) and key.isdigit() for key in value):
        return {key: prune(item, shape) for key, item in value.items() if isinstance(item, dict)}
    return {
        key: kept
        for key, item in value.items()
        if key in shape and (kept := _kept(item, shape[key])) is not _NOTHING
    }


_NOTHING = object()


def _kept(item: Any, shape: Shape | frozenset[str] | None) -> Any:
    if isinstance(shape, frozenset):
        entries = item if isinstance(item, list) else []
        return [prune(one, _ENTRY) for one in entries if isinstance(one, dict) and one.get("key") in shape]
    if shape is None:
        return _NOTHING if isinstance(item, dict | list) else item
    if isinstance(item, dict | list):
        return prune(item, shape)
    return None if item is None else _NOTHING


def _pruned(text: Json, shape: Shape) -> Json:
    return json_text(prune(orjson.loads(text), shape))


def scalars(words: str, **nested: Shape | frozenset[str]) -> Shape:
    """A shape: these keys as they are, and the named ones as they say."""
    return {**dict.fromkeys(words.split()), **nested}


_ENTRY = scalars("id key value")
