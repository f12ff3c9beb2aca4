"""What people asked for in a store, one job an order; and what only the clock finds."""

import uuid
from typing import cast

import structlog
from sqlmodel import Session

from storelink.errors import (
    AuthFailed,
    DatabaseAway,
    LaneHeld,
    LaneLost,
    Stopped,
    StorelinkError,
)
from storelink.scheduler import queue
from storelink.scheduler.queue import Kind, Psycopg
from storelink.scheduler.work import Stop, Work, active
from storelink.sync import act, over_refund
from storelink.sync.request import rules_of

log = structlog.get_logger(__name__)


def run_act(work: Work, connector_id: uuid.UUID, stop: Stop, order: str) -> float | None:
    """The refunds and changes of address of one order, as far as they go now.

    When they go on stands with them; the clock enqueues again.
    """
    store = active(work, connector_id)
    if store is None:
        return None
    try:
        with work.subject(store.name, stop) as subject:
            act.act(work.database, subject, order, rules_of(work.settings), stop)
    except (Stopped, LaneHeld, LaneLost):
        return None  # the next process, or the one that has the order, goes on
    except DatabaseAway:
        raise
    except Exception as error:
        if not isinstance(error, StorelinkError):
            log.exception("job.broke", store=store.name, kind=ACTS.name, order=order)
        elif not isinstance(error, AuthFailed):
            log.warning("act.failed", store=store.name, order=order, error=str(error))
        with work.connection() as connection:
            act.put_off(connection, connector_id, order, str(error) or type(error).__name__)
    return None


ACTS = Kind("act", queue.ACT, act.DUE, run_act, priority=20)


def claim_acts(work: Work) -> None:
    """Enqueue the orders for which something is due, and refuse what others wrote into our tables."""
    with work.connection() as connection:
        strangers = act.refuse_strangers(connection)
        if strangers:
            log.warning("request.strangers", count=strangers)
        while queue.claim_orders(connection, ACTS) == queue.LIMIT:
            continue


def sweep_refunds(work: Work) -> None:
    """Find what was given back twice."""
    with work.connection() as connection:
        over_refund.sweep(connection)


def enqueue_order(session: Session, connector_id: uuid.UUID, order_id: str) -> None:
    """Have a worker see to an order, in the session's transaction."""
    connection = cast(Psycopg, session.connection().connection.driver_connection)
    queue.enqueue(connection, ACTS, [connector_id], order=order_id)
