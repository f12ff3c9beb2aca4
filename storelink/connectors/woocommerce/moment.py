"""Times as WooCommerce writes them. Pure.

`*_gmt` fields are UTC without saying so, `2026-11-21T07:38:50`; the field without `_gmt` is the
same moment on the store's own clock. Unset times are null, or what PHP makes of MySQL's zero date.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from storelink.connectors.unfit import Unfit, shown


def moment(record: Mapping[str, Any], name: str, settings: Mapping[str, Any]) -> datetime | None:
    """The field `<name>_gmt`, or `<name>` in the store's time zone; None if unset.

    Raises `Unfit` if what is there is no time between the years 2 and 9998.
    """
    text = record.get(name + "_gmt")
    if text:
        found = _parsed(text, UTC, name + "_gmt")
        if found is not None:
            return found
    text = record.get(name)
    return _parsed(text, zone(settings), name) if text else None


def moment_or_none(record: Mapping[str, Any], name: str, settings: Mapping[str, Any]) -> datetime | None:
    """The same for a time that nothing depends on: junk counts as unset."""
    try:
        return moment(record, name, settings)
    except Unfit:
        return None


def gmt(value: Any) -> datetime | None:
    """A `*_gmt` value alone; None if unset or junk."""
    try:
        return _parsed(value, UTC, "") if value else None
    except Unfit:
        return None


def zone(settings: Mapping[str, Any]) -> tzinfo:
    """The store's time zone: by name, else by its hours from UTC, else UTC."""
    name = settings.get("time_zone")
    try:
        if isinstance(name, str) and name:
            return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        pass  # WordPress also allows "UTC+5.5" and names that this machine does not have
    try:
        return timezone(timedelta(hours=float(settings.get("gmt_offset") or 0)))
    except (TypeError, ValueError, OverflowError):
        return UTC


def _parsed(value: Any, where: tzinfo, name: str) -> datetime | None:
    try:
        if where is UTC and len(value) == 19:
            found = datetime.fromisoformat(value + "Z")
        else:
            found = _with_zone(value, where)
    except (ValueError, TypeError, OverflowError, AttributeError):
        if isinstance(value, str) and _unset(value):
            return None
        raise Unfit(f"{name} is no time: {shown(value)}") from None
    if 1 < found.year < 9999:
        return found
    if found.year <= 1:
        return None
    raise Unfit(f"{name} is out of range: {shown(value)}")


def _with_zone(value: str, where: tzinfo) -> datetime:
    if len(value) < 19 or value[10] not in "T ":
        raise ValueError(value)
    found = datetime.fromisoformat(value)
    return (found if found.tzinfo else found.replace(tzinfo=where)).astimezone(UTC)


def _unset(text: str) -> bool:
    """0000-00-00 00:00:00, or -0001-11-30T00:00:00, which is the same after PHP read it."""
    return text.startswith(("0000", "-000"))
