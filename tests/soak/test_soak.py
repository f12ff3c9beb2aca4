"""Done when 1 and 2 of the daemon: everything goes wrong for a while, and in the end nothing shows it.

20 seconds of it in `make test`, 15 minutes with one and with two of each daemon in `make soak`. SOAK_SECONDS
and SOAK_SEED say otherwise; SOAK_LOGS names a folder that gets the daemons' logs.
"""

import os
import re
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fleet import wait_until
from follower import copies
from patience import Patience, crowd
from town import Shop, Town, town

SOAK = os.environ.get("STORELINK_SOAK") == "1"
SECONDS = float(os.environ.get("SOAK_SECONDS", "900" if SOAK else "20"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
PATIENCE = 90.0 if SECONDS < 60 else 240.0
"""Seconds at most for each step towards rest, on a machine that does nothing else."""


@pytest.mark.timeout(SECONDS + 1800)
@pytest.mark.parametrize("many", [1, 2] if SOAK else [2])
def test_everything_goes_wrong_and_nothing_shows_it(home: Path, many: int) -> None:
    size = 60 + int(SECONDS * 1.2)  # of what is deleted by chance, less than a fifth
    with town(home, many, SEED, size) as made:
        began = made.fleet.one("SELECT clock_timestamp()")
        made.live(SECONDS, kill_every=4.0, restart_every=12.0 if SECONDS < 60 else 45.0)
        print(f"seed {SEED}, {many} of each, {SECONDS:.0f} s: {dict(made.deeds)}")
        made.calm()
        _come_to_rest(made)
        for shop in made.shops:
            _nothing_is_missed(made, shop)
            _webhooks_work(made, shop)
        _verify_is_zero(made)
        _nothing_is_left(made)
        assert max(made.stop()) < 10 * crowd()
        _feed_tells_all_once(made)
        _audit_tells_what_was_done(made, began)
        _forgeries_were_refused(made)
        _nothing_broke(made)
        assert made.odd == []


def _come_to_rest(made: Town) -> None:
    """Until deliveries have come, every hint is followed and every resource was read since."""
    fleet = made.fleet
    for shop in made.shops:
        wait_until(shop.delivered, "deliveries do not end", PATIENCE)
    calm = fleet.one("SELECT clock_timestamp()")
    made.let_guards_look()
    for shop in made.shops:
        made.sync_now(shop)
    _wait(made, "SELECT bool_and(phase = 'live' AND consecutive_failures = 0 AND last_success_at > %s)"
          " FROM sync_state", calm)  # fmt: skip
    _wait(made, "SELECT bool_and((settings #>> '{webhooks,healthy_at}')::timestamptz > %s)"
          " FROM connector_config", calm)  # fmt: skip
    _wait(made, "SELECT count(*) = 0 FROM webhook_delivery WHERE status = 'received'")
    # what the guards found is read once more
    _wait(made, "SELECT bool_and(next_due_at > clock_timestamp()) FROM sync_state")
    _wait(made, "SELECT count(*) = 0 FROM source_record WHERE due_since IS NOT NULL OR state = 'stub'")


def _wait(made: Town, query: str, *values: Any) -> None:
    left = Patience(PATIENCE)
    while not made.fleet.one(query, *values):
        made.tend()
        assert not left.over(), f"{query}\n{_standing(made)}"
        time.sleep(0.05)


_ABOUT = (
    "SELECT resource, phase, next_due_at - now() AS next, full_due_at - now() AS full,"
    " last_success_at - now() AS read, interval, list_seconds, consecutive_failures, last_error"
    " FROM sync_state",
    "SELECT * FROM source_record WHERE due_since IS NOT NULL OR state = 'stub' LIMIT 20",
    "SELECT * FROM webhook_delivery WHERE status = 'received' LIMIT 10",
    "SELECT * FROM alert WHERE closed_at IS NULL",
    "SELECT id, task_name, status, scheduled_at - now(), attempts FROM storelink_jobs.procrastinate_jobs",
)


def _standing(made: Town) -> str:
    """For whoever reads why it failed."""
    rows = [f"{tuple(row.values())}" for query in _ABOUT for row in made.fleet.select(query)]
    return "\n".join([*rows, *made.odd])


def _nothing_is_missed(made: Town, shop: Shop) -> None:
    """Without any verify: only what nobody can see but a whole list or a whole read may differ."""
    found = made.differences(shop)
    unexpected = {key: lines for key, lines in found.items() if key not in shop.silent | shop.buried}
    assert unexpected == {}


def _webhooks_work(made: Town, shop: Shop) -> None:
    """An edit comes by webhook, though the next poll is an hour away."""
    made.fleet.select("UPDATE sync_state SET next_due_at = now() + interval '1 hour', interval = 3600")
    order = next(
        int(key) for key, row in shop.lab.truth("orders").items()
        if not row["deleted"] and ("orders", key) not in shop.buried
    )  # fmt: skip
    name = "customer_note" if shop.name == "woo" else "note"
    shop.admin.edit_order(order, **{name: "the last word"})
    wait_until(shop.delivered, "deliveries do not end", PATIENCE)
    _wait(made, "SELECT bool_or(metadata ->> %s = 'the last word') FROM platform_order"
          " WHERE connector_id = %s AND order_id = %s", name, shop.id, str(order))  # fmt: skip


def _verify_is_zero(made: Town) -> None:
    """The daily verify mends what only it can see; what is left is what no date tells of."""
    now = made.fleet.one("SELECT clock_timestamp()")
    made.verify_soon()
    # what was never verified has no answer to this yet, and would be left out
    _wait(
        made,
        "SELECT bool_and(coalesce(last_verified_at > %s AND last_drift = 0, false)) FROM sync_state",
        now,
    )
    for shop in made.shops:
        left = {key: lines for key, lines in made.differences(shop).items() if key not in shop.silent}
        assert left == {}
        code, said = made.fleet.run("verify", shop.name)
        assert code == 0, said
        made.fleet.run("verify", shop.name, "--deep", "--fix")
        code, said = made.fleet.run("verify", shop.name, "--deep")
        assert code == 0, said
        assert made.differences(shop) == {}


def _nothing_is_left(made: Town) -> None:
    """No job, no hint, no alert, nothing set aside, nobody in a transaction."""
    _wait(made, "SELECT count(*) = 0 FROM storelink_jobs.procrastinate_jobs")
    _wait(made, "SELECT count(*) = 0 FROM alert WHERE closed_at IS NULL")
    assert made.fleet.select("SELECT resource, external_id, error FROM quarantined_record") == []
    strangers = made.fleet.select(
        "SELECT connector_id, customer_id FROM platform_order WHERE customer_id IS NOT NULL"
        " EXCEPT SELECT connector_id, customer_id FROM platform_customer"
    )
    assert strangers == []
    assert made.fleet.select("SELECT * FROM webhook_delivery WHERE status = 'received'") == []
    _wait(made, "SELECT count(*) = 0 FROM pg_stat_activity"
          " WHERE datname = current_database() AND state LIKE 'idle in%%'"
          " AND xact_start < clock_timestamp() - interval '10 s'")  # fmt: skip


def _feed_tells_all_once(made: Town) -> None:
    """The follower saw every change once and in order, and its copies are the tables."""
    last = made.fleet.one("SELECT last_seq FROM change_feed")
    assert made.fleet.one("SELECT count(*) FROM change_event WHERE seq IS NULL") == 0
    follower = made.follower
    wait_until(lambda: follower.last >= last, f"it saw {follower.last} of {last}: {follower.exits}", 60)
    assert [event["seq"] for event in follower.events] == list(range(1, last + 1))
    assert len({event["epoch"] for event in follower.events}) == 1
    assert [code for code, _ in follower.exits if code == 4] == [], follower.exits
    with psycopg.connect(made.fleet.url, autocommit=True) as connection:
        ours = copies(connection)
    wrong = {key for key in ours.keys() | follower.copies.keys() if ours.get(key) != follower.copies.get(key)}
    assert wrong == set()
    inserts = [(e["connector_id"], e["entity"], e["key"]) for e in follower.events if e["op"] == "insert"]
    assert len(inserts) == len(set(inserts)), "a row came twice"


def _audit_tells_what_was_done(made: Town, began: Any) -> None:
    found = {
        row["action"]: row["count"]
        for row in made.fleet.select(
            "SELECT action, count(*) FROM audit_event WHERE at > %s GROUP BY action", began
        )
    }
    for action in ("connector.sync_now", "connector.set"):
        assert made.done[action] <= found.get(action, 0) <= made.asked[action], (action, found)
    turns = made.fleet.select(
        "SELECT connector_id, array_agg(action ORDER BY id) AS turns FROM audit_event"
        " WHERE action IN ('connector.pause', 'connector.resume') GROUP BY 1"
    )
    for row in turns:
        wanted = ["connector.pause", "connector.resume"] * len(row["turns"])
        assert row["turns"] == wanted[: len(row["turns"])]


def _forgeries_were_refused(made: Town) -> None:
    assert set(made.forged) <= {401, 503}, made.forged
    for shop in made.shops:
        forged = [one["status"] for one in shop.admin.deliveries() if one["forged"]]
        assert {status for status in forged if status is not None} <= {401, 503}
    assert made.fleet.one("SELECT count(*) FROM webhook_delivery WHERE external_id = '9000666'") == 0


def _nothing_broke(made: Town) -> None:
    """No fault of our own in any log."""
    broke = ("clock.broke", "worker.broke", "job.broke", "pass.broke", "job.forgotten")
    found = [line for process in made.fleet.processes for line in process.lines() if line["event"] in broke]
    assert found == [], "\n".join(f"{line}\n{line.pop('exception', '')[-3000:]}" for line in found)
    for process in made.fleet.processes:
        text = process.log.read_text()
        assert not re.search("^Traceback", text, re.MULTILINE), text[-3000:]
