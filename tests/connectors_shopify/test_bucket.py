"""The cost bucket: nothing wasted alone, nobody starved together. A simulated server keeps the truth."""

import heapq
import itertools
import random
import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storelink.connectors.shopify.bucket import Bucket, Cost, Gauge, shared_bucket
from storelink.errors import Retryable


@dataclass
class Server:
    """Shopify's side: admits by requested cost, gives back what was not used."""

    maximum: float = 2000.0
    restore: float = 100.0
    level: float = 2000.0
    at: float = 0.0
    throttled: int = 0

    def ask(self, requested: float, actual: float, now: float) -> Cost:
        self.level = min(self.maximum, self.level + (now - self.at) * self.restore)
        self.at = now
        if requested > self.level:
            self.throttled += 1
            return Cost(requested, None, self.level, self.maximum, self.restore)
        self.level = min(self.maximum, self.level - actual)
        return Cost(requested, actual, self.level, self.maximum, self.restore)


@dataclass
class Process:
    """One process: `threads` readers that ask the same query as fast as its gauge lets them."""

    requested: float
    actual: float
    latency: float
    threads: int = 1
    start: float = 0.0
    stop: float = 1e9
    gauge: Gauge = field(default_factory=Gauge)
    spent: float = 0.0
    answers: int = 0


def simulate(  # noqa: PLR0912
    server: Server, processes: list[Process], seconds: float, seed: int = 0
) -> None:
    """Virtual time: threads wait at the gauge, requests travel, the server answers, answers travel."""
    chance = random.Random(seed)
    order = itertools.count()
    events: list = []

    def at(when: float, *what) -> None:
        heapq.heappush(events, (when, next(order), *what))

    for process in processes:
        for _ in range(process.threads):
            at(process.start, "try", process, None, None)
    waiting: dict[int, int] = {}
    while events:
        now, _, what, process, ticket, cost = heapq.heappop(events)
        if now > seconds:
            return
        if what == "try":
            if now > process.stop:
                continue
            wait = process.gauge.wait(process.requested, now)
            if wait is None:
                waiting[id(process)] = waiting.get(id(process), 0) + 1
            elif wait > 0:
                at(now + wait + 1e-6, "try", process, None, None)
            else:
                drawn = process.gauge.take(process.requested, now)
                at(now + process.latency * chance.uniform(0.2, 0.8), "arrive", process, drawn, None)
        elif what == "arrive":
            said = server.ask(process.requested, process.actual, now)
            at(now + process.latency * chance.uniform(0.2, 0.8), "answer", process, ticket, said)
        else:
            process.gauge.report(ticket, cost, now)
            if cost.actual is not None:
                process.spent += cost.actual
                process.answers += 1
            at(now, "try", process, None, None)
            for _ in range(waiting.pop(id(process), 0)):
                at(now, "try", process, None, None)


@pytest.mark.parametrize("threads", [1, 4, 6])
@pytest.mark.parametrize(("requested", "actual"), [(13, 13), (317, 210), (569, 569), (990, 130)])
@pytest.mark.parametrize(
    ("maximum", "restore", "latency"),
    [(2000.0, 100.0, 0.3), (2000.0, 100.0, 1.0), (4000.0, 200.0, 0.05), (20000.0, 1000.0, 0.4)],
)
def test_alone_a_long_read_uses_what_there_is_and_is_never_throttled(
    threads: int, requested: float, actual: float, maximum: float, restore: float, latency: float
) -> None:
    server = Server(maximum, restore, maximum)
    process = Process(requested, actual, latency, threads)
    seconds = 600.0
    simulate(server, [process], seconds)
    assert server.throttled == 0
    # what threads that wait for nothing but answers could use; else what is restored
    possible = threads * seconds / latency * actual
    assert process.spent >= min(0.95 * restore * seconds, 0.9 * possible)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 8),
    st.floats(1, 1000),
    st.floats(0.05, 1),
    st.floats(0.01, 3),
    st.sampled_from([(2000.0, 100.0), (4000.0, 200.0), (20000.0, 1000.0), (40000.0, 2000.0)]),
    st.integers(0, 1000),
)
def test_alone_nothing_is_ever_throttled(threads, requested, share, latency, plan, seed) -> None:
    server = Server(*plan, level=plan[0])
    simulate(server, [Process(requested, requested * share, latency, threads)], 120.0, seed)
    assert server.throttled == 0


