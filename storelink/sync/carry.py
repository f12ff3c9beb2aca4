"""Carrying out what was requested for one order: the order in which things are written down and done.

    requested ── plan again, compare with what was shown ── commit `sent` with the body ── ONE call ─┐
        ↑ certainly not sent                                                                          │
        └──────────────────────────────────────────────────────────────────────────────────────────── ┤
    failed ← refused ────────────────────────────────────────────────────────────────────────────────┤
    sent, unknown ── look at the order ── settled | failed | look again | needs_attention ←───────────┘

Whoever finds a request in `sent` cannot know whether its call ever left: it is looked for, never sent
again, unless the kind says that the very same may be (a platform that knows repetitions by a key). Each
step is committed before the next begins, so a crash anywhere leaves a stage from which this carries on.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from storelink.connectors.action import Actions
from storelink.errors import (
    AuthFailed,
    DatabaseAway,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    Stopped,
    StorelinkError,
)
from storelink.models.request import LIVE
from storelink.sync.order_lock import HeldOrder
from storelink.sync.request import (
    ATTENTION,
    FAILED,
    REQUESTED,
    SENT,
    SETTLED,
    UNKNOWN,
    AnyRequest,
    Attention,
    Kind,
    Moment,
    NotYet,
    Refused,
    Resend,
    Rules,
    Settled,
    Undone,
    Verdict,
    Wait,
    advance,
    live_on,
    open_of,
)

log = structlog.get_logger(__name__)

MISSING_MOST = 5
"""Reads of an order after which a refund of ours that it does not bring is missed no more."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries the requests of one order, which it holds, in a store that is open."""

    held: HeldOrder
    kinds: Sequence[Kind]
    actions: Actions
    rules: Rules
    forbidden: str | None = None
    """Why nothing may be sent now; what was sent is looked for all the same."""
    stop: Callable[[], bool] = lambda: False
    """Whether to begin nothing more."""

    def carry_all(self) -> float | None:
        """Do what is due. Returns the seconds until something is due again, None if nothing is.

        Raises `LaneLost` if somebody else went on meanwhile, and `DatabaseAway`.
        """
        moved = False
        for kind, request in self._open():
            due = request.next_try_at is not None and request.next_try_at <= self.held.clock()
            if due or (moved and request.stage == REQUESTED):  # it may have waited for the one before
                if self.stop():
                    return None
                self._ride(kind).go(request)
                moved = True
        times = [one.next_try_at for _, one in self._open() if one.next_try_at is not None]
        return max(0.0, (min(times) - self.held.clock()).total_seconds()) if times else None

    def unread(self) -> frozenset[uuid.UUID]:
        """The requests that were settled, and after which the order is to be read now."""
        return frozenset(request.id for _, request in self._unread())

    def close(self, read: frozenset[uuid.UUID]) -> None:
        """The order has been read since these were settled: tie them up with what was read."""
        for kind, request in self._unread():
            if request.id not in read:
                continue  # another process settled it meanwhile
            try:
                values = kind.close(self.held.connection, request)
            except NotYet as error:
                if request.misses < MISSING_MOST:
                    self._ride(kind).put_off(request, str(error))
                    continue
                values = {}
            self._ride(kind).close(request, values)

    def put_off_reading(self, words: str) -> None:
        """The order could not be read again now."""
        for kind, request in self._unread():
            self._ride(kind).put_off(request, f"The order could not be read again yet: {words}")

    def _unread(self) -> list[tuple[Kind, AnyRequest]]:
        now = self.held.clock()
        return [
            (kind, request)
            for kind, request in self._open()
            if request.stage == SETTLED and request.next_try_at is not None and request.next_try_at <= now
        ]

    def _ride(self, kind: Kind) -> "_Ride":
        return _Ride(self, kind)

    def _open(self) -> list[tuple[Kind, AnyRequest]]:
        """What is not done with: first what the store may be at, then by age."""
        found = [
            (kind, request)
            for kind in self.kinds
            for request in open_of(self.held.connection, kind, self.held.connector_id, self.held.order_id)
        ]
        return sorted(found, key=lambda it: (it[1].stage not in LIVE, it[1].requested_at, str(it[1].id)))


