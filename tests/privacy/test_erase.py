"""`privacy erase`: nothing of the person is left, what was bought stays, and no read brings them back."""

import threading
from typing import Any

import pytest
from private_store import Store, as_text, traces
from sqlalchemy import text

from storelink.models import metadata
from storelink.sync import account, erased, feed, helped, keys, order_words, privacy
from storelink.sync.lane import FULL, hold
from storelink.sync.opening import open_subject
from storelink.sync.person import find
from storelink.sync.privacy import COVERED, IMPERSONAL
from storelink.sync.renormalize import renormalize

MONEY = (
    "SELECT order_id, total_amount, subtotal_amount, tax_amount, shipping_amount, discount_amount,"
    " fee_amount, refunded_amount, current_total_amount, currency, status, financial_status, customer_id,"
    " created_at FROM platform_order ORDER BY order_id"
)
ITEMS = (
    "SELECT order_id, item_id, sku, title, quantity, total_amount, tax_amount FROM order_item ORDER BY 1, 2"
)
REFUNDS = "SELECT refund_id, order_id, amount, items::text FROM order_refund ORDER BY 1"
ROWS = "SELECT order_id, synced_at, redacted_at FROM platform_order ORDER BY 1"


def test_nothing_of_the_person_is_left_and_what_was_bought_stays(shop: Store) -> None:
    person = shop.somebody()
    before = [shop.select(query) for query in (MONEY, ITEMS, REFUNDS)]
    held = shop.erase(customer=person["customer_id"])
    assert held.customers == [person["customer_id"]] and held.orders
    assert person["email"].casefold() not in shop.dump().casefold()
    [row] = shop.select("SELECT * FROM platform_customer WHERE customer_id = :id", id=person["customer_id"])
    orders = shop.select("SELECT * FROM platform_order WHERE customer_id = :id", id=person["customer_id"])
    assert row["redacted_at"] and all(order["redacted_at"] for order in orders)
    for one in [row, *orders]:
        for trace in traces(person):
            assert trace not in as_text(one), (trace, one)
    assert [shop.select(query) for query in (MONEY, ITEMS, REFUNDS)] == before
    [deed] = shop.select("SELECT * FROM audit_event WHERE action = 'privacy.erase'")
    assert deed["detail"]["orders"] == list(held.orders)
    assert {one["kind"] for one in shop.select("SELECT kind FROM erased_subject")} == {
        "customer", "email", "phone", "order",
    }  # fmt: skip


def test_others_keep_everything(shop: Store) -> None:
    person = shop.somebody()
    query = (
        "SELECT * FROM platform_order WHERE customer_id IS DISTINCT FROM :id AND email <> :email"
        " ORDER BY order_id"
    )
    who = {"id": person["customer_id"], "email": person["email"]}
    before = shop.select(query, **who)
    assert len(before) > 10
    shop.erase(customer=person["customer_id"])
    assert shop.select(query, **who) == before


def test_no_later_read_brings_them_back_and_nothing_is_written_twice(shop: Store) -> None:
    person = shop.somebody()
    shop.erase(customer=person["customer_id"])
    rows, events = shop.select(ROWS), shop.select("SELECT count(*) FROM change_event")
    for result in shop.sync(full=True):
        assert result.counts.updated == result.counts.inserted == 0, result
        assert result.counts.unchanged > 0
    shop.sync()
    assert [ledger.found for ledger in shop.verify()] == [0, 0]
    assert shop.select(ROWS) == rows and shop.select("SELECT count(*) FROM change_event") == events
    assert person["email"].casefold() not in shop.dump().casefold()


def test_renormalizing_finds_the_same(shop: Store) -> None:
    shop.erase(customer=shop.somebody()["customer_id"])
    rows = shop.select(ROWS)
    with open_subject(shop.database, shop.keyring, "shop", shop.settings, refresh=False) as subject:
        for resource in ("customers", "orders"):
            with hold(shop.database, subject.id, resource, FULL) as lane:
                run = renormalize(lane, subject)
            assert (run.counts.updated, run.counts.quarantined) == (0, 0)
    assert shop.select(ROWS) == rows