@pytest.mark.parametrize(
    "others",
    [
        [Process(317, 210, 0.3, 4), Process(317, 210, 0.3, 4)],
        [Process(317, 210, 0.3, 6), Process(13, 13, 0.2, 1)],
        [Process(900, 600, 0.5, 2), Process(40, 40, 0.1, 6), Process(317, 210, 0.3, 4)],
        [Process(200, 150, 0.3, 2) for _ in range(5)],
    ],
    ids=["equals", "large and small", "three kinds", "five"],
)
def test_processes_that_know_nothing_of_each_other_share_fairly(others: list[Process]) -> None:
    server = Server()
    seconds = 900.0
    processes = [
        Process(one.requested, one.actual, one.latency, one.threads, start=7.0 * number)
        for number, one in enumerate(others)
    ]
    simulate(server, processes, seconds)
    total = sum(process.spent for process in processes)
    answers = sum(process.answers for process in processes)
    assert total >= 0.9 * server.restore * seconds
    for process in processes:
        possible = process.threads * seconds / process.latency * process.actual
        assert process.spent >= 0.5 * min(total / len(processes), possible)
    assert server.throttled <= 0.05 * answers


def test_when_the_others_stop_all_of_it_is_ours_again() -> None:
    server = Server()
    one, other = Process(317, 210, 0.3, 4), Process(317, 210, 0.3, 4, stop=200.0)
    simulate(server, [one, other], 200.0)
    before = one.spent
    simulate_more = Process(317, 210, 0.3, 4, start=200.0, gauge=one.gauge)
    simulate(server, [simulate_more], 500.0)
    assert before < 15000
    assert simulate_more.spent >= 0.95 * server.restore * 300


def test_a_query_that_the_bucket_never_holds_is_sent_when_it_is_full() -> None:
    gauge = Gauge()
    ticket = gauge.take(10, 0.0)
    gauge.report(ticket, Cost(10, 10, 1990, 2000, 100), 0.1)
    wait = gauge.wait(5000, 0.1)
    assert wait is not None
    assert wait <= 0.2


def test_the_first_request_goes_alone_until_the_bucket_is_known() -> None:
    gauge = Gauge()
    assert gauge.wait(100, 0.0) == 0
    ticket = gauge.take(100, 0.0)
    assert gauge.wait(1, 0.0) is None
    gauge.lost(ticket)  # it brought nothing: the next one may try
    assert gauge.wait(1, 1.0) == 0


# -- with threads ------------------------------------------------------------------------------------


def test_threads_are_served_in_order_and_one_that_closes_is_woken() -> None:
    bucket = Bucket()
    first, _ = bucket.take(10)
    bucket.settle(first, Cost(10, 10, 0.0, 2000, 0.1))  # empty, and refills slowly
    closing = threading.Event()
    ended: list[str] = []

    def wait() -> None:
        try:
            bucket.take(1000, closing.is_set)
        except Retryable as error:
            ended.append(error.code or "")

    thread = threading.Thread(target=wait)
    thread.start()
    closing.set()
    bucket.wake()
    thread.join(60)
    assert ended == ["cut"]


def test_waiting_is_said_in_seconds() -> None:
    bucket = Bucket()
    first, waited = bucket.take(10)
    assert waited < 0.5
    bucket.settle(first, Cost(10, 10, 0.0, 100, 400.0))
    _, waited = bucket.take(60)
    assert 0.1 < waited < 2


def test_costs_are_learnt_by_document_and_sizes() -> None:
    bucket = Bucket()
    assert bucket.estimate("a", {"first": 50}) == 1000
    assert bucket.estimate("a", {"first": 50}, 1200) == 1200
    bucket.learn("a", {"first": 50, "after": "x", "query": "q"}, 300)
    assert bucket.estimate("a", {"first": 50, "after": "y"}) == 300
    assert bucket.estimate("a", {"first": 20}) == 300  # no dearer than more of the same
    assert bucket.estimate("a", {"first": 51}) == 1000
    assert bucket.estimate("b", {"first": 50}) == 1000
    bucket.learn("c", {"ids": ["1", "2"]}, 20)
    assert bucket.estimate("c", {"ids": ["9"]}) == 20
    assert bucket.estimate("c", {"ids": ["9"], "first": 1}) == 1000


def test_one_app_in_one_shop_has_one_bucket_as_long_as_it_is_used() -> None:
    held = shared_bucket("app in shop")
    assert shared_bucket("app in shop") is held
    assert shared_bucket("another") is not held