@dataclass(frozen=True, slots=True)
class _Ride:
    """One request, as far as it goes now. Each step returns the request to go on with, or None."""

    carrier: Carrier
    kind: Kind

    def go(self, request: AnyRequest) -> None:
        steps = {
            REQUESTED: self._begin, SENT: self._look, UNKNOWN: self._look, ATTENTION: self._look,
        }  # fmt: skip
        left: AnyRequest | None = request
        while left is not None and left.stage in steps:
            left = steps[left.stage](left)

    # -- before anything is sent -------------------------------------------------------------------

    def _begin(self, request: AnyRequest) -> AnyRequest | None:
        """Plan again and send; where that cannot be now, later."""
        carrier = self.carrier
        obstacle = self._obstacle()
        if obstacle is not None:
            return self.put_off(request, obstacle, after=carrier.rules.look_most)
        try:
            prepared = self.kind.prepare(carrier.actions, request)
        except (Refused, Rejected, Misconfigured) as error:
            return self._fail(request, _refusal(error))
        except AuthFailed as error:
            return self._keys_refused(request, error)
        except (Stopped, DatabaseAway):
            raise
        except StorelinkError as error:
            return self.put_off(request, str(error), after=getattr(error, "after", None))
        mark = time.monotonic()
        sent = self._advance(
            request, SENT, body=prepared.body, **prepared.values, send_key=request.send_key or request.id,
            sent_at=self._now(), attempts=request.attempts + 1, error=None,
            next_try_at=self._at(carrier.rules.retry),
        )  # fmt: skip
        if time.monotonic() - mark > carrier.rules.late:
            return self._unsent(sent, "This process was halted just before it was to be sent.", None)
        return self._send(sent)

    def _obstacle(self) -> str | None:
        """Why nothing may be sent for this order now."""
        held = self.carrier.held
        live = live_on(held.connection, self.carrier.kinds, held.connector_id, held.order_id)
        if live is not None:
            kind, number, stage = live
            return f"waits for the {kind} {number} of the same order, which is {stage}"
        return self.carrier.forbidden

    def _send(self, request: AnyRequest) -> AnyRequest | None:
        """The first call of a key."""
        try:
            values = self.kind.send(self.carrier.actions, request)
        except Retryable as error:
            return self._unsent(request, str(error), error.after)
        except AuthFailed as error:
            self._mark_refused()
            return self._unsent(request, str(error), None)
        except Rejected as error:
            return self._fail(request, f"The store refuses: {error}", code=error.code)
        except OutcomeUnknown as error:
            return self._advance(
                request, UNKNOWN, error=str(error), misses=0, next_try_at=self._at(0), seen=_said(error)
            )
        return self._advance(request, action="answered", misses=0, next_try_at=self._at(0), **values)

    def _send_again(self, request: AnyRequest) -> AnyRequest | None:
        """The very same once more. What is said now is of this call only: the first may have been done."""
        if self.carrier.forbidden is not None:
            return self.put_off(request, self.carrier.forbidden)
        mark = time.monotonic()
        request = self._advance(request, SENT, action="sent_again", attempts=request.attempts + 1)
        if time.monotonic() - mark > self.carrier.rules.late:
            return self.put_off(request, "This process was halted just before it was to be sent.")
        try:
            values = self.kind.send(self.carrier.actions, request)
        except AuthFailed as error:
            return self._keys_refused(request, error)
        except Rejected as error:
            # said to the first call too, where the platform knows the key; but only a look can tell
            refusal = {**(request.seen or {}), "refused": str(error)}
            return self._advance(request, action="refused", seen=refusal, error=str(error))
        except (Retryable, OutcomeUnknown) as error:
            request = self._advance(request, UNKNOWN, error=str(error))
            return self.put_off(request, str(error), after=getattr(error, "after", None))
        return self._advance(request, action="answered", misses=0, **values)

    def _unsent(self, request: AnyRequest, words: str, after: float | None) -> AnyRequest | None:
        """Certainly not done: as if it had not been tried."""
        back = self._advance(
            request, REQUESTED, action="not_sent", body=None, sent_at=None, error=words,
            misses=request.misses + 1, next_try_at=self._at(self._pause(request, after)),
        )  # fmt: skip
        log.info("request.not_sent", request=str(request.id), why=words, misses=back.misses)
        return None

    # -- afterwards --------------------------------------------------------------------------------

    def _look(self, request: AnyRequest) -> AnyRequest | None:
        """What became of it, by the order itself."""
        try:
            standing = self.carrier.actions.look(request.order_id)
        except NotFound:
            return self._take(request, self._without_order(request))
        except AuthFailed as error:
            return self._keys_refused(request, error)
        except (Stopped, DatabaseAway):
            raise
        except StorelinkError as error:
            return self.put_off(request, f"It was sent; what became of it cannot be read: {error}")
        moment = Moment(self._now(), self.carrier.rules, self.carrier.actions.resends_within)
        return self._take(request, self.kind.judge(request, standing, moment))

    def _without_order(self, request: AnyRequest) -> Verdict:
        words = "The store has the order no more"
        sent = request.sent_at
        if sent is not None and self._now() - sent < timedelta(seconds=self.carrier.rules.grace):
            return Wait(f"{words}; it is looked for again.")
        return Attention(f"{words}: whether this was done can only be seen there.")

    def _take(self, request: AnyRequest, verdict: Verdict) -> AnyRequest | None:
        if isinstance(verdict, Settled):
            return self._advance(
                request, SETTLED, **verdict.values, response=dict(verdict.response), settled_at=self._now(),
                misses=0, next_try_at=self._now(), error=None,
            )  # fmt: skip
        if request.stage == ATTENTION:
            return self._watch(request, verdict)
        if isinstance(verdict, Undone):
            return self._fail(request, verdict.words, **verdict.values)
        if isinstance(verdict, Attention):
            self._advance(
                request, ATTENTION, **verdict.values, error=verdict.words, misses=0,
                next_try_at=self._at(self.carrier.rules.look_most),
            )  # fmt: skip
            log.error("request.needs_attention", request=str(request.id), kind=self.kind.name)
            return None
        if isinstance(verdict, Resend) and request.misses:
            return self._send_again(request)
        return self._wait(request, verdict)

    def _wait(self, request: AnyRequest, verdict: Wait | Resend) -> AnyRequest | None:
        rules = self.carrier.rules
        after = verdict.after if isinstance(verdict, Wait) else None
        if after is None:
            after = min(rules.look * 2.0 ** min(request.misses, 20), rules.look_most)
        changed = {"stage": UNKNOWN} if request.stage != UNKNOWN else {}
        self._advance(
            request, **changed, **verdict.values, error=verdict.words, misses=request.misses + 1,
            next_try_at=self._at(after),
        )  # fmt: skip
        return None

    def _watch(self, request: AnyRequest, verdict: Verdict) -> AnyRequest | None:
        """A person has it; it still settles by itself if it comes to light after all."""
        rules = self.carrier.rules
        given_up = request.sent_at is None or self._now() - request.sent_at > rules.give_up
        after = min(rules.look_most * 2.0 ** min(request.misses, 20), rules.hourly)
        values = {} if isinstance(verdict, Settled) else verdict.values
        self._advance(
            request, **values, misses=request.misses + 1, next_try_at=None if given_up else self._at(after)
        )
        return None

    # -- writing down ------------------------------------------------------------------------------

    def close(self, request: AnyRequest, values: Mapping[str, Any]) -> None:
        """Nothing more is to be done for it."""
        self._advance(request, **values, read_at=self._now(), next_try_at=None, error=None)

    def _fail(
        self, request: AnyRequest, words: str, *, code: str | None = None, **values: Any
    ) -> AnyRequest | None:
        self._advance(
            request, FAILED, detail={"code": code} if code else None, error=words, settled_at=self._now(),
            next_try_at=None, **values,
        )  # fmt: skip
        return None

    def _keys_refused(self, request: AnyRequest, error: AuthFailed) -> AnyRequest | None:
        self._mark_refused()
        words = f"The store refuses our keys: {error}"
        return self.put_off(request, words, after=self.carrier.rules.look_most)

    def _mark_refused(self) -> None:
        """Stop the store's schedule, as a pass does whose keys were refused. The next step commits."""
        held = self.carrier.held
        held.connection.execute(
            "UPDATE connector_config SET status = 'auth_failed' WHERE id = %s AND status = 'active'",
            (held.connector_id,),
        )

    def put_off(self, request: AnyRequest, words: str, *, after: float | None = None) -> AnyRequest | None:
        """Nothing could be learnt or done now."""
        told = {} if request.stage == ATTENTION else {"error": words}
        self._advance(
            request, **told, misses=request.misses + 1, next_try_at=self._at(self._pause(request, after))
        )
        return None

    def _pause(self, request: AnyRequest, hint: float | None) -> float:
        """Seconds to the next try: twice as long each time, and what the store asks for at least."""
        rules = self.carrier.rules
        return max(min(rules.retry * 2.0 ** min(request.misses, 20), rules.retry_most), hint or 0.0)

    def _advance(self, request: AnyRequest, stage: str | None = None, **values: Any) -> AnyRequest:
        if stage == SENT:
            values["detail"] = {"attempt": request.attempts + 1}
        return advance(self.carrier.held.connection, self.kind, request, stage, **values)

    def _now(self) -> datetime:
        return self.carrier.held.clock()

    def _at(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)


def _said(error: OutcomeUnknown) -> dict[str, Any] | None:
    """What is kept of an answer that says nothing certain."""
    return {"said": str(error), "done_with": True} if error.answered else None


def _refusal(error: StorelinkError) -> str:
    if isinstance(error, Refused):
        return str(error)
    return "The store has no such order." if isinstance(error, NotFound) else f"The store refuses: {error}"
