"""Tokens of the API: made once, kept as a digest, found by it.

A token is 256 random bits behind `slk_`, so one round of SHA-256 is enough to keep it: there is nothing
to guess. Functions do not commit; the outermost caller does.
"""

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, text, update
from sqlmodel import Session, col, select

from storelink.access.role import Caller, check_role
from storelink.errors import Misconfigured
from storelink.models import ApiToken
from storelink.sync import audit

PREFIX = "slk_"
_MINUTE = timedelta(minutes=1)


def create(
    session: Session,
    name: str,
    role: str,
    *,
    connectors: Iterable[uuid.UUID] | None = None,
    days: int | None = None,
    actor: str | None = None,
) -> tuple[ApiToken, str]:
    """A new token, and the only time that it is seen. `connectors` None: every store; `days` None: for ever.

    Raises `Misconfigured` for a name that is taken or empty, an unknown role, or days below one.
    """
    check_role(role)
    name = name.strip()
    if not name or len(name) > 100:
        raise Misconfigured("A token needs a name of at most 100 characters: what it is for.")
    if days is not None and not 1 <= days <= 3650:
        raise Misconfigured("A token lasts for 1 to 3650 days, or for ever.")
    if session.exec(select(ApiToken.id).where(ApiToken.name == name)).first():
        raise Misconfigured(f"There is a token {name!r} already.")
    secret = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        name=name,
        digest=digest_of(secret),
        hint=secret[-4:],
        role=role,
        connectors=None if connectors is None else sorted(str(one) for one in connectors),
        created_by=actor or audit.system_actor(),
        ends_at=None if days is None else now_of(session) + timedelta(days=days),
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    audit.record(
        session, "token.create", actor=actor, subject=name, role=role, stores=row.connectors, days=days
    )
    return row, secret


def accept(session: Session, secret: str) -> Caller | None:
    """Who sends this token; None for one that is unknown, revoked or over. Notes the use, to the minute."""
    row = session.exec(
        select(ApiToken).where(
            ApiToken.digest == digest_of(secret),
            col(ApiToken.revoked_at).is_(None),
            or_(col(ApiToken.ends_at).is_(None), col(ApiToken.ends_at) > func.now()),
        )
    ).first()
    if row is None:
        return None
    stale = or_(col(ApiToken.used_at).is_(None), col(ApiToken.used_at) < func.now() - _MINUTE)
    session.exec(update(ApiToken).where(col(ApiToken.id) == row.id, stale).values(used_at=func.now()))
    seen = None if row.connectors is None else frozenset(uuid.UUID(one) for one in row.connectors)
    return Caller(f"token:{row.name}", row.name, row.role, seen)


def revoke(session: Session, name: str, *, actor: str | None = None) -> ApiToken:
    """It works no more. Raises `Misconfigured` for a name that there is not."""
    row = session.exec(select(ApiToken).where(ApiToken.name == name)).first()
    if row is None:
        raise Misconfigured(f"There is no token {name!r}.")
    if row.revoked_at is None:
        row.revoked_at = now_of(session)
        session.add(row)
        session.flush()
        audit.record(session, "token.revoke", actor=actor, subject=name)
    return row


def tokens(session: Session) -> Sequence[ApiToken]:
    """All there ever were, by name; works or not."""
    return session.exec(select(ApiToken).order_by(ApiToken.name)).all()


def works(row: ApiToken, now: datetime) -> bool:
    """Whether it is accepted at `now`."""
    return row.revoked_at is None and (row.ends_at is None or row.ends_at > now)


def now_of(session: Session) -> datetime:
    """The database's clock, as it was when the transaction began."""
    moment: datetime = session.scalar(text("SELECT now()"))
    return moment


def digest_of(secret: str) -> bytes:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
