"""Reading fields of JSON that nobody promised anything about: ids, objects, lists. Pure.

PHP has one kind of array. An empty object may arrive as `[]`, an empty list as `{}` or "", and a
list with gaps as an object with numbers for keys; these are taken for what they mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storelink.connectors.rows import Json
from storelink.connectors.storable import json_text
from storelink.connectors.unfit import Unfit, shown

Record = dict[str, Any]
_MOST = 2**63


def record_id(value: Any, name: str) -> str:
    """An id as text: a positive integer below 2^63, given as a number or as digits."""
    if type(value) is int:
        if 0 < value < _MOST:
            return str(value)
    elif type(value) is str and value.isascii() and value.isdigit() and len(value) < 20:
        return record_id(int(value), name)
    raise Unfit(f"{name} is no id: {shown(value)}")


def optional_id(value: Any, name: str) -> str | None:
    """The same; None for 0, "", null and false, by which WooCommerce says that there is none."""
    if type(value) is int and 0 < value < _MOST:
        return str(value)
    if not value or value == "0":
        return None
    return record_id(value, name)


def known_id(record: Any) -> str | None:
    """The id of a record that is not usable, if at least that is."""
    try:
        return record_id(record["id"], "id")
    except (Unfit, TypeError, KeyError, IndexError):
        return None


def a_list(value: Any, name: str) -> Sequence[Any]:
    """A list, or what PHP makes of one. Raises `Unfit` for anything else."""
    if type(value) is list:
        return value
    if not value:
        return ()
    if isinstance(value, dict) and all(key.isdigit() for key in value if isinstance(key, str)):
        return list(value.values())
    raise Unfit(f"{name} is no list: {type(value).__name__}")


def records(value: Any, name: str) -> Sequence[Record]:
    """A list of objects."""
    found = a_list(value, name)
    for place, item in enumerate(found):
        if type(item) is not dict:
            raise Unfit(f"{name}[{place}] is no object: {type(item).__name__}")
    return found


def an_object(value: Any, name: str) -> Mapping[str, Any]:
    """An object; empty for null, "" and `[]`. Raises `Unfit` for anything else."""
    if type(value) is dict:
        return value
    if not value:
        return {}
    raise Unfit(f"{name} is no object: {type(value).__name__}")


def address(value: Any, name: str) -> Json | None:
    """An address as JSON; None if nothing is in it but an e-mail or a phone number."""
    found = an_object(value, name)
    for key, part in found.items():
        if part and key not in ("email", "phone"):
            return json_text(found)
    return None


def meta(record: Mapping[str, Any], key: str) -> Any:
    """The value of a record's `meta_data` entry, None if it has none. Never fails."""
    entries = record.get("meta_data")
    if isinstance(entries, list):
        for entry in entries:
            if type(entry) is dict and entry.get("key") == key:
                return entry.get("value")
    return None
