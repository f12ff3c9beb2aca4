"""People who sign in: their accounts, passwords and one-time links.

Functions do not commit; the outermost caller does.
"""

import re
import secrets
import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from storelink.access.role import check_role
from storelink.access.token import digest_of, now_of
from storelink.errors import Misconfigured
from storelink.models import ConsoleSession, ConsoleUser
from storelink.sync import audit

SHORTEST, LONGEST = 12, 256
"""Characters of a password."""
INVITED_FOR = timedelta(days=3)
_NAME = re.compile(r"[a-z0-9][a-z0-9._+@-]{1,99}")
_HASHER = PasswordHasher()


@cache
def _nobody() -> str:
    """Checked where there is no such person, so that answers take equally long."""
    return _HASHER.hash(secrets.token_urlsafe(16))


def create(
    session: Session,
    name: str,
    role: str,
    *,
    full_name: str = "",
    password: str | None = None,
    actor: str | None = None,
) -> tuple[ConsoleUser, str | None]:
    """A new account, and the secret of its one-time link where no password is given.

    Raises `Misconfigured` for a name that is taken or odd, an unknown role, or a weak password.
    """
    kept = None if password is None else hash_password(password, name.strip().lower())
    row = add(session, name, role, full_name=full_name)
    row.password_hash = kept
    session.add(row)
    session.flush()
    audit.record(session, "user.create", actor=actor, subject=row.name, role=role)
    link = None if password is not None else invite(session, row, actor=actor)
    session.refresh(row)
    return row, link


def add(session: Session, name: str, role: str, *, full_name: str = "") -> ConsoleUser:
    """The row of a new account, with no way to sign in yet. Raises `Misconfigured`."""
    check_role(role)
    name = name.strip().lower()
    if not _NAME.fullmatch(name):
        raise Misconfigured("A name has 2 to 100 of a-z, 0-9 and . _ + @ -; an e-mail address will do.")
    if session.exec(select(ConsoleUser.id).where(ConsoleUser.name == name)).first():
        raise Misconfigured(f"There is an account {name!r} already.")
    row = ConsoleUser(name=name, full_name=full_name.strip() or name, role=role)
    session.add(row)
    session.flush()
    return row


def invite(session: Session, row: ConsoleUser, *, actor: str | None = None) -> str:
    """The secret of a link by which a password can be chosen once, for three days; older links end."""
    secret = secrets.token_urlsafe(32)
    row.invitation = digest_of(secret)
    row.invitation_ends_at = now_of(session) + INVITED_FOR
    session.add(row)
    session.flush()
    audit.record(session, "user.invite", actor=actor, subject=row.name)
    return secret


def invited(session: Session, secret: str) -> ConsoleUser | None:
    """Whose link this is, while it works."""
    return session.exec(
        select(ConsoleUser).where(
            ConsoleUser.invitation == digest_of(secret),
            col(ConsoleUser.invitation_ends_at) > func.now(),
            col(ConsoleUser.disabled_at).is_(None),
        )
    ).first()


def set_password(session: Session, row: ConsoleUser, password: str, *, actor: str | None = None) -> None:
    """A new password; the link and every session of the person end. Raises `Misconfigured`."""
    row.password_hash = hash_password(password, row.name)
    row.invitation = row.invitation_ends_at = None
    session.add(row)
    end_sessions(session, row.id)
    session.flush()
    audit.record(session, "user.set_password", actor=actor or f"user:{row.name}", subject=row.name)


def spend_link(session: Session, row: ConsoleUser) -> None:
    """The one-time link lets in once, without a password being chosen."""
    row.invitation = row.invitation_ends_at = None
    session.add(row)
    session.flush()
    audit.record(session, "user.use_link", actor=f"user:{row.name}", subject=row.name)


def set_role(session: Session, row: ConsoleUser, role: str, *, actor: str | None = None) -> None:
    """Another role. Raises `Misconfigured` if nobody would be left to administer."""
    before, row.role = row.role, check_role(role)
    if before == "admin" and role != "admin":
        _keep_one(session, row)
    session.add(row)
    session.flush()
    audit.record(session, "user.set_role", actor=actor, subject=row.name, role=[before, role])


def disable(session: Session, row: ConsoleUser, *, actor: str | None = None) -> None:
    """Nobody signs in with it any more; sessions end. Raises `Misconfigured` for the last admin."""
    if row.role == "admin":
        _keep_one(session, row)
    row.disabled_at = now_of(session)
    row.invitation = row.invitation_ends_at = None
    session.add(row)
    end_sessions(session, row.id)
    session.flush()
    audit.record(session, "user.disable", actor=actor, subject=row.name)


def enable(session: Session, row: ConsoleUser, *, actor: str | None = None) -> None:
    """It may be used again."""
    row.disabled_at = None
    session.add(row)
    session.flush()
    audit.record(session, "user.enable", actor=actor, subject=row.name)


def check_password(session: Session, name: str, password: str) -> ConsoleUser | None:
    """Who signs in so; None where name or password is wrong. A hash made by older settings is renewed."""
    row = session.exec(select(ConsoleUser).where(ConsoleUser.name == name.strip().lower())).first()
    nobody = _nobody()  # made by the first who signs in, whoever that is
    usable = row is not None and row.disabled_at is None and row.password_hash is not None
    kept = row.password_hash if usable and row is not None and row.password_hash else nobody
    try:
        _HASHER.verify(kept, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return None
    if not usable or row is None:
        return None
    if _HASHER.check_needs_rehash(kept):
        row.password_hash = _HASHER.hash(password[:LONGEST])
        session.add(row)
    return row


def find(session: Session, name: str) -> ConsoleUser:
    """Raises `Misconfigured` for a name that there is not."""
    row = session.exec(select(ConsoleUser).where(ConsoleUser.name == name.strip().lower())).first()
    if row is None:
        raise Misconfigured(f"There is no account {name!r}.")
    return row


def people(session: Session) -> Sequence[ConsoleUser]:
    """All accounts by name."""
    return session.exec(select(ConsoleUser).order_by(ConsoleUser.name)).all()


def end_sessions(session: Session, user_id: uuid.UUID) -> None:
    """Sign a person out of every browser."""
    session.exec(delete(ConsoleSession).where(col(ConsoleSession.user_id) == user_id))


def hash_password(password: str, name: str) -> str:
    """The hash to keep. Raises `Misconfigured` saying how a password has to be."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Misconfigured(f"Choose a password of {SHORTEST} to {LONGEST} characters; a sentence will do.")
    if len(set(password)) < 5 or name in password.lower():
        raise Misconfigured("Choose a password without your name, and of more than a few characters.")
    return _HASHER.hash(password)


def _keep_one(session: Session, row: ConsoleUser) -> None:
    others = session.scalar(
        select(func.count()).where(
            ConsoleUser.role == "admin", ConsoleUser.id != row.id, col(ConsoleUser.disabled_at).is_(None)
        )
    )
    if not others:
        raise Misconfigured(f"{row.name!r} is the last who may administer; make another one first.")
