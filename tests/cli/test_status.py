"""What on-call reads: the summary, the states and what to do, for every way a store can stand."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from storelink.cli import show, standing
from storelink.db import Database
from storelink.sandbox.running import Running
from storelink.scheduler.queue import Standing
from storelink.sync import telling
from storelink.sync.alert import Open
from storelink.sync.delivery import Road
from storelink.sync.status import ResourceStatus, StoreStatus

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)

RESOURCE = ResourceStatus(
    resource="orders", state="in_step", phase="live", running=False, done=None, total=None, interval=300,
    last_success_at=NOW - timedelta(minutes=2), next_due_at=NOW + timedelta(minutes=3), held=48_207,
    waiting=0, gone=0, out_of_sight=0, quarantined=0, last_verified_at=NOW - timedelta(hours=12),
    last_drift=0, failures=0, last_error=None, future_stamped=0,
)  # fmt: skip


def store(name: str = "shop", **changes: Any) -> StoreStatus:
    about = {key: changes.pop(key) for key in ("status", "restored_at") if key in changes}
    one = StoreStatus(
        id=uuid.uuid4(), name=name, platform="woocommerce", store_url="https://shop.example",
        status="active", interval=300, changed_at=NOW, checked_at=None, restored_at=None,
        resources=(replace(RESOURCE, **changes),),
    )  # fmt: skip
    return replace(one, **about)


def cell(one: StoreStatus) -> str:
    told = standing.state(one.resources[0])
    return told.text if isinstance(told, show.Toned) else told


@pytest.mark.parametrize(
    "changes, words",
    [
        ({}, "in step"),
        ({"state": "paused", "status": "paused"}, "paused"),
        ({"state": "key_refused", "status": "auth_failed"}, "key refused"),
        ({"state": "drift", "last_drift": 3}, "3 differ"),
        ({"state": "drift", "last_drift": 1}, "1 differs"),
        ({"state": "drift", "last_drift": 0, "withheld": 30}, "30 differ"),
        ({"state": "first_read", "phase": "backfill", "done": 62, "total": 100, "last_success_at": None},
         "first read, 62 %"),
        ({"state": "first_read", "phase": "backfill", "last_success_at": None}, "first read"),
        ({"state": "first_read", "phase": "listing", "last_success_at": None}, "first read, comparing"),
        ({"state": "stopped", "phase": "backfill", "done": 1, "total": 3, "last_success_at": None},
         "first read stopped, 33 %"),
        ({"state": "full_read", "phase": "backfill", "done": 1, "total": 2}, "full read, 50 %"),
        ({"state": "late"}, "late"),
        ({"state": "failing", "failures": 1}, "failing"),
        ({"state": "new", "phase": "new", "last_success_at": None}, "not read yet"),
    ],
)  # fmt: skip
def test_states_in_words(changes: dict[str, Any], words: str) -> None:
    assert cell(store(**changes)) == words


@pytest.mark.parametrize(
    "stores, says",
    [
        ([], "No store is registered yet. `storelink connectors add` registers one."),
        ([store()], "shop is in step."),
        ([store("a"), store("b")], "All 2 stores are in step."),
        ([store(state="key_refused", status="auth_failed")], "shop needs a person."),
        ([store("a"), store("b", state="drift", last_drift=2)],
         "1 of 2 stores needs a person: b. a is in step."),
        ([store("a"), store("b"), store("c", quarantined=1), store("d", restored_at="x")],
         "2 of 4 stores need a person: c and d. 2 are in step."),
        ([store("a", state="paused", status="paused"), store("b")],
         "Nothing needs a person. b is in step and a is paused."),
        ([store(state="failing", failures=2, last_error="no answer")],
         "Nothing needs a person. shop had a pass that failed."),
        ([store(state="failing", failures=3, last_error="no answer")], "shop needs a person."),
        ([store(state="late")], "Nothing needs a person. shop is late."),
        ([store(state="first_read")], "Nothing needs a person. shop is being read for the first time."),
    ],
)  # fmt: skip
def test_one_sentence_answers_the_question(stores: list[StoreStatus], says: str) -> None:
    assert standing.summary(stores)[0] == says


@pytest.mark.parametrize(
    "changes, says, mend",
    [
        ({"state": "key_refused", "status": "auth_failed"}, "refuses our keys",
         "connectors set-credentials shop"),
        ({"state": "paused", "status": "paused"}, "last read 2 min ago", "connectors resume shop"),
        ({"restored_at": "2026-11-21T13:00:00+00:00"}, "older backup (seen 1 h ago)", "verify shop --fix"),
        ({"state": "failing", "failures": 3, "last_error": "no answer"}, "last 3 passes",
         "connectors check shop"),
        ({"state": "drift", "last_drift": 3}, "3 orders differ from the store, found by verify 12 h ago",
         "verify shop --fix"),
        ({"state": "drift", "last_drift": 1}, "1 order differs", "verify shop --fix"),
        ({"state": "drift", "last_drift": 30, "withheld": 30}, "30 orders no longer exist in the store",
         "verify shop --fix --accept-deletes"),
        ({"state": "drift", "withheld": 1}, "1 order no longer exist",
         "verify shop --fix --accept-deletes"),
        ({"state": "stopped", "done": 1, "total": 4}, "orders at 25 %", "sync shop"),
        ({"state": "late"}, "due every 5 min", "sync shop"),
        ({"quarantined": 2}, "2 orders could not be understood", "quarantine list shop"),
    ],
)  # fmt: skip
def test_each_trouble_says_what_is_so_and_what_to_do(changes: dict[str, Any], says: str, mend: str) -> None:
    ((first, *rest),) = standing.to_do([store(**changes)], NOW)
    assert says in first
    assert rest[-1] == f"storelink {mend}"


def test_records_stamped_in_the_future_are_told() -> None:
    ((said,),) = standing.to_do([store(future_stamped=4)], NOW)
    assert "4 orders stamped in the future" in said


def test_a_store_in_step_leaves_nothing_to_do() -> None:
    assert standing.to_do([store()], NOW) == []


def test_a_store_that_fails_says_when_it_is_tried_again() -> None:
    ((_, when, why, _),) = standing.to_do(
        [store(state="failing", failures=4, last_error="no answer", next_at=NOW + timedelta(minutes=8))], NOW
    )
    assert "next try is in 8 min" in when
    assert why == "No answer."


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"next_at": NOW + timedelta(seconds=100)}, "in 2 min"),
        ({"next_at": NOW + timedelta(seconds=59)}, "in 59 s"),
        ({"next_at": NOW - timedelta(minutes=1)}, "now"),
        ({"next_at": NOW, "running": True}, "at it"),
        ({"next_at": None}, "–"),
    ],
)
def test_when_it_is_read_next(changes: dict[str, Any], words: str) -> None:
    assert standing.next_try(replace(RESOURCE, **changes), NOW) == words


def test_the_road_of_the_last_change() -> None:
    roads = (
        Road("orders", "webhook", 3, NOW - timedelta(seconds=12)),
        Road("orders", "incremental", 9, NOW - timedelta(minutes=4)),
    )
    assert standing.last_change(replace(RESOURCE, roads=roads), NOW) == "webhook 12 s"
    assert standing.last_change(replace(RESOURCE, roads=roads[1:]), NOW) == "poll 4 min"
    assert standing.last_change(RESOURCE, NOW) == ""


def test_alerts_that_are_open() -> None:
    lost = Open(
        "subscription_lost", "the webhooks are not as they should be", NOW - timedelta(minutes=9), None
    )
    down = Open("store_down", "the last passes failed", NOW - timedelta(minutes=2), None)
    stores = [replace(store("a"), alerts=(lost, down)), store("b")]
    assert (
        standing.alerts(stores, NOW)
        == "Open alerts: a subscription_lost for 9 min and a store_down for 2 min."
    )
    assert standing.alerts([store()], NOW) == ""
    assert stores[0].needs_person
    ((said, mend),) = standing.to_do(stores, NOW)
    assert said == "a: the webhooks are not as they should be. Found 9 min ago."
    assert mend == "storelink webhooks status a"


@pytest.mark.parametrize(
    "queue, words",
    [
        (Standing(0, {"poll": 3}, 0), "No worker runs. `storelink serve` reads every store by itself."),
        (Standing(2, {}, 0), "Workers live; no job waits."),
        (
            Standing(2, {"poll": 2, "full": 1}, 1),
            "Workers live; 3 jobs wait and 1 job runs (1 full, 2 poll).",
        ),
        (Standing(1, {"hint": 1}, 0, 1), "Workers live; 1 job is put off after a failure (1 hint)."),
    ],
)
def test_the_queue_in_words(queue: Standing, words: str) -> None:
    assert standing.queue(queue) == words


def test_those_that_need_a_person_come_first() -> None:
    stores = [
        store("a"),
        store("b", state="late"),
        store("c", state="key_refused"),
        store("d", restored_at="x"),
    ]
    assert [one.name for one in sorted(stores, key=standing.rank)] == ["d", "c", "b", "a"]


def change(database: Database, what: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE sync_state SET {what}"))


def test_nothing_is_registered(cli: Any) -> None:
    assert cli("status").code == 0
    assert cli("status", "--json").json["stores"] == []
    assert cli("runs").out == "No pass yet.\n"


def test_status_of_a_store_as_it_goes(cli: Any, registered: Running, database: Database) -> None:
    assert "not read yet" in cli("status").out
    assert cli("sync", "shop").code == 0
    told = cli("status")
    assert told.code == 0
    assert told.out.startswith("shop is in step.\n")
    (shop,) = cli("status", "shop", "--json").json["stores"]
    assert [one["resource"] for one in shop["resources"]] == ["products", "customers", "orders"]
    assert all(one["age_seconds"] < 60 and one["held"] > 0 for one in shop["resources"])
    change(database, "next_due_at = now() - interval '601 s'")
    assert "late" in cli("status").out
    with database.engine.begin() as connection:
        connection.execute(
            text("UPDATE sync_state SET next_due_at = now() - interval '590 s', future_stamped = 2")
        )
    assert "stamped in the future" in cli("status").out


def test_status_asks_no_store(cli: Any, synced: Running) -> None:
    synced.admin.clear_requests()
    assert cli("status").code == 0
    assert synced.admin.requests() == []


def test_runs_lists_the_latest_first(cli: Any, synced: Running) -> None:
    assert cli("sync", "shop", "--full", "-r", "orders").code == 0
    runs = cli("runs", "shop", "--json").json["runs"]
    assert {one["kind"] for one in runs} == {"backfill"}
    assert [one["started_at"] for one in runs] == sorted((one["started_at"] for one in runs), reverse=True)
    assert len(cli("runs", "--limit", "1", "--json").json["runs"]) == 1
    only = cli("runs", "shop", "--resource", "orders", "--json").json["runs"]
    assert {one["resource"] for one in only} == {"orders"}
    assert cli("runs", "--failed").out == "No such pass.\n"
    assert "backfill orders" in cli("runs").out


@pytest.mark.parametrize("kind", sorted(telling.MEANINGS))
def test_whoever_is_alarmed_finds_in_status_what_to_do(kind: str) -> None:
    """Each alert has a line with a command; those that stand in the figures have it from there."""
    figures: dict[str, dict[str, Any]] = {
        "auth_failed": {"state": "key_refused", "status": "auth_failed"},
        "store_down": {"state": "failing", "failures": 3, "last_error": "no answer"},
        "drift": {"state": "drift", "last_drift": 3},
        "deletes_withheld": {"state": "drift", "last_drift": 3, "withheld": 3},
        "quarantine": {"quarantined": 2},
    }
    one = replace(store(**figures.get(kind, {})), alerts=(Open(kind, "it is so", NOW, None),))
    (lines,) = standing.to_do([one], NOW)
    assert lines[-1].startswith("storelink ")
    assert "shop" in lines[-1]
    assert one.needs_person


def test_a_paused_store_needs_a_person_for_what_people_asked_for_only() -> None:
    paused = store(state="paused", status="paused", quarantined=2)
    assert not replace(paused, alerts=(Open("drift", "x", NOW, None),)).needs_person
    assert replace(paused, alerts=(Open("needs_attention", "x", NOW, None),)).needs_person
