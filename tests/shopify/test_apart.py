"""Lists read in several places at once: nothing is missed, whatever is edited meanwhile."""

import random
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from storelink.connectors.protocol import Read
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.apart import apart
from storelink.connectors.shopify.kind import KINDS
from storelink.connectors.shopify.pagesize import PageSize
from storelink.connectors.shopify.walk import Order

START = datetime(2026, 11, 1, tzinfo=UTC)
KIND = KINDS["orders"]


class Shop:
    """Orders with seconds at which they changed, as a list by UPDATED_AT; edited before some requests."""

    def __init__(self, seconds, available=2000.0, edits=(), hidden=()):
        self.changed = dict(enumerate(seconds, 1))
        self.available, self.edits = available, dict(edits)
        self.hidden = dict(hidden)  # the index lags: id → the request that finds it first
        self.now = max(seconds, default=0) + 1
        self.edited = set()
        self.asked = []
        self.meeting, self.here = None, 0
        self.lock = threading.Lock()

    def ask(self, document, variables, *, repeat=True):
        whole = document == queries.load(KIND.page)
        if self.meeting and whole and variables["after"] is not None:
            self.meet()
        with self.lock:
            self.asked.append((whole, variables["first"]))
            self.edit(self.edits.get(len(self.asked), ()))
            nodes, more = self.page(variables)
        info = {"hasNextPage": more, "endCursor": nodes[-1]["cursor"] if nodes else None}
        cost = SimpleNamespace(requested=900.0, available=self.available, maximum=2000.0)
        return SimpleNamespace(
            data={"page": {"pageInfo": info, "nodes": nodes}}, read=Read(START, START), cost=cost
        )

    def meet(self):
        """Wait until somebody else is here too, once."""
        with self.lock:
            self.here += 1
            if self.here == 2:
                self.meeting.set()
        assert self.meeting.wait(20), "nobody else came"
        with self.lock:
            self.here -= 1

    def edit(self, ids):
        for key in ids:
            if key in self.changed:
                self.changed[key], self.now = self.now, self.now + 1
                self.edited.add(key)

    def page(self, variables):
        order = sorted(
            (second, key)
            for key, second in self.changed.items()
            if self.hidden.get(key, 0) <= len(self.asked)
        )
        if variables["reverse"]:
            order.reverse()
        if (after := variables["after"]) is not None:
            place = tuple(map(int, after.split()))
            order = [one for one in order if (one < place if variables["reverse"] else one > place)]
        nodes = [
            {
                "id": f"gid://shopify/Order/{key}", "cursor": f"{second} {key}",
                "updatedAt": (START + timedelta(seconds=second)).isoformat(),
            }
            for second, key in order[: variables["first"]]
        ]  # fmt: skip
        return nodes, len(order) > len(nodes)


def read(shop, *, reverse=False, width=1, rows=5):
    pages = list(apart(shop, KIND, PageSize(25, rows=rows), Order("UPDATED_AT", reverse=reverse), width))
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    return [int(node["id"].rpartition("/")[2]) for page in pages for node in page.nodes]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("available", [2000.0, 900.0])
def test_whatever_stays_as_it_was_is_found(reverse, available):
    for seed in range(200):
        chance = random.Random(seed)
        seconds = [chance.randrange(chance.choice([3, 60])) for _ in range(60)]
        edits = {chance.randrange(2, 20): chance.sample(range(1, 61), 3) for _ in range(chance.randrange(6))}
        hidden = {key: chance.randrange(2, 12) for key in chance.sample(range(1, 61), chance.randrange(20))}
        shop = Shop(seconds, available, edits, hidden)
        found = read(shop, reverse=reverse)
        assert set(found) >= set(shop.changed) - shop.edited - set(hidden), seed


@pytest.mark.parametrize("reverse", [False, True])
def test_each_comes_once_and_in_order_where_nothing_is_edited(reverse):
    shop = Shop([7] * 23 + [9] * 40)
    found = read(shop, reverse=reverse, width=4)
    assert found == sorted(found, reverse=reverse)
    assert len(found) == 63


def test_pages_are_read_at_once_while_there_are_points_to_spare():
    shop = Shop(range(99))
    shop.meeting = threading.Event()  # nobody goes on alone
    assert len(read(shop, width=4, rows=9)) == 99


def test_one_after_the_other_where_the_bucket_is_what_is_waited_for():
    shop = Shop(range(100), available=900.0)
    assert len(read(shop, width=4)) == 100
    assert all(whole for whole, _ in shop.asked)


def test_a_list_of_one_page_costs_one_request():
    shop = Shop(range(5))
    assert len(read(shop, width=4)) == 5
    assert shop.asked == [(True, 5)]


def test_a_stretch_is_one_request_where_nothing_is_edited():
    shop = Shop(range(50))
    read(shop, rows=10)
    assert [whole for whole, _ in shop.asked].count(True) == 5
