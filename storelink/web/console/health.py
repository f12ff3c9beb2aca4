"""How stores stand, in the console's words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storelink.sync.alert import FAILURES
from storelink.sync.status import ResourceStatus, StoreStatus
from storelink.web.console.words import count, number


@dataclass(frozen=True, slots=True)
class Health:
    """A state as it is shown: tone and sign of the design, words, and a second line."""

    tone: str
    sign: str
    words: str
    more: str = ""


_PLAIN = {
    "in_step": Health("ok", "ok", "In step"),
    "paused": Health("second", "pause", "Paused", "Nothing is read until it is resumed"),
    "new": Health("info", "wait", "Not read yet"),
    "late": Health("warn", "wait", "Late", "No worker has read it though it was due"),
    "key_refused": Health("bad", "bad", "Key refused", "Reading has stopped"),
}


def rank(store: StoreStatus) -> tuple[bool, int, str]:
    """Stores that need a person come first, then the worst."""
    return (not store.needs_person, store.rank, store.name)


def health(store: StoreStatus) -> Health:
    """Of a store: its worst resource speaks."""
    if store.restored_at:
        return Health("bad", "warn", "Restored backup?", "Refunds wait until a full check")
    kind = store.worst
    return resource_health(next((one for one in store.resources if one.state == kind), None), kind)


def resource_health(one: ResourceStatus | None, kind: str | None = None) -> Health:
    """Of one resource."""
    kind = kind or (one.state if one else "new")
    if one is None or kind in _PLAIN:
        return _PLAIN.get(kind, _PLAIN["new"])
    if kind == "drift":
        many = one.differing
        verb = "differs" if many == 1 else "differ"
        more = "Gone from the store, kept here" if one.withheld else "Found by the check"
        return Health("warn", "warn", f"{count(many, one.resource[:-1])} {verb}", more)
    if kind == "failing":
        return Health("bad", "bad", "Failing", f"{count(one.failures, 'try', 'tries')} in a row failed")
    first = "First read" if one.last_success_at is None else "Full read"
    share = "" if one.share is None else f", {int(one.share * 100)} %"
    if kind == "stopped":
        return Health("warn", "pause", f"{first} stopped{share}", "It goes on from there when it is read")
    return Health("info", "run", f"{first}{share}", f"{number(one.done or 0)} of {number(one.total)}")


@dataclass(frozen=True, slots=True)
class Freshness:
    """The bar of a store: how old the last read is, against its interval. Widths in per cent."""

    words_at: datetime | None
    interval: int
    width: int
    kind: str
    """is-ok, is-late, is-down, is-off or reading."""
    done: int | None = None
    total: int | None = None


def freshness(store: StoreStatus, now: datetime, resource: str = "orders") -> Freshness:
    """Of one resource; the interval's mark stands at half the width."""
    one = next((part for part in store.resources if part.resource == resource), None)
    if one is None:
        return Freshness(None, store.interval, 0, "is-off")
    if one.share is not None:
        return Freshness(
            one.last_success_at, one.interval, int(one.share * 100), "reading", one.done, one.total
        )
    if store.status == "paused" or one.last_success_at is None:
        return Freshness(one.last_success_at, one.interval, 0, "is-off")
    age = (now - one.last_success_at).total_seconds()
    width = min(100, max(1, round(50 * age / one.interval)))
    down = one.state in ("key_refused", "failing") or width >= 100
    return Freshness(one.last_success_at, one.interval, width, "is-down" if down else "")


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of what needs a person: what is so, where, what it means, and the button."""

    tone: str
    sign: str
    head: str
    where: str
    words: str
    to: str
    button: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What people asked for and waits for a person: `stores` by name, requests, and refunds to approve."""

    stores: frozenset[str] = frozenset()
    refunds: int = 0
    addresses: int = 0
    approvals: int = 0

    @property
    def unknown(self) -> str:
        """One refund and 2 changes of address have an unknown outcome."""
        told = [count(many, one, more) for many, one, more in (
            (self.refunds, "refund", "refunds"), (self.addresses, "change of address", "changes of address"),
        ) if many]  # fmt: skip
        verb = "has" if self.refunds + self.addresses == 1 else "have"
        return f"{' and '.join(told)} {verb} an unknown outcome." if told else ""

    @property
    def waits(self) -> str:
        """2 refunds wait for approval"""
        verb = "waits" if self.approvals == 1 else "wait"
        return f"{count(self.approvals, 'refund')} {verb} for approval" if self.approvals else ""


