"""Done when 3: kill -9 at any moment of a backfill; the next run carries on, and nothing shows it.

The moments are of two kinds: after so many requests of the store and a little while, as an
operator's kill would come, and just before or after the n-th statement or commit of the pass.
"""

import time
from random import Random

import psutil
import pytest

from storelink.conformance.registered import KEYS, TABLES, differences

MOMENTS = ("before execute", "after execute", "before commit", "after commit", "copy")


@pytest.mark.timeout(3600)
def test_kill_9_at_random_moments_of_a_backfill(ground, scale):
    chance = Random(3)
    kills, killed = scale(8, 50), 0
    for number in range(kills):
        words = ["sync", "shop"]
        if _complete(ground):  # so short a backfill has no more moments: read everything again
            words.append("--full")
        ground.before_a_run(chance)
        child = ground.command(*words)
        _die_later(ground, child, chance.randint(0, 18), chance)
        killed += child.returncode == -9
        ground.wait_until_nobody_is_connected()
        assert _more_than_one_insert(ground) == [], f"after kill {number + 1}"
    assert killed >= kills * 2 // 3, "hardly any run was killed before it ended"
    _finish(ground)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("ground", ["shopify by windows"], indirect=True)
def test_kill_9_while_several_bulk_operations_read_the_orders(ground, scale):
    """At any moment of the windows: in one, between two, before all of them have begun."""
    chance = Random(7)
    kills, killed = scale(4, 50), 0
    reached = set()
    for number in range(kills):
        words = ["sync", "shop", "--full"] if _complete(ground) else ["sync", "shop"]
        ground.before_a_run(chance)
        child = ground.command(*words)
        _die_later(ground, child, 8 + chance.randint(0, 30), chance)
        killed += child.returncode == -9
        ground.wait_until_nobody_is_connected()
        assert _more_than_one_insert(ground) == [], f"after kill {number + 1}"
        reached |= _windows(ground)
    assert killed >= kills * 2 // 3, "hardly any run was killed before it ended"
    assert len(reached) >= scale(1, 4), f"only windows {reached} were under way"
    _finish(ground)


@pytest.mark.timeout(3600)
def test_a_crash_at_the_nth_statement_of_a_backfill(ground, scale):
    chance = Random(5)
    crashes, crashed = scale(5, 150), 0
    for number in range(crashes):
        words = ["sync", "shop", "--full"] if _complete(ground) else ["sync", "shop"]
        moment = MOMENTS[number % len(MOMENTS)]
        ground.before_a_run(chance)
        code, said = ground.run(*words, crash=(moment, chance.randint(1, 60)))
        assert code in (0, -9), said
        crashed += code == -9
        ground.wait_until_nobody_is_connected()
        assert _more_than_one_insert(ground) == [], f"after crash {number + 1}, {moment}"
    assert crashed >= crashes // 2, "hardly any run got as far as its crash"
    _finish(ground)


def _windows(ground) -> set[int]:
    """Which of several windows the orders' read has come to, if it is in one."""
    states = ground.select("SELECT cursor -> 'inner' AS place FROM sync_state WHERE resource = 'orders'")
    return {row["place"]["at"] for row in states if row["place"] and "plan" in row["place"]}


def _complete(ground) -> bool:
    phases = ground.select("SELECT phase FROM sync_state")
    return all(row["phase"] == "live" for row in phases)


def _die_later(ground, child, requests: int, chance: Random) -> None:
    """Kill it so many requests from now and a little later, wherever it is then."""
    admin = ground.shop.admin
    before = admin.do("request_count")
    deadline = time.monotonic() + 60
    while child.poll() is None and (asked := admin.do("request_count") - before) < ground.least + requests:
        assert time.monotonic() < deadline, "it neither ends nor asks"
        time.sleep(0.001 if asked else 0.03)  # it starts for a second, and needs the processor for that
    time.sleep(chance.random() * 0.08)
    if child.poll() is None:
        child.kill()
    child.communicate(timeout=60)


def _finish(ground) -> None:
    """One run to the end: store and tables agree, and nothing tells of the crashes."""
    code, said = ground.run("sync", "shop")
    assert code == 0, said
    code, said = ground.run("verify", "shop", "--json")
    assert code == 0, said
    lab = ground.lab()
    for resource, table in TABLES.items():
        held = {
            row[KEYS[resource]]: row
            for row in ground.select(f"SELECT *, deleted_at IS NOT NULL AS deleted FROM {table}")
        }
        assert differences(resource, held, lab.truth(resource)) == []
    assert {int(row["item_id"]) for row in ground.select("SELECT item_id FROM order_item")} == ground.lines()
    assert _more_than_one_insert(ground) == []
    assert _rows_without_their_insert(ground) == []
    assert ground.select("SELECT 1 FROM sync_run WHERE status = 'running'") == []
    strangers = ground.select(
        "SELECT connector_id, customer_id FROM platform_order WHERE customer_id IS NOT NULL"
        " EXCEPT SELECT connector_id, customer_id FROM platform_customer"
    )
    assert strangers == []
    assert ground.select(_LOCKS) == []
    assert {row["phase"] for row in ground.select("SELECT phase FROM sync_state")} == {"live"}
    left = [child for child in psutil.Process().children() if "storelink" in " ".join(child.cmdline())]
    assert left == []


_LOCKS = (
    "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)
"""Other tests' databases are in the same server."""


def _more_than_one_insert(ground) -> list[object]:
    """Rows whose change feed says more than that they came: nothing was edited in the store."""
    return ground.select(
        "SELECT entity, key, array_agg(op) FROM change_event GROUP BY entity, key"
        " HAVING array_agg(op) <> ARRAY['insert']"
    )


def _rows_without_their_insert(ground) -> list[object]:
    """Rows of which the change feed knows nothing."""
    found = []
    for entity, key in (("product", "variant_id"), ("customer", "customer_id"), ("order", "order_id")):
        found += ground.select(
            f"SELECT '{entity}', {key} FROM platform_{entity} EXCEPT SELECT entity, key FROM change_event"
        )
    return found
