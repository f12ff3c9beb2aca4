"""The change feed: which unified row changed, in commit order."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, Uuid, func, text
from sqlmodel import SQLModel

from storelink.models.columns import TEXT, TIME, column, optional


class ChangeEvent(SQLModel, table=True):
    """One row per change of a unified row, written in the transaction of the change."""

    __tablename__ = "change_event"
    __table_args__ = (
        Index("ix_change_event_seq", "seq", unique=True, postgresql_where=text("seq IS NOT NULL")),
        Index("ix_change_event_unpublished", "id", postgresql_where=text("seq IS NULL")),
    )

    id: int | None = column(
        BigInteger,
        "Order of writing, not of committing.",
        primary_key=True,
        default=None,
        sa_column_args=(Identity(always=False),),
    )
    seq: int | None = optional(BigInteger, "Order of committing, given by the publisher; null until then.")
    connector_id: uuid.UUID = column(Uuid, "The store; no foreign key, as in a log.")
    entity: str = column(TEXT, "product, customer or order.")
    key: str = column(TEXT, "variant_id, customer_id or order_id.")
    op: str = column(TEXT, "insert, update or delete.")
    at: datetime = column(
        TIME,
        "When it was written (database clock).",
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.clock_timestamp()},
    )


class ChangeFeed(SQLModel, table=True):
    """One row: how far the feed is numbered. It outlives the events that retention deletes."""

    __tablename__ = "change_feed"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = column(Integer, "1.", primary_key=True, default=1, sa_column_kwargs={"autoincrement": False})
    epoch: uuid.UUID = column(
        Uuid, "Changes when numbers may have been given twice: the database was restored or moved."
    )
    last_seq: int = column(BigInteger, "The last number given.")
    cut_seq: int = column(BigInteger, "Events up to this one may have been deleted.")
    server: str = column(TEXT, "The server it is numbered on; another one means another epoch.")
