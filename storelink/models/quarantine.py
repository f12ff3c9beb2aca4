"""Records that could not be understood, kept whole until they can."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, Uuid
from sqlmodel import SQLModel

from storelink.models.columns import JSON, TEXT, TIME, column, optional


class QuarantinedRecord(SQLModel, table=True):
    """One row per record that a pass set aside."""

    __tablename__ = "quarantined_record"

    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        primary_key=True,
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    resource: str = column(TEXT, "products, customers or orders.", primary_key=True)
    external_id: str = column(
        TEXT,
        "The store's id; where it has none, `?` and a digest of the payload.",
        primary_key=True,
    )
    payload: Any = optional(JSON, "The raw record; null if it could not be read at all.")
    error: str = column(TEXT, "Why it was set aside, in words.")
    seen: int = column(Integer, "How often it was met.", default=1)
    first_seen_at: datetime = column(TIME, "Database clock.")
    last_seen_at: datetime = column(TIME, "Database clock.")
