"""The seam between the engine and a platform.

A platform is one folder with one `Connector`, found by entry point (group `storelink.connectors`).
The engine hands it an `Account` and gets a `Store`: something that can be asked for lists of
versions, for records by id, and for everything. What comes back is raw; `normalize` turns it into rows.

Ids are text everywhere. Times are aware. Read times are the database's clock, so that reads
of several machines can be put in order; `store_time` is the store's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, overload

from storelink.connectors.rows import CustomerRow, ItemRow, OrderRow, ProductRow, RefundRow

Reach = Literal["anywhere", "private", "public"]
"""anywhere; private networks and this machine too, but no metadata service; the public internet only."""
Raw = dict[str, Any]
Cursor = dict[str, Any]
"""Where a backfill goes on; small, JSON, known to its platform alone."""
Clock = Callable[[], datetime]
"""The database's clock, as near as this process knows it."""


# -- what a platform says of itself ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing that ops must enter. `slot` is the sealed column: api_key or secret."""

    name: str
    slot: str
    label: str
    secret: bool = True
    pattern: str | None = None
    """What a right value looks like; a value that does not match is warned of, not refused."""
    optional: bool = False
    """Whether the store can be read without it; an empty answer leaves it out."""


Token = Mapping[str, Any]
"""What a platform issued: access_token, expires_at (ISO 8601 with its zone, or None if it lasts),
scope, and where there is one refresh_token with refresh_expires_at. JSON; secret as a whole."""


class TokenKeeper(Protocol):
    """Keeps the token of one store for all processes that read it. Threads may share it."""

    def held(self) -> Token | None:
        """What is kept now, or None."""

    def renew(self, stale: Token | None, exchange: Callable[[Token | None], Token]) -> Token:
        """A token other than `stale`, which does not do any more.

        One process at a time, on all machines. If another one was kept meanwhile, it is returned as
        it is. Else `exchange` is called once with what is kept, and its answer is kept for good
        before it is returned. Raises what `exchange` raises; what was kept then stays.
        """


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach one registered store. Secrets are left out of its repr."""

    name: str
    store_url: str
    auth_mode: str
    credentials: Mapping[str, str] = field(repr=False)
    """By `CredentialField.name`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What earlier checks learnt: currency, time zone, version, features."""
    allow_http: bool = False
    tokens: TokenKeeper | None = field(default=None, repr=False, compare=False)
    """For platforms that issue tokens; without one a client keeps its token to itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may ask of one store."""

    timeout: float = 60.0
    """Seconds without a byte of an answer."""
    retries: int = 5
    width: int = 6
    """Most requests at once."""
    body_limit: int = 64 * 1024 * 1024
    """Longest answer taken, in bytes."""
    reach: Reach = "anywhere"
    """Where its address, and what it leads to, may be."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a store said of its rate limit, in points: how many are left, at most, and come back a second."""

    available: float
    maximum: float
    restored: float


@dataclass(slots=True)
class Traffic:
    """Counted by the client, read by the pass; only ever grows."""

    requests: int = 0
    bytes: int = 0
    throttled_seconds: float = 0.0
    rate: Rate | None = None
    """What the last answer said; None where stores of this platform say nothing."""


# -- what the doctor says ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the doctor found. `level` is ok, note, warning or problem; `mend` says what to do."""

    level: str
    code: str
    what: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Checkup:
    """What a store is and what is missing, worst first. `settings` is what to remember of it.

    `scopes`, `all_orders` and `protected` among the settings say what the credentials may see:
    when one of them changes, what was partial or out of sight is read again.
    """

    findings: tuple[Finding, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    auth_failed: bool = False

    @property
    def healthy(self) -> bool:
        """Whether the store can be read; keys that may not write are a warning, not a problem."""
        return not any(finding.level == "problem" for finding in self.findings)


# -- what is read ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """When a read began and had arrived (database clock), and the store's clock as it began."""

    started: datetime
    finished: datetime
    store_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list of versions.

    `parts` are the ids of its parts where the list shows them (refunds, variations): a change there
    is a change, whatever the version says. `exact` is false where the version is only a lower bound
    (a trashed variation speaks for its product).
    """

    id: str
    version: datetime | None
    parts: tuple[str, ...] | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class ListPage:
    """Some lines of a list. `total` is the store's own count of the whole list, if it gave one."""

    records: Sequence[Listed]
    read: Read
    total: int | None = None
    destroyed: Sequence[str] = ()
    """Ids that the store's own feed of events says were destroyed. Fetching them proves it or not."""
    found: Mapping[str, Raw] = field(default_factory=dict)
    """Records that came whole with their lines, by id, where lists of versions would cost more."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A record the store has but could not deliver in a readable form."""

    id: str
    error: str
    payload: Any = None


Normalize = Callable[[str, Raw, Mapping[str, Any]], "Rows | Rejection | Ignored"]
"""See `Connector.normalize`."""


@dataclass(frozen=True, slots=True)
class Packed(Sequence[Raw]):
    """Records that nobody has parsed yet; each is when it is looked at.

    Another process may be asked to parse them and make rows of them. So `unpack` and `normalize` are
    functions that are found by their names, or `functools.partial` of such.
    """

    ids: Sequence[str]
    parts: Sequence[bytes]
    """Of each id what `unpack` makes the record of."""
    unpack: Callable[[bytes], Raw]
    """Raises `ValueError` for what is no record."""
    normalize: Normalize

    def __len__(self) -> int:
        return len(self.parts)

    @overload
    def __getitem__(self, at: int) -> Raw: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Raw]: ...
    def __getitem__(self, at: int | slice) -> Raw | Sequence[Raw]:
        """Raises `ValueError` for what is no record."""
        if isinstance(at, slice):
            return [self.unpack(part) for part in self.parts[at]]
        return self.unpack(self.parts[at])


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page of a backfill; its records may be `Packed`.

    `cursor` resumes after it; `total` is about how many records there are, if that is known.
    """

    records: Sequence[Raw]
    read: Read
    cursor: Cursor
    broken: Sequence[Broken] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True)
class FetchPage:
    """The answer for some ids. Every id asked for is in exactly one of the five."""

    found: Mapping[str, Raw]
    read: Read
    gone: Sequence[str] = ()
    """The store said with its own not-found code that they do not exist."""
    unanswered: Mapping[str, str] = field(default_factory=dict)
    """Neither there nor not there: id → why. They stay due."""
    broken: Sequence[Broken] = ()
    out_of_sight: Sequence[str] = ()
    """The store answers nothing for them, and that proves nothing: our rights may not reach them."""


class Store(Protocol):
    """One store, connected. Safe to use from several threads; close it when done."""

    traffic: Traffic

    def check(self) -> Checkup:
        """Connect and say what the store is and what is missing. Raises nothing but bugs."""

    def list_all(self, resource: str) -> Iterator[ListPage]:
        """Every record's version, trashed ones included. May list one id more than once."""

    def list_since(self, resource: str, watermark: datetime) -> Iterator[ListPage]:
        """What changed since `watermark` (store's clock), the platform's overlap subtracted."""

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:
        """These records as they are now, in pages of the platform's own size."""

    def backfill(self, resource: str, cursor: Cursor | None) -> Iterator[RawPage]:
        """Every record, trashed ones included, from `cursor` or from the start."""

    def close(self) -> None:
        """Let go of sockets and threads."""


