"""Master keys by id, never the keys themselves, and which process can open which."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Integer, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import SQLModel

from storelink.models.columns import TEXT, TIME, Moment, column, optional


class MasterKey(SQLModel, table=True):
    """One row per master key that this database has known; at most one of them is current."""

    __tablename__ = "master_key"
    __table_args__ = (
        CheckConstraint("status IN ('current', 'added', 'retired')", name="status"),
        Index(
            "ix_master_key_current",
            "status",
            unique=True,
            postgresql_where=text("status = 'current'"),
        ),
    )

    key_id: str = column(
        TEXT,
        "The key's name, as its provider gives it; derived from the key if storelink made it.",
        primary_key=True,
    )
    status: str = column(
        TEXT,
        "current (what is sealed is sealed with it), added (known; opens, does not seal) or retired (no row needs it).",
    )
    check_value: bytes = column(
        LargeBinary, "HMAC-SHA256 under the key: tells another key of the same id apart."
    )
    added_at: datetime = column(
        TIME,
        "When it became known (database clock).",
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.now()},
    )
    current_since: Moment = optional(
        TIME, "When it last became current (database clock); null if it never was."
    )
    retired_at: Moment = optional(TIME, "When it was retired (database clock).")


class KeyReport(SQLModel, table=True):
    """One row per running process that can open secrets: its word on which keys it holds."""

    __tablename__ = "key_report"

    process: str = column(TEXT, "Host, process id and start time; unique over restarts.", primary_key=True)
    host: str = column(TEXT, "Name of the machine.")
    pid: int = column(Integer, "Process id there.")
    key_ids: list[str] = column(ARRAY(TEXT), "Master keys that it holds and found to be right.")
    seen_at: datetime = column(TIME, "When it last reported (database clock).")
