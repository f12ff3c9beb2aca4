"""Normalizing that never raises: a platform's normalizers by resource, and what stops them said. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from storelink.connectors.protocol import Ignored, Raw, Rejection, Rows
from storelink.connectors.unfit import Unfit

Normalizers = Mapping[str, Callable[[Raw, Mapping[str, Any]], Rows | Ignored]]
"""Resource → what makes rows of a record; it raises `Unfit`."""
Row = Mapping[str, Any]


def normalized(
    normalizers: Normalizers,
    known_id: Callable[[Any], str | None],
    resource: str,
    raw: Any,
    settings: Mapping[str, Any],
) -> Rows | Rejection | Ignored:
    """Rows of one raw record, or why there are none, whatever it is.

    `known_id` finds the id of a record that is not usable, if at least that is.
    """
    if not isinstance(raw, dict):
        return Rejection(None, f"the record is no JSON object: {type(raw).__name__}")
    try:
        return normalizers[resource](raw, settings)
    except Unfit as error:
        return Rejection(known_id(raw), str(error))
    except RecursionError:
        return Rejection(known_id(raw), "the record is nested too deeply")


def rebuilt(
    rebuilders: Mapping[str, Callable[[Sequence[Row]], Raw]], resource: str, rows: Sequence[Row]
) -> Raw:
    """The raw record from the stored rows of its first table; {} if there are none.

    Rows are mappings of columns, JSON columns decoded.
    """
    return rebuilders[resource](rows) if rows else {}
