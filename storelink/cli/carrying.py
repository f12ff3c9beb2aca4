"""`--wait`: see a request through, by a worker's hands or, where none is alive, by our own."""

import time
import uuid
from typing import TYPE_CHECKING, Any

from storelink.cli import show
from storelink.cli.context import Context

if TYPE_CHECKING:
    from sqlmodel import Session

    from storelink.models import ConnectorConfig
    from storelink.sync.limit import Asker

RESTING = ("settled", "failed", "needs_attention", "waiting_approval")
"""Stages in which a request stays until a person does something, or for good."""
LOOK = 0.5
"""Seconds between looks at what a worker makes of it."""

NOBODY = (
    "No worker runs at present: nothing happens until `storelink serve` or `storelink worker` does,"
    " or it is asked for with --wait."
)


def asker_here(context: Context) -> "Asker":
    """Whoever uses this command line."""
    from storelink.sync.audit import system_actor
    from storelink.sync.limit import Asker

    return Asker(system_actor(), context.settings.role)


def workers(context: Context) -> int:
    """How many workers are alive."""
    from storelink.scheduler.ask import queue_standing

    with context.database.session() as session:
        return queue_standing(session, context.settings).workers


def enqueue(session: "Session", connector_id: uuid.UUID, order_id: str) -> None:
    """Have a worker see to the order, in the session's transaction."""
    from storelink.scheduler.acting import enqueue_order

    enqueue_order(session, connector_id, order_id)


def see_through(context: Context, store: "ConnectorConfig", table: Any, request_id: uuid.UUID) -> Any:
    """Wait until the request rests, doing the work ourselves where no worker is alive. Returns its row.

    Ctrl-C leaves it as it is: whoever works next goes on with it.
    """
    try:
        with show.waiting("Waiting for the store"):
            while True:
                row = _row(context, table, request_id)
                if row.stage in RESTING and (row.stage != "settled" or row.read_at or row.misses):
                    return row
                if workers(context):
                    time.sleep(LOOK)
                else:
                    _work(context, store, row.order_id)
    except KeyboardInterrupt as stop:
        stop.add_note("The request stands; `storelink serve` goes on with it.")
        raise


def _row(context: Context, table: Any, request_id: uuid.UUID) -> Any:
    with context.database.session() as session:
        return session.get(table, request_id)


def _work(context: Context, store: "ConnectorConfig", order_id: str) -> None:
    """Do what is due for the order, then wait until something is due again, or somebody else works."""
    from storelink.errors import LaneHeld, LaneLost
    from storelink.sync.act import act
    from storelink.sync.opening import open_subject
    from storelink.sync.request import rules_of

    again: float | None = LOOK
    try:
        with open_subject(
            context.database, context.keyring, store.name, context.settings, refresh=False
        ) as subject:
            again = act(context.database, subject, order_id, rules_of(context.settings))
    except (LaneHeld, LaneLost):
        again = LOOK
    time.sleep(min(again if again is not None else LOOK, 5.0))
