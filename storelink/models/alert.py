"""What a person was told of, once, and whether it is over."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, Uuid, text
from sqlmodel import SQLModel

from storelink.models.columns import TEXT, TIME, Moment, column, optional


class Alert(SQLModel, table=True):
    """One row per trouble, from when it was found until it was over; at most one of a kind is open."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "ix_alert_open",
            "connector_id",
            "kind",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_alert_untold", "id", postgresql_where=text("told_at IS NULL OR over_told_at IS NULL")),
    )

    id: int | None = column(
        BigInteger,
        "Order of finding.",
        primary_key=True,
        default=None,
        sa_column_args=(Identity(always=False),),
    )
    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    kind: str = column(TEXT, "auth_failed, store_down, drift, …")
    words: str = column(TEXT, "What is so, for people.")
    opened_at: datetime = column(TIME, "When it was found (database clock).")
    closed_at: Moment = optional(TIME, "When it was over; null while it lasts.")
    told_at: Moment = optional(TIME, "When STORELINK_ALERT_URL took it.")
    over_told_at: Moment = optional(TIME, "When STORELINK_ALERT_URL took that it is over.")
    attempts: int = column(
        Integer, "Tries to tell that failed.", default=0, sa_column_kwargs={"server_default": text("0")}
    )
