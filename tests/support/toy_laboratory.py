"""The toy platform as a connector author would hand it to the conformance kit."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any

from toy import PAGE, ToyConnector, ToyStore, older

from storelink.conformance import Ability, Fault, Laboratory
from storelink.connectors.bound import SINCE
from storelink.connectors.protocol import (
    Account,
    Broken,
    Checkup,
    CredentialField,
    FetchPage,
    Finding,
    Listed,
    ListPage,
    RawPage,
    Rejection,
    Token,
    TokenKeeper,
)
from storelink.errors import AuthFailed, Misconfigured, Retryable, StorelinkError

SHOPS: dict[str, "Shop"] = {}
_TEXT = {"orders": "email", "customers": "name", "products": "title"}
_RAISED = {
    Fault.THROTTLED: lambda: Retryable("slow down", after=1.0, status=429),
    Fault.THROTTLED_SILENTLY: lambda: Retryable("slow down", status=429),
    Fault.REFUSED: lambda: AuthFailed("the token is not accepted"),
    Fault.FAILED: lambda: Retryable("inner error", status=500),
    Fault.HANGS: lambda: Retryable("no answer in time"),
    Fault.CUT: lambda: Retryable("the connection broke"),
    Fault.NOT_THERE: lambda: Misconfigured("there is nothing at this address"),
}


class Shop:
    """The records of one toy shop, its clock and what goes wrong."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, dict[str, Any]]] = {"products": {}, "customers": {}, "orders": {}}
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.faults: list[tuple[Fault, int, float]] = []
        self.asked = 0
        self.ids = count(1)
        self.hidden: set[str] = set()
        self.redacted = False
        self.destroyed: list[tuple[str, str, datetime]] = []
        self.issued = 0

    def issue(self, _kept: Token | None) -> Token:
        """A new token, which ends the one before."""
        self.issued += 1
        return {"access_token": f"issued-{self.issued}", "expires_at": None}

    def enter(self) -> Fault | None:
        """One request comes in; what goes wrong with it."""
        self.asked += 1
        for fault, first, last in self.faults:
            if first <= self.asked <= last:
                return fault
        return None


class CarefulStore(ToyStore):
    """The toy store over a shop that has a door, and of which pages may come empty."""

    def __init__(self, clock: Any, shop: Shop | None, *, known: bool) -> None:
        super().__init__(clock)
        self.shop, self.known = shop, known
        self.tokens: TokenKeeper | None = None
        self.empty = False
        if shop is not None:
            self.records = shop.records

    def _request(self, what: str) -> datetime:
        self.traffic.requests += 1
        started = self.clock()
        if self.shop is None:
            raise Retryable("nothing answers there")
        fault = self.shop.enter()
        self.now, self.redacted = self.shop.now, self.shop.redacted
        self._show_token(self.shop)
        if not self.known:
            raise AuthFailed("the token is not accepted")
        self.empty = fault is Fault.EMPTY
        if fault in _RAISED:
            raise _RAISED[fault]()
        return started

    def _show_token(self, shop: Shop) -> None:
        """The shop takes the last token that it issued, and no other."""
        if self.tokens is None or not self.known:
            return
        held = self.tokens.held()
        if held is None or held["access_token"] != f"issued-{shop.issued}":
            self.tokens.renew(held, shop.issue)

    def check(self) -> Checkup:
        try:
            self._request("hello")
        except AuthFailed as error:
            mend = "In the shop open Settings and make a new token."
            return Checkup((Finding("problem", "token", str(error), mend),), auth_failed=True)
        except StorelinkError as error:
            return Checkup((Finding("problem", "away", str(error), "See that the shop is up."),))
        assert self.shop is not None
        sight = {"scopes": ["some" if self.shop.hidden else "all"], "redacted": self.redacted}
        seen = {"currency": "EUR", "protected": {"personal": self.redacted}, **sight}
        return Checkup((Finding("ok", "token", "The token is accepted."),), seen)

    def _shown(self, resource: str, key: str) -> dict[str, Any]:
        return copy.deepcopy(super()._shown(resource, key))

    def keys(self, resource: str) -> list[str]:
        hidden = self.shop.hidden if self.shop and resource == "orders" else set()
        return sorted(self.records[resource].keys() - hidden, key=int)

    def _destroyed(self, resource: str, since: datetime | None) -> list[str]:
        told = self.shop.destroyed if self.shop and since else []
        return [key for kind, key, at in told if kind == resource and since and at > since]

    def _listed(
        self, resource: str, since: datetime | None, made: datetime | None = None
    ) -> Iterator[ListPage]:
        after = empties = 0
        while True:
            started = self._request(f"list {resource} {after}")
            left = [key for key in self.keys(resource) if int(key) > after]
            if self.empty:
                yield ListPage([], self._read(started))
                empties += 1
                if not after or empties > 3:
                    return
                continue
            if after and not left:
                return
            held = self.records[resource]
            page = [
                Listed(
                    key, held[key]["updated"], tuple(held[key]["refunds"]) if resource == "orders" else None
                )
                for key in left[:PAGE]
                if (since is None or held[key]["updated"] > since) and not older(held[key], made)
            ]
            # of a list of changes over days most is new: the records come with it
            whole = since is not None and self.now - since > timedelta(days=1)
            found = {line.id: self._shown(resource, line.id) for line in page} if whole else {}
            told = [] if after else self._destroyed(resource, since)
            yield ListPage(page, self._read(started), destroyed=told, found=found)
            if not left:
                return
            after = int(left[:PAGE][-1])

    def fetch(self, resource: str, ids: Sequence[str]) -> Iterator[FetchPage]:
        for at in range(0, len(ids), PAGE):
            started = self._request(f"fetch {resource}")
            asked, held = ids[at : at + PAGE], self.records[resource]
            if self.empty:
                yield FetchPage({}, self._read(started), unanswered=dict.fromkeys(asked, "an empty answer"))
                continue
            found = {key: self._shown(resource, key) for key in asked if key in self.keys(resource)}
            gone = [key for key in asked if key not in held]
            dark = [key for key in asked if key in held and key not in found]
            yield FetchPage(found, self._read(started), gone, out_of_sight=dark)

    def backfill(
        self, resource: str, cursor: Mapping[str, Any] | None, since: datetime | None = None
    ) -> Iterator[RawPage]:
        after, empties = int(cursor["after"]) if cursor else 0, 0
        while True:
            started = self._request(f"backfill {resource} {after}")
            left = [key for key in self.keys(resource) if int(key) > after]
            broken: list[Broken] = []
            if self.empty:
                yield RawPage([], self._read(started), {"after": after}, broken)
                empties += 1
                if empties > 3:
                    return
                continue
            if not left:
                return
            page = left[:PAGE]
            after = int(page[-1])
            held = self.records[resource]
            records = [self._shown(resource, key) for key in page if not older(held[key], since)]
            yield RawPage(records, self._read(started), {"after": after}, broken, len(self.records[resource]))


