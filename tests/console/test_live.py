"""What open pages hear of by server-sent events, over a socket."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import httpx
import pytest
from console_house import Browser, ConsoleHouse
from webhook_house import House, serving, wait_until

from storelink.access.token import digest_of
from storelink.sync.marks import Topic, mark_of, topic_of
from storelink.web.console import live
from storelink.web.console.live import EACH, Stream
from storelink.web.console.signed import COOKIE

STORE = "store/fjord-wool"


class Listener:
    """The events of an open stream, as they come. Waiting for one is bounded by the client's timeout."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()

    def next(self) -> tuple[str, str]:
        """The next event, and its data. Raises `StopIteration` at the end of the stream."""
        name = ""
        while True:
            line = next(self._lines)
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name:
                return name, line.removeprefix("data: ")

    def news(self) -> tuple[str, str]:
        """The next one that is no beat."""
        return next(found for found in iter(self.next, None) if found[0] != "beat")

    def ended(self) -> bool:
        """Whether nothing but beats came before it ended."""
        try:
            self.news()
        except StopIteration:
            return True
        return False


@contextmanager
def listening(who: Browser, *topics: str, url: str = "") -> Iterator[Listener]:
    """An open stream, which was answered with its first comment."""
    asked = "&".join("of=" + quote(topic, safe="/@") for topic in topics)
    headers = {"Cookie": f"{COOKIE}={who.cookie}"}
    with (
        httpx.Client(base_url=url or who.client.base_url, timeout=60) as client,
        client.stream("GET", f"/console/live?{asked}", headers=headers) as answer,
    ):
        yield Listener(answer)


def marked(house: ConsoleHouse, topic: str) -> str:
    """The topic with the mark that it has now."""
    found = topic_of(topic)
    assert found is not None
    with house.database.session() as session:
        return f"{topic}@{mark_of(session, found)}"


@pytest.fixture(scope="module")
def ops(house: ConsoleHouse) -> Browser:
    return house.sign_in("ops")


