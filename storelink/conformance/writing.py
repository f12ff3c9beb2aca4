"""Cases about the whole road: from the fake store through the connector and the engine to the tables.

They take the fixture `database`, a `storelink.db.Database` with fresh tables.
"""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from storelink.conformance.laboratory import Ability, Fault, Laboratory
from storelink.conformance.opened import need, records_of, several_pages
from storelink.conformance.registered import Registered, registered, text_of
from storelink.db import Database
from storelink.errors import AuthFailed, Retryable
from storelink.sync.subject import Progress

UNICODE = "靴 Ünïcödé 👟 „so“ \u200e"
LARGE = Decimal("90071992547409.93")
"""No float holds it."""


class Writing:
    """Passes over a store that changes, and what the tables say after them."""

    laboratory: type[Laboratory]

    def test_the_tables_say_what_the_store_says(self, database: Database) -> None:
        """The first pass: every record, field by field, exact money and times included; no drift."""
        with self.laboratory(several_pages(self.laboratory)) as lab, registered(database, lab) as store:
            lab.pass_time(3600)
            store.synchronize()
            agree(store)

    def test_the_next_pass_brings_what_changed(self, database: Database, pause: int) -> None:
        """Records made, edited and deleted since, and trashed ones, are in the tables; no drift.

        After a minute and after days: lists may be read in another way then.
        """
        with self.laboratory(20) as lab, registered(database, lab) as store:
            lab.pass_time(3600)
            store.synchronize()
            lab.pass_time(pause)
            for resource in store.resources:
                keys = sorted(records_of(lab, resource))
                lab.create(resource)
                lab.edit(resource, keys[0], "changed", Decimal("12.34"))
                if resource in lab.trash_cans:
                    lab.trash(resource, keys[1])
                lab.delete(resource, keys[2])
            lab.pass_time(60)
            store.synchronize()
            _same_but_deleted(store)
            store.verify(fix=True)
            agree(store)

    def test_what_did_not_change_is_not_written(self, database: Database) -> None:
        """A second pass, a full one, and a deep verify: no row, no change event, no run is written."""
        with self.laboratory(12) as lab, registered(database, lab) as store:
            lab.pass_time(3600)
            store.synchronize()
            lab.pass_time(3600)
            store.synchronize()  # what orders hinted at is read by now
            before = _stamps(store), store.events()
            lab.pass_time(3600)
            requests = store.opened.store.traffic.requests
            store.synchronize()
            asked = store.opened.store.traffic.requests - requests
            assert asked <= 12 * len(store.resources), f"{asked} requests to a store where nothing happened"
            store.synchronize(full=True)
            assert sum(ledger.found for ledger in store.verify(fix=True, deep=True)) == 0
            assert (_stamps(store), store.events()) == before

    def test_trash_and_restore(self, database: Database) -> None:
        """Trash marks the rows deleted, restoring clears the mark, and each is one change."""
        with self.laboratory(6) as lab, registered(database, lab) as store:
            if not lab.trash_cans:
                pytest.skip("the platform has no trash")
            lab.pass_time(3600)
            store.synchronize()
            chosen = {resource: min(records_of(lab, resource)) for resource in lab.trash_cans}
            for deed in (lab.trash, lab.restore):
                for resource, key in chosen.items():
                    deed(resource, key)
                lab.pass_time(60)
                store.synchronize()
                for resource in chosen:
                    assert store.differences(resource) == [], deed.__name__

    def test_deleted_records_are_found_by_verify(self, database: Database) -> None:
        """What was deleted for good is counted as gone, and with `fix` its rows are marked, not removed."""
        with self.laboratory(8) as lab, registered(database, lab) as store:
            lab.pass_time(3600)
            store.synchronize()
            held = {resource: set(store.rows(resource)) for resource in store.resources}
            for resource in store.resources:
                lab.delete(resource, min(records_of(lab, resource)))
            lab.pass_time(60)
            assert all(ledger.gone >= 1 for ledger in store.verify())
            assert all(ledger.drift == 0 for ledger in store.verify(fix=True))
            assert all(set(store.rows(resource)) >= held[resource] for resource in held)
            agree(store)

    def test_what_the_store_calls_destroyed_is_gone_after_the_next_pass(self, database: Database) -> None:
        """Where lists of changes name it, no verify is needed; nothing else goes."""
        with self.laboratory(8) as lab, registered(database, lab) as store:
            need(lab, Ability.TELLS)
            lab.pass_time(3600)
            store.synchronize()
            for resource in store.resources:
                lab.delete(resource, min(records_of(lab, resource)))
            lab.pass_time(60)
            store.synchronize()
            agree(store)

    def test_an_unreadable_record_costs_only_itself(self, database: Database) -> None:
        """It is quarantined with a reason, all others are stored; mended, it leaves the quarantine."""
        with self.laboratory(9) as lab, registered(database, lab) as store:
            resource = lab.connector.resources[-1]
            spoilt, *rest = sorted(records_of(lab, resource))
            lab.spoil(spoilt)
            lab.pass_time(3600)
            store.synchronize(resource)
            assert set(store.quarantined()) == {spoilt}
            assert len(store.quarantined()[spoilt]) > 5, "no reason is given"
            assert set(store.rows(resource)) >= set(rest)
            lab.spoil(spoilt, spoilt=False)
            lab.pass_time(60)
            store.synchronize(resource)
            assert store.quarantined() == {}
            assert store.differences(resource) == []

    def test_refused_credentials_stop_the_store(self, database: Database) -> None:
        """`AuthFailed`, the registration says so, and what was held stays as it was."""
        with self.laboratory(6) as lab, registered(database, lab) as store:
            if Fault.REFUSED not in lab.faults:
                pytest.skip("the laboratory cannot refuse credentials")
            lab.pass_time(3600)
            store.synchronize()
            before = _stamps(store)
            lab.fault(Fault.REFUSED, times=None)
            with pytest.raises(AuthFailed):
                store.synchronize()
            assert store.status() == "auth_failed"
            assert _stamps(store) == before

    def test_a_failure_for_good_keeps_what_was_read(self, database: Database) -> None:
        """A store that breaks in mid-backfill: its pages stay, and the next pass completes them."""
        with self.laboratory(5 * self.laboratory.page) as lab, registered(database, lab) as store:
            resource = lab.connector.resources[-1]
            lab.pass_time(3600)
            lab.fault(Fault.FAILED, nth=5, times=None)
            pages: list[Progress] = []
            with pytest.raises(Retryable):
                store.synchronize(resource, report=pages.append)
            assert store.status() == "active"
            assert pages, "no page was given before all were read"
            assert len(store.rows(resource)) >= pages[-1].done - 3, "the pages read before are lost"
            lab.heal()
            store.synchronize(resource)
            assert store.differences(resource) == []

    def test_an_empty_list_deletes_nothing(self, database: Database) -> None:
        """A store that suddenly lists nothing has not lost its records."""
        with self.laboratory(6) as lab, registered(database, lab) as store:
            if Fault.EMPTY not in lab.faults:
                pytest.skip("the laboratory cannot empty a page")
            resource = lab.connector.resources[-1]
            lab.pass_time(3600)
            store.synchronize(resource)
            lab.fault(Fault.EMPTY, times=None)
            for _ in range(2):
                with suppress(Retryable):
                    store.verify(fix=True)
            lab.heal()
            store.synchronize(resource)
            assert store.differences(resource) == []

    def test_unicode_and_large_amounts_arrive_as_they_are(self, database: Database) -> None:
        """Texts of any script and amounts that no float holds come through unharmed."""
        with self.laboratory(4) as lab, registered(database, lab) as store:
            keys = {resource: min(records_of(lab, resource)) for resource in store.resources}
            for resource, key in keys.items():
                lab.edit(resource, key, UNICODE, LARGE)
            lab.pass_time(3600)
            store.synchronize()
            for resource, key in keys.items():
                rows = [
                    row for name, row in store.rows(resource).items() if key in (name, row.get("product_id"))
                ]
                assert any(UNICODE in text_of(row) for row in rows), f"{resource} {key} lost its text"
            agree(store)

    def test_no_record_is_lost_while_the_store_is_worked_on(self, database: Database) -> None:
        """Edits, trash and new records after every page of a backfill: the next pass has them all."""
        with self.laboratory(several_pages(self.laboratory)) as lab, registered(database, lab) as store:
            lab.pass_time(3600)
            for resource in store.resources:
                left = sorted(records_of(lab, resource))

                def work(_: Any, resource: str = resource, left: list[str] = left) -> None:
                    lab.pass_time(5)
                    lab.create(resource)
                    if len(left) > 2:
                        lab.edit(resource, left.pop(0), "worked on")
                        (lab.trash if resource in lab.trash_cans else lab.delete)(resource, left.pop(0))

                store.synchronize(resource, report=work)
            lab.pass_time(60)
            store.synchronize()
            _same_but_deleted(store)
            store.verify(fix=True)
            agree(store)

    def test_rebuilding_from_what_is_held_changes_nothing(self, database: Database) -> None:
        """Raw record → rows → raw record → the same rows, without a request to the store."""
        with self.laboratory(10) as lab, registered(database, lab) as store:
            for resource in lab.trash_cans:
                lab.trash(resource, min(records_of(lab, resource)))
            lab.pass_time(3600)
            store.synchronize()
            lab.pass_time(60)
            store.synchronize()
            requests, before = store.opened.store.traffic.requests, (_stamps(store), store.events())
            assert store.renormalize() == 0
            assert store.opened.store.traffic.requests == requests
            assert (_stamps(store), store.events()) == before

    def test_two_stores_side_by_side(self, database: Database) -> None:
        """Two stores of one platform with the same ids never touch each other's rows."""
        with (
            self.laboratory(6) as one, self.laboratory(6) as two,
            registered(database, one, "one") as first, registered(database, two, "two") as second,
        ):  # fmt: skip
            for lab, store in ((one, first), (two, second)):
                lab.pass_time(3600)
                store.synchronize()
            before = _stamps(first)
            for resource in second.resources:
                keys = sorted(records_of(two, resource))
                two.edit(resource, keys[0], "only here", Decimal("1.01"))
                two.delete(resource, keys[1])
            two.pass_time(60)
            second.synchronize()
            second.verify(fix=True)
            agree(second)
            assert _stamps(first) == before
            agree(first)


def agree(store: Registered) -> None:
    """Store and tables agree, by the laboratory's truth and by the store's own verify."""
    for resource in store.resources:
        assert store.differences(resource) == []
    for ledger in store.verify():
        assert ledger.found == 0, ledger
        assert ledger.quarantined == 0, ledger


def _same_but_deleted(store: Registered) -> None:
    """The same, except that a pass need not learn of what was deleted for good."""
    for resource in store.resources:
        left = [line for line in store.differences(resource) if "is there and lives" not in line]
        assert left == []


def _stamps(store: Registered) -> dict[str, Any]:
    """When each row was last written."""
    return {
        f"{resource}/{key}": row["synced_at"]
        for resource in store.resources
        for key, row in store.rows(resource).items()
    }
