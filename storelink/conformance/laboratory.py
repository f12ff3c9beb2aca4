"""The seam of the kit: a fake store of one platform, and the few things that can be done to it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from types import TracebackType
from typing import Any, ClassVar, Self

from storelink.connectors.protocol import Account, Connector, Limits, Raw


class Fault(StrEnum):
    """What can go wrong with one request."""

    THROTTLED = "throttled"
    """The store asks for fewer requests and says to come back in one second."""
    THROTTLED_SILENTLY = "throttled_silently"
    """It asks for fewer requests and does not say when to come back."""
    REFUSED = "refused"
    """The credentials are not accepted any more."""
    FAILED = "failed"
    """An inner error of the store."""
    HANGS = "hangs"
    """No answer within `Laboratory.limits.timeout`."""
    CUT = "cut"
    """The connection breaks in the middle of the answer."""
    NOT_THERE = "not_there"
    """Somebody in front of the store says 404; it is not the platform's own word."""
    EMPTY = "empty"
    """The answer is an empty list, though there are records."""


class Ability(StrEnum):
    """What not every platform does, or not every fake store can play."""

    HIDES = "hides"
    """Some records of some resource can be put out of the credentials' sight."""
    WITHHOLDS = "withholds"
    """Some fields of records can be withheld from the credentials: the store answers null for them."""
    TELLS = "tells"
    """Lists of changes name what was destroyed."""
    ISSUES = "issues"
    """Tokens are issued for what is entered, and end: `Laboratory.issued` and `expire_tokens`."""


class Laboratory(ABC):
    """One running fake store. `Laboratory(records)` starts it with so many records of each resource.

    Its clock need not run by itself, but `pass_time` moves it; all edits between two calls of
    `pass_time` should carry the same stamp, as they would in a busy second.
    """

    connector: ClassVar[Connector]
    page: ClassVar[int]
    """Most records that one request brings."""
    trash_cans: ClassVar[frozenset[str]] = frozenset()
    """Resources whose records can be trashed and restored."""
    faults: ClassVar[frozenset[Fault]] = frozenset(Fault)
    """Those that the fake store can play; cases that need another are skipped."""
    abilities: ClassVar[frozenset[Ability]] = frozenset()
    """Those of platform and fake store; cases that need another are skipped, and say so."""
    limits: ClassVar[Limits] = Limits(timeout=1.0, retries=2, width=2)

    account: Account
    """The right address and credentials."""
    issued: Account | None = None
    """The same store with credentials that a token is issued for (`Ability.ISSUES`)."""

    @abstractmethod
    def __init__(self, records: int) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Stop the store."""

    # -- its admin

    @abstractmethod
    def create(self, resource: str) -> str:
        """A new record; its id."""

    @abstractmethod
    def edit(self, resource: str, key: str, text: str, amount: Decimal | None = None) -> None:
        """Put `text` in some field that is kept, `amount` where it becomes a total or price."""

    @abstractmethod
    def delete(self, resource: str, key: str) -> None:
        """Delete a record for good."""

    @abstractmethod
    def spoil(self, key: str, *, spoilt: bool = True) -> None:
        """Make a record of the last resource unfit for rows, or fit again; its date moves."""

    def trash(self, resource: str, key: str) -> None:
        """Put a record into the trash."""
        raise NotImplementedError

    def restore(self, resource: str, key: str) -> None:
        """Take it out of the trash."""
        raise NotImplementedError

    def limit(self, ability: Ability) -> None:
        """HIDES or WITHHOLDS from now on, as when a merchant takes back a permission."""
        raise NotImplementedError

    def unlimit(self) -> None:
        """Let the credentials see everything again."""
        raise NotImplementedError

    def expire_tokens(self) -> None:
        """End every token that was issued; what they were issued for stays good."""
        raise NotImplementedError

    # -- around it

    @abstractmethod
    def pass_time(self, seconds: float) -> None:
        """Move the store's clock on."""

    @abstractmethod
    def fault(self, fault: Fault, *, nth: int = 1, times: int | None = 1) -> None:
        """From the nth request on from now, so many requests go wrong; None: all of them."""

    @abstractmethod
    def heal(self) -> None:
        """End all faults."""

    # -- what is so

    @abstractmethod
    def truth(self, resource: str) -> Mapping[str, Mapping[str, Any]]:
        """What the tables must say: row key → column → value, the store's own words translated.

        Every row that the resource's first table should have, trashed ones with `deleted` true.
        Columns are the author's choice; times aware, money Decimal. Worked out without the
        connector's normalizer. A product's rows name their `product_id`. `limit` changes nothing of it.
        """

    @classmethod
    @abstractmethod
    def payloads(cls) -> Iterable[tuple[str, Raw]]:
        """Recorded raw records as the connector's reader makes them: (resource, record)."""

    # -- for `with`

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
