"""What is told in an answer, taken out of it: whatever is not as the schema says is an error by name. Pure.

Shopify keeps to its schema; what stands between it and us may not.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storelink.connectors.shopify.kind import Kind, key_of
from storelink.connectors.shopify.moment import needed
from storelink.connectors.unfit import Unfit, shown
from storelink.errors import Retryable

_ANY = "gid://shopify/"


@dataclass(frozen=True, slots=True)
class Part:
    """Some items of a connection, each an object. `end` is the cursor behind them, where there are `more`."""

    items: list[dict[str, Any]]
    more: bool
    end: Any


def connection(answer: Any, name: str) -> Part:
    """What `name` in `answer` has of a connection; nulls among its items are left out. Raises `Retryable`."""
    with as_documented(name):
        found = answer[name]
        info, items = found["pageInfo"], [item for item in found["nodes"] if item is not None]
        if not (isinstance(found["nodes"], list) and all(type(item) is dict for item in items)):
            raise TypeError("nodes is no list of objects")
        more = info["hasNextPage"]
        if type(more) is not bool:
            raise TypeError(f"hasNextPage is {shown(more)}")
        return Part(items, more, info["endCursor"] if more else None)


def key(node: Mapping[str, Any], kind: Kind | None = None) -> str:
    """The id of a record, of this kind. Raises `Retryable`."""
    gid = node.get("id")
    number = key_of(gid) if type(gid) is str and gid.startswith(kind.gid("") if kind else _ANY) else ""
    if not (number.isascii() and number.isdigit() and len(number) < 20):
        raise Retryable(f"Shopify's answer is not as documented: the id {shown(gid)}", code="shape")
    return number


def updated(node: Mapping[str, Any]) -> datetime:
    """When a record was changed last. Raises `Retryable`."""
    with as_documented("updatedAt"):
        return needed(node["updatedAt"], "updatedAt")


@contextmanager
def as_documented(name: str) -> Iterator[None]:
    """What fails in here while `name` is taken out of an answer ends as `Retryable`. Ask nothing in here."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, Unfit) as error:
        why = f"{name} ({type(error).__name__}: {error})"
        raise Retryable(f"Shopify's answer is not as documented: {why[:300]}", code="shape") from error


def advanced(before: str | None, after: Any) -> str:
    """The next cursor. Raises `Retryable` where a list goes round in a circle."""
    if not isinstance(after, str) or after == before:
        raise Retryable("Shopify's list does not go on: the cursor stays where it is", code="cursor")
    return after
