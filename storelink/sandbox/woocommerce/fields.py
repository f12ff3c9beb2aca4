"""`_fields`: picking some keys out of records."""

from typing import Any

from storelink.sandbox.clock import written
from storelink.sandbox.drawer import Row
from storelink.sandbox.woocommerce.php import Query, texts

Picked = dict[str, Any]
_QUICK = frozenset(("id", "date_modified_gmt"))


def wanted(query: Query) -> tuple[str, ...]:
    """The names asked for, () for everything."""
    return tuple(dict.fromkeys(texts(query["_fields"]))) if query.get("_fields") else ()


def tree(names: tuple[str, ...]) -> Picked:
    """`("id", "billing.email")` → `{"id": True, "billing": {"email": True}}`."""
    root: Picked = {}
    for name in names:
        at: Any = root
        *above, last = name.split(".")
        for part in above:
            deeper = at.get(part)
            if not isinstance(deeper, dict):
                if deeper is True:
                    break
                deeper = at[part] = {}
            at = deeper
        else:
            at[last] = True
    return root


def pick(doc: Any, names: Picked) -> Any:
    """The keys asked for in the record's own order. Nothing found is an empty list, as in PHP.

    Inside a list no name fits, so `line_items.sku` leaves an empty list.
    """
    if isinstance(doc, list):
        return []
    found = {}
    for key, value in doc.items():
        below = names.get(key)
        if below is True:
            found[key] = value
        elif isinstance(below, dict):
            found[key] = pick(value, below) if isinstance(value, dict | list) else value
    return found or []


def quick(names: tuple[str, ...]) -> bool:
    """Whether the index alone answers this."""
    return set(names) <= _QUICK and "id" in names


def quick_bytes(row: Row, names: tuple[str, ...]) -> bytes:
    if len(names) == 1:
        return b'{"id":%d}' % row.id
    changed = "null" if row.modified is None else f'"{written(row.modified)}"'
    return f'{{"id":{row.id},"date_modified_gmt":{changed}}}'.encode()