@pytest.mark.parametrize("large", [helped.LARGE, 1], ids=["alone", "helped"])
def test_a_first_read_of_an_emptied_database_knows_them_too(
    shop: Store, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short way into the tables, where nothing is known of the records; also with another process."""
    monkeypatch.setattr(helped, "LARGE", large)
    person = shop.somebody()
    shop.erase(customer=person["customer_id"])
    with shop.database.connect() as connection:
        connection.execute(text("DELETE FROM order_refund"))
        connection.execute(text("DELETE FROM order_item"))
        connection.execute(text("DELETE FROM platform_order"))
        connection.execute(text("DELETE FROM platform_customer"))
        connection.execute(text("DELETE FROM source_record"))
        connection.commit()
    shop.sync(full=True)
    [row] = shop.select("SELECT * FROM platform_customer WHERE customer_id = :id", id=person["customer_id"])
    assert row["redacted_at"] is not None and row["name"] is None
    assert person["email"].casefold() not in shop.dump().casefold()
    counts = shop.select(
        "SELECT count(*) FILTER (WHERE email IS NULL) AS none, count(*) AS all FROM platform_order"
    )
    assert 0 < counts[0]["none"] < counts[0]["all"]


def test_an_edit_in_the_store_comes_in_without_them(shop: Store, platform: str) -> None:
    person = shop.somebody()
    held = shop.erase(customer=person["customer_id"])
    number = int(held.orders[0])
    if platform == "woocommerce":
        shop.admin.edit_order(number, customer_note="call Zebulon on 555-7654321", status="completed")
    else:
        shop.admin.edit_order(number, note="call Zebulon on 555-7654321")
    events = shop.select("SELECT count(*) FROM change_event")[0]["count"]
    shop.sync()
    assert "555-7654321" not in shop.dump()
    if platform == "woocommerce":
        [row] = shop.select("SELECT status FROM platform_order WHERE order_id = :id", id=held.orders[0])
        assert row["status"] == "completed"
        assert shop.select("SELECT count(*) FROM change_event")[0]["count"] >= events


def test_a_guests_orders_go_with_their_address_or_any_one_of_them(shop: Store, platform: str) -> None:
    person = shop.somebody()
    [order] = shop.select(
        "SELECT order_id FROM platform_order WHERE customer_id = :id LIMIT 1", id=person["customer_id"]
    )
    with shop.database.connect() as connection:  # a guest who uses the same address
        connection.execute(
            text("UPDATE platform_order SET customer_id = NULL WHERE order_id = :id"),
            {"id": order["order_id"]},
        )
        connection.commit()
    assert order["order_id"] in shop.erase(email=f" {person['email'].upper()} ").orders
    assert person["email"].casefold() not in shop.dump().casefold()


def test_an_order_leads_to_its_customer(shop: Store) -> None:
    person = shop.somebody()
    [order] = shop.select(
        "SELECT order_id, order_number FROM platform_order WHERE customer_id = :id LIMIT 1",
        id=person["customer_id"],
    )
    assert shop.erase(order=order["order_id"]).customers == [person["customer_id"]]
    assert person["email"].casefold() not in shop.dump().casefold()


def test_records_nobody_understood_lose_their_payload_and_stay_without(shop: Store, platform: str) -> None:
    person = shop.somebody()
    [order] = shop.select(
        "SELECT order_id FROM platform_order WHERE customer_id = :id LIMIT 1", id=person["customer_id"]
    )
    with shop.database.connect() as connection:
        connection.execute(
            text(
                "INSERT INTO quarantined_record (connector_id, resource, external_id, payload, error, seen,"
                " first_seen_at, last_seen_at) SELECT id, 'orders', '?1', jsonb_build_object('billing',"
                " jsonb_build_object('email', cast(:email AS text))), 'no id in the order of ' || :email, 1,"
                " now(), now() FROM connector_config"
            ),
            {"email": person["email"]},
        )
        connection.commit()
    assert shop.erase(customer=person["customer_id"]).quarantined == 1
    [row] = shop.select("SELECT payload, error FROM quarantined_record")
    assert row["payload"] is None and person["email"] not in row["error"]
    if platform == "woocommerce":
        shop.admin.set_field_silently("orders", int(order["order_id"]), total="not money")
        shop.sync(full=True)
        shop.sync(full=True)
        found = shop.select(
            "SELECT payload, error FROM quarantined_record WHERE external_id = :id", id=order["order_id"]
        )
        assert [one["payload"] for one in found] == [None]
        assert person["email"].casefold() not in shop.dump().casefold()


def test_an_address_in_somebody_elses_record_is_struck_out_for_good(shop: Store, platform: str) -> None:
    if platform != "woocommerce":
        pytest.skip("the notes of both platforms go one road")
    person = shop.somebody()
    [other] = shop.select(
        "SELECT order_id, email FROM platform_order WHERE customer_id <> :id AND email <> :email LIMIT 1",
        id=person["customer_id"], email=person["email"],
    )  # fmt: skip
    shop.admin.edit_order(
        int(other["order_id"]), customer_note=f"copy to <{person['email'].upper()}>, please"
    )
    shop.sync()
    assert person["email"].upper() in shop.dump()
    assert shop.erase(customer=person["customer_id"]).mentions == 1
    rows = shop.select(ROWS)
    assert [result.counts.updated for result in shop.sync(full=True)[:2]] == [0, 0]
    assert shop.select(ROWS) == rows
    [row] = shop.select(
        "SELECT email, metadata FROM platform_order WHERE order_id = :id", id=other["order_id"]
    )
    assert row["email"] == other["email"]
    assert row["metadata"]["customer_note"] == "copy to <[erased]>, please"


def test_the_key_survives_rotation_new_credentials_and_removal(shop: Store) -> None:
    person = shop.somebody()
    shop.erase(customer=person["customer_id"])
    with shop.database.session() as session:
        key = keys.current_key(session, shop.keyring)
        session.commit()
    with shop.database.session() as session:
        added = keys.add(session, shop.keyring)
        session.commit()
    keys.rotate(shop.database.session, shop.keyring)
    with shop.database.session() as session:
        keys.retire(session, key.id)
        account.set_credentials(
            session,
            shop.keyring,
            shop.connector,
            "shop",
            account.open_account(session, shop.keyring, "shop").credentials,
        )
        session.commit()
    assert shop.select("SELECT erasure_key_id FROM connector_config") == [{"erasure_key_id": added.key_id}]
    for result in shop.sync(full=True):
        assert result.counts.updated == 0
    assert person["email"].casefold() not in shop.dump().casefold()


def test_a_key_that_erased_people_need_is_not_retired(shop: Store) -> None:
    shop.erase(customer=shop.somebody()["customer_id"])
    with shop.database.session() as session:
        key = keys.current_key(session, shop.keyring)
        account.remove(session, "shop")
        session.commit()
    with shop.database.session() as session:
        keys.add(session, shop.keyring)
        session.commit()
        session.connection().execute(
            text("UPDATE master_key SET status = 'added' WHERE key_id = :id"), {"id": key.id}
        )
        with pytest.raises(Exception, match="still used"):
            keys.retire(session, key.id)


def test_a_pass_without_the_key_writes_nothing(shop: Store) -> None:
    person = shop.somebody()
    shop.erase(customer=person["customer_id"])
    shop.select("SELECT 1")
    with shop.database.connect() as connection:
        connection.execute(text("UPDATE connector_config SET erasure_key = NULL"))
        connection.commit()
    with pytest.raises(Exception, match="no key to know them by"):
        shop.sync(full=True)
    assert person["email"].casefold() not in shop.dump().casefold()


def test_a_lost_master_key_can_be_gone_on_from(shop: Store) -> None:
    person = shop.somebody()
    shop.erase(customer=person["customer_id"])
    with shop.database.session() as session:
        store = account.find(session, "shop").id
        with pytest.raises(Exception, match="still opens"):
            erased.renew_lost_key(session, shop.keyring, store)
        session.rollback()
        session.connection().execute(
            text("UPDATE connector_config SET erasure_key = erasure_key || '\\x00', erasure_key_id = key_id")
        )
        session.commit()
    with pytest.raises(Exception, match="does not open"):
        shop.sync(full=True)
    with shop.database.session() as session:
        known = erased.renew_lost_key(session, shop.keyring, store)
        session.commit()
    assert known == 1 + len(shop.select("SELECT 1 FROM platform_order WHERE redacted_at IS NOT NULL"))
    for result in shop.sync(full=True):
        assert result.counts.updated == 0
    assert person["email"].casefold() not in shop.dump().casefold()


def test_who_erases_waits_for_the_page_in_hand_and_the_next_page_knows(shop: Store) -> None:
    person = shop.somebody()
    with shop.database.session() as session:
        store = account.find(session, "shop")
    done = threading.Event()

    def erase() -> None:
        shop.erase(customer=person["customer_id"])
        done.set()

    with shop.database.connect() as page:
        page.execute(text("SELECT pg_advisory_xact_lock_shared(:n)"), {"n": erased.lock_number(store.id)})
        thread = threading.Thread(target=erase)
        thread.start()
        for _ in range(6000):
            if shop.select(
                "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
            ):
                break
            threading.Event().wait(0.01)
        else:
            pytest.fail("nobody waits")
        assert not done.is_set()
        page.rollback()
    thread.join(30)
    assert done.is_set()


def test_words_that_are_gathered_meanwhile_are_those_after_the_erasure(shop: Store) -> None:
    """Whoever read an order before it was erased must not write its words after that."""
    person = shop.somebody()
    with shop.database.session() as session:
        store = account.find(session, "shop")

    def gather() -> None:
        with shop.database.connect() as pooled:
            raw = pooled.connection.driver_connection
            raw.rollback()  # what the pool began: each step is a transaction of its own
            feed.publish(raw)
            order_words.catch_up(raw)

    with shop.database.connect() as erasing:
        erasing.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": erased.lock_number(store.id)})
        thread = threading.Thread(target=gather)
        thread.start()
        for _ in range(6000):
            waiting = shop.select(
                "SELECT 1 AS one FROM pg_locks JOIN pg_database d ON d.oid = database"
                " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
            )
            if waiting or not thread.is_alive():
                break
            threading.Event().wait(0.01)
        who = {"id": person["customer_id"]}
        erasing.execute(text("UPDATE platform_order SET email = NULL WHERE customer_id = :id"), who)
        erasing.commit()
    thread.join(30)
    words = shop.select("SELECT words::text AS words FROM order_words")
    assert words and not [row for row in words if person["email"].casefold() in row["words"]]


def test_erasing_twice_is_erasing_once(shop: Store) -> None:
    person = shop.somebody()
    shop.erase(customer=person["customer_id"])
    rows, events = shop.select(ROWS), shop.select("SELECT count(*) FROM change_event")
    shop.erase(customer=person["customer_id"])
    assert shop.select(ROWS) == rows and shop.select("SELECT count(*) FROM change_event") == events


def test_an_export_has_it_all(shop: Store) -> None:
    person = shop.somebody()
    with shop.database.session() as session:
        store = account.find(session, "shop")
        document = privacy.export(session, store, find(session, store, customer=person["customer_id"]))
    assert [one["customer_id"] for one in document["customers"]] == [person["customer_id"]]
    assert len(document["orders"]) >= person["many"] and document["order_items"]
    assert person["email"] in as_text(document)


def test_every_table_of_a_store_is_known_to_privacy() -> None:
    """A new table must be put in one of the two, and gone through by `erase` if it is about people."""
    of_stores = {
        table.name
        for table in metadata.sorted_tables
        if "connector_id" in table.c or table.name == "connector_config"
    }
    assert of_stores <= COVERED | IMPERSONAL


def test_people_are_compared_in_one_form() -> None:
    same: Any = erased.name
    assert same("email", " A@B.example") == same("email", "a@b.EXAMPLE ")
    assert same("phone", "+1 (613) 555-0100") == same("phone", "613 555 0100")
    assert same("phone", "12") is None and same("customer", "") is None
