"""Batches: up to 100 changes in one request, each judged on its own and none of them checked (facts §11)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from storelink.sandbox.woocommerce.answers import Answer, Refused, json_answer
from storelink.sandbox.woocommerce.body import Body, items
from storelink.sandbox.woocommerce.params import number
from storelink.sandbox.woocommerce.php import Query
from storelink.sandbox.woocommerce.store import Store

LIMIT = 100
ALLOW = "POST, PUT, PATCH"


@dataclass(frozen=True, slots=True)
class Resource:
    """How one resource creates, updates and deletes; deleting is always for good in a batch."""

    create: Callable[[Store, Body], Answer]
    update: Callable[[Store, int, Body], Answer]
    delete: Callable[[Store, int, Query], Answer]


def run(store: Store, resource: Resource, body: Body, query: Query) -> Answer:
    """`POST /<resource>/batch`: always 200; each part answers its record or its error."""
    parts = {name: _listed(body.get(name)) for name in ("create", "update", "delete")}
    if sum(len(part) for part in parts.values()) > LIMIT:
        raise Refused(
            413,
            "woocommerce_rest_request_entity_too_large",
            f"Unable to accept more than {LIMIT} items for this request.",
        )
    told = {}
    if parts["create"]:
        told["create"] = [_created(store, resource, part) for part in items(parts["create"])]
    if parts["update"]:
        told["update"] = [_updated(store, resource, part) for part in items(parts["update"])]
    if parts["delete"]:
        told["delete"] = [_deleted(store, resource, value) for value in parts["delete"]]
    if query.get("_fields"):
        return json_answer([], allow=ALLOW)
    return json_answer(told, allow=ALLOW)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _created(store: Store, resource: Resource, part: Body) -> Any:
    return _one(0, partial(resource.create, store, part))


def _updated(store: Store, resource: Resource, part: Body) -> Any:
    record = number(part.get("id", 0)) or 0
    return _one(record, partial(resource.update, store, record, part))


def _deleted(store: Store, resource: Resource, value: Any) -> Any:
    record = number(value) or 0
    return _one(record, partial(resource.delete, store, record, {"force": "true"}))


def _one(record: int, act: Callable[[], Answer]) -> Any:
    """What one part did: its record, or its error under its id."""
    try:
        return json.loads(act().body)
    except Refused as refused:
        return {"id": record, "error": refused.item()}
