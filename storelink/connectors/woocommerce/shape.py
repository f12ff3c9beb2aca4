"""Reading fields of JSON that nobody promised anything about: ids, objects, lists. Pure.

PHP has one kind of array. An empty object may arrive as `[]`, an empty list as `{}` or "", and a
list with gaps as an object with numbers for keys; these are taken for what they mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from storelink.connectors.woocommerce.text import UNSTORABLE
from storelink.connectors.woocommerce.unfit import Unfit, shown

Record = dict[str, Any]
_MOST = 2**63
_DEEPEST = 200


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


def address(value: Any, name: str) -> str | None:
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


def json_text(value: Any) -> str:
    """JSON for a jsonb column. Keys are sorted, so that the same content is the same text.

    Raises `Unfit` if it is nested deeper than any tool reads.
    """
    try:
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits, lone surrogates, too many levels
        data = orjson.dumps(_tamed(value, 0), option=orjson.OPT_SORT_KEYS)
    if b"\\u0000" in data:
        data = orjson.dumps(_tamed(value, 0), option=orjson.OPT_SORT_KEYS)
    return data.decode()


def _tamed(value: Any, depth: int) -> Any:
    """What JSON and Postgres can both hold: U+FFFD for NUL and half characters, text for huge numbers."""
    if depth > _DEEPEST:
        raise Unfit(f"the record is nested more than {_DEEPEST} levels deep")
    if type(value) is str:
        return UNSTORABLE.sub("\ufffd", value)
    if type(value) is dict:
        return {_tamed(str(key), depth): _tamed(part, depth + 1) for key, part in value.items()}
    if type(value) is list:
        return [_tamed(part, depth + 1) for part in value]
    if type(value) is int and not -_MOST <= value < 2 * _MOST:
        return str(value) if value.bit_length() < 10_000 else None
    if value is None or type(value) in (bool, int, float):
        return value
    raise Unfit(f"the record holds a {type(value).__name__}, which is no JSON")