@pytest.fixture(autouse=True)
def _ageless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes by the passing of time alone, and there is a look as soon as the last is over."""
    monkeypatch.setattr("storelink.sync.marks._age", lambda: 0)
    monkeypatch.setattr(live, "EVERY", 0.01)


def request_of(house: ConsoleHouse, table: str) -> uuid.UUID:
    return house.shops.one(f"SELECT id FROM {table} ORDER BY id LIMIT 1")  # type: ignore[no-any-return]


def test_a_change_in_the_database_is_heard_of(house: ConsoleHouse, ops: Browser) -> None:
    refund, change = request_of(house, "refund_request"), request_of(house, "address_update_request")
    deeds = {
        STORE: "UPDATE sync_state SET cursor = '{\"done\": 3, \"total\": 9}' WHERE resource = 'orders'",
        f"refund/{refund}": f"UPDATE refund_request SET misses = misses + 1 WHERE id = '{refund}'",
        f"address/{change}": f"UPDATE address_update_request SET misses = misses + 1 WHERE id = '{change}'",
        "overview": "UPDATE sync_state SET consecutive_failures = 1 WHERE resource = 'customers'",
    }
    with listening(ops, *(marked(house, topic) for topic in deeds)) as heard:
        assert heard.answer.status_code == 200
        assert heard.answer.headers["content-type"].startswith("text/event-stream")
        assert heard.answer.headers["x-accel-buffering"] == "no"
        assert heard.answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in heard.answer.headers["content-security-policy"]
        for topic, statement in deeds.items():
            house.shops.do(statement)
            while (found := heard.news()) != ("change", topic):
                assert found[1] in (STORE, "overview")  # a store's state is on both pages


def test_what_changed_before_the_stream_was_open_is_heard_of(house: ConsoleHouse, ops: Browser) -> None:
    before = marked(house, STORE)
    house.shops.do("UPDATE sync_state SET last_error = 'away' WHERE resource = 'orders'")
    with listening(ops, before) as heard:
        assert heard.news() == ("change", STORE)


def test_without_news_it_says_that_it_is_there(
    house: ConsoleHouse, ops: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BEAT", 0.1)
    with listening(ops, marked(house, STORE), marked(house, "overview")) as heard:
        assert heard.next() == ("beat", "-") and heard.next() == ("beat", "-")


def test_without_a_session_or_the_right_there_is_no_stream(house: ConsoleHouse, ops: Browser) -> None:
    with listening(house.stranger(), STORE) as heard:
        assert heard.answer.status_code == 303
    pending = ops.send("/console/connect", platform="woocommerce", name="live-one",
                       store_url="https://1.1.1.1").headers["location"].rpartition("/")[2]  # fmt: skip
    with listening(ops, f"connect/{pending}@") as heard:
        assert heard.news() == ("change", f"connect/{pending}")
    for who, topic, status in (
        (house.sign_in("reader"), f"connect/{pending}", 403),
        (house.sign_in("admin"), f"connect/{pending}", 404),  # somebody else's
        (ops, "store/nobody", 404), (ops, f"refund/{uuid.uuid4()}", 404),
        (ops, f"address/{uuid.uuid4()}", 404),
        (ops, "refund/1", 404), (ops, "password/1", 404), (ops, "", 404), (ops, "store/%00", 404),
    ):  # fmt: skip
        with listening(who, topic) as heard:
            assert heard.answer.status_code == status, topic
    assert ops.get("/console/live").status_code == 404


def test_the_end_of_a_session_ends_its_streams(house: ConsoleHouse) -> None:
    leaving, staying = house.sign_in("reader"), house.sign_in("reader")
    with (
        listening(leaving, marked(house, STORE)) as heard,
        listening(staying, marked(house, STORE)) as other,
    ):
        assert leaving.send("/console/sign-out").status_code == 303
        assert heard.news() == ("over", "-") and heard.ended()
        house.shops.do("UPDATE sync_state SET last_error = NULL WHERE resource = 'orders'")
        assert other.news() == ("change", STORE)


def test_what_a_page_asks_by_itself_does_not_lengthen_a_session(house: ConsoleHouse) -> None:
    who = house.sign_in("reader")
    digest = digest_of(who.cookie).hex()
    seen = f"SELECT seen_at < now() - interval '1 hour' FROM console_session WHERE digest = '\\x{digest}'"
    house.shops.do(
        f"UPDATE console_session SET seen_at = now() - interval '2 h' WHERE digest = '\\x{digest}'"
    )
    with listening(who, f"{STORE}@") as heard:
        assert heard.news() == ("change", STORE)
        live_only = {"HX-Request": "true", "Storelink-Live": "1"}
        assert who.get("/console/stores/fjord-wool/reading", headers=live_only).status_code == 200
        assert house.shops.one(seen)
    assert who.get("/console/stores/fjord-wool").status_code == 200
    assert not house.shops.one(seen)


def test_another_role_ends_a_stream(house: ConsoleHouse) -> None:
    with listening(house.sign_in("support"), marked(house, STORE)) as heard:
        try:
            house.shops.do("UPDATE console_user SET role = 'reader' WHERE name = 'support@shop.example'")
            assert heard.news() == ("over", "-") and heard.ended()
        finally:
            house.shops.do("UPDATE console_user SET role = 'support' WHERE name = 'support@shop.example'")


def test_streams_are_bounded_and_forgotten_when_their_page_is_left(house: ConsoleHouse) -> None:
    lookout, who = house.shops.lookout, house.sign_in("reader")
    wait_until(lambda: len(lookout) == 0)
    asked = [listening(who, marked(house, STORE)) for _ in range(EACH)]
    opened = [one.__enter__() for one in asked]
    wait_until(lambda: len(lookout) == EACH)
    try:
        assert {one.answer.status_code for one in opened} == {200}
        with listening(who, marked(house, STORE)) as more:
            assert more.answer.status_code == 503
        with listening(house.sign_in("reader"), marked(house, STORE)) as another:
            assert another.answer.status_code == 200
        # as many as there are do not keep pages from being answered
        assert who.get("/console/overview").status_code == 200
    finally:
        for one in asked:
            one.__exit__(None, None, None)
    wait_until(lambda: len(lookout) == 0)


def test_streams_do_not_keep_the_server_from_stopping(house: ConsoleHouse) -> None:
    own = House(house.database, house.shops.keyring, house.shops.settings)
    who = house.sign_in("reader")
    with serving(own):
        stream = listening(who, marked(house, STORE), url=own.url)
        heard = stream.__enter__()
        assert heard.answer.status_code == 200
        begun = time.monotonic()
    assert time.monotonic() - begun < 10  # what a service manager is promised
    assert heard.ended()
    stream.__exit__(None, None, None)


def test_a_stream_says_each_change_once() -> None:
    orders, shop = Topic("overview"), Topic("store", "shop")
    stream = Stream(b"me", "reader", {orders: "a", shop: "b"})
    stream.hear({orders: "a", shop: "b"}, {b"me": "reader"})
    assert not stream.woken.is_set() and "event: beat" in stream.frames()
    stream.hear({orders: "a", shop: "c"}, {b"me": "reader"})
    stream.hear({orders: "a", shop: "d"}, {b"me": "reader"})
    assert stream.woken.is_set()
    assert stream.frames().count("event: change\ndata: store/shop\n\n") == 1
    assert stream.frames() == ": nobody could look\n\n" and not stream.woken.is_set()
    stream.hear({orders: "a", shop: "e"}, {})
    assert stream.over and "event: over" in stream.frames() and "change" not in stream.frames()


def test_a_pass_that_finds_nothing_is_no_news_on_the_overview(house: ConsoleHouse) -> None:
    before = [marked(house, topic) for topic in ("overview", STORE, "store/linden-tea")]
    house.shops.do(
        "UPDATE sync_state SET last_success_at = clock_timestamp(), quiet_passes = quiet_passes + 1"
        " WHERE connector_id = :id", id=house.woo.id,
    )  # fmt: skip
    after = [marked(house, topic) for topic in ("overview", STORE, "store/linden-tea")]
    assert [one == two for one, two in zip(before, after, strict=True)] == [True, False, True]
