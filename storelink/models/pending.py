"""A store that somebody is connecting: kept until it is registered, or for an hour."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, LargeBinary, Uuid
from sqlmodel import SQLModel

from storelink.models.columns import JSON, TEXT, TIME, Moment, column, optional


class PendingStore(SQLModel, table=True):
    """One row per store that is being connected in the console. Sealed as connector_config is."""

    __tablename__ = "pending_store"

    id: uuid.UUID = column(Uuid, "Random.", primary_key=True, default_factory=uuid.uuid4)
    platform: str = column(TEXT, "The name of the connector.")
    name: str = column(TEXT, "What it is to be called.")
    store_url: str = column(TEXT, "Its base URL, in the form in which it is kept.")
    auth_mode: str | None = optional(TEXT, "How it is to be signed in to, once that is chosen.")
    made_by: str = column(TEXT, "Who connects it; nobody else can go on with it.")
    ends_at: datetime = column(TIME, "When it is forgotten (database clock).")
    answer_digest: bytes | None = optional(
        LargeBinary, "SHA-256 of the random text by which the store's answer is known; null: none is awaited."
    )
    asked_at: Moment = optional(TIME, "When a person was last sent to the store to let us in.")
    api_key: str | None = optional(TEXT, "Sealed (AES-256-GCM), as in connector_config.")
    secret: str | None = optional(TEXT, "Sealed, as api_key.")
    credentials: str | None = optional(TEXT, "Sealed JSON of the token that was issued.")
    data_key: bytes | None = optional(LargeBinary, "The row's data key, wrapped by the master key.")
    key_id: str | None = optional(TEXT, "Which master key wraps data_key.")
    settings: dict[str, Any] = column(
        JSON, "What the check learnt, for the settings of the store.", default_factory=dict
    )
    findings: list[dict[str, Any]] | None = optional(JSON, "What the check found; null: not checked yet.")
    healthy: bool = column(Boolean, "Whether the store can be read as it is.", default=False)
    amounts: list[dict[str, Any]] | None = optional(JSON, "How much there is to read, by resource.")
    choices: list[dict[str, Any]] | None = optional(
        JSON, "From when on orders may be read, and what each choice comes to."
    )
    trouble: str | None = optional(TEXT, "Why the last try to be let in came to nothing, in words.")
