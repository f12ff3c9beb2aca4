"""The walk over a list in memory whose rows move between any two pages. No HTTP here."""

import random
import threading
from collections.abc import Callable

import pytest

from storelink.connectors.woocommerce.ahead import Ahead, in_order
from storelink.connectors.woocommerce.walk import Position, Slice, walk
from storelink.connectors.woocommerce.width import Width
from storelink.errors import Misconfigured, Retryable

SIZE = 10
START = Position()


class List:
    """A list that can be read by offset, and that `before` may change before each page."""

    def __init__(self, ids: list[int], before: Callable[["List"], None] = lambda _: None) -> None:
        self.ids = sorted(ids)
        self.before = before
        self.asked: list[int] = []
        self.lock = threading.Lock()

    def __call__(self, offset: int) -> Slice[list[int]]:
        with self.lock:
            self.asked.append(offset)
            self.before(self)
            rows = self.ids[offset : offset + SIZE]
            return Slice(rows, len(rows), rows, len(self.ids) if rows else None)


def delivered(ask: Callable[[int], Slice[list[int]]], start: Position = START, **options: object):
    """Every new id in order, as a reader would keep them."""
    found: list[int] = []
    for step in walk(ask, start, size=SIZE, **options):
        found += [key for key in step.content if key > step.after]
    return found


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 19, 20, 28, 100])
@pytest.mark.parametrize("most", [None, 1, 4])
def test_a_quiet_list_is_read_once_and_whole(length: int, most: int | None) -> None:
    rows = List(list(range(5, 5 + length)))
    assert delivered(rows, width=Width(most) if most else None) == rows.ids


def test_an_empty_list_gives_one_empty_page_for_the_time_of_its_read() -> None:
    [step] = walk(List([]), Position())
    assert (step.content, step.last, step.position) == ([], True, Position())


def test_a_short_list_costs_one_request() -> None:
    rows = List(list(range(1, 10)))
    delivered(rows, width=Width(6))
    assert rows.asked == [0]


def test_case_14_a_row_trashed_before_the_page_loses_no_other_row() -> None:
    """Plain offset paging loses row 20 here, for ever."""
    rows = List(list(range(1, 101)))

    def trash(rows: List) -> None:
        if len(rows.asked) == 3:
            rows.ids.remove(3)

    rows.before = trash
    assert delivered(rows) == list(range(1, 101))


def test_the_last_row_read_is_deleted_with_all_before_it() -> None:
    rows = List(list(range(1, 101)))

    def delete(rows: List) -> None:
        if len(rows.asked) == 4:
            rows.ids = [key for key in rows.ids if key > 40]

    rows.before = delete
    found = delivered(rows)
    assert set(found) >= set(range(41, 101)) and found == sorted(set(found))


def test_many_rows_come_back_before_the_page() -> None:
    rows = List(list(range(1000, 1100)))

    def restore(rows: List) -> None:
        if len(rows.asked) == 4:
            rows.ids = sorted({*range(1, 500), *rows.ids})

    rows.before = restore
    assert delivered(rows) == list(range(1000, 1100))
    assert len(rows.asked) < 60, "looks further down in growing steps"


@pytest.mark.parametrize("most", [None, 5])
def test_rows_moving_between_any_two_pages_lose_nothing(most: int | None) -> None:
    for seed in range(300):
        chance = random.Random(seed)
        ids = sorted(chance.sample(range(1, 1000), 200))
        stayed = set(ids)

        def change(rows: List, chance: random.Random = chance, stayed: set[int] = stayed) -> None:
            for _ in range(chance.choice([0, 0, 1, 3, 15])):
                if chance.random() < 0.6 and rows.ids:
                    stayed.discard(gone := chance.choice(rows.ids))
                    rows.ids.remove(gone)
                else:
                    rows.ids = sorted({*rows.ids, chance.randrange(1, 1200)})

        rows = List(ids, change)
        found = delivered(rows, width=Width(most) if most else None)
        assert found == sorted(set(found)), seed
        assert stayed <= set(found), f"seed {seed} lost {sorted(stayed - set(found))}"


def test_every_position_resumes_with_no_gap_and_no_repeat() -> None:
    rows = List(list(range(1, 64)))
    pages: list[list[int]] = []
    position = START
    for _ in range(100):
        steps = walk(rows, position, size=SIZE)
        step = next(steps)
        steps.close()
        position = step.position
        pages.append([key for key in step.content if key > step.after])
        if step.last:
            break
    assert [key for page in pages for key in page] == rows.ids


def test_a_resumed_walk_finds_its_place_after_rows_moved() -> None:
    for seed in range(100):
        chance = random.Random(seed)
        rows = List(chance.sample(range(1, 400), 100))
        steps = walk(rows, Position(), size=SIZE)
        position = [next(steps) for _ in range(5)][-1].position
        steps.close()
        for gone in chance.sample(rows.ids, 60):
            rows.ids.remove(gone)
        left = [key for key in rows.ids if key > position.last_id]
        assert delivered(rows, position) == left, seed


def test_a_store_that_ignores_offset_is_an_error_and_not_an_endless_loop() -> None:
    asked = []

    def same(offset: int) -> Slice[list[int]]:
        asked.append(offset)
        return Slice(range(1, SIZE + 1), SIZE, list(range(1, SIZE + 1)), 5000)

    with pytest.raises(Misconfigured, match="ignores the parameters offset"):
        delivered(same)
    assert len(asked) < 10