class CarefulToy(ToyConnector):
    """The toy connector with a door, and with a normalizer that rejects what it does not understand."""

    auth_modes: Mapping[str, Any] = {"token": (CredentialField("token", "api_key", "Token"),)}
    store: type[CarefulStore] = CarefulStore
    capabilities = frozenset({SINCE})

    def open(self, account: Account, limits: Any, clock: Any) -> ToyStore:
        known = account.credentials["token"] == f"token-of-{account.store_url}"
        store = self.store(clock, SHOPS.get(account.store_url), known=known)
        store.tokens = account.tokens
        return store

    def normalize(self, resource: str, raw: Any, settings: Mapping[str, Any]) -> Any:
        why = unfit(raw)
        if why:
            key = raw.get("id") if isinstance(raw, dict) else None
            return Rejection(key if _text(key) else None, why)
        made = {"made": moment(raw["made"])} if "made" in raw else {}
        return super().normalize(resource, {**raw, "updated": moment(raw["updated"]), **made}, settings)

    def rebuild(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return dict(rows[0]["metadata"])


def moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def unfit(raw: Any) -> str | None:
    """Why a raw record cannot become rows."""
    try:
        if not _text(raw.get("id")) or not isinstance(raw.get("trashed"), bool):
            return "no id, or trashed is no boolean"
        if any(moment(raw[name]).utcoffset() is None for name in ("updated", "made") if name in raw):
            return "updated or made is not aware"
        moment(raw.get("updated")).utcoffset()
        return _odd_fields(raw) or (str(raw["bad"]) if raw.get("bad") else _whole(raw))
    except (AttributeError, TypeError, ValueError, OverflowError):
        return "not of the right shape"


def _odd_fields(raw: dict[str, Any]) -> str | None:
    if not all(_amount(value) for value in [raw.get("total", "0"), *raw.get("refunds", {}).values()]):
        return "no amount"
    texts = [raw[name] for name in ("customer", "email", "name") if raw.get(name) is not None]
    texts += [value for value in raw.get("items", {}).values() if value is not None]
    texts += [raw.get("title", "thing"), *raw.get("variants", ["a"])]
    texts += [*raw.get("items", {}), *raw.get("refunds", {})]
    if not all(map(_text, texts)):
        return "odd text"
    return None if raw.get("status", "open") in ("open", "completed") else "odd status"


def _whole(value: Any) -> str | None:
    """Nothing in it that Postgres refuses, at any depth."""
    if isinstance(value, dict):
        return next(filter(None, (_whole([key, inner]) for key, inner in value.items())), None)
    if isinstance(value, list):
        return next(filter(None, map(_whole, value)), None)
    if isinstance(value, str):
        return None if "\x00" not in value and _encodes(value) else "odd text"
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a number too large"
    return None


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) < 500 and "\x00" not in value and _encodes(value)


