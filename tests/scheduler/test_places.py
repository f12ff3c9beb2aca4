"""Who gets a place in a worker: what a person waits for is not kept waiting by passes."""

import threading
import uuid

from storelink.scheduler import queue, worker
from storelink.scheduler.acting import ACTS
from storelink.scheduler.queue import Kind
from storelink.scheduler.work import FULLS, POLLS


def test_a_flood_of_passes_holds_no_refund_up(work, monkeypatch):
    """Every place for passes is taken by one that does not end; a refund is carried out all the same."""
    busy, over, acted = threading.Semaphore(0), threading.Event(), threading.Event()

    def last(*_about):
        busy.release()
        over.wait(60)

    def stand_in(kind, run):
        return Kind(kind.name, kind.queue, None, run, kind.priority)

    polls, fulls = stand_in(POLLS, last), stand_in(FULLS, last)
    acts = stand_in(ACTS, lambda *_about: acted.set())
    monkeypatch.setattr(worker, "KINDS", (polls, fulls))
    monkeypatch.setattr(worker, "ACTS", acts)
    with work.connection() as connection:
        for kind in (polls, fulls):
            queue.enqueue(connection, kind, [uuid.uuid4() for _ in range(20)])
    hand = worker.Worker(work, 2)
    hand.start()
    try:
        for _ in range(2):
            assert busy.acquire(timeout=30)
        with work.connection() as connection:
            queue.enqueue(connection, acts, [uuid.uuid4()], order="17")
        assert acted.wait(30), "it waits for passes"
        assert not busy.acquire(blocking=False), "more passes at once than there are places for"
    finally:
        work.stopping.set()
        over.set()
        hand.wake()
        assert hand.join(30)