def heading(stores: Sequence[StoreStatus], asked: Asked) -> tuple[str, str]:
    """(The answer, one or two more sentences)."""
    if not stores:
        return (
            "No store is connected yet",
            "Connect one, and storelink reads it whole, then keeps it in step.",
        )
    waiting = [store for store in stores if store.needs_person or store.name in asked.stores]
    others = [store for store in stores if store not in waiting]
    if not waiting:
        all_well = all(store.worst == "in_step" for store in stores)
        well = "The store is in step" if len(stores) == 1 else f"All {len(stores)} stores are in step"
        if asked.approvals:
            return asked.waits, f"{well}." if all_well else _others(others)
        return (well, "") if all_well else ("Nothing needs a person", _others(others))
    approvals = f"{asked.waits}." if asked.approvals else ""
    more = " ".join(one for one in (_others(others), asked.unknown, approvals) if one)
    verb = "needs" if len(waiting) == 1 else "need"
    if len(stores) == 1:
        return f"{stores[0].name} needs a person", more
    return f"{len(waiting)} of {count(len(stores), 'store')} {verb} a person", more


_OTHERS = (
    ("in_step", "in step"), ("first_read", "being read for the first time"), ("full_read", "being read anew"),
    ("new", "not read yet"), ("stopped", "stopped in its first read"), ("late", "late"),
    ("failing", "failing"), ("paused", "paused"),
)  # fmt: skip


def _others(stores: Sequence[StoreStatus]) -> str:
    told = []
    for kind, words in _OTHERS:
        many = sum(store.worst == kind for store in stores)
        if many:
            told.append(f"{many} {'is' if many == 1 else 'are'} {words}")
    return (", ".join(told) + ".") if told else ""


def deeds(store: StoreStatus) -> list[Deed]:
    """What of a store needs a person, worst first."""
    at = f"/console/stores/{store.name}"
    found: list[Deed] = []
    last = max((one.last_success_at for one in store.resources if one.last_success_at), default=None)
    if store.status == "auth_failed":
        found.append(Deed("bad", "bad", "The store refuses our key", store.name,
                          "Reading stopped. What changed in the store since is not here.",
                          f"{at}#access", "Enter new keys", last))  # fmt: skip
    if store.restored_at:
        found.append(Deed("bad", "warn", "The store seems to be restored from a backup", store.name,
                          "Refunds and changes of address wait until a full check finds it in order.",
                          f"{at}#verify", "See and check"))  # fmt: skip
    found += [deed for one in store.resources for deed in _deeds_of(store, one, at, last)]
    # each of these has a line of its own
    said = {"auth_failed", "drift", "deletes_withheld", "quarantine", "store_down", "needs_attention"}
    for alert in store.alerts:
        if alert.kind not in said:
            found.append(Deed("warn", "warn", alert.words, store.name, "", at, "Look", alert.opened_at))
    return found


def _deeds_of(store: StoreStatus, one: ResourceStatus, at: str, last: datetime | None) -> list[Deed]:
    found = []
    if one.withheld:
        verb = "is" if one.withheld == 1 else "are"
        head = f"{count(one.withheld, one.resource[:-1])} {verb} gone from the store"
        words = "More than a fifth within 30 days, so storelink stopped and asks. They are kept."
        found.append(Deed("warn", "warn", head, store.name, words, f"{at}#verify", "See and decide"))
    if one.state == "drift" and one.last_drift and one.last_drift > one.withheld:
        verb = "differs" if one.last_drift == 1 else "differ"
        head = f"{count(one.last_drift, one.resource[:-1])} {verb} from the store"
        found.append(
            Deed("warn", "warn", head, store.name, "Found by the check.", f"{at}#verify", "See and fix",
                 one.last_verified_at)
        )  # fmt: skip
    if one.failures >= FAILURES and store.status == "active":
        head = f"Reading {one.resource} fails"
        found.append(Deed("bad", "bad", head, store.name, one.last_error or "", at, "Look", last))
    if one.quarantined:
        head = f"{count(one.quarantined, 'record')} of {one.resource} could not be read"
        words = "Kept in quarantine with their payload; everything else went on."
        found.append(Deed("warn", "warn", head, store.name, words, f"{at}#quarantine", "See records"))
    return found
