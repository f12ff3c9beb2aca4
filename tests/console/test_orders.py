"""Orders in the console: found by any word, marked, narrowed down, a page at a time, and nothing run."""

import re
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from console_house import Browser, ConsoleHouse
from markup import unsafe

from storelink.sync import feed, order_list, order_words
from storelink.web.console.marking import marks

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def gather(house: ConsoleHouse) -> None:
    """As the clock does."""
    with house.database.connect() as pooled:
        raw = pooled.connection.driver_connection
        raw.rollback()
        feed.publish(raw)
        while order_words.catch_up(raw):
            continue
        raw.rollback()


@pytest.fixture(scope="module")
def support(house: ConsoleHouse) -> Iterator[Browser]:
    gather(house)
    yield house.sign_in("support")


def numbers(page: str) -> list[tuple[str, str]]:
    """(Number, store) of each order of the list."""
    found = re.findall(r'class="rowlink" href="[^"]+">(.*?)</a><span class="sub">(.*?)</span>', page)
    return [(re.sub("<[^>]+>", "", number), store) for number, store in found]


def search(browser: Browser, **query: str) -> str:
    answer = browser.get(f"/console/orders?{urlencode(query)}")
    assert answer.status_code == 200, (query, answer.status_code, answer.headers.get("location"))
    return answer.text


def test_an_order_is_found_by_any_word_or_its_beginning(house: ConsoleHouse, support: Browser) -> None:
    for shop in (house.woo, house.shopify):
        ((order_id, number, email, first, last, sku),) = house.shops.rows(
            "SELECT o.order_id, o.order_number, o.email,"
            " coalesce(o.billing_address->>'first_name', o.billing_address->>'firstName'),"
            " coalesce(o.billing_address->>'last_name', o.billing_address->>'lastName'), i.sku"
            " FROM platform_order o JOIN order_item i USING (connector_id, order_id)"
            " WHERE connector_id = :id AND o.email IS NOT NULL AND i.sku <> ''"
            " AND o.billing_address IS NOT NULL ORDER BY o.order_id LIMIT 1",
            id=shop.id,
        )
        place = f"/console/orders/{shop.name}/{quote(order_id)}"
        for words in (
            number,
            email,
            f"{last} {first}",
            f"{first[:2]} {last[:3].upper()}",
            sku,
            sku.lower()[:-1],
        ):
            answer = support.get(f"/console/orders?{urlencode({'q': words, 'store': shop.name})}")
            if answer.status_code == 303:
                assert answer.headers["location"] == place, words
            else:
                assert f'href="{place}"' in answer.text, words
    assert "<mark>" in search(support, q=first[:2])


def test_a_number_that_one_store_has_opens_it_and_one_that_two_have_lists_both(
    house: ConsoleHouse, support: Browser
) -> None:
    counts = dict(house.shops.rows("SELECT order_number, count(*) FROM platform_order GROUP BY 1"))
    single = next(number for number, count in counts.items() if count == 1)
    both = next((number for number, count in counts.items() if count > 1), None)
    for words in (single, f"#{single}", f" {single} "):
        answer = support.get(f"/console/orders?{urlencode({'q': words})}")
        assert answer.status_code == 303 and "/console/orders/" in answer.headers["location"], words
    if both:
        assert {store for number, store in numbers(search(support, q=both)) if number == both} == {
            house.woo.name, house.shopify.name,
        }  # fmt: skip


def test_pages_go_on_without_a_gap_or_a_repeat_and_back(
    house: ConsoleHouse, support: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_list.read_page, "__kwdefaults__",
                        {**(order_list.read_page.__kwdefaults__ or {}), "limit": 7})  # fmt: skip
    for query in ({}, {"paid": "paid"}, {"q": "sku"}):
        pages, place = [], "/console/orders?" + urlencode(query)
        while place:
            page = support.get(place).text
            pages.append(numbers(page))
            found = re.search(r'href="([^"]*after=[^"]*)">Older', page)
            place = found[1].replace("&amp;", "&") if found else ""
        seen = [one for page in pages for one in page]
        assert len(seen) == len(set(seen)) and len(pages) > 1, query
        if not query:
            assert len(seen) == house.shops.one(
                "SELECT count(*) FROM platform_order WHERE created_at IS NOT NULL"
            )
        newer = re.search(r'href="([^"]*before=[^"]*)">Newer', page)
        assert newer and numbers(support.get(newer[1].replace("&amp;", "&")).text) == pages[-2]


