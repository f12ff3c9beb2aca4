"""The requests of one order in an open store, as a job or `--wait` runs them."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storelink.connectors.action import Actions, actions_of
from storelink.connectors.hook import bare
from storelink.db import Database
from storelink.errors import (
    AuthFailed,
    DatabaseAway,
    LaneLost,
    Misconfigured,
    NotFound,
    Stopped,
    StorelinkError,
)
from storelink.sync import hint
from storelink.sync.address_kind import ADDRESS
from storelink.sync.carry import Carrier
from storelink.sync.lane import Psycopg
from storelink.sync.order_lock import HeldOrder, hold_order
from storelink.sync.refund_kind import REFUND
from storelink.sync.request import Kind, Rules
from storelink.sync.subject import Subject

KINDS: tuple[Kind, ...] = (REFUND, ADDRESS)

FORBIDDING = {
    "paused": "The store is paused: nothing is sent until `storelink connectors resume`.",
    "auth_failed": "The store refuses our keys: nothing is sent until it takes new ones.",
    "uninstalled": "The store was removed: nothing is sent any more.",
    "restored": "The store seems to be restored from a backup: nothing is sent until `storelink verify --fix`"
    " finds its orders in order.",
}
"""What keeps storelink from sending anything to a store, and until when."""


def act(
    database: Database,
    subject: Subject,
    order_id: str,
    rules: Rules,
    stop: Callable[[], bool] = lambda: False,
) -> float | None:
    """Do what is due for the order. Returns the seconds until something is due again, None if nothing is.

    Raises `LaneHeld` while another process acts on the order, and `Misconfigured` where the platform
    cannot act.
    """
    actions = demand_actions(subject)

    @contextmanager
    def carrier() -> Iterator[Carrier]:
        with hold_order(database, subject.id, order_id) as held:
            yield Carrier(held, KINDS, actions, rules, _forbidding(held), stop)

    with carrier() as carrying:
        again = carrying.carry_all()
        unread = carrying.unread()
    if not unread:
        return again
    # the order is not held meanwhile: a job needs one connection at a time
    words = _read_again(database, subject, order_id)
    with carrier() as carrying:
        if words is None:
            carrying.close(unread)
        else:
            carrying.put_off_reading(words)
        return carrying.carry_all()


def _forbidding(held: HeldOrder) -> str | None:
    row = held.connection.execute(
        "SELECT status, settings ->> 'restored' FROM connector_config WHERE id = %s", (held.connector_id,)
    ).fetchone()
    held.connection.commit()
    return forbidding(*row) if row is not None else FORBIDDING["uninstalled"]


def forbidding(status: str, restored: object) -> str | None:
    """Why nothing may be sent to a store of this status now; `restored` as its settings have it."""
    return FORBIDDING.get(status) or (FORBIDDING["restored"] if restored else None)


def demand_actions(subject: Subject) -> Actions:
    """What can be done in the store. Raises `Misconfigured` where that is nothing."""
    actions = actions_of(bare(subject.store))
    if actions is None:
        raise Misconfigured(f"storelink cannot act in {subject.connector.title} stores.")
    return actions


@contextmanager
def named(order_id: str) -> Iterator[None]:
    """Where the store has no such order, `NotFound` says so in words that name it."""
    try:
        yield
    except NotFound as error:
        raise NotFound(f"The store has no order {order_id}.", code=error.code) from None


def _read_again(database: Database, subject: Subject, order_id: str) -> str | None:
    """The order, down the road in. Returns why that could not be."""
    try:
        hint.read_now(database, subject, "orders", [order_id])
    except (Stopped, DatabaseAway, LaneLost):
        raise
    except AuthFailed as error:
        return str(error)
    except StorelinkError as error:
        return str(error)
    return None


def refuse_strangers(connection: Psycopg) -> int:
    """Set requests failed that somebody else wrote into our tables. Returns how many; commits.

    Nobody was shown what they would do, no limit was looked at: they are not carried out.
    """
    count = 0
    for kind in KINDS:
        count += connection.execute(
            f"UPDATE {kind.table} SET stage = 'failed', status = 'failed', next_try_at = NULL,"  # noqa: S608
            " settled_at = clock_timestamp(), error = %s WHERE stage IS NULL",
            (f"Not requested through storelink: use `storelink {kind.name}` or the API.",),
        ).rowcount
    connection.commit()
    return count


DUE = " UNION ".join(
    f"SELECT connector_id, order_id FROM {kind.table} WHERE next_try_at <= now()"  # noqa: S608
    for kind in KINDS
)
"""A query for `connector_id` and `order_id` of the orders for which something is due."""


def put_off(connection: Psycopg, connector_id: uuid.UUID, order_id: str, words: str) -> None:
    """Nothing of this order could even be begun: what is due of it waits, longer each time. Commits."""
    for kind in KINDS:
        connection.execute(
            f"UPDATE {kind.table} SET misses = misses + 1,"  # noqa: S608
            " error = CASE WHEN stage = 'needs_attention' THEN error ELSE %(words)s END,"
            " next_try_at = clock_timestamp()"
            " + least(5 * power(2, least(misses, 16)), 600) * interval '1 second'"
            " WHERE connector_id = %(connector)s AND order_id = %(order)s AND next_try_at <= now()",
            {"connector": connector_id, "order": order_id, "words": words},
        )
    connection.commit()
