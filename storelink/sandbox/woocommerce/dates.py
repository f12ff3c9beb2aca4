"""The date filters of lists, with the four ways a store reads a time (facts §3).

WordPress turns what was sent into a moment, the moment into the store's wall clock, and compares
that wall clock with a column: the UTC column if `dates_are_gmt`, else the local one (products) or
the UTC column after turning it back (orders). Every trap follows from these three steps.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from storelink.sandbox.woocommerce.answers import invalid_param
from storelink.sandbox.woocommerce.php import Query

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
#: parameter → (column, later than it)
BOUNDS = {
    "after": ("created", True),
    "before": ("created", False),
    "modified_after": ("modified", True),
    "modified_before": ("modified", False),
}
TRUE = frozenset(("1", "true", "TRUE", "True", "yes", "on"))


def moment(name: str, text: str, zone: tzinfo) -> int:
    """What was sent as seconds since 1970; without an offset it is the store's wall clock."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise invalid_param(name, "Invalid date.", "rest_invalid_date")
    day, clock, offset = form.groups()
    offset = {None: "", "Z": "+00:00"}.get(offset, offset if offset and len(offset) > 3 else f"{offset}:00")
    try:
        parsed = datetime.fromisoformat(f"{day}T{clock}{offset}")
    except ValueError:
        raise invalid_param(name, "Invalid date.", "rest_invalid_date") from None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone)  # in a spring gap this is an hour on, as in PHP
    return int(parsed.timestamp())


def wall(stamp: int, zone: tzinfo) -> int:
    """The store's wall clock at a moment, as a number that orders like the clock face."""
    face = datetime.fromtimestamp(stamp, zone)
    return int(face.replace(tzinfo=UTC).timestamp())


def unwall(face: int, zone: tzinfo) -> int:
    """The (first) moment at which the store's wall clock shows this."""
    shown = datetime.fromtimestamp(face, UTC)
    return int(shown.replace(tzinfo=zone, fold=0).timestamp())


def bound(name: str, query: Query, zone: tzinfo, *, local: bool) -> Callable[[int], bool]:
    """A test for the column of this bound; `local` stores keep the wall clock beside UTC. Exclusive."""
    later = BOUNDS[name][1]
    face = wall(moment(name, str(query[name]), zone), zone)
    if str(query.get("dates_are_gmt", "")) in TRUE:
        limit = face
    elif local:
        return lambda stamp: wall(stamp, zone) > face if later else wall(stamp, zone) < face
    else:
        limit = unwall(face, zone)
    return lambda stamp: stamp > limit if later else stamp < limit
