"""When credentials may see more, or less, than before: what was partial or hidden is read again."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from storelink.models import ConnectorConfig

SIGHT = ("scopes", "all_orders", "protected")
"""The settings that say what the credentials may see; see `protocol.Checkup`."""


def look_again(session: Session, row: ConnectorConfig, learnt: Mapping[str, Any]) -> None:
    """Make partial and hidden records due, if `learnt` says another sight than the store's settings."""
    if any(name in learnt and learnt[name] != row.settings.get(name) for name in SIGHT):
        session.connection().execute(text(_DUE), {"connector": row.id})


# Rows are locked in the order of their ids, as every pass locks them.
_DUE = """
WITH hidden AS MATERIALIZED (
    SELECT resource, record_id FROM source_record
    WHERE connector_id = :connector AND state IN ('partial', 'out_of_sight')
    ORDER BY resource, record_id FOR UPDATE
)
UPDATE source_record h SET due_since = clock_timestamp(), retry_after = NULL FROM hidden
WHERE h.connector_id = :connector AND h.resource = hidden.resource AND h.record_id = hidden.record_id
"""
