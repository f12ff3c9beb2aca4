"""What was asked of the store: one entry per request, secrets left out."""

from collections import deque
from dataclasses import dataclass
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
