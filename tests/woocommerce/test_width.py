"""The width against simulated stores: so many cores, each page so long."""

import heapq
import random
import statistics
from collections import deque
from dataclasses import dataclass

import pytest

from storelink.connectors.woocommerce.width import Width


@dataclass
class Store:
    """Answers as many requests at once as it has cores, and the others wait."""

    cores: int
    seconds: float = 1.0
    jitter: float = 0.3
    seed: int = 1

    def __post_init__(self) -> None:
        self.now = 0.0
        self.free = [0.0] * self.cores
        self.chance = random.Random(self.seed)
        self.widths: list[int] = []

    def ask(self) -> float:
        """When a request sent now is answered."""
        begins = max(self.now, heapq.heappop(self.free))
        done = begins + self.seconds * (1 + self.jitter * (self.chance.random() - 0.5))
        heapq.heappush(self.free, done)
        return done


def read(store: Store, pages: int, width: Width | int, consumer: float = 0.0) -> float:
    """Seconds that `pages` pages take, taken in order with so many under way."""
    waiting: deque[float] = deque()
    asked = 0
    for _ in range(pages):
        while asked < pages and len(waiting) < (width if isinstance(width, int) else width.value):
            waiting.append(store.ask())
            asked += 1
        store.now = max(store.now, waiting.popleft())
        if isinstance(width, Width):
            width.landed()
            store.widths.append(width.value)
        while asked < pages and len(waiting) < (width if isinstance(width, int) else width.value):
            waiting.append(store.ask())
            asked += 1
        store.now += consumer
    return store.now


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("seed", range(5))
def test_within_ten_percent_of_the_best_fixed_width(cores: int, seed: int) -> None:
    best = min(read(Store(cores, seed=seed), 400, fixed) for fixed in range(1, 9))
    store = Store(cores, seed=seed)
    assert read(store, 400, Width(8, lambda: store.now)) <= 1.10 * best


@pytest.mark.parametrize("seed", range(5))
def test_no_wider_than_the_cores_need(seed: int) -> None:
    store = Store(2, seed=seed)
    width = Width(8, lambda: store.now)
    read(store, 400, width)
    assert statistics.median(store.widths) <= 3 and max(store.widths) <= 4


def test_a_slow_consumer_needs_no_width() -> None:
    store = Store(8)
    width = Width(8, lambda: store.now)
    read(store, 600, width, consumer=2.0)
    assert width.value == 1


def test_it_follows_a_store_that_grows() -> None:
    store = Store(1, jitter=0.05)
    width = Width(8, lambda: store.now)
    read(store, 300, width)
    assert width.value <= 2
    store.free = [store.now] * 6
    read(store, 2000, width)
    assert width.value >= 4


@pytest.mark.parametrize("most", [1, 2, 3, 6])
def test_it_stays_within_its_bounds(most: int) -> None:
    store = Store(4)
    width = Width(most, lambda: store.now)
    for _ in range(50):
        read(store, 20, width)
        assert 1 <= width.value <= most


def test_a_clock_that_stands_still_is_survived() -> None:
    width = Width(6, lambda: 0.0)
    for _ in range(1000):
        width.landed()
    assert 1 <= width.value <= 6
