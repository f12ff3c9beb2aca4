"""A helper makes of a read what this process would have made, and whatever becomes of it nothing is lost."""

import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import psutil
import pytest
from fleet import wait_until

from storelink.connectors.protocol import Packed
from storelink.errors import Retryable
from storelink.sync import helped as helping
from storelink.sync.backfill import backfill
from storelink.sync.helped import Helper
from storelink.sync.helper import Job

TABLES = ("source_record", "platform_order", "order_item", "order_refund", "change_event")
OWN = {"id", "connector_id", "synced_at", "at", "due_since", "read_started_at", "read_finished_at"}
"""Columns that differ from read to read."""


@pytest.fixture
def helpers(monkeypatch):
    """The helpers that were begun; any read gets one."""
    begun: list[Helper] = []
    inner = Helper.__init__

    def init(self, job):
        inner(self, job)
        begun.append(self)

    monkeypatch.setattr(helping, "LARGE", 1)
    monkeypatch.setattr(helping, "_cores", lambda: 2)
    monkeypatch.setattr(Helper, "__init__", init)
    return begun


def _packed(world, page):
    records = [pickle.dumps(raw) for raw in page.records]
    ids = [raw["id"] for raw in page.records]
    return replace(page, records=Packed(ids, records, pickle.loads, type(world.connector)().normalize))


def _pack(world, monkeypatch):
    """Have the store give its records packed, and say what was normalized here all the same."""
    inner, normalize = world.store.backfill, world.connector.normalize
    here: list[str] = []

    def give(resource, cursor):
        for page in inner(resource, cursor):
            yield _packed(world, page)

    def count(resource, raw, settings):
        here.append(raw["id"])
        return normalize(resource, raw, settings)

    monkeypatch.setattr(world.store, "backfill", give)
    monkeypatch.setattr(world.connector, "normalize", count)
    return here


def _fill(world, many=60):
    for number in range(1, many + 1):
        refunds = {f"{number}1": "2.00"} if number % 5 == 0 else {}
        world.store.put("orders", number, items={"1": "A\tB", "2": "C"}, customer=str(number % 7 + 1), **(
            {"refunds": refunds} if refunds else {}
        ))  # fmt: skip
    world.store.put("orders", 7, draft=True)
    world.store.pass_time(3600)


def _held(world) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for table in TABLES:
        rows = world.rows(f"SELECT to_jsonb(t) FROM {table} t WHERE connector_id = %s", world.subject.id)
        shown = [{name: value for name, value in row.items() if name not in OWN} for (row,) in rows]
        found[table] = sorted(shown, key=str)
    return found


def _read(world, **how):
    with world.full() as lane:
        return backfill(lane, world.subject, **how)


def _read_alone(world, here):
    """Read what `_fill` made; all of it is normalized here."""
    _read(world)
    assert len(set(here)) == 60
    assert len(_held(world)["platform_order"]) == 59


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.returncode is not None


def test_a_helper_leaves_what_is_left_without_one(make_world, helpers, monkeypatch):
    alone, helped = make_world("alone"), make_world("helped")
    for world in (alone, helped):
        _fill(world)
    plain = _read(alone)
    assert helpers == []
    here = _pack(helped, monkeypatch)
    run = _read(helped)
    assert len(helpers) == 1
    assert _ended(helpers[0]._process)
    assert set(here) <= {"7"}, "all was normalized by the helper; the list asks for the draft once more"
    assert run.counts == plain.counts
    assert _held(helped) == _held(alone)
    assert len(_held(helped)["platform_order"]) == 59


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_helper_that_is_killed_costs_nothing(make_world, helpers, monkeypatch, after):
    alone, helped = make_world("alone"), make_world("helped")
    for world in (alone, helped):
        _fill(world)
    _read(alone)
    here = _pack(helped, monkeypatch)
    take, taken = Helper.take, []

    def take_then_kill(self):
        if len(taken) == after:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
        taken.append(self)
        return take(self)

    monkeypatch.setattr(Helper, "take", take_then_kill)
    _read(helped)
    assert len(helpers) == 1, "a read that lost its helper goes on alone"
    assert here, "what the helper did not do was done here"
    assert _held(helped) == _held(alone)


def test_a_helper_that_cannot_be_begun_costs_nothing(world, helpers, monkeypatch):
    _fill(world)
    here = _pack(world, monkeypatch)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    _read_alone(world, here)
    assert helpers == []


def test_a_platform_whose_functions_have_no_name_is_read_alone(world, helpers, monkeypatch):
    _fill(world)
    here = _pack(world, monkeypatch)
    packing = world.store.backfill

    def nameless(part):
        return pickle.loads(part)

    def give(resource, cursor):
        for page in packing(resource, cursor):
            yield replace(page, records=replace(page.records, unpack=nameless))

    monkeypatch.setattr(world.store, "backfill", give)
    _read_alone(world, here)
    assert helpers == []


def test_one_that_answers_nonsense_is_left(world, helpers, monkeypatch):
    _fill(world)
    here = _pack(world, monkeypatch)
    monkeypatch.setattr(helping, "PROGRAM", "print('nonsense ' * 1000, flush=True); input()")
    _read_alone(world, here)


