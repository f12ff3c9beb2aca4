"""Answers that are not as Shopify's schema says: keys missing, nulls, other types, lists for objects.

Over real HTTP: what the simulated store answers is broken in one place on its way. Whatever comes of
it, the reader ends with one of our errors, or goes on; it never fails with anything else, never goes
round for ever, and each id that was asked for is answered in exactly one way.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest
from raw_server import Request, Server, answer

from storelink.connectors.protocol import Account, Limits, Rejection, Rows
from storelink.connectors.shopify import bulk
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.connector import CONNECTOR
from storelink.connectors.shopify.doctor import check
from storelink.connectors.shopify.reader import Reader
from storelink.errors import StorelinkError
from storelink.sandbox.running import RunningShopify, start_shopify

SEEDS = range(1000 if os.environ.get("STORELINK_SOAK") == "1" else 25)
JUNK = (None, None, 5, -1, 1.5, "", "x", True, False, [], {}, [[]], [None], ["x"], [5], {"id": 5}, 2**70)
LIMITS = Limits(timeout=10, retries=0, width=2)
MOST = 150
"""Requests of one read; with more it goes round in a circle."""


class Between:
    """Stands between reader and store. Breaks the `nth` answer, in a place that `chance` chooses."""

    def __init__(self, shop: RunningShopify) -> None:
        self.shop = shop
        self.http = httpx.Client(base_url=shop.url, timeout=30)
        self.server = Server(self.pass_on)
        self.chance, self.nth, self.asked = Random(0), 0, 0
        self.broke = ""

    def close(self) -> None:
        self.server.close()
        self.http.close()

    def aim(self, chance: Random) -> None:
        self.chance, self.nth = chance, chance.choice((1, 1, 1, 2, 2, 3, 4, 5, 6))
        self.asked, self.broke = 0, ""

    def pass_on(self, request: Request) -> bytes:
        names = ("x-shopify-access-token", "content-type", "range")
        headers = {name: value for name, value in request.headers.items() if name in names}
        got = self.http.request(request.method, request.target, headers=headers, content=request.body)
        body = got.content.replace(self.shop.url.encode(), self.server.url.encode())
        self.asked += 1
        if self.asked > MOST:
            return b""
        if self.asked == self.nth:
            body = self.broken(body)
        more = {name: got.headers[name] for name in ("content-range",) if name in got.headers}
        return answer(body, got.status_code, Date=got.headers["date"], **more)

    def broken(self, body: bytes) -> bytes:
        """A body with one thing in it replaced or taken out; of a bulk result, in one line."""
        lines = body.split(b"\n")
        at = self.chance.randrange(len(lines))
        if not lines[at].strip():
            return body
        whole = {"": json.loads(lines[at])}
        places = list(_places(whole, ()))
        depth = self.chance.randint(1, max(len(place) for place in places))  # or it is nearly always a leaf
        place = self.chance.choice([one for one in places if len(one) == depth])
        inside: Any = whole
        for name in place[:-1]:
            inside = inside[name]
        if self.chance.random() < 0.3 and place != ("",):
            self.broke = f"{place} taken out"
            del inside[place[-1]]
        else:
            junk = self.chance.choice(JUNK)
            if self.chance.random() < 0.2:
                junk = [inside[place[-1]]]
            self.broke = f"{place} is {junk!r}"[:300]
            inside[place[-1]] = junk
        lines[at] = json.dumps(whole[""]).encode()
        return b"\n".join(lines)


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inside:
        yield (*path, name)
        yield from _places(one, (*path, name))


@pytest.fixture(scope="module")
def between() -> Iterator[Between]:
    plan: dict[str, Any] = {"orders": 30, "products": 12, "customers": 12, "refunded_share": 0.3}
    with start_shopify(**plan, plan="enterprise") as shop, closing(Between(shop)) as found:
        yield found


def _listed(reader: Reader, resource: str) -> None:
    for page in reader.list_all(resource):
        assert all(type(line.id) is str for line in page.records)


def _listed_since(reader: Reader, resource: str, ago: timedelta) -> None:
    for page in reader.list_since(resource, datetime.now(UTC) - ago):
        assert all(type(line.id) is str for line in page.records)
        _normalized(resource, page.found.values())


def _backfilled(reader: Reader, resource: str, cursor: Any) -> None:
    for page in reader.backfill(resource, cursor):
        json.dumps(page.cursor)
        _normalized(resource, page.records)


def _normalized(resource: str, records: Any) -> None:
    for record in records:
        assert isinstance(CONNECTOR.normalize(resource, record, {}), Rows | Rejection)


WAYS: dict[str, Callable[[Reader, str], None]] = {
    "list": _listed,
    "new": lambda reader, resource: _listed_since(reader, resource, timedelta(0)),
    "old": lambda reader, resource: _listed_since(reader, resource, timedelta(days=3000)),
    "bulk": lambda reader, resource: _backfilled(reader, resource, None),
    "pages": lambda reader, resource: _backfilled(reader, resource, {"after": None}),
}


@pytest.mark.parametrize("way", [*WAYS, "fetch", "check"])
def test_an_answer_broken_in_one_place(between, monkeypatch, way):
    monkeypatch.setattr(bulk, "FIRST_WAIT", 0.001)
    for seed in SEEDS:
        chance = Random(f"{way} {seed}")
        resource = chance.choice(CONNECTOR.resources)
        between.aim(chance)
        account = Account("shop", between.server.url, "token", {"access_token": between.shop.token})
        client = Client(account, LIMITS, lambda: datetime.now(UTC), sleep=lambda seconds: None)
        reader = Reader(client, {}, LIMITS, sleep=lambda seconds: None)
        try:
            if way == "check":
                assert check(client, account, lambda: datetime.now(UTC)).findings
            elif way == "fetch":
                _fetched(reader, resource, between)
            else:
                WAYS[way](reader, resource)
        except StorelinkError:
            pass
        except Exception as error:
            raise AssertionError(f"{way} of {resource}, seed {seed}: {between.broke}") from error
        finally:
            reader.close()
            client.close()
        assert between.asked <= MOST, f"{way} of {resource}, seed {seed}: {between.broke}"


def _fetched(reader: Reader, resource: str, between: Between) -> None:
    known = [str(row["id"]) for row in between.shop.admin.truth()[resource]]
    asked = [*known, "999999999999", "0"]
    answered: list[str] = []
    for page in reader.fetch(resource, asked):
        broken = [one.id for one in page.broken]
        answered += [*page.found, *page.gone, *page.unanswered, *page.out_of_sight, *broken]
        _normalized(resource, page.found.values())
    assert sorted(answered) == sorted(asked)
