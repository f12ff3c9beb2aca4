"""How columns are declared: every one with its type and a sentence on its unit and source."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, MetaData, Numeric, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

MONEY = Numeric(19, 4)
QUANTITY = Numeric(19, 4)
TIME = DateTime(timezone=True)
TEXT = Text()
JSON = JSONB()


def column(sa_type: Any, comment: str, **field: Any) -> Any:
    """A column whose comment goes to the database and to docs/data-model.md.

    `field` takes what `sqlmodel.Field` takes (default, primary_key, nullable, index …).
    """
    kwargs = {"comment": comment, **field.pop("sa_column_kwargs", {})}
    return Field(sa_type=sa_type, description=comment, sa_column_kwargs=kwargs, **field)


def optional(sa_type: Any, comment: str, **field: Any) -> Any:
    """A nullable column, null where the store gives nothing."""
    return column(sa_type, comment, default=None, nullable=True, **field)


def synced_at() -> Any:
    """When storelink last wrote the row, by the database's clock."""
    return column(
        TIME, "When storelink last wrote this row (database clock).", nullable=False,
        sa_column_kwargs={"server_default": func.now()},
    )  # fmt: skip


Moment = datetime | None
