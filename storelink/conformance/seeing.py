"""Cases about what the credentials may see: less than there is is neither gone nor changed.

They take the fixture `database`, as those of `writing` do.
"""

from typing import Any

from storelink.conformance.laboratory import Ability, Laboratory
from storelink.conformance.opened import ending, need, records_of
from storelink.conformance.registered import Registered, registered
from storelink.conformance.writing import agree
from storelink.db import Database


class Seeing:
    """Permissions taken back and given again, while the store is worked on."""

    laboratory: type[Laboratory]

    def test_what_is_out_of_sight_is_not_gone(self, database: Database) -> None:
        """Its rows stay as they were through passes and a verify, and follow again when it is seen."""
        with self.laboratory(8) as lab, registered(database, lab) as store:
            need(lab, Ability.HIDES)
            _read_first(lab, store)
            lab.limit(Ability.HIDES)
            store.check_again()
            hidden = {resource: _hidden(store, resource) for resource in store.resources}
            assert any(hidden.values()), "the laboratory hides nothing"
            before = {resource: store.rows(resource) for resource in store.resources}
            for resource, keys in hidden.items():
                for page in ending(store.opened.store.fetch(resource, sorted(keys))):
                    assert not page.gone, f"{resource} are called gone"
                    assert not page.found, f"{resource} are shown"
            lab.pass_time(60)
            store.synchronize()
            assert [ledger.found for ledger in store.verify(fix=True)] == [0] * len(store.resources)
            assert {resource: store.rows(resource) for resource in store.resources} == before
            for resource, keys in hidden.items():
                states = store.states(resource)
                assert {states[key] for key in keys} <= {"out_of_sight"}, resource
                for key in sorted(keys):
                    lab.edit(resource, key, "edited unseen")
            _see_again(lab, store)
            agree(store)

    def test_what_is_withheld_keeps_what_is_held(self, database: Database) -> None:
        """Null for a field that may not be seen erases nothing; seen again, the field follows."""
        with self.laboratory(6) as lab, registered(database, lab) as store:
            need(lab, Ability.WITHHOLDS)
            _read_first(lab, store)
            before = {resource: _told(store, resource) for resource in store.resources}
            lab.limit(Ability.WITHHOLDS)
            store.check_again()
            lab.pass_time(60)
            for resource in store.resources:
                lab.edit(resource, min(records_of(lab, resource)), "edited half seen")
                lab.create(resource)
            lab.pass_time(60)
            store.synchronize()
            assert any("partial" in store.states(resource).values() for resource in store.resources), (
                "the laboratory withholds nothing"
            )
            for resource, told in before.items():
                now = _told(store, resource)
                lost = [f"{key}: {column}" for key in told for column in told[key] - now[key]]
                assert lost == [], f"{resource} lost what is withheld"
            assert [ledger.found for ledger in store.verify(fix=True)] == [0] * len(store.resources)
            _see_again(lab, store)
            agree(store)


def _read_first(lab: Laboratory, store: Registered) -> None:
    """All of it, with a record of each kind that is young."""
    for resource in store.resources:
        lab.create(resource)
    lab.pass_time(3600)
    store.synchronize()
    lab.pass_time(60)
    store.synchronize()


def _see_again(lab: Laboratory, store: Registered) -> None:
    lab.unlimit()
    store.check_again()
    lab.pass_time(60)
    store.synchronize()


def _hidden(store: Registered, resource: str) -> set[str]:
    """Records that the list does not show any more."""
    return records_of(store.lab, resource) - {line.id for line in store.opened.list_all(resource)}


def _told(store: Registered, resource: str) -> dict[str, set[str]]:
    """The columns of each row that say something."""
    rows: dict[str, dict[str, Any]] = store.rows(resource)
    return {key: {name for name, value in row.items() if value is not None} for key, row in rows.items()}
