"""Browsers that were sent to the provider of single sign-on, until they come back.

The browser keeps 256 random bits in a cookie, we their digest. State, nonce and PKCE verifier are derived
from them: an answer fits only the browser that asked, once, within ten minutes, and no secret is at rest.
Functions do not commit; the outermost caller does.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, func
from sqlmodel import Session, col

from storelink.access.token import digest_of, now_of
from storelink.models import SignInAttempt

LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way out and back: the cookie's value, and the page of the console that was asked for."""

    secret: str = field(repr=False)
    back: str = ""

    @property
    def state(self) -> str:
        """What the answer must bring back."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the ID token must hold."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What proves that the code was asked for by us (RFC 7636); 43 characters."""
        return self._derived("verifier")

    def _derived(self, purpose: str) -> str:
        digest = hmac.digest(self.secret.encode(), purpose.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def begin(session: Session, back: str) -> Attempt:
    """A browser leaves. What was begun and never ended goes."""
    attempt = Attempt(secrets.token_urlsafe(32), back)
    now = now_of(session)
    session.exec(delete(SignInAttempt).where(col(SignInAttempt.ends_at) < now))
    session.add(SignInAttempt(digest=digest_of(attempt.secret), back=back, ends_at=now + LASTS))
    session.flush()
    return attempt


def take(session: Session, secret: str, state: str) -> Attempt | None:
    """The attempt of the browser with this cookie, over now; None for any other state, or too late."""
    if not hmac.compare_digest(Attempt(secret).state.encode(), state.encode()):
        return None
    gone = delete(SignInAttempt).where(
        col(SignInAttempt.digest) == digest_of(secret), col(SignInAttempt.ends_at) > func.now()
    )
    back = session.execute(gone.returning(col(SignInAttempt.back))).scalar()
    return None if back is None else Attempt(secret, back)
