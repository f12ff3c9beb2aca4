"""What was asked of the store: one entry per request, secrets left out."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

_SECRET = frozenset((
    "consumer_key", "consumer_secret", "oauth_signature", "oauth_consumer_key",
    "client_secret", "code", "access_token", "refresh_token", "hmac", "signature",
))  # fmt: skip


@dataclass(slots=True)
class Entry:
    """`at` in the store's seconds; `status` 0 where the connection was dropped; `size` of the body.

    `operation` is the name of the GraphQL operation, if any.
    """

    number: int
    at: float
    method: str
    path: str
    query: str
    status: int
    size: int
    seconds: float
    faults: tuple[str, ...] = ()
    operation: str = ""


class Journal:
    """The last requests, and how many there were."""

    def __init__(self, keep: int = 20_000) -> None:
        self.entries: deque[Entry] = deque(maxlen=keep)
        self.count = 0
        self._open: dict[int, tuple[float, Entry]] = {}

    @contextmanager
    def working(self, entry: Entry) -> Iterator[None]:
        """The store is at it, whether anybody still listens or not."""
        self._open[id(entry)] = (time.monotonic(), entry)
        try:
            yield
        finally:
            del self._open[id(entry)]

    def in_hand(self) -> list[dict[str, Any]]:
        """What was taken and is not done with: method, path, operation, and `age` in seconds."""
        return [
            {"method": one.method, "path": one.path, "operation": one.operation,
             "age": time.monotonic() - since}
            for since, one in self._open.values()
        ]  # fmt: skip

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)

    def number(self) -> int:
        self.count += 1
        return self.count

    def clear(self) -> None:
        self.entries.clear()
        self.count = 0


def tidy(query: str) -> str:
    """A query string without what signs it or opens doors."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode([(k, v) for k, v in pairs if k not in _SECRET and not k.startswith("oauth_")])
