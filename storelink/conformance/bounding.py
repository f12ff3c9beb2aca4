"""Cases about orders from a time on, for platforms that can: what is read, and that verify stays honest.

They take the fixture `database`, a `storelink.db.Database` with fresh tables.
"""

import json
from datetime import datetime, timedelta

import pytest

from storelink.conformance.laboratory import Laboratory
from storelink.conformance.opened import ending, opened, records_of
from storelink.conformance.registered import Registered, registered
from storelink.connectors import bound
from storelink.connectors.bound import RESOURCE
from storelink.db import Database
from storelink.models import ConnectorConfig
from storelink.sync import since
from storelink.sync.synchronize import check_drift
from storelink.sync.verify import Ledger

_NEW = 5


class Bounding:
    """A store with orders made before and after a moment."""

    laboratory: type[Laboratory]

    def test_what_is_listed_and_read_since_then_was_made_since_then(self) -> None:
        """Every record made since then, and none made before."""
        with self.laboratory(6) as lab, opened(lab) as store:
            _need(lab)
            moment, new = _split(lab, store.store_time(RESOURCE))
            listed = {
                line.id
                for page in ending(bound.list_all(store.store, RESOURCE, moment))
                for line in page.records
            }
            assert listed == new
            cursor, read = None, set()
            for page in ending(bound.backfill(store.store, RESOURCE, None, moment)):
                cursor = json.loads(json.dumps(page.cursor))
                read |= {rows.id for rows in store.understood(RESOURCE, page.records)}
            assert read == new
            rest = bound.backfill(store.store, RESOURCE, cursor, moment)
            assert not [raw for page in ending(rest) for raw in page.records], (
                "it does not end where it ended"
            )
            assert not new - {line.id for line in store.list_all(RESOURCE)}, "the list of all is a part of it"

    def test_a_bounded_store_agrees_with_the_store(self, database: Database) -> None:
        """Zero is right: an older order that changes comes in, and one that is held and deleted is missed."""
        with self.laboratory(6) as lab, registered(database, lab) as store:
            _need(lab)
            moment, new = _split(lab, store.opened.store_time(RESOURCE))
            _move(store, moment)
            store.synchronize(RESOURCE)
            _agree(store, new)
            changed, deleted, *_ = sorted(records_of(lab, RESOURCE) - new)
            for key in (changed, deleted):
                lab.edit(RESOURCE, key, "changed")
            lab.pass_time(60)
            store.synchronize(RESOURCE)
            _agree(store, new | {changed, deleted})
            lab.delete(RESOURCE, deleted)
            lab.edit(RESOURCE, min(new), "changed", None)
            lab.pass_time(60)
            _verify(store, fix=True)
            assert store.rows(RESOURCE)[deleted]["deleted"], "an older order was deleted, and nobody noticed"
            _agree(store, new | {changed})
            store.synchronize(RESOURCE, full=True)
            _agree(store, new | {changed})

    def test_narrower_nothing_goes_and_wider_the_rest_comes(self, database: Database) -> None:
        """Orders that are merely not listed any more are never taken for deleted, however many."""
        with self.laboratory(14) as lab, registered(database, lab) as store:
            _need(lab)
            everything = records_of(lab, RESOURCE)
            lab.pass_time(3600)
            store.synchronize(RESOURCE)
            moment, new = _split(lab, store.opened.store_time(RESOURCE))
            assert not _move(store, moment).wider
            store.synchronize(RESOURCE)
            ledger = _verify(store, fix=True)
            assert (ledger.gone, ledger.withheld, ledger.restored) == (0, 0, False), ledger
            _agree(store, everything | new)
        with self.laboratory(6) as lab, registered(database, lab, "second") as store:
            moment, new = _split(lab, store.opened.store_time(RESOURCE))
            _move(store, moment)
            store.synchronize(RESOURCE)
            _agree(store, new)
            assert _move(store, None).wider
            store.synchronize(RESOURCE)
            _agree(store, records_of(lab, RESOURCE))


def _need(lab: Laboratory) -> None:
    if not bound.can_bound(lab.connector):
        pytest.skip("orders of this platform are always read whole")


def _split(lab: Laboratory, now: datetime) -> tuple[datetime, set[str]]:
    """A moment after all that there is, and the orders that were made since."""
    lab.pass_time(2 * 86_400)
    new = {lab.create(RESOURCE) for _ in range(_NEW)}
    lab.pass_time(3600)
    return (now + timedelta(days=1)).replace(microsecond=0), new


def _move(store: Registered, moment: datetime | None) -> since.Moved:
    with store.database.session() as session:
        moved = since.move(session, session.get_one(ConnectorConfig, store.subject.id), moment)
        session.commit()
    return moved


def _agree(store: Registered, known: set[str]) -> None:
    """These orders are held as the store has them, no others live, and verify finds nothing."""
    truth = store.lab.truth(RESOURCE)
    held = {key: row for key, row in store.rows(RESOURCE).items() if not row["deleted"]}
    assert held.keys() == {key for key in known if not truth[key]["deleted"]}
    wrong = [line for line in store.differences(RESOURCE) if not line.endswith("is missing")]
    assert wrong == []
    ledger = _verify(store)
    assert (ledger.found, ledger.quarantined, ledger.restored) == (0, 0, False), ledger
    assert ledger.in_store == ledger.held, ledger


def _verify(store: Registered, *, fix: bool = False) -> Ledger:
    (ledger,) = check_drift(store.database, store.subject, [RESOURCE], fix=fix)
    return ledger
