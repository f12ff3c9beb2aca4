"""Who did what, and who must stay forgotten."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, Uuid, func
from sqlmodel import SQLModel

from storelink.models.columns import JSON, TEXT, TIME, column, optional


class AuditEvent(SQLModel, table=True):
    """One row per deed of a person or of storelink itself; secrets are never in it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_at", "at"),
        Index("ix_audit_event_subject", "connector_id", "subject"),
    )

    id: int | None = column(
        BigInteger,
        "Order of writing.",
        primary_key=True,
        default=None,
        sa_column_args=(Identity(always=False),),
    )
    at: datetime = column(
        TIME,
        "Database clock.",
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": func.clock_timestamp()},
    )
    actor: str = column(TEXT, "Who: `cli:<system user>`, an API user, or `storelink`.")
    action: str = column(TEXT, "What, such as `connector.add`.")
    connector_id: uuid.UUID | None = optional(
        Uuid, "Which store; kept after the store is removed, so it is no foreign key."
    )
    subject: str | None = optional(TEXT, "Which order, request or record.")
    detail: dict[str, Any] = column(JSON, "What else is worth knowing.", default_factory=dict)


class ErasedSubject(SQLModel, table=True):
    """Keyed digests of erased people, so that no later read brings them back."""

    __tablename__ = "erased_subject"

    connector_id: uuid.UUID = column(
        Uuid,
        "The store.",
        primary_key=True,
        sa_column_args=(ForeignKey("connector_config.id", ondelete="CASCADE"),),
    )
    digest: bytes = column(
        LargeBinary, "HMAC-SHA256 of a customer id, e-mail, phone or order id.", primary_key=True
    )
    kind: str = column(TEXT, "customer, email, phone or order.")
    erased_at: datetime = column(TIME, "Database clock.")
