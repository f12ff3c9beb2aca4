"""Done when 6 of the daemon: nothing of the person in any table, log line or payload, nor after a full read.

Every column of every table of every schema is looked through, whatever is added later, and all that
the daemons have logged, debug lines included.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fleet import Fleet

from storelink.config import Settings
from storelink.db import Database
from storelink.sandbox.running import start, start_shopify

EMAIL = "zebulonia.quartermaine@erase.example"
TRACES = (
    "zebulonia", "quartermaine", "erase.example", "wunderbaumallee", "613-555-7391", "6135557391",
    "ottokarstadt", "q7z 4x1", "q7z4x1",
)  # fmt: skip
"""The person's name, address, phone and e-mail, as they may be written. No word stands in anything else."""
WOO_ADDRESS = {
    "first_name": "Zebulonia", "last_name": "Quartermaine", "address_1": "4711 Wunderbaumallee",
    "city": "Ottokarstadt", "postcode": "Q7Z 4X1", "phone": "+1 613-555-7391", "country": "CA",
}  # fmt: skip
SHOPIFY_ADDRESS = {
    "firstName": "Zebulonia", "lastName": "Quartermaine", "address1": "4711 Wunderbaumallee",
    "city": "Ottokarstadt", "zip": "Q7Z 4X1", "phone": "+16135557391", "countryCodeV2": "CA",
    "country": "Canada", "provinceCode": "ON",
}  # fmt: skip
WORDS = f"please call Zebulonia Quartermaine, +1 613-555-7391, or write to {EMAIL}"


@pytest.fixture
def fleet(database: Database, settings: Settings, database_url: str, home: Path) -> Iterator[Fleet]:
    url = database_url.replace("postgresql+psycopg", "postgresql")
    made = Fleet(url, settings, database, home)
    yield made
    for process in made.processes:
        if process.child.poll() is None:
            process.kill()