# -- what is written ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rows:
    """All that one record becomes. A product's rows are its whole set of variants."""

    id: str
    version: datetime | None
    trashed: bool = False
    partial: bool = False
    parts: tuple[str, ...] | None = None
    """As in `Listed.parts`, so that lists can be compared with what is held."""
    withheld: frozenset[str] = frozenset()
    """What these credentials may not see: where one of these is null, the held value stays.

    Columns of the resource's first table ("email"), and keys inside of its JSON columns by dotted
    path ("shipping_address.zip", "metadata.addresses.phone"; elements of a list are told apart by
    their `id`). An object of which several keys are withheld, such as an address, keeps them only
    while the rest of it is as it was. Null in whatever is not named erases. All that may be
    withheld is named, null or not; a record with any is `partial`.
    """
    products: Sequence[ProductRow] = ()
    customers: Sequence[CustomerRow] = ()
    orders: Sequence[OrderRow] = ()
    items: Sequence[ItemRow] = ()
    refunds: Sequence[RefundRow] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record cannot become rows. `id` is None where even that is missing."""

    id: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A record that is not stored by design, such as a checkout draft."""

    id: str
    reason: str


class Authorization(Protocol):
    """How a person lets an app into a store, by a round trip through the browser (OAuth's code)."""

    mode: str
    """The one of `Connector.auth_modes` whose token comes this way."""

    def address(self, account: Account, redirect_url: str, state: str) -> str:
        """Where the person goes. `state` comes back with the answer. Makes no request."""

    def accept(self, account: Account, answered: str, state: str, limits: Limits, clock: Clock) -> Token:
        """The token for the address at which the browser ended (or the query of it).

        Raises `Misconfigured` where the answer is not one to this `state`, this store or this app,
        and `AuthFailed` or `Retryable` where the exchange fails.
        """


class Connector(Protocol):
    """One platform. Stateless; it has a client rather than being one."""

    platform: str
    title: str
    auth_modes: Mapping[str, tuple[CredentialField, ...]]
    """Ways to sign requests, each with what must be entered for it; the first is the usual one."""
    authorization: Authorization | None
    """Where one of the modes needs a person's consent in the browser."""
    resources: tuple[str, ...]
    """In the order in which they are best read first."""
    listed_whole: frozenset[str]
    """Resources that cannot be listed by change."""
    normalizer_version: int
    """Raised when rows of an unchanged record would come out different."""
    capabilities: frozenset[str]
    """Words for what more it can do. With `webhooks` it has an attribute of that name, too: a
    `hook.Webhooks`. With `since` its stores are a `bound.BoundedStore`. An attribute `personal`
    (`personal.Personal`) says what of its raw records may stay when a person is erased; without it none
    of them does. An attribute `presenter` (`presenting.Presenter`) says how its orders are shown; without
    it their addresses are not. An attribute `key_grant` (`key_grant.KeyGrant`) asks stores for keys;
    `admin_path` is where under a store's address its owners work."""

    def open(self, account: Account, limits: Limits, clock: Clock) -> Store:
        """Connect lazily: no request is made here. Raises `Misconfigured` for an unusable account."""

    def normalize_url(self, url: str) -> str:
        """The one form in which a store's URL is kept. Raises `Misconfigured` with words."""

    def normalize(self, resource: str, raw: Raw, settings: Mapping[str, Any]) -> Rows | Rejection | Ignored:
        """Raw record → rows. Pure and total."""

    def rebuild(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> Raw:
        """The raw record from stored rows (their JSON columns), for renormalizing without the store."""