def _amount(value: Any) -> bool:
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal("NaN")
        return amount.is_finite() and abs(amount) < 10**14 and amount == amount.quantize(Decimal("0.0001"))
    except InvalidOperation:
        return False


class ToyLaboratory(Laboratory):
    """A toy shop with records of each kind."""

    connector = CarefulToy()
    page = PAGE
    trash_cans = frozenset({"products", "orders"})
    abilities = frozenset(Ability)

    def __init__(self, records: int) -> None:
        self.shop = Shop()
        url = f"toy://{id(self)}"
        SHOPS[url] = self.shop
        self.account = self.issued = Account("toy", url, "token", {"token": f"token-of-{url}"})
        for resource in self.connector.resources:
            for _ in range(records):
                self.create(resource)

    def close(self) -> None:
        del SHOPS[self.account.store_url]

    def _put(self, resource: str, key: str, **fields: Any) -> None:
        new = {"id": key, "trashed": False, "made": self.shop.now}
        record = self.shop.records[resource].setdefault(key, new)
        if resource == "orders":
            record.setdefault("refunds", {f"{key}1": "0.10"})
            record.setdefault("items", {"1": "SKU", "2": None})
        record.update(fields, updated=self.shop.now)

    def create(self, resource: str) -> str:
        held = self.shop.records[resource]
        key = str(1 + max(map(int, held), default=0) if held else next(self.shop.ids))
        text = {_TEXT[resource]: f"{resource} {key}"}
        extra = {"total": f"{key}.10", "customer": "1"} if resource == "orders" else {}
        self._put(resource, key, **text, **extra)
        return key

    def edit(self, resource: str, key: str, text: str, amount: Decimal | None = None) -> None:
        total = {"total": str(amount)} if amount is not None and resource == "orders" else {}
        self._put(resource, key, **{_TEXT[resource]: text}, **total)

    def delete(self, resource: str, key: str) -> None:
        del self.shop.records[resource][key]
        self.shop.destroyed.append((resource, key, self.shop.now))

    def limit(self, ability: Ability) -> None:
        if ability is Ability.HIDES:
            self.shop.hidden = {min(self.shop.records["orders"])}
        else:
            self.shop.redacted = True

    def unlimit(self) -> None:
        self.shop.hidden, self.shop.redacted = set(), False

    def expire_tokens(self) -> None:
        self.shop.issued += 1

    def spoil(self, key: str, *, spoilt: bool = True) -> None:
        self._put("orders", key, bad="spoilt by a plugin" if spoilt else None)

    def trash(self, resource: str, key: str) -> None:
        self._put(resource, key, trashed=True)

    def restore(self, resource: str, key: str) -> None:
        self._put(resource, key, trashed=False)

    def pass_time(self, seconds: float) -> None:
        self.shop.now += timedelta(seconds=seconds)

    def fault(self, fault: Fault, *, nth: int = 1, times: int | None = 1) -> None:
        first = self.shop.asked + nth
        self.shop.faults.append((fault, first, float("inf") if times is None else first + times - 1))

    def heal(self) -> None:
        self.shop.faults.clear()

    def truth(self, resource: str) -> Mapping[str, Mapping[str, Any]]:
        return dict(self._rows(resource))

    def _rows(self, resource: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for key, raw in self.shop.records[resource].items():
            facts = {"deleted": raw["trashed"], "source_updated_at": raw["updated"]}
            facts[_TEXT[resource]] = raw[_TEXT[resource]]
            if resource == "products":
                yield f"{key}-a", {**facts, "product_id": key}
                continue
            if resource == "orders":
                back = sum(map(Decimal, raw["refunds"].values()))
                total = Decimal(raw["total"])
                facts |= {
                    "total_amount": total,
                    "refunded_amount": back,
                    "current_total_amount": total - back,
                }
            yield key, facts

    @classmethod
    def payloads(cls) -> Iterator[tuple[str, dict[str, Any]]]:
        common = {"id": "7", "trashed": False, "updated": "2026-11-21T12:00:00+00:00"}
        yield (
            "orders",
            {**common, "total": "10.10", "refunds": {"71": "0.20"}, "items": {"1": "A", "2": None}},
        )
        yield "products", {**common, "title": "Shoe", "variants": ["a", "b"]}
        yield "customers", {**common, "name": "Ann", "email": "ann@example.test"}