def test_it_is_narrowed_down(house: ConsoleHouse, support: Browser) -> None:
    page = search(support, store=house.shopify.name)
    assert {store for _, store in numbers(page)} == {house.shopify.name}
    refunded = search(support, paid="refunded")
    assert len(numbers(refunded)) == house.shops.one(
        "SELECT count(*) FROM platform_order WHERE financial_status = 'refunded'"
    )
    assert numbers(search(support, placed="30", shipped="fulfilled", paid="unpaid")) == []


def test_what_finds_nothing_or_nearly_all_says_so(support: Browser) -> None:
    assert "No order matches" in search(support, q="zzzzqq")
    assert "is too short" in search(support, q="a")
    assert "is too short" in search(support, q="'\"")
    for words in (
        "'; DROP TABLE platform_order; --",
        "a' & !b:*",
        "\\",
        "%",
        "\0x" * 3,
        "!!! | &",
        "weiß" * 40,
    ):
        answer = support.get(f"/console/orders?{urlencode({'q': words})}")
        assert answer.status_code == 200, words
    for place in ("x", "~~~", "2026-01-01~1~zz~1", "2026-01-01T00:00:00~1~" + "0" * 32 + "~1"):
        assert support.get(f"/console/orders?after={quote(place)}").status_code == 200


def test_a_store_that_is_behind_is_named(house: ConsoleHouse, support: Browser) -> None:
    assert "has not been read since" not in search(support)
    where = "WHERE connector_id = :id AND resource = 'orders'"
    house.shops.do(f"UPDATE sync_state SET next_due_at = now() - interval '2 hours' {where}", id=house.woo.id)
    try:
        page = search(support)
        assert f"{house.woo.name} has not been read since" in page and f"{house.shopify.name} has" not in page
    finally:
        house.shops.do(f"UPDATE sync_state SET next_due_at = now() + interval '1 h' {where}", id=house.woo.id)


def test_what_a_store_says_is_shown_and_never_run(house: ConsoleHouse, support: Browser) -> None:
    key = house.shops.one(
        "SELECT min(order_id) FROM platform_order WHERE connector_id = :id", id=house.woo.id
    )
    one = "WHERE connector_id = :id AND order_id = :order"
    house.shops.do(
        f"UPDATE platform_order SET email = :x, order_number = :x, billing_address = NULL, shipping_address ="
        f" jsonb_build_object('first_name', CAST(:x AS text), 'last_name', 'Zwickel') {one}",
        id=house.woo.id, order=key, x=MARKUP,
    )  # fmt: skip
    house.shops.do(f"UPDATE order_item SET sku = :x {one}", id=house.woo.id, order=key, x=MARKUP)
    house.shops.do("INSERT INTO change_event (connector_id, entity, key, op) VALUES (:id, 'order', :order,"
                   " 'update')", id=house.woo.id, order=key)  # fmt: skip
    gather(house)
    for query in ({}, {"q": "script"}, {"q": MARKUP}):
        page = support.get(f"/console/orders?{urlencode(query)}").text
        assert unsafe(page) == [] and "<script>alert" not in page and "onerror=alert(2)>" not in page
    opened = support.get("/console/orders?q=zwick")
    assert opened.headers["location"].endswith(f"/{key}")


def test_words_are_gathered_anew_where_the_feed_was_begun_anew(house: ConsoleHouse, support: Browser) -> None:
    gather(house)
    house.shops.do("DELETE FROM order_words")
    house.shops.do("UPDATE words_feed SET epoch = gen_random_uuid()")
    gather(house)
    held = house.shops.one("SELECT count(*) FROM platform_order")
    assert house.shops.one("SELECT count(*) FROM order_words") == held
    house.shops.do("DELETE FROM order_words")
    house.shops.do("UPDATE change_feed SET cut_seq = last_seq")
    house.shops.do("UPDATE words_feed SET seq = 0")
    gather(house)
    assert house.shops.one("SELECT count(*) FROM order_words") == held


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("Emil Weiß", ["weiss"], "Emil <mark>Weiß</mark>"),
        ("MUG-WEISS-30", ["weiss"], "MUG-<mark>WEISS</mark>-30"),
        ("Weissman & <b>", ["weiss", "b"], "<mark>Weiss</mark>man &amp; &lt;<mark>b</mark>&gt;"),
        ("Renée", ["rene"], "<mark>René</mark>e"),
        ("anna", [], "anna"),
        ("hanna", ["anna"], "hanna"),
    ],
)
def test_marks(text: str, words: list[str], shown: str) -> None:
    assert marks(text, words) == shown
