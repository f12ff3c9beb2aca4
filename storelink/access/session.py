"""Signed-in browsers, and how guessing is kept slow.

A session's cookie is 256 random bits, kept as a digest; a new one is made at each sign-in, so that none
that was known before is good for anything. Forms carry a digest of the cookie (`form_key`): another site
can make a browser send the cookie, but cannot know it. Functions do not commit; the outermost caller does.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from storelink.access.role import Caller
from storelink.access.token import digest_of, now_of
from storelink.models import ConsoleSession, ConsoleUser, SignInFailure
from storelink.sync import audit

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
FROM_PROVIDER = timedelta(hours=12)
"""Longest session by single sign-on: whom the provider lets in no more is out by then."""
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


def begin(session: Session, row: ConsoleUser, *, through: str | None = None) -> str:
    """Sign a person in, `through` this issuer or by ourselves; the cookie's value."""
    cookie = secrets.token_urlsafe(32)
    now = now_of(session)
    ends_at = now + (LONGEST if through is None else FROM_PROVIDER)
    session.add(ConsoleSession(digest=digest_of(cookie), user_id=row.id, ends_at=ends_at, through=through))
    row.signed_in_at = now
    session.add(row)
    session.flush()
    detail: dict[str, Any] = {} if through is None else {"through": through}
    audit.record(session, "user.sign_in", actor=f"user:{row.name}", subject=row.name, **detail)
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


def end(session: Session, cookie: str) -> str | None:
    """Sign out this browser; the issuer through which it was signed in."""
    gone = delete(ConsoleSession).where(col(ConsoleSession.digest) == digest_of(cookie))
    through: str | None = session.execute(gone.returning(col(ConsoleSession.through))).scalar()
    return through


def form_key(cookie: str) -> str:
    """What forms of this session carry."""
    return hashlib.sha256(b"form/" + cookie.encode()).hexdigest()


def is_form_key(cookie: str, value: str) -> bool:
    """Whether a form was made for this session."""
    return hmac.compare_digest(form_key(cookie).encode(), value.encode())


def tries_left(session: Session, name: str | None, address: str) -> int:
    """How many more failures there may be for this name and from this address; below one: nobody is let in.

    `name` None counts the address alone.
    """
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
    *by_name, by_address = _keys(name, address)
    return min(
        BY_ADDRESS - counts.get(by_address, 0), *(BY_NAME - counts.get(one, 0) for one in by_name), BY_ADDRESS
    )


def note_try(session: Session, name: str | None, address: str) -> list[int]:
    """Somebody tries, and counts as failed until `forgive`: many at once are not each the first.

    Commit before the password is looked at. What is too old to count goes.
    """
    session.execute(delete(SignInFailure).where(col(SignInFailure.at) < func.now() - WINDOW))
    rows = [SignInFailure(key=key) for key in _keys(name, address)]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows if row.id is not None]


def forgive(session: Session, name: str | None, tried: Sequence[int]) -> None:
    """They got in: this try is no failure, and what they mistyped before counts no more."""
    session.execute(delete(SignInFailure).where(col(SignInFailure.id).in_(tried)))
    if name is not None:
        session.execute(delete(SignInFailure).where(col(SignInFailure.key) == _keys(name, "")[0]))


def tidy(session: Session) -> None:
    """Delete sessions that are over."""
    session.exec(
        delete(ConsoleSession).where(
            (col(ConsoleSession.ends_at) < func.now()) | (col(ConsoleSession.seen_at) < func.now() - IDLE)
        )
    )


def _keys(name: str | None, address: str) -> tuple[str, ...]:
    place = f"from:{address}"
    return (place,) if name is None else (f"name:{name.strip().lower()[:100]}", place)
