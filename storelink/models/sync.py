"""How far each resource of each store is read, and what each pass did."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, Numeric, Uuid, text
from sqlmodel import SQLModel

from storelink.models.columns import JSON, TEXT, TIME, Moment, column, optional

_ZERO = {"server_default": text("0")}


class SyncState(SQLModel, table=True):
    """One row per store and resource: what the scheduler goes by."""

    __tablename__ = "sync_state"
    __table_args__ = (
        CheckConstraint("phase IN ('new', 'backfill', 'listing', 'live')", name="phase"),
        Index("ix_sync_state_next_due_at", "next_due_at"),
        Index("ix_sync_state_full_due_at", "full_due_at"),
    )

    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        primary_key=True,
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    resource: str = column(TEXT, "products, customers or orders.", primary_key=True)
    interval: int | None = optional(Integer, "Seconds between passes; null: the connector's.")
    phase: str = column(
        TEXT,
        "new; backfill (cursor says how far); listing (all read, comparing with the full list); live.",
        default="new",
        sa_column_kwargs={"server_default": "new"},
    )
    cursor: dict[str, Any] | None = optional(
        JSON, "Where an unfinished backfill goes on; the connector's own form."
    )
    watermark: Moment = optional(
        TIME,
        "The store's clock at the start of the last complete pass; the next asks from here, less an overlap.",
    )
    reads_from: Moment = optional(
        TIME,
        "Orders made earlier are read only when they change: the table lacks the others. Null: all are read,"
        " as all of products and customers always are.",
    )
    next_due_at: Moment = optional(TIME, "When the next incremental pass is due (database clock).")
    full_due_at: Moment = optional(
        TIME, "When the next verify is due, or the rest of an unfinished full read (database clock)."
    )
    last_success_at: Moment = optional(TIME, "When a pass last ran to its end (database clock).")
    last_verified_at: Moment = optional(TIME, "When a verify last ran to its end (database clock).")
    last_drift: int | None = optional(Integer, "Records that differed at the end of that verify.")
    verify_share: int = column(
        Integer,
        "Which thirtieth of the records the next daily verify reads whole, 0 to 29.",
        default=0,
        sa_column_kwargs=_ZERO,
    )
    consecutive_failures: int = column(
        Integer, "Passes in a row that failed.", default=0, sa_column_kwargs=_ZERO
    )
    last_error: str | None = optional(TEXT, "What the last failed pass said; null after a success.")
    full_token: int = column(
        BigInteger,
        "Fencing token of the lane of backfill and verify; each holder takes the next.",
        default=0,
        sa_column_kwargs=_ZERO,
    )
    poll_token: int = column(
        BigInteger, "Fencing token of the incremental lane.", default=0, sa_column_kwargs=_ZERO
    )
    list_seconds: Decimal | None = optional(Numeric(12, 3), "How long the last full list took, in seconds.")
    quiet_passes: int = column(
        BigInteger,
        "Passes since registration that changed nothing.",
        default=0,
        sa_column_kwargs=_ZERO,
    )
    quiet_requests: int = column(BigInteger, "Requests of those passes.", default=0, sa_column_kwargs=_ZERO)
    future_stamped: int = column(
        Integer,
        "Records the store stamps in the future, seen by the last pass.",
        default=0,
        sa_column_kwargs=_ZERO,
    )
    withheld: int = column(
        Integer,
        "Records that the store no longer has and that are kept until a person accepts it.",
        default=0,
        sa_column_kwargs=_ZERO,
    )
    ledger: dict[str, Any] | None = optional(
        JSON, "What the last verify found: counts, and the first records that differed."
    )
    accepted: int = column(
        Integer,
        "So many deletions a person accepted, for the next verify.",
        default=0,
        sa_column_kwargs=_ZERO,
    )
    rate: dict[str, Any] | None = optional(
        JSON, "What the store last said of its rate limit: points available, at most, and restored a second."
    )


class SyncRun(SQLModel, table=True):
    """Every pass that changed something or failed."""

    __tablename__ = "sync_run"
    __table_args__ = (Index("ix_sync_run_recent", "connector_id", "started_at"),)

    id: uuid.UUID = column(Uuid, "Made by storelink.", primary_key=True, default_factory=uuid.uuid4)
    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    resource: str = column(TEXT, "products, customers or orders.")
    kind: str = column(TEXT, "backfill, incremental, targeted, verify or renormalize.")
    status: str = column(TEXT, "running, done, failed or interrupted.")
    started_at: datetime = column(TIME, "Database clock.")
    finished_at: Moment = optional(TIME, "Null while it runs, or if its process was killed.")
    fetched: int = column(Integer, "Records that arrived.", default=0)
    inserted: int = column(Integer, "Records new to us.", default=0)
    updated: int = column(Integer, "Records whose content changed.", default=0)
    unchanged: int = column(Integer, "Records read again and found the same.", default=0)
    deleted: int = column(Integer, "Records trashed or gone in the store.", default=0)
    quarantined: int = column(Integer, "Records that could not be understood.", default=0)
    requests: int = column(Integer, "HTTP requests, retries included.", default=0)
    bytes: int = column(BigInteger, "Bytes of answers.", default=0)
    throttled_seconds: Decimal = column(
        Numeric(12, 3), "Seconds waited because the store asked for it.", default=Decimal(0)
    )
    error: str | None = optional(TEXT, "What went wrong, in words.")
