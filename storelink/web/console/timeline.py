"""An order's story, line by line: who spoke, by which road, what happened. Pure."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from storelink.connectors.presenting import OrderFace
from storelink.models import AddressUpdateRequest, AuditEvent, RefundRequest
from storelink.sync.order_story import Delivery, Told
from storelink.sync.postal import FIELDS
from storelink.sync.request import OURSELVES, AnyRequest
from storelink.web.console.address_form import label_of, said
from storelink.web.console.words import count, money

STORE, PEOPLE, US = "store", "people", "us"
SPEAKERS: Mapping[str, str] = {STORE: "Store said", PEOPLE: "Person did", US: "storelink did"}
WEBHOOK, POLL = "webhook", "poll"


@dataclass(frozen=True, slots=True)
class Event:
    """One line. `sign` is its icon, `road` how it reached us, `lag` seconds after it happened."""

    at: datetime
    who: str
    sign: str
    head: str
    words: str = ""
    road: str = ""
    lag: float | None = None
    request: uuid.UUID | None = None
    kind: str = ""
    changes: Sequence[tuple[str, str, str]] = ()
    """Fields of an address that were asked for: (label, before, new)."""

    @property
    def speaker(self) -> str:
        return SPEAKERS[self.who]


def events(told: Told, face: OrderFace) -> list[Event]:
    """All that is known, the newest first."""
    found = [*_of_store(told, face), *_of_refunds(told), *_of_reads(told), *_of_people(told)]
    return sorted(found, key=lambda one: one.at, reverse=True)


def narrowed(found: Sequence[Event], who: str, road: str) -> list[Event]:
    """Those of one speaker, or that came by one road; "" is any."""
    return [one for one in found if (not who or one.who == who) and (not road or one.road == road)]


def _of_store(told: Told, face: OrderFace) -> list[Event]:
    order, found = told.story.order, []
    items = told.story.items
    units = sum(int(item.quantity) for item in items)
    if order.created_at is not None:
        total = money(order.total_amount, order.currency)
        words = f"{count(units, 'item')} in {count(len(items), 'line')}, {total}."
        found.append(_said(told, order.created_at, "Order placed.", words))
    if face.paid_at is not None:
        by = f"By {face.payment}." if face.payment else ""
        found.append(_said(told, face.paid_at, f"Paid {money(order.total_amount, order.currency)}.", by))
    if order.cancelled_at is not None:
        found.append(_said(told, order.cancelled_at, "Order cancelled."))
    if order.deleted_at is not None:
        words = "It is in the bin there, or deleted for good. What was read of it stays here."
        found.append(_said(told, order.deleted_at, "The order is gone from the store.", words))
    return found


def _said(told: Told, at: datetime, head: str, words: str = "") -> Event:
    delivery = told.heard(at)
    return Event(at, STORE, "store", head, words, *_road(at, delivery))


def _road(at: datetime, delivery: Delivery | None) -> tuple[str, float | None]:
    if delivery is None:
        return "", None
    return WEBHOOK, max((delivery.received_at - at).total_seconds(), 0.0)


def _of_refunds(told: Told) -> list[Event]:
    ours = {one.id for one in told.story.requests}
    titles = {item.item_id: item.title for item in told.story.items}
    found = []
    for refund in told.story.refunds:
        if refund.created_at is None or refund.refund_request_id in ours:
            continue
        parts = [f"Refund {refund.refund_id}", *units_of(refund.items, titles)]
        words = ", ".join(parts) + (f", “{refund.reason}”" if refund.reason else "")
        found.append(
            _said(told, refund.created_at, f"The store refunded {money(refund.amount, refund.currency)}.",
                  f"{words}. No request of ours: made in the store.")
        )  # fmt: skip
    return found


def units_of(items: Sequence[Mapping[str, object]], titles: Mapping[str, str]) -> list[str]:
    """`2 Linen towel`, for the lines of a refund."""
    return [
        f"{str(item.get('quantity')).split('.')[0]} {titles[str(item.get('item_id'))]}"
        for item in items
        if str(item.get("quantity") or "0").strip("0.") and str(item.get("item_id")) in titles
    ]


def _of_reads(told: Told) -> list[Event]:
    heads = {"insert": "Read for the first time.", "update": "Read again: something had changed.",
             "delete": "Found to be gone from the store."}  # fmt: skip
    found = []
    for change in told.changes:
        delivery = told.brought(change)
        lag = (change.at - delivery.received_at).total_seconds() if delivery else None
        found.append(
            Event(change.at, US, "hook" if delivery else "poll", heads.get(change.op, "Read again."),
                  road=WEBHOOK if delivery else POLL, lag=lag)
        )  # fmt: skip
    return found


def _of_people(told: Told) -> list[Event]:
    by_id = {str(one.id): one for one in told.story.requests}
    return [_deed(told, event, by_id[str(event.subject)]) for event in told.deeds if event.subject in by_id]


def _deed(told: Told, event: AuditEvent, request: AnyRequest) -> Event:
    kind, _, deed = event.action.partition(".")
    ours = event.actor == OURSELVES
    name = person(event.actor, told.names)
    thing = _thing(request)
    heads = _OUR_DEEDS if ours else _THEIR_DEEDS
    head = heads.get(deed, "{Thing}: " + deed.replace("_", " ") + ".").format(
        name=name, thing=thing, Thing=thing[:1].upper() + thing[1:]
    )
    words = "" if deed not in ("failed", "needs_attention", "unknown") else (request.error or "")
    sign = _SIGNS.get(deed, "run") if ours else "person"
    changes = changes_of(request) if deed == "requested" else ()
    return Event(event.at, US if ours else PEOPLE, sign, head, words, request=request.id, kind=kind,
                 changes=changes)  # fmt: skip


def changes_of(request: AnyRequest) -> Sequence[tuple[str, str, str]]:
    """What a change of address was to change; nothing of one whose personal data were erased."""
    if not isinstance(request, AddressUpdateRequest) or request.redacted_at is not None:
        return ()
    old, new = request.old_address or (request.plan or {}).get("old") or {}, request.new_address or {}
    return [
        (label_of(name, new.get("country", "")), said(name, old.get(name), old.get("country", "")),
         said(name, new.get(name), new.get("country", "")))
        for name in FIELDS if name in (request.plan or {}).get("changes", {})
    ]  # fmt: skip


def _thing(request: AnyRequest) -> str:
    if isinstance(request, RefundRequest):
        return f"the refund of {money(request.amount, request.currency)}"
    assert isinstance(request, AddressUpdateRequest)
    return f"the change of the {request.kind} address"


def person(actor: str, names: Mapping[str, str]) -> str:
    """Somebody as colleagues know them."""
    if actor in names:
        return names[actor]
    kind, _, name = actor.partition(":")
    return {"cli": f"{name} (command line)", "token": f"{name} (API)"}.get(kind, name or actor)


_THEIR_DEEDS = {
    "requested": "{name} asked for {thing}.",
    "waiting_approval": "{name} asked for {thing}. A second person has to agree.",
    "approved": "{name} approved {thing}.",
    "retried": "{name} had {thing} sent again.",
    "resolved": "{name} said what became of {thing}.",
    "hurried": "{name} had {thing} looked at again.",
}
_OUR_DEEDS = {
    "sent": "Sent {thing} to the store.",
    "sent_again": "Sent {thing} again, the very same.",
    "not_sent": "{Thing} could not be sent.",
    "answered": "The store answered to {thing}.",
    "unknown": "{Thing} was not answered.",
    "needs_attention": "{Thing} needs a person.",
    "settled": "{Thing} is done: read back from the store.",
    "failed": "{Thing} failed.",
    "over_refunded": "More was refunded than the order's total.",
    "twin": "{Thing} was made elsewhere too, it seems.",
}
_SIGNS = {"settled": "ok", "failed": "bad", "needs_attention": "unknown", "unknown": "unknown",
          "over_refunded": "warn", "twin": "warn", "not_sent": "warn"}  # fmt: skip
