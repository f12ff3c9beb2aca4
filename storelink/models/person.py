"""People who sign in, programs that hold a token, and what they are signed in with."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Uuid,
    func,
    text,
)
from sqlmodel import SQLModel

from storelink.models.columns import JSON, TEXT, TIME, Moment, column, optional


def _now(comment: str) -> Any:
    return column(
        TIME, comment, default=None, nullable=False, sa_column_kwargs={"server_default": func.now()}
    )


class ConsoleUser(SQLModel, table=True):
    """One row per person who may sign in to the console."""

    __tablename__ = "console_user"
    __table_args__ = (
        CheckConstraint("role IN ('reader', 'support', 'ops', 'admin')", name="role"),
        CheckConstraint("name = lower(name)", name="name"),
    )

    id: uuid.UUID = column(Uuid, "Made by storelink.", primary_key=True, default_factory=uuid.uuid4)
    name: str = column(TEXT, "What is typed to sign in, lower case; often an e-mail address.", unique=True)
    full_name: str = column(TEXT, "What colleagues read.")
    role: str = column(TEXT, "reader, support, ops or admin.")
    password_hash: str | None = optional(TEXT, "argon2id; null until one is chosen.")
    invitation: bytes | None = optional(
        LargeBinary, "SHA-256 of the one-time link by which a password is chosen.", unique=True
    )
    invitation_ends_at: Moment = optional(TIME, "Until when the link works.")
    oidc_subject: str | None = optional(TEXT, "Issuer and subject of single sign-on.", unique=True)
    follows_provider: bool = column(
        Boolean,
        "Whether single sign-on made it: its role is what the provider's groups say at each sign-in.",
        default=False,
        sa_column_kwargs={"server_default": text("false")},
    )
    created_at: datetime = _now("When the account was made.")
    signed_in_at: Moment = optional(TIME, "The last time.")
    disabled_at: Moment = optional(TIME, "Since when nobody signs in with it.")


class ConsoleSession(SQLModel, table=True):
    """One row per browser that is signed in."""

    __tablename__ = "console_session"

    digest: bytes = column(LargeBinary, "SHA-256 of the cookie.", primary_key=True)
    user_id: uuid.UUID = column(
        Uuid,
        "Who.",
        index=True,
        sa_column_args=(ForeignKey("console_user.id", ondelete="CASCADE"),),
    )
    created_at: datetime = _now("When they signed in.")
    seen_at: datetime = _now("The last request, to the minute.")
    ends_at: datetime = column(TIME, "When it ends, whatever they do.")
    through: str | None = optional(TEXT, "The issuer of single sign-on; null for a password or link.")


class SignInAttempt(SQLModel, table=True):
    """One row per browser that was sent to the provider of single sign-on and has not come back."""

    __tablename__ = "sign_in_attempt"

    digest: bytes = column(LargeBinary, "SHA-256 of the browser's cookie.", primary_key=True)
    back: str = column(TEXT, "The page of the console that was asked for; may be empty.")
    ends_at: datetime = column(TIME, "Until when they may come back.")


class ApiToken(SQLModel, table=True):
    """One row per token that a program sends with its requests."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("role IN ('reader', 'support', 'ops', 'admin')", name="role"),)

    id: uuid.UUID = column(Uuid, "Made by storelink.", primary_key=True, default_factory=uuid.uuid4)
    name: str = column(TEXT, "What it is for, as the person who made it said.", unique=True)
    digest: bytes = column(LargeBinary, "SHA-256 of the token; it is shown once and not kept.", unique=True)
    hint: str = column(TEXT, "Its last four characters, to tell tokens apart.")
    role: str = column(TEXT, "reader, support, ops or admin.")
    connectors: list[str] | None = optional(JSON, "Ids of the stores it may see; null for all.")
    created_at: datetime = _now("When it was made.")
    created_by: str = column(TEXT, "Who made it.")
    ends_at: Moment = optional(TIME, "When it stops working; null for never.")
    revoked_at: Moment = optional(TIME, "Since when it does not work any more.")
    used_at: Moment = optional(TIME, "The last request, to the minute.")


class SignInFailure(SQLModel, table=True):
    """One row per attempt that failed, so that guessing is slow on all machines at once."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (Index("ix_sign_in_failure_key", "key", "at"),)

    id: int | None = column(
        BigInteger,
        "Order of writing.",
        primary_key=True,
        default=None,
        sa_column_args=(Identity(always=False),),
    )
    key: str = column(TEXT, "`name:` and the name that was typed, or `from:` and the address it came from.")
    at: datetime = _now("When.")
