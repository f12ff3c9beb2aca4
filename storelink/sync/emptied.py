"""Orders that differ only by what a deleted product leaves behind.

A product that is destroyed takes its ids and SKU out of the lines of all orders it was ever sold in,
and moves no time of theirs. What is held of these stays (`merge.ONCE`), so such an order is as it
should be, although the store answers something else than before.
"""

import json
from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from storelink.sync import merge, verdict
from storelink.sync.lane import Lane
from storelink.sync.stage import ENTITIES, ITEM

Picture = Mapping[tuple[str, ...], Mapping[str, Any]]
"""(table, key of a row…) → column → value, of all rows of one record."""


def emptied(lane: Lane) -> set[str]:
    """Ids of staged records that are to be updated, and differ from what is held in nothing else."""
    if lane.resource != "orders":
        return set()
    ids = [
        key for key, found, state in verdict.written(lane)
        if found == "update" and state not in ("gone", "quarantined")
    ]  # fmt: skip
    if not ids:
        return set()
    staged, held = _pictures(lane, ids, staged=True), _pictures(lane, ids, staged=False)
    return {key for key in ids if is_emptied(staged.get(key, {}), held.get(key, {}))}


def is_emptied(new: Picture, held: Picture) -> bool:
    """Whether lines lost what is set once, and nothing else is different. Pure."""
    if new.keys() != held.keys():
        return False
    once = merge.ONCE[ITEM.table]
    lost = {
        str(held[place][name])
        for place, row in new.items() if place[0] == ITEM.table
        for name in once if row[name] is None and held[place][name] is not None
    }  # fmt: skip
    return bool(lost) and all(
        (name in once and place[0] == ITEM.table and value is None)
        or _as_before(value, held[place][name], lost)
        for place, row in new.items()
        for name, value in row.items()
    )


def _as_before(new: Any, held: Any, lost: set[str]) -> bool:
    """Whether a value is what is held, but for what objects that named a lost id have lost with it."""
    if new == held:
        return True
    if isinstance(new, list) and isinstance(held, list):
        return len(new) == len(held) and all(map(_as_before, new, held, [lost] * len(new)))
    if not (isinstance(new, dict) and isinstance(held, dict) and new.keys() == held.keys()):
        return False
    named = any(not one and _names(held[key], lost) for key, one in new.items())
    return all(
        (named and _is_left(one, held[key])) or _as_before(one, held[key], lost) for key, one in new.items()
    )


def _names(held: Any, lost: set[str]) -> bool:
    """Whether a value says one of those ids, if in the platform's own form."""
    text = json.dumps(held)
    return any(one in text for one in lost)


def _is_left(new: Any, held: Any) -> bool:
    """Whether what a value still has was there before, and the rest is empty."""
    if isinstance(new, dict) and isinstance(held, dict):
        return all(_is_left(one, held.get(key)) for key, one in new.items())
    return not new or new == held


def _pictures(lane: Lane, ids: list[str], *, staged: bool) -> dict[str, dict[tuple[str, ...], Any]]:
    """Record id → its rows, as they are staged or held."""
    found: dict[str, dict[tuple[str, ...], Any]] = {}
    with lane.connection.cursor(row_factory=dict_row) as cursor:
        for entity in ENTITIES[lane.resource]:
            columns = ", ".join(entity.columns)
            whose = "%(connector)s IS NOT NULL" if staged else "connector_id = %(connector)s"
            cursor.execute(
                f"SELECT {columns} FROM {entity.stage if staged else entity.table}"  # noqa: S608
                f" WHERE {whose} AND {entity.record} = ANY(%(ids)s)",
                {"connector": lane.connector_id, "ids": ids},
            )
            for row in cursor:
                place = (entity.table, *(row[name] for name in entity.key))
                found.setdefault(row[entity.record], {})[place] = row
        cursor.execute(
            "SELECT record_id, trashed FROM stage_record WHERE record_id = ANY(%(ids)s)" if staged else
            "SELECT order_id AS record_id, deleted_at IS NOT NULL AS trashed FROM platform_order"
            " WHERE connector_id = %(connector)s AND order_id = ANY(%(ids)s)",
            {"connector": lane.connector_id, "ids": ids},
        )  # fmt: skip
        for row in cursor:
            found.setdefault(row["record_id"], {})["trashed",] = row
    return found
