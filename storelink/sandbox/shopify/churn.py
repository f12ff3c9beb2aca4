"""Life in the shop: a burst of random edits, the same for the same seed and state."""

from collections.abc import Callable
from random import Random
from typing import Any

from storelink.sandbox.shopify.amounts import fixed
from storelink.sandbox.shopify.edits import Edits

#: kind → what may happen to it
_HAPPENINGS = {
    "orders": ("edit", "edit", "create", "delete", "refund", "remove_line", "cancel", "fulfill"),
    "products": ("edit", "edit", "create", "delete", "variation", "variant_added", "variant_deleted"),
    "customers": ("edit", "edit", "create", "delete", "merge"),
}


def churn(edits: Edits, seed: int | str, count: int, kinds: list[str] | None = None) -> list[Any]:
    """`count` edits, creations, deletions, refunds and the like, chosen by `seed`.

    Answers what happened as `[happening, kind, id]`.
    """
    rng = Random(f"churn {seed}")  # noqa: S311
    done = []
    with edits.store.lock:
        for turn in range(count):
            kind = rng.choice(kinds or list(_HAPPENINGS))
            happening = rng.choice(_HAPPENINGS[kind])
            record = _ACTS[happening](edits, rng, kind, f"{seed}-{turn}")
            if record is not None:
                done.append([happening, kind, record])
    return done


def _one(edits: Edits, rng: Random, kind: str) -> int | None:
    ids = list(edits.store.drawers[kind].rows)
    return rng.choice(ids) if ids else None


def _edit(edits: Edits, rng: Random, kind: str, word: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is None:
        return None
    if kind == "orders":
        edits.orders.edit_order(record, note=word)
    elif kind == "products":
        edits.edit_product(record, title=f"Edited {word}")
    else:
        edits.edit_customer(record, lastName=f"Edited {word}")
    return record


def _create(edits: Edits, rng: Random, kind: str, word: str) -> int | None:
    if kind == "orders":
        made = edits.orders.create_order(note=word, customer=_one(edits, rng, "customers"))
    elif kind == "products":
        made = edits.create_product(f"New {word}", price="5.00", sku=f"NEW-{word}")
    else:
        made = edits.create_customer()
    number: int = made["id"]
    return number


def _delete(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is None or (kind == "customers" and edits.store.orders_of(record)):
        return None
    edits.delete(kind, record)
    return record


def _refund(edits: Edits, rng: Random, kind: str, word: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is None or edits.record(kind, record)["_left"] < 1:
        return None
    least = fixed(1, edits.record(kind, record)["currencyCode"])
    edits.orders.add_refund(record, least, word)
    return record


def _remove_line(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is None:
        return None
    open_ = [line["id"] for line in edits.record(kind, record)["_lines"] if line["currentQuantity"]]
    if not open_:
        return None
    edits.orders.remove_line(record, rng.choice(open_), 1)
    return record


def _cancel(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is not None:
        edits.orders.cancel_order(record)
    return record


def _fulfill(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is not None:
        edits.orders.fulfill_order(record)
    return record


def _variation(edits: Edits, rng: Random, _: str, word: str) -> int | None:
    record = _one(edits, rng, "variants")
    if record is not None:
        edits.edit_variation(record, barcode=word)
    return record


def _variant_added(edits: Edits, rng: Random, kind: str, word: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is None:
        return None
    made: int = edits.create_variation(record, word, price="7.00", sku=f"VARIANT-{word}")["id"]
    return made


def _variant_deleted(edits: Edits, rng: Random, _kind: str, _: str) -> int | None:
    record = _one(edits, rng, "variants")
    if record is None or len(edits.store.variants_of(edits.record("variants", record)["_product"])) < 2:
        return None
    edits.delete("variants", record)
    return record


def _merge(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    kept, gone = _one(edits, rng, kind), _one(edits, rng, kind)
    if kept is None or gone is None or kept == gone:
        return None
    edits.merge_customers(kept, gone)
    return gone


_ACTS: dict[str, Callable[[Edits, Random, str, str], int | None]] = {
    "edit": _edit,
    "create": _create,
    "delete": _delete,
    "refund": _refund,
    "remove_line": _remove_line,
    "cancel": _cancel,
    "fulfill": _fulfill,
    "variation": _variation,
    "variant_added": _variant_added,
    "variant_deleted": _variant_deleted,
    "merge": _merge,
}
