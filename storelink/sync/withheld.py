"""What the credentials may not see keeps the value that is held.

The store answers null for a field that it withholds, which says nothing about the field. So before
a page is merged the nulls that `Rows.withheld` names are filled from the rows that are there.
`source_record` is locked by then: nobody changes them meanwhile.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from psycopg.rows import dict_row

from storelink.connectors.protocol import Rows
from storelink.connectors.storable import json_text
from storelink.sync import verdict
from storelink.sync.lane import Lane
from storelink.sync.stage import CUSTOMER, ENTITIES, ORDER, PRODUCT, Entity

_RECORD = "metadata"
"""The raw record: unlike an address, not one thing, and much of it changes at every edit."""


def keep_held(lane: Lane, page: Iterable[Rows]) -> None:
    """Fill what is withheld in the staged rows of records that this page changes."""
    partial = [rows for rows in page if rows.withheld]
    if not partial:
        return
    changing = {key for key, found, _ in verdict.written(lane) if found != "insert"}
    partial = [rows for rows in partial if rows.id in changing]
    entity = ENTITIES[lane.resource][0]
    columns = sorted({path.split(".")[0] for rows in partial for path in rows.withheld})
    held = _held(lane, entity, columns, [rows.id for rows in partial])
    for rows in partial:
        for row in getattr(rows, entity.part):
            key = tuple(getattr(row, name) for name in entity.key)
            if kept := _kept(row, held.get(key, {}), rows.withheld):
                _restage(lane, entity, key, kept)


def blanked(rows: Rows) -> Rows:
    """The rows as the store would have given them: null where it withholds."""
    changes: dict[str, Any] = {
        entity.part: [_blanked(row, rows.withheld) for row in getattr(rows, entity.part)]
        for entity in (PRODUCT, CUSTOMER, ORDER)
    }
    return replace(rows, partial=True, **changes)


def keep(new: Any, held: Any, path: str, withheld: frozenset[str]) -> Any:
    """The value at `path`: the new one, with what is held where that is withheld. Pure."""
    inside = _inside(withheld).get(path)
    if new is None:
        return held if path in withheld else None
    if inside and isinstance(new, dict) and isinstance(held, dict):
        return _keep_object(new, held, path, withheld)
    if inside and isinstance(new, list) and isinstance(held, list):
        by_id = {one["id"]: one for one in held if isinstance(one, dict) and isinstance(one.get("id"), str)}
        return [
            keep(one, by_id.get(one["id"]), path, withheld)
            if isinstance(one, dict) and isinstance(one.get("id"), str)
            else one
            for one in new
        ]
    return new


def _keep_object(
    new: Mapping[str, Any], held: Mapping[str, Any], path: str, withheld: frozenset[str]
) -> dict[str, Any]:
    inside = _inside(withheld)[path]
    hidden = [name for name in inside if f"{path}.{name}" in withheld]
    if path != _RECORD and len(hidden) > 1 and _visible(new, inside) != _visible(held, inside):
        return dict(new)  # another address: the street of the old one must not end up in it
    kept = {name: keep(new.get(name), held.get(name), f"{path}.{name}", withheld) for name in inside}
    return {**new, **{name: value for name, value in kept.items() if value is not None}}


def _visible(value: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name not in hidden and one is not None}


@cache
def _inside(withheld: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Path → names of the keys in it that are withheld or lead to one."""
    found: dict[str, set[str]] = {}
    for path in withheld:
        names = path.split(".")
        for depth in range(1, len(names)):
            found.setdefault(".".join(names[:depth]), set()).add(names[depth])
    return {path: frozenset(names) for path, names in found.items()}


def _kept(row: Any, held: Mapping[str, Any], withheld: frozenset[str]) -> dict[str, Any]:
    """Column → value, where the held one stays or fills the new one."""
    kept = {}
    for column, old in held.items():
        new = getattr(row, column)
        if column in _inside(withheld) and new is not None:
            new = json.loads(new)
        value = keep(new, old, column, withheld)
        if value != new:
            kept[column] = value
    return kept


def _blanked(row: Any, withheld: frozenset[str]) -> Any:
    changes: dict[str, Any] = {}
    for column in {path.split(".")[0] for path in withheld}:
        value = getattr(row, column)
        if column in _inside(withheld) and value is not None:
            without = _without(json.loads(value), column, withheld)
            changes[column] = json_text(without)
        else:
            changes[column] = None
    return row._replace(**changes)


def _without(value: Any, path: str, withheld: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_without(one, path, withheld) for one in value]
    if not isinstance(value, dict):
        return value
    inside = _inside(withheld).get(path, frozenset())
    return {
        name: one
        if name not in inside or one is None
        else _without(one, f"{path}.{name}", withheld)
        if f"{path}.{name}" in _inside(withheld)
        else None
        for name, one in value.items()
    }


def _held(
    lane: Lane, entity: Entity, columns: list[str], ids: list[str]
) -> Mapping[tuple[str, ...], Mapping[str, Any]]:
    wanted = ", ".join(dict.fromkeys((*entity.key, *columns)))
    with lane.connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            f"SELECT {wanted} FROM {entity.table} WHERE connector_id = %s AND {entity.record} = ANY(%s)",  # noqa: S608
            (lane.connector_id, ids),
        )
        return {
            tuple(row[name] for name in entity.key): {name: row[name] for name in columns} for row in cursor
        }


def _restage(lane: Lane, entity: Entity, key: tuple[str, ...], kept: Mapping[str, Any]) -> None:
    changes = ", ".join(f"{name} = %s" for name in kept)
    where = " AND ".join(f"{name} = %s" for name in entity.key)
    values = [json.dumps(one) if isinstance(one, dict | list) else one for one in kept.values()]
    lane.connection.execute(f"UPDATE {entity.stage} SET {changes} WHERE {where}", [*values, *key])  # noqa: S608
