"""How a request for a refund stands, as it is drawn on its own page and on its order's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from storelink.access.role import Caller
from storelink.config import Settings
from storelink.models import ConnectorConfig, PlatformOrder, RefundRequest
from storelink.sync import request_search
from storelink.sync.order_story import names_of
from storelink.sync.request import APPROVAL, ATTENTION, FAILED, REQUESTED, SENT, SETTLED, UNKNOWN, rules_of
from storelink.web.console.opened import title_of
from storelink.web.console.orders import face_of, name_of, order_link
from storelink.web.console.page import TEMPLATES
from storelink.web.console.timeline import person

BADGES: Mapping[str, tuple[str, str, str]] = {
    REQUESTED: ("info", "wait", "Waiting its turn"),
    APPROVAL: ("info", "lock", "Waits for approval"),
    SENT: ("info", "run", "Sent, waiting for the answer"),
    UNKNOWN: ("warn", "unknown", "Outcome not known yet"),
    ATTENTION: ("bad", "unknown", "Needs a person"),
    SETTLED: ("ok", "ok", "Settled"),
    FAILED: ("bad", "bad", "Nothing was refunded"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One of the steps: `look` is done, now, ask, wrong or todo-step."""

    look: str
    sign: str
    title: str
    who: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A request as it is drawn."""

    row: RefundRequest
    store: str
    platform: str
    link: str
    number: str
    customer: str
    by: str
    own: bool
    approved_by: str
    way: str
    """Where the money goes back to, in the store's words."""
    first: str
    """What goes first on this order, or ""."""
    given_up_at: datetime | None

    @property
    def badge(self) -> tuple[str, str, str]:
        return BADGES.get(self.row.stage or "", ("second", "todo", "Not one of ours"))

    @property
    def rests(self) -> bool:
        """Whether nothing moves before somebody does something."""
        return self.row.stage in (SETTLED, FAILED, ATTENTION, None)

    @property
    def alarmed(self) -> bool:
        return self.row.alarm is not None and self.row.alarm_over_at is None

    @property
    def mark(self) -> str:
        """Another one when there is something new to see."""
        row = self.row
        parts = (row.stage, row.attempts, row.misses, row.alarm, row.read_at is not None, bool(self.first))
        return "-".join(str(one) for one in parts)

    @property
    def steps(self) -> list[Step]:
        row = self.row
        found = [Step("done", "ok", "Asked", f"by {self.by}", row.requested_at)]
        if row.stage == APPROVAL:
            found.append(Step("now", "lock", "Approval", "a second person has to agree"))
        elif row.approved_by:
            found.append(Step("done", "ok", "Approved", f"by {self.approved_by}", row.approved_at))
        if row.stage == REQUESTED:
            found.append(Step("now", "wait", "Waiting", self.first or "for a worker to take it"))
        found.append(self._sent())
        found.append(self._read())
        return found

    def _sent(self) -> Step:
        row = self.row
        if row.stage in (REQUESTED, APPROVAL):
            return Step("todo-step", "todo", "Sent to the store")
        if row.sent_at is None:
            return Step("wrong", "bad", "Not sent to the store")
        if row.stage == SENT:
            return Step("now", "run", "Sent to the store", "most take 2 to 6 s", row.sent_at)
        if row.stage in (UNKNOWN, ATTENTION):
            return Step("ask", "unknown", "Sent to the store", "no answer that can be trusted", row.sent_at)
        return Step("done", "ok", "Sent to the store", "", row.sent_at)

    def _read(self) -> Step:
        row = self.row
        if row.stage == UNKNOWN:
            return Step("now", "run", "Looking in the store", "next look", row.next_try_at)
        if row.stage == SETTLED:
            words = "said by a person" if "resolved_by" in (row.response or {}) else "equal to the cent"
            return Step("done", "ok", "Read back", words, row.settled_at)
        if row.stage == FAILED and row.sent_at is not None:
            return Step("wrong", "bad", "Not done", "", row.settled_at)
        if row.stage == ATTENTION:
            return Step("ask", "unknown", "A person looks")
        return Step("todo-step", "todo", "Read back")


def state_of(session: Session, caller: Caller, row: RefundRequest, settings: Settings) -> State:
    """A request as it is drawn."""
    store = session.get_one(ConnectorConfig, row.connector_id)
    order = session.get(PlatformOrder, (row.connector_id, row.order_id))
    names = names_of(session)
    grace = timedelta(seconds=rules_of(settings).grace)
    face = face_of(store.platform, order.shipping_address, order.billing_address, {}) if order else None
    listed = request_search.listed(session, RefundRequest, connector_id=store.id, order_id=row.order_id)
    others = [one for one in listed
              if one.id != row.id and one.stage in (SENT, UNKNOWN, ATTENTION)]  # fmt: skip
    plan: Mapping[str, Any] = row.plan or {}
    ways = [one.get("title") or one.get("gateway") or "" for one in plan.get("payments", ())]
    return State(
        row=row, store=store.name, platform=title_of(store), link=order_link(store.name, row.order_id),
        number=order.order_number if order else row.order_id,
        customer=(name_of(face.shipping) or name_of(face.billing)) if face else "",
        by="you" if row.requested_by == caller.actor else person(row.requested_by or "somebody", names),
        own=row.requested_by == caller.actor,
        approved_by="you" if row.approved_by == caller.actor else person(row.approved_by or "", names),
        way=", ".join(filter(None, ways)) or "the customer",
        first="another refund of this order goes first" if others and row.stage == REQUESTED else "",
        given_up_at=row.sent_at + grace if row.sent_at and row.stage == UNKNOWN else None,
    )  # fmt: skip


def _words_of(row: RefundRequest) -> str:
    return (row.error or "").replace(" (`refund retry`)", "").replace(" (`refund resolve`)", "")


TEMPLATES.filters["error_words"] = _words_of


def sentence(words: str) -> str:
    """With a great letter and a full stop, as a sentence stands."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


TEMPLATES.filters["sentence"] = sentence