def places(fleet: Fleet) -> dict[str, set[str]]:
    """Trace → the columns in which it stands, of all tables that there are."""
    found: dict[str, set[str]] = {}
    tables = fleet.select(
        "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS name"
        " FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    assert {"storelink_jobs.procrastinate_jobs", "public.audit_event"} <= {row["name"] for row in tables}
    with psycopg.connect(fleet.url, autocommit=True) as connection:
        for table in tables:
            query = (
                f"SELECT DISTINCT trace, field.name FROM {table['name']} AS one,"
                " jsonb_each_text(to_jsonb(one)) AS field (name, value), unnest(%s::text[]) AS trace"
                " WHERE strpos(lower(field.value), trace) > 0"
            )
            for trace, column in connection.execute(query, [list(TRACES)]):
                found.setdefault(trace, set()).add(f"{table['name']}.{column}")
    return found


def logged(fleet: Fleet) -> list[str]:
    """Lines of all processes' logs in which a trace stands."""
    lines = [line for process in fleet.processes for line in process.log.read_text().splitlines()]
    assert len(lines) > 10
    return [line for line in lines if any(trace in line.casefold() for trace in TRACES)]


@pytest.mark.parametrize("platform", ["woocommerce", "shopify"])
def test_nothing_of_the_person_is_anywhere_and_nothing_comes_back(fleet: Fleet, platform: str) -> None:
    begin: Any = start if platform == "woocommerce" else start_shopify
    with begin(orders=30, products=8, customers=10) as store:
        admin = store.admin
        if platform == "woocommerce":
            store.admin.set_site(cron_seconds=0)
            fleet.add_woo(store, "store")
            customer, orders = woo_person(admin)
        else:
            store.admin.set_site(hook_pause=0.02)
            fleet.add_shopify(store, "store", hooks=True)
            customer, orders = shopify_person(admin)
        process = fleet.serve(STORELINK_LOG_LEVEL="debug")
        fleet.wait_until_read("store")
        code, said = fleet.run("webhooks", "install", "store", "--public-url", process.url)
        assert code == 0, said
        touch(admin, platform, orders[0])  # by webhook, too
        fleet.wait("SELECT count(*) > 0 FROM sync_run WHERE kind = 'webhook' AND updated > 0")
        fleet.read_once_more("store")
        act(fleet, orders, by_hand=platform == "woocommerce")
        fleet.wait("SELECT count(*) > 0 FROM order_words WHERE words::text LIKE '%%quartermaine%%'")
        held = places(fleet)
        assert set(held) >= set(TRACES) - {"613-555-7391", "6135557391", "q7z4x1"}
        tables = {
            place.rpartition(".")[0].removeprefix("public.") for found in held.values() for place in found
        }
        assert tables >= {
            "platform_customer", "platform_order", "order_words", "refund_request", "address_update_request",
            "action_preview",
        }  # fmt: skip

        code, said = fleet.run("privacy", "erase", "store", "--customer", str(customer), "--yes", "--json")
        assert code == 0, said
        assert set(json.loads(said)["erased"]["orders"]) >= {str(order) for order in orders}
        assert places(fleet) == {}
        touch(admin, platform, orders[1])  # the store still has it all, and tells of it
        fleet.wait_until(lambda: admin.deliveries_waiting() == 0, "deliveries do not end")
        fleet.wait("SELECT count(*) = 0 FROM webhook_delivery WHERE status = 'received'")
        code, said = fleet.run("sync", "store", "--full")
        assert code == 0, said
        fleet.make_due("store", "full_due_at")
        fleet.wait("SELECT bool_and(last_verified_at IS NOT NULL AND last_drift = 0) FROM sync_state")
        code, said = fleet.run("verify", "store", "--deep")
        assert code == 0, said
        spoil(admin, platform, orders[0])  # what nobody understands is set aside without them
        fleet.run("sync", "store", "--full")
        assert fleet.one("SELECT count(*) FROM quarantined_record") == 1
        assert places(fleet) == {}
        assert fleet.one("SELECT count(*) FROM platform_order WHERE redacted_at IS NOT NULL") >= len(orders)
        process.terminate()
    assert logged(fleet) == []


def woo_person(admin: Any) -> tuple[int, list[int]]:
    """A customer, two orders of theirs and one as a guest."""
    customer = admin.create_customer(
        email=EMAIL, first_name="Zebulonia", last_name="Quartermaine", username="zebulonia",
        billing={**WOO_ADDRESS, "email": EMAIL}, shipping=WOO_ADDRESS,
    )["id"]  # fmt: skip
    about = {"billing": {**WOO_ADDRESS, "email": EMAIL}, "shipping": WOO_ADDRESS, "customer_note": WORDS}
    orders = [admin.create_order(customer_id=number, **about)["id"] for number in (customer, customer, 0)]
    with suppress(Exception):
        admin.add_refund(orders[0], "0.01", f"for {EMAIL}")
    return customer, orders


def shopify_person(admin: Any) -> tuple[int, list[int]]:
    customer = admin.create_customer(
        email=EMAIL, firstName="Zebulonia", lastName="Quartermaine", phone="+16135557391", note=WORDS,
        addresses=[SHOPIFY_ADDRESS],
    )["id"]  # fmt: skip
    about = {
        "email": EMAIL, "note": WORDS, "shippingAddress": SHOPIFY_ADDRESS, "billingAddress": SHOPIFY_ADDRESS
    }  # fmt: skip
    orders = [admin.create_order(customer=customer, **about)["id"] for _ in range(2)]
    orders.append(admin.create_order(**about)["id"])
    return customer, orders


def act(fleet: Fleet, orders: list[int], *, by_hand: bool) -> None:
    """A change of address and a refund of theirs that are done, and a preview that nobody followed."""
    changed, refunded = f"id:{orders[1]}", f"id:{orders[0]}"
    city, hand = ("--set", "city=Ottokarstadt Nord"), ("--by-hand",) if by_hand else ()
    for words in (
        ("address", "update", "store", changed, *city, "--note", WORDS, "--force", "--yes", "--wait"),
        ("refund", "create", "store", refunded, "--amount", "1", *hand, "--note", WORDS, "--yes", "--wait"),
        ("address", "preview", "store", changed, "--set", "city=Ottokarstadt"),
    ):  # fmt: skip
        code, said = fleet.run(*words)
        assert code == 0, said


def touch(admin: Any, platform: str, order: int) -> None:
    admin.edit_order(order, **{"customer_note" if platform == "woocommerce" else "note": f"again: {WORDS}"})


def spoil(admin: Any, platform: str, order: int) -> None:
    if platform == "woocommerce":
        admin.edit_order(order, customer_note=f"once more: {WORDS}")
        admin.set_field_silently("orders", order, total=f"not money, says {EMAIL}")
    else:
        admin.edit_order(order, email=f"{EMAIL}{'x' * 600}", note=WORDS)
