"""What we know of each record in the store: the table that lists are compared with."""

import uuid

from sqlalchemy import CheckConstraint, Index, Integer, LargeBinary, Uuid, text
from sqlmodel import SQLModel

from storelink.models.columns import TEXT, TIME, Moment, column, optional

STATES = ("held", "stub", "unsettled", "quarantined", "partial", "gone", "out_of_sight")


class SourceRecord(SQLModel, table=True):
    """One row per record of a store that we have seen, whether it still exists there or not."""

    __tablename__ = "source_record"
    __table_args__ = (
        CheckConstraint(
            "state IN ('held', 'stub', 'unsettled', 'quarantined', 'partial', 'gone', 'out_of_sight')",
            name="state",
        ),
        Index(
            "ix_source_record_due",
            "connector_id",
            "resource",
            "due_since",
            postgresql_where=text("due_since IS NOT NULL"),
        ),
        Index(
            "ix_source_record_gone",
            "connector_id",
            "resource",
            "gone_at",
            postgresql_where=text("gone_at IS NOT NULL"),
        ),
    )

    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        primary_key=True,
    )
    resource: str = column(TEXT, "products, customers or orders.", primary_key=True)
    record_id: str = column(TEXT, "The store's id; of a product, not of its variants.", primary_key=True)
    state: str = column(
        TEXT,
        "held; stub (named by another record, not read yet); unsettled (changed under 2 s before it "
        "was read); quarantined; partial (protected fields withheld); gone (the store says it does not exist); out_of_sight.",
    )
    version: Moment = optional(
        TIME, "The store's modification time as the record itself shows it, whole seconds."
    )
    listed_version: Moment = optional(TIME, "The modification time under which the store's list showed it.")
    parts: str | None = optional(
        TEXT,
        "Digest of the ids of its parts as a list shows them: an order's refunds, a product's variations.",
    )
    content_hash: bytes | None = optional(
        LargeBinary, "BLAKE2b-128 over the rows and the raw record without volatile keys."
    )
    normalizer: int | None = optional(Integer, "Version of the normalizer that made the rows.")
    read_started_at: Moment = optional(TIME, "When the read that brought it began (database clock).")
    read_finished_at: Moment = optional(TIME, "When that read had arrived (database clock).")
    due_since: Moment = optional(
        TIME, "Since when it must be read again; null if it need not (database clock)."
    )
    retry_after: Moment = optional(TIME, "Not before this time (database clock).")
    attempts: int = column(
        Integer,
        "Reads in a row that brought no answer.",
        default=0,
        sa_column_kwargs={"server_default": text("0")},
    )
    gone_at: Moment = optional(TIME, "When the store first said that it does not exist (database clock).")