def test_a_page_that_never_ends_is_an_error() -> None:
    """Full pages for ever, none with a new id, none like the one before."""
    chance = random.Random(1)

    def endless(_: int) -> Slice[list[int]]:
        rows = [*sorted(chance.sample(range(1, 100), SIZE - 1)), 100]
        return Slice(rows, SIZE, rows, None)

    with pytest.raises(Misconfigured):
        delivered(endless)


def test_a_list_in_another_order_is_an_error() -> None:
    with pytest.raises(Misconfigured, match="not sorted by id"):
        delivered(lambda _: Slice([3, 2, 1], 3, [3, 2, 1], 3))


def test_duplicate_ids_in_a_page_count_once() -> None:
    ids = list(range(1, 36))

    def doubling(offset: int) -> Slice[list[int]]:
        rows = ids[offset : offset + SIZE]
        rows = [*rows[:4], rows[2], rows[3], *rows[4:]] if len(rows) == SIZE else rows
        return Slice(rows, len(rows), rows, len(ids))

    assert list(dict.fromkeys(delivered(doubling))) == ids


def test_a_store_that_gives_smaller_pages_than_asked_is_read_to_its_end() -> None:
    """Some hosts cap `per_page`. A short page is the end only if the store counts no more rows."""
    ids = list(range(1, 48))

    def capped(offset: int) -> Slice[list[int]]:
        rows = ids[offset : offset + 4]
        return Slice(rows, len(rows), rows, len(ids) if rows else None)

    assert delivered(capped, width=Width(3)) == ids


def test_a_store_that_shows_one_row_a_page_is_read_to_its_end() -> None:
    ids = list(range(1, 20))

    def capped(offset: int) -> Slice[list[int]]:
        rows = ids[offset : offset + 1]
        return Slice(rows, len(rows), rows, len(ids) if rows else None)

    assert delivered(capped) == ids


def test_rows_that_are_counted_and_not_shown_do_not_end_the_list() -> None:
    """PHP leaves out what it cannot load, after the database has counted it."""
    ids = list(range(1, 101))
    hidden = {8, 9, *range(20, 35), *range(60, 63), 98, 99, 100}

    def holes(offset: int) -> Slice[list[int]]:
        rows = [key for key in ids[offset : offset + SIZE] if key not in hidden]
        return Slice(rows, len(rows), rows, len(ids) if rows else None)

    assert delivered(holes, width=Width(3)) == [key for key in ids if key not in hidden]


def test_a_total_that_is_far_too_high_ends_all_the_same() -> None:
    rows = List(list(range(1, 15)))
    asked = []

    def boasting(offset: int) -> Slice[list[int]]:
        asked.append(offset)
        page = rows(offset)
        return Slice(page.ids, page.rows, page.content, 1_000_000 if page.rows else None)

    assert delivered(boasting) == rows.ids
    assert len(asked) <= 8


def test_a_total_of_zero_ends_nothing_early() -> None:
    rows = List(list(range(1, 45)))

    def modest(offset: int) -> Slice[list[int]]:
        page = rows(offset)
        return Slice(page.ids, page.rows, page.content, 0)

    assert delivered(modest, width=Width(4)) == rows.ids


# -- threads ---------------------------------------------------------------------------------------


def test_pages_are_asked_for_while_the_last_one_is_worked_on() -> None:
    rows = List(list(range(1, 101)))
    steps = walk(rows, Position(), Width(4), size=SIZE)
    next(steps)
    deadline = threading.Event()
    for _ in range(200):
        if len(rows.asked) == 3:
            break
        deadline.wait(0.01)
    assert sorted(rows.asked) == [0, 9, 18], "two pages ahead, as the width begins with two"
    steps.close()


def test_no_more_pages_are_under_way_than_the_width() -> None:
    running, most = 0, 0
    lock = threading.Lock()
    rows = List(list(range(1, 401)))

    def counted(offset: int) -> Slice[list[int]]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            threading.Event().wait(0.001)
            return rows(offset)
        finally:
            with lock:
                running -= 1

    assert delivered(counted, width=Width(3)) == rows.ids
    assert 1 < most <= 3


def test_closing_a_walk_early_leaves_no_thread() -> None:
    before = set(threading.enumerate())  # those of other tests may end meanwhile
    steps = walk(List(list(range(1, 200))), Position(), Width(4), size=SIZE)
    for _ in range(5):
        next(steps)
    steps.close()
    assert set(threading.enumerate()) <= before


def test_an_error_ahead_is_raised_in_its_turn() -> None:
    rows = List(list(range(1, 101)))

    def failing(offset: int) -> Slice[list[int]]:
        if offset >= 27:
            raise Retryable("the store failed")
        return rows(offset)

    found: list[int] = []
    with pytest.raises(Retryable):
        for step in walk(failing, Position(), Width(6), size=SIZE):
            found += [key for key in step.content if key > step.after]
    assert found == list(range(1, 29))


def test_an_error_of_a_page_that_is_let_go_is_not_raised() -> None:
    ids = list(range(1, 31))
    first = True

    def ask(offset: int) -> Slice[list[int]]:
        nonlocal first
        if offset == 9 and first:
            first = False
            del ids[:5]
        if offset == 18 and len(ids) == 25:
            raise Retryable("too far ahead")
        rows = ids[offset : offset + SIZE]
        return Slice(rows, len(rows), rows, 30)

    found = delivered(ask, width=Width(1))
    assert found[-1] == 30


def test_work_in_order_comes_in_order() -> None:
    assert list(in_order(lambda key: key * 2, range(20), Width(4))) == [key * 2 for key in range(20)]


def test_without_a_width_everything_is_done_at_once() -> None:
    with Ahead(lambda key: key, None) as ahead:
        ahead.want(1)
        assert (ahead.room, ahead.last, ahead.take(2)) == (0, None, 2)
