"""What a field's value is: a part of an order, or a page of a connection."""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storelink.sandbox.shopify.context import Run
from storelink.sandbox.shopify.refusal import bad_request

#: a list of anything stops here, however many pages are asked for (facts §3)
MOST_OBJECTS = 25_000
MOST_ITEMS = 250
Key = tuple[Any, int]


class Part(dict[str, Any]):
    """A document that hangs on another: `owner` has the currencies."""

    __slots__ = ("owner",)

    def __init__(self, doc: Mapping[str, Any], owner: Any) -> None:
        super().__init__(doc)
        self.owner = owner


class Page:
    """A page of a connection: items, and how to make a node of one."""

    __slots__ = ("_nodes", "cursor", "has_next", "has_previous", "items", "load")

    def __init__(
        self,
        items: Sequence[Any],
        cursor: Callable[[Any], str],
        load: Callable[[Any], Any],
        has_next: bool = False,
        has_previous: bool = False,
    ) -> None:
        self.items = items
        self.cursor = cursor
        self.load = load
        self.has_next = has_next
        self.has_previous = has_previous
        self._nodes: list[Any] | None = None

    def nodes(self) -> list[Any]:
        """The nodes; what the index still lists but is gone is left out."""
        if self._nodes is None:
            self._nodes = [node for node in map(self.load, self.items) if node is not None]
        return self._nodes

    def edges(self) -> list[dict[str, Any]]:
        pairs = ((item, self.load(item)) for item in self.items)
        return [{"cursor": self.cursor(item), "node": node} for item, node in pairs if node is not None]

    def info(self) -> dict[str, Any]:
        return {
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
            "startCursor": self.cursor(self.items[0]) if self.items else None,
            "endCursor": self.cursor(self.items[-1]) if self.items else None,
        }


def write_cursor(key: Key) -> str:
    """An opaque cursor: the sort key's value and the id of the last record seen."""
    value, record = key
    return base64.b64encode(json.dumps({"last_id": record, "last_value": value}).encode()).decode()


def read_cursor(text: str, like: Key | None) -> Key:
    """The reverse; a cursor of another sort key is refused, as far as it can be told."""
    try:
        told = json.loads(base64.b64decode(text, validate=True))
        key = (told["last_value"], int(told["last_id"]))
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise bad_request(f"Invalid cursor: {text!r}") from None
    if like is not None and (type(key[0]) is not type(like[0]) or (like[0] == like[1]) != (key[0] == key[1])):
        raise bad_request("Invalid cursor for current pagination sort.")
    return key


def page_of(
    run: Run,
    args: Mapping[str, Any],
    items: Sequence[Any],
    key: Callable[[Any], Key],
    load: Callable[[Any], Any],
    most: int = MOST_ITEMS,
) -> Page:
    """The page that first, last, after, before and reverse ask for, of items that are sorted by `key`."""

    def cursor(item: Any) -> str:
        return write_cursor(key(item))

    reverse = bool(args.get("reverse"))
    if run.context.unlimited:
        return Page(items[::-1] if reverse else items, cursor, load)
    first, last = _size(args, most)
    low, high = 0, len(items)
    like = key(items[0]) if items else None
    after, before = args.get("after"), args.get("before")
    if reverse:
        after, before = before, after
    if after:
        low = bisect_right(items, read_cursor(after, like), key=key)
    if before:
        high = bisect_left(items, read_cursor(before, like), key=key)
    # nothing beyond the 25,000th object is served, from whichever end it is counted
    if reverse:
        low = max(low, len(items) - MOST_OBJECTS)
    else:
        high = min(high, MOST_OBJECTS)
    high = max(low, high)
    if (first is not None) != reverse:
        start, end = low, min(high, low + _given(first, last))
    else:
        start, end = max(low, high - _given(first, last)), high
    chosen = list(items[start:end])
    if reverse:
        chosen.reverse()
        more = start > low if first is not None else start > 0
        return Page(chosen, cursor, load, more, end < len(items))
    more = end < high if first is not None else end < len(items)
    return Page(chosen, cursor, load, more, start > 0)


def _given(first: int | None, last: int | None) -> int:
    return first if first is not None else (last or 0)


def _size(args: Mapping[str, Any], most: int) -> tuple[int | None, int | None]:
    first, last = args.get("first"), args.get("last")
    if first is None and last is None:
        raise bad_request("you must provide one of first or last")
    if first is not None and last is not None:
        raise bad_request("providing both first and last is not supported")
    name, size = ("first", first) if first is not None else ("last", last)
    if size is not None and size > most:
        raise bad_request(f"{name} cannot exceed {most}")
    if size is not None and size < 0:
        raise bad_request(f"{name} must be a non-negative number")
    return first, last


def list_page(
    run: Run, args: Mapping[str, Any], parts: Sequence[Any], load: Callable[[Any], Any] | None = None
) -> Page:
    """A page of a list that is kept in its order: the place in it is the sort key."""
    places = list(range(len(parts)))
    ids = [int(part["id"]) for part in parts]

    def key(place: int) -> Key:
        return str(place).rjust(6, "0"), ids[place]

    def at(place: int) -> Any:
        return parts[place] if load is None else load(parts[place])

    return page_of(run, args, places, key, at)
