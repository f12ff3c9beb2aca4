"""Life in the shop: a burst of random edits, the same for the same seed and state."""

from collections.abc import Callable
from random import Random
from typing import Any

from storelink.sandbox.woocommerce.edits import Edits

#: kind → what may happen to it, in rising order of what it takes away
_HAPPENINGS = {
    "orders": ("edit", "edit", "create", "trash", "restore", "delete", "refund"),
    "products": ("edit", "edit", "create", "trash", "restore", "delete", "variation"),
    "customers": ("edit", "edit", "create", "delete"),
}


def churn(edits: Edits, seed: int | str, count: int, kinds: list[str] | None = None) -> list[Any]:
    """`count` edits, creations, trashings, restorings, deletions and refunds, chosen by `seed`.

    Answers what happened as `[happening, kind, id]`. Accounts of admins are left alone.
    """
    rng = Random(f"churn {seed}")  # noqa: S311
    done = []
    for turn in range(count):
        kind = rng.choice(kinds or list(_HAPPENINGS))
        happening = rng.choice(_HAPPENINGS[kind])
        record = _ACTS[happening](edits, rng, kind, f"{seed}-{turn}")
        if record is not None:
            done.append([happening, kind, record])
    return done


def _one(edits: Edits, rng: Random, kind: str, *, trashed: bool = False) -> int | None:
    rows = edits.store.drawers[kind].rows.values()
    ids = [r.id for r in rows if (r.status == "trash") == trashed and r.kind != "administrator"]
    return rng.choice(ids) if ids else None


def _edit(edits: Edits, rng: Random, kind: str, word: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is None:
        return None
    if kind == "orders":
        edits.edit_order(record, customer_note=word)
    elif kind == "products":
        edits.edit_product(record, name=f"Edited {word}")
    else:
        edits.edit_customer(record, last_name=f"Edited {word}")
    return record


def _create(edits: Edits, _: Random, kind: str, word: str) -> int | None:
    if kind == "orders":
        made = edits.create_order(customer_note=word)
    elif kind == "products":
        made = edits.create_product(name=f"New {word}", regular_price="5.00")
    else:
        made = edits.create_customer()
    number: int = made["id"]
    return number


def _trash(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is not None:
        edits.trash(kind, record)
    return record


def _restore(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    record = _one(edits, rng, kind, trashed=True)
    if record is not None:
        edits.restore(kind, record)
    return record


def _delete(edits: Edits, rng: Random, kind: str, _: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is not None:
        edits.delete(kind, record)
    return record


def _refund(edits: Edits, rng: Random, kind: str, word: str) -> int | None:
    record = _one(edits, rng, kind)
    if record is not None:
        edits.add_refund(record, "0.01", word)
    return record


def _variation(edits: Edits, rng: Random, _: str, word: str) -> int | None:
    record = _one(edits, rng, "variations")
    if record is not None:
        edits.edit_variation(record, description=word)
    return record


_ACTS: dict[str, Callable[[Edits, Random, str, str], int | None]] = {
    "edit": _edit,
    "create": _create,
    "trash": _trash,
    "restore": _restore,
    "delete": _delete,
    "refund": _refund,
    "variation": _variation,
}