def test_what_is_out_of_the_ordinary_is_done_here(world, helpers, monkeypatch):
    """A record that cannot become rows is set aside; so is one that cannot be read, until the list has it."""
    _fill(world, 12)
    world.store.put("orders", 4, bad="it is bad")
    here = _pack(world, monkeypatch)
    packing = world.store.backfill

    def spoil(resource, cursor):
        for page in packing(resource, cursor):
            parts = [b"spoilt" if key == "8" else part for key, part in zip(
                page.records.ids, page.records.parts, strict=True
            )]  # fmt: skip
            yield replace(page, records=Packed(page.records.ids, parts, _unpickle, page.records.normalize))

    monkeypatch.setattr(world.store, "backfill", spoil)
    _read(world)
    assert {"5", "9"} <= set(here), "the pages of both were made here"
    known = _held(world)["source_record"]
    held = {row["record_id"]: row["state"] for row in known if row["resource"] == "orders"}
    assert held["4"] == "quarantined"
    assert held["8"] == "held", "it was fetched by its id"
    assert len(_held(world)["platform_order"]) == 10


def _unpickle(part: bytes) -> Any:
    if part == b"spoilt":
        raise ValueError("no record")
    return pickle.loads(part)


def test_an_error_comes_after_what_was_read_before_it(world, helpers, monkeypatch):
    _fill(world, 12)
    _pack(world, monkeypatch)
    packing = world.store.backfill

    def fail(resource, cursor):
        for page in packing(resource, cursor):
            if page.cursor["after"] > 9:
                raise Retryable("the store went away")
            yield page

    monkeypatch.setattr(world.store, "backfill", fail)
    with pytest.raises(Retryable):
        _read(world)
    assert world.one("SELECT cursor -> 'inner' ->> 'after' FROM sync_state WHERE resource = 'orders'") == "9"
    assert _ended(helpers[0]._process)


def test_known_records_go_the_long_way(world, helpers, monkeypatch):
    _fill(world)
    _pack(world, monkeypatch)
    _read(world)
    before = _held(world)
    world.store.put("orders", 3, items={"1": "Z"})
    world.store.pass_time(3600)
    run = _read(world, restart=True)
    assert (run.counts.updated, run.counts.unchanged) == (1, 58)
    assert len(_held(world)["change_event"]) == len(before["change_event"]) + 1


def test_it_is_begun_as_soon_as_many_are_announced(world, helpers, monkeypatch):
    """A page without records comes before a long download."""
    _fill(world, 6)
    announced = None
    page = _packed(world, next(iter(world.store.backfill("orders", None))))
    none = replace(page.records, ids=[], parts=[])

    def give():
        nonlocal announced
        yield replace(page, records=none, total=None)
        assert helpers == [], "nobody knows how many there are"
        yield replace(page, records=none, total=100)
        announced = len(helpers)
        yield page

    given = [ready is not None for _, ready in helping.prepare_ahead(world.connector, "orders", {}, give())]
    assert given == [False, False, True]
    assert announced == 1
    assert len(helpers) == 1


def test_small_reads_and_second_ones_get_none(world, helpers, monkeypatch):
    """One at a time in a process: whoever reads beside it makes do without."""
    _fill(world)
    _pack(world, monkeypatch)
    with helping._one_at_a_time:
        _read(world)
    assert helpers == []
    monkeypatch.setattr(helping, "LARGE", 61)
    _read(world, restart=True)
    assert helpers == []


def test_it_is_given_no_secret_and_ends_with_whoever_began_it(tmp_path):
    program = """
import os, signal, sys
from storelink.sync.helped import Helper
from storelink.sync.helper import Job
import pickle
from toy import ToyConnector
one = Helper(Job("orders", {}, 1, pickle.loads, ToyConnector().normalize))
print(one._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    env = {**os.environ, "STORELINK_MASTER_KEY": "a secret", "PYTHONPATH": os.pathsep.join(sys.path)}
    began = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, check=False, timeout=60
    )
    assert began.returncode == -signal.SIGKILL
    wait_until(lambda: not psutil.pid_exists(int(began.stdout)), "its helper to end")


def test_its_environment_has_nothing_of_ours(monkeypatch):
    monkeypatch.setenv("STORELINK_MASTER_KEY", "a secret")
    from toy import ToyConnector

    with Helper(Job("orders", {}, 1, pickle.loads, ToyConnector().normalize)) as one:
        told = psutil.Process(one._process.pid).environ()
    assert not [name for name in told if name.startswith("STORELINK_")]
    assert _ended(one._process)


def test_pages_that_nobody_can_help_with_wait_only_for_those_before_them(world, helpers, monkeypatch):
    """A page without records may name what must be kept before the next is waited for."""
    _fill(world, 12)
    pages = list(world.store.backfill("orders", None))
    given: list[int] = []

    def give():
        for at, page in enumerate([_packed(world, pages[0]), replace(pages[1], records=[]), *pages[2:]]):
            given.append(at)
            yield page

    taken = []
    for raw, ready in helping.prepare_ahead(world.connector, "orders", {}, give()):
        taken.append((raw.cursor["after"], ready is not None, len(given)))
    assert taken == [(3, True, 2), (6, False, 2), (9, False, 3), (12, False, 4)]
