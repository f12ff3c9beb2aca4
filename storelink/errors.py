"""Every error storelink raises, grouped by what the caller does next.

    StorelinkError
    ├── Retryable          try the same again, not before `after` seconds
    │   └── TooLarge       ... but ask for less
    ├── AuthFailed         stop this store's schedule and ask ops for new credentials
    ├── Rejected           the store refuses this request for good; show its words
    │   └── NotFound       ... because the record does not exist, in the store's own words
    ├── OutcomeUnknown     a write that may have happened; read the store to learn
    ├── Misconfigured      a person has to change something; the message says what
    │   └── NeedsDecision  ... or has to say that what was found is meant
    ├── LaneHeld           somebody else runs this pass; come back later
    ├── LaneLost           our lock is gone; nothing of this pass may be written any more
    ├── Stopped            we were asked to end, between two pages; the next pass carries on
    └── DatabaseAway       Postgres does not answer; the pass goes on from its cursor when it does

Foreign exceptions are turned into these at one place each: HTTP in
`connectors/http.py`, Postgres in `db.py`.
"""


class StorelinkError(Exception):
    """Root of all. The message is for people: what happened and what it means."""


class Retryable(StorelinkError):
    """The same request may work later.

    `after` is the store's own hint in seconds, or None where it gave none. `status` is the HTTP
    status, None where no answer came. `code` is one word for the doctor: `dns`, `tls`, `html`, …
    """

    def __init__(
        self,
        message: str,
        *,
        after: float | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.after = after
        self.status = status
        self.code = code


class TooLarge(Retryable):
    """The answer is longer than storelink takes (64 MiB). Ask for fewer records."""


class AuthFailed(StorelinkError):
    """The store refuses the credentials. `code` is the store's own error code, if it gave one."""

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Rejected(StorelinkError):
    """The store understood and refuses. `code` and the message are the store's own."""

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class NotFound(Rejected):
    """The store says, with its own not-found code, that this record does not exist."""


class OutcomeUnknown(StorelinkError):
    """A write was sent and no final answer came: it may have happened.

    `answered` says that the store is done with it, whatever it did: nothing of it comes later.
    """

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


class Misconfigured(StorelinkError):
    """Settings, keys or the store are set up so that this cannot work; the message says the mend.

    `code` is one word for the doctor, where there is one.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class NeedsDecision(Misconfigured):
    """Something unusual was found, and only a person can say that it is meant."""


class LaneHeld(StorelinkError):
    """Another process runs a pass in this lane."""


class LaneLost(StorelinkError):
    """The pass lost its lock or its fencing token; what it holds must not be written."""


class Stopped(StorelinkError):
    """This process was asked to end. All pages that were finished are stored."""


class DatabaseAway(StorelinkError):
    """Postgres went away. Nothing of the transaction in hand was kept."""
