"""Signed-in browsers, and how guessing is kept slow.

A session's cookie is 256 random bits, kept as a digest; a new one is made at each sign-in, so that none
that was known before is good for anything. Forms carry a digest of the cookie (`form_key`): another site
can make a browser send the cookie, but cannot know it. Functions do not commit; the outermost caller does.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from storelink.access.role import Caller
from storelink.access.token import digest_of, now_of
from storelink.models import ConsoleSession, ConsoleUser, SignInFailure
from storelink.sync import audit

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
_MINUTE = timedelta(minutes=1)
WINDOW = timedelta(minutes=15)
"""Failures older than this count no more."""
BY_NAME, BY_ADDRESS = 8, 40
"""Failures within it, for one name and from one address, after which nobody is let in."""

_HOLDS = (
    col(ConsoleSession.ends_at) > func.now(),
    col(ConsoleSession.seen_at) > func.now() - IDLE,
    col(ConsoleUser.disabled_at).is_(None),
)
"""What a session that is accepted is held to."""


def begin(session: Session, row: ConsoleUser) -> str:
    """Sign a person in; the cookie's value."""
    cookie = secrets.token_urlsafe(32)
    now = now_of(session)
    session.add(ConsoleSession(digest=digest_of(cookie), user_id=row.id, ends_at=now + LONGEST))
    row.signed_in_at = now
    session.add(row)
    session.flush()
    audit.record(session, "user.sign_in", actor=f"user:{row.name}", subject=row.name)
    return cookie


def accept(session: Session, cookie: str) -> Caller | None:
    """Who is signed in with this cookie; None where nobody is any more."""
    found = session.exec(
        select(ConsoleSession, ConsoleUser)
        .join(ConsoleUser, col(ConsoleUser.id) == col(ConsoleSession.user_id))
        .where(ConsoleSession.digest == digest_of(cookie), *_HOLDS)
    ).first()
    if found is None:
        return None
    kept, user = found
    session.exec(
        update(ConsoleSession)
        .where(col(ConsoleSession.digest) == kept.digest, col(ConsoleSession.seen_at) < func.now() - _MINUTE)
        .values(seen_at=func.now())
    )
    return Caller(f"user:{user.name}", user.full_name, user.role)


def roles_of(session: Session, digests: Iterable[bytes]) -> dict[bytes, str]:
    """Of those of these sessions that still hold, whose role each has; looking does not lengthen them."""
    query = (
        select(ConsoleSession.digest, ConsoleUser.role)
        .join(ConsoleUser, col(ConsoleUser.id) == col(ConsoleSession.user_id))
        .where(col(ConsoleSession.digest).in_(list(digests)), *_HOLDS)
    )
    return dict(session.exec(query).all())


def end(session: Session, cookie: str) -> None:
    """Sign out this browser."""
    session.exec(delete(ConsoleSession).where(col(ConsoleSession.digest) == digest_of(cookie)))


def form_key(cookie: str) -> str:
    """What forms of this session carry."""
    return hashlib.sha256(b"form/" + cookie.encode()).hexdigest()


def is_form_key(cookie: str, value: str) -> bool:
    """Whether a form was made for this session."""
    return hmac.compare_digest(form_key(cookie).encode(), value.encode())


def blocked(session: Session, name: str, address: str) -> bool:
    """Whether there were too many failures lately for this name or from this address."""
    counts = dict(
        session.exec(
            select(SignInFailure.key, func.count())
            .where(
                col(SignInFailure.key).in_(_keys(name, address)),
                col(SignInFailure.at) > func.now() - WINDOW,
            )
            .group_by(SignInFailure.key)
        ).all()
    )
    by_name, by_address = _keys(name, address)
    return counts.get(by_name, 0) >= BY_NAME or counts.get(by_address, 0) >= BY_ADDRESS


def note_failure(session: Session, name: str, address: str) -> None:
    """Somebody did not get in. What is too old to count goes."""
    session.add_all(SignInFailure(key=key) for key in _keys(name, address))
    session.exec(delete(SignInFailure).where(col(SignInFailure.at) < func.now() - WINDOW))
    session.flush()


def forget_failures(session: Session, name: str) -> None:
    """They got in: what they mistyped before counts no more."""
    session.exec(delete(SignInFailure).where(col(SignInFailure.key) == _keys(name, "")[0]))


def tidy(session: Session) -> None:
    """Delete sessions that are over."""
    session.exec(
        delete(ConsoleSession).where(
            (col(ConsoleSession.ends_at) < func.now()) | (col(ConsoleSession.seen_at) < func.now() - IDLE)
        )
    )


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"name:{name.strip().lower()[:100]}", f"from:{address}"
