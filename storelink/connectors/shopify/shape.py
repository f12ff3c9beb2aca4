"""Reading fields of GraphQL answers: ids, objects, lists. Pure.

Shopify's answers keep to a schema, but what is stored may have come through proxies, older versions
or our own mistakes: whatever is not as the schema says is refused by name, never guessed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from storelink.connectors.rows import Json
from storelink.connectors.storable import json_text
from storelink.connectors.unfit import Unfit, shown

Record = dict[str, Any]


@cache
def _ids(kind: str) -> Callable[[str], re.Match[str] | None]:
    """What finds the number in an id of that kind."""
    return re.compile(rf"gid://shopify/{kind}/([1-9][0-9]{{0,18}})(?:\?.*)?", re.DOTALL).fullmatch


def gid(value: Any, kind: str, name: str) -> str:
    """The number in `gid://shopify/<kind>/<number>`, as text; a query string after it is left out."""
    if type(value) is str and (found := _ids(kind)(value)):
        return found[1]
    raise Unfit(f"{name} is no id of {kind}: {shown(value)}")


def named_id(record: Mapping[str, Any], name: str, kind: str) -> str | None:
    """The id of the object in a field; None where the field is null: a guest, a deleted product."""
    found = record.get(name)
    if found is None:
        return None
    if type(found) is not dict:
        raise Unfit(f"{name} is no object: {type(found).__name__}")
    try:
        return gid(found.get("id"), kind, "id")
    except Unfit as error:
        raise error.within(name) from None


def known_id(record: Any) -> str | None:
    """The id of a record that is not usable, if at least that is."""
    try:
        number = str(record["id"]).rpartition("/")[2].partition("?")[0]
    except (TypeError, KeyError, IndexError, ValueError):
        return None
    return number if number.isascii() and number.isdecimal() and len(number) < 20 else None


def records(record: Mapping[str, Any], name: str) -> Sequence[Record]:
    """A list of objects that must have been read. Raises `Unfit` where it is not there.

    A connection that was left as `nodes` or `edges` is refused too: it may go on elsewhere.
    """
    found = record.get(name)
    if type(found) is not list:
        why = "is missing" if found is None else f"is no list: {type(found).__name__}"
        raise Unfit(f"{name} {why}")
    for item in found:
        if type(item) is not dict:
            raise Unfit(f"{name}[{found.index(item)}] is no object: {type(item).__name__}")
    return found


def an_object(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in a field; empty where the field is null. Raises `Unfit` for anything else."""
    found = record.get(name)
    if found is None:
        return {}
    if type(found) is not dict:
        raise Unfit(f"{name} is no object: {type(found).__name__}")
    return found


def flag(record: Mapping[str, Any], name: str) -> bool:
    """A field that is true or false; null and a missing one count as false."""
    found = record.get(name)
    if found is True or found is False or found is None:
        return found is True
    raise Unfit(f"{name} is neither true nor false: {shown(found)}")


def word(record: Mapping[str, Any], name: str) -> str | None:
    """A value of an enum; None where it is null."""
    found = record.get(name)
    if found is None:
        return None
    if type(found) is str and found.isascii() and found.isprintable() and 0 < len(found) <= 100:
        return found
    raise Unfit(f"{name} is no word: {shown(found)}")


def address(record: Mapping[str, Any], name: str) -> Json | None:
    """An address as JSON; None if nothing is in it but its id or a phone number."""
    found = an_object(record, name)
    for key, part in found.items():
        if part and key not in ("id", "phone"):
            return json_text(found)
    return None
