"""The words by which orders are found, and how far they were gathered."""

import uuid
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, Uuid
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import SQLModel

from storelink.models.columns import TEXT, TIME, Moment, column, optional


class OrderWords(SQLModel, table=True):
    """One row per order: the words that it is found by. Gathered after the order was written.

    Not columns of platform_order: an index there is paid for by every pass, this one by nobody who waits.
    """

    __tablename__ = "order_words"
    __table_args__ = (Index("ix_order_words_words", "words", postgresql_using="gin"),)

    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        primary_key=True,
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    order_id: str = column(TEXT, "The store's id.", primary_key=True)
    created_at: Moment = optional(TIME, "When it was placed in the store: the order of what is found.")
    words: Any = column(
        TSVECTOR(),
        "Of its number, names, e-mail, SKUs and states (`paid=voided`); lower case, without accents.",
        nullable=False,
    )


class WordsFeed(SQLModel, table=True):
    """One row: how far the change feed was followed for order_words."""

    __tablename__ = "words_feed"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = column(Integer, "1.", primary_key=True, default=1, sa_column_kwargs={"autoincrement": False})
    epoch: uuid.UUID = column(Uuid, "Of the feed that seq belongs to; another one means: all anew.")
    seq: int = column(BigInteger, "The last event that was followed.")
    walk_store: uuid.UUID | None = optional(
        Uuid, "While all orders are gone through: the store of the last one done; null when that is over."
    )
    walk_order: str | None = optional(TEXT, "The last order done.")
