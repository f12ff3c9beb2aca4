"""Windows of creation times, so that several bulk operations read one list at once. Pure.

A record's creation never changes: half-open windows share records out, each to one of them. Ends are
whole seconds, as a filter takes them.
Docs: https://shopify.dev/docs/api/usage/bulk-operations/queries and …/usage/search-syntax
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from storelink.connectors.shopify import queries
from storelink.connectors.shopify.walk import made_since, zulu

PARTS = 5
"""Bulk operations of an app that a shop runs at once."""
LARGE = 200_000
"""Orders above which several operations read them; below, one takes minutes."""

_NAMED = re.compile(r"query \w+?_(\d+)_(\d+)_(\d+)(?:_(\d+))? ")


@dataclass(frozen=True, slots=True)
class Plan:
    """`parts` windows that cover all time, or all since a moment; cut evenly between two more.

    All of them in seconds since 1970.
    """

    first: int
    last: int
    parts: int
    since: int | None = None

    @classmethod
    def between(cls, oldest: datetime, now: datetime, since: datetime | None = None) -> Self | None:
        """For records of which the first was created at `oldest`; None where there is nothing to cut."""
        first, last = int(max(0.0, oldest.timestamp())), int(now.timestamp())
        bound = None if since is None else int(since.timestamp())
        return cls(first, last, PARTS, bound) if last - first >= PARTS else None

    def texts(self, query: str) -> list[str]:
        """The bulk query of each window.

        The operation's name tells the plan: a process that knows nothing else finds it again.
        """
        span = self.last - self.first
        cuts = [self.first + span * part // self.parts for part in range(1, self.parts)]
        least = None if self.since is None else _moment(self.since)
        lower = [made_since(since) or "" for since in (least, *map(_moment, cuts))]
        upper = [*(f"created_at:<'{zulu(_moment(cut))}'" for cut in cuts), ""]
        bound = "" if self.since is None else f"_{self.since}"
        name = f"_{self.first}_{self.last}_{self.parts}{bound} {{"
        named = query.replace(" {", name, 1)
        return [
            queries.filtered(named, f"{low} {high}".strip()) for low, high in zip(lower, upper, strict=True)
        ]


def plan_of(text: str, query: str, since: datetime | None = None) -> Plan | None:
    """The plan that this operation belongs to, if it reads a window of what `query` reads since then."""
    named = _NAMED.match(text)
    if named is None:
        return None
    first, last, parts, bound = (None if one is None else int(one) for one in named.groups())
    assert first is not None and last is not None and parts is not None
    wanted = None if since is None else int(since.timestamp())
    known = 2 <= parts <= PARTS and first < last < 2**34 and bound == wanted
    plan = Plan(first, last, parts, bound)
    return plan if known and text in plan.texts(query) else None


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
