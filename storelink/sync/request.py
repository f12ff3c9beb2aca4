"""Requests to a store, whatever they ask for: their kinds, how they stand, and how they move on.

A kind says what differs between a refund and a change of address: how it is planned again and worded
just before it is sent, the one call, and what a look at the order says of it. Everything else, above
all the order in which things are written down and done, is `carry.py`'s and the same for both.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from storelink.config import Settings
from storelink.connectors.action import Actions, Standing
from storelink.errors import LaneLost, StorelinkError
from storelink.models.request import LIVE, AddressUpdateRequest, RefundRequest
from storelink.sync.lane import Psycopg

REQUESTED, APPROVAL, SENT, UNKNOWN = "requested", "waiting_approval", "sent", "unknown"
ATTENTION, SETTLED, FAILED = "needs_attention", "settled", "failed"
OURSELVES = "storelink"
"""The actor of what storelink does by itself."""

AnyRequest = RefundRequest | AddressUpdateRequest


# -- what a look says --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settled:
    """It was done. `values` are columns to set, `response` what was read back (JSON)."""

    response: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undone:
    """It certainly was not done and will not be."""

    words: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be said yet. Look again, after so many seconds or when the machine thinks fit."""

    words: str
    values: Mapping[str, Any] = field(default_factory=dict)
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Resend:
    """It is not there; the very same may be sent once more."""

    words: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attention:
    """Only a person can tell."""

    words: str
    values: Mapping[str, Any] = field(default_factory=dict)


Verdict = Settled | Undone | Wait | Resend | Attention


class Refused(StorelinkError):
    """It must not be sent: the order is not as it was when this was asked for, or we may not."""


class NotYet(StorelinkError):
    """The order was read again, and what was settled is not in our tables."""


# -- a kind of request -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rules:
    """How long is waited for what, in seconds."""

    grace: float = 900.0
    """After a send without an answer, for the store to show something."""
    look: float = 2.0
    """To the first look again; each later one waits twice as long."""
    look_most: float = 60.0
    survive: float = 10.0
    """For which a refund without a payment must still be there."""
    retry: float = 5.0
    """To the next try of what was certainly not sent; twice as long each time."""
    retry_most: float = 600.0
    late: float = 10.0
    """Between writing down that it is sent and sending it; a process that was halted longer sends nothing."""
    hourly: float = 3600.0
    """Between looks at what waits for a person, or for a gateway that takes its time."""
    give_up: timedelta = timedelta(days=7)
    """After which nobody looks by himself any more."""


def rules_of(settings: Settings) -> Rules:
    """As the settings say."""
    return Rules(grace=settings.refund_grace, look=settings.refund_look)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a verdict goes by beside the order: the time (database clock), and what may be done."""

    now: datetime
    rules: Rules
    resends_within: timedelta | None = None
    """Of the platform (`Actions.resends_within`)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The body to send, and columns that are noted with it (`old_address` …)."""

    body: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Kind(Protocol):
    """A kind of request. Stateless."""

    name: str
    """`refund` or `address`: the first half of the audit's actions."""
    table: str
    done: str
    """The status of one that is settled."""

    def row(self, values: Mapping[str, Any]) -> AnyRequest:
        """A row of the table as a value."""

    def prepare(self, actions: Actions, request: Any) -> Prepared:
        """Read the order, plan again, word it. Only reads.

        Raises `Refused` where it is not what was shown, and what reading raises.
        """

    def send(self, actions: Actions, request: Any) -> Mapping[str, Any]:
        """The one call with `request.body`. Returns columns to note. Raises as `Actions` says."""

    def judge(self, request: Any, standing: Standing, moment: Moment) -> Verdict:
        """What the order says of the request, which was sent. Pure."""

    def close(self, connection: Psycopg, request: Any) -> Mapping[str, Any]:
        """It is settled and the order was read again: tie up our tables in the present transaction.

        Returns columns to set. Raises `NotYet`.
        """


# -- the rows ----------------------------------------------------------------------------------------


def open_of(connection: Psycopg, kind: Kind, connector_id: uuid.UUID, order_id: str) -> list[AnyRequest]:
    """The order's requests for which something is still to be done, oldest first. Commits."""
    return _rows(
        connection, kind,
        "connector_id = %s AND order_id = %s AND (status = 'pending' OR (stage = 'settled' AND"
        " read_at IS NULL)) ORDER BY requested_at, id",
        (connector_id, order_id),
    )  # fmt: skip


def load(connection: Psycopg, kind: Kind, request_id: uuid.UUID) -> AnyRequest | None:
    """One request. Commits."""
    return next(iter(_rows(connection, kind, "id = %s", (request_id,))), None)


def live_on(connection: Psycopg, kinds: Sequence[Kind], connector_id: uuid.UUID, order_id: str) -> Any:
    """(kind, id, stage) of the request that the store may have done or may yet do; None. Commits."""
    query = " UNION ALL ".join(
        f"SELECT '{kind.name}', id, stage FROM {kind.table} WHERE connector_id = %(connector)s"  # noqa: S608
        " AND order_id = %(order)s AND stage = ANY(%(live)s)"
        for kind in kinds
    )
    row = connection.execute(
        query, {"connector": connector_id, "order": order_id, "live": list(LIVE)}
    ).fetchone()
    connection.commit()
    return row


def _rows(connection: Psycopg, kind: Kind, where: str, values: Sequence[Any]) -> list[AnyRequest]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(f"SELECT * FROM {kind.table} WHERE {where}", values).fetchall()  # noqa: S608
    connection.commit()
    return [kind.row(row) for row in found]


def advance(
    connection: Psycopg,
    kind: Kind,
    request: AnyRequest,
    stage: str | None = None,
    *,
    actor: str = OURSELVES,
    action: str | None = None,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> AnyRequest:
    """Set columns, and `stage` with its status; what happened goes to the audit. Commits.

    `action` is the second half of the audit's word, the stage if it is not given; without either
    nothing is written there. What was kept of an erased person only to carry on goes at the end.
    Raises `LaneLost` where the request is no longer as `request` says.
    """
    columns = dict(values)
    if stage is not None:
        columns |= {"stage": stage, "status": {SETTLED: kind.done, FAILED: FAILED}.get(stage, "pending")}
    if stage in (SETTLED, FAILED) and request.redacted_at is not None:
        columns |= {"body": None} | ({"reason": None} if isinstance(request, RefundRequest) else {})
    sets = ", ".join(f"{name} = %({name})s" for name in columns)
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            f"UPDATE {kind.table} SET {sets} WHERE id = %(_id)s AND stage = %(_stage)s"  # noqa: S608
            " AND attempts = %(_attempts)s RETURNING *",
            {**{name: _plain(value) for name, value in columns.items()},
             "_id": request.id, "_stage": request.stage, "_attempts": request.attempts},
        ).fetchone()  # fmt: skip
    if row is None:
        connection.rollback()
        raise LaneLost(f"another process has gone on with request {request.id}")
    if action or stage:
        note(connection, kind, request, action or str(stage), actor, detail)
    connection.commit()
    return kind.row(row)


def note(
    connection: Psycopg,
    kind: Kind,
    request: AnyRequest,
    action: str,
    actor: str = OURSELVES,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """A row of `audit_event` in the present transaction; never with anything personal in it."""
    connection.execute(
        "INSERT INTO audit_event (actor, action, connector_id, subject, detail) VALUES (%s, %s, %s, %s, %s)",
        (actor, f"{kind.name}.{action}", request.connector_id, str(request.id),
         Jsonb({"order": request.order_id, **(detail or {})})),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value
