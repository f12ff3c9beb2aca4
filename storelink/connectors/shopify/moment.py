"""Times as Shopify writes them, `2026-06-30T13:24:58Z`. Pure.

Docs: https://shopify.dev/docs/api/admin-graphql/latest/scalars/DateTime
"""

from datetime import UTC, datetime
from typing import Any

from storelink.connectors.unfit import Unfit, shown


def moment(value: Any, name: str) -> datetime | None:
    """A time of the years 2 to 9998 as UTC; None for null. Raises `Unfit` naming the field."""
    if value is None:
        return None
    try:
        if len(value) < 19 or value[10] != "T":
            raise ValueError(value)
        found = datetime.fromisoformat(value)
        if found.tzinfo is not UTC:
            if found.tzinfo is None:
                raise ValueError(value)
            found = found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, AttributeError, KeyError):
        raise Unfit(f"{name} is no time: {shown(value)}") from None
    if 1 < found.year < 9999:
        return found
    raise Unfit(f"{name} is out of range: {shown(value)}")


def needed(value: Any, name: str) -> datetime:
    """The same where the schema knows no null."""
    found = moment(value, name)
    if found is None:
        raise Unfit(f"{name} is missing")
    return found


def moment_or_none(value: Any) -> datetime | None:
    """The same for a time that nothing depends on: junk counts as unset."""
    try:
        return moment(value, "")
    except Unfit:
        return None
