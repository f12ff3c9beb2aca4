"""How pages grow and shrink."""

from types import SimpleNamespace

import pytest

from storelink.connectors.shopify.pagesize import MOST, PageSize
from storelink.errors import Rejected

TOO_DEAR = Rejected("too dear", code="MAX_COST_EXCEEDED")


def cost(points: float) -> SimpleNamespace:
    return SimpleNamespace(requested=points)


def test_cheap_pages_grow_to_the_largest_there_is() -> None:
    size = PageSize(25)
    for _ in range(5):
        size.learn(size.rows, cost(300))
    assert size.rows == MOST


@pytest.mark.parametrize("said", [cost(900), None])
def test_dear_pages_and_those_of_unknown_cost_stay(said: SimpleNamespace | None) -> None:
    size = PageSize(25)
    size.learn(size.rows, said)
    assert size.rows == 50


def test_a_page_that_was_not_full_says_nothing_of_a_larger_one() -> None:
    size = PageSize(25)
    size.learn(10, cost(20))
    assert size.rows == 50


def test_what_was_too_dear_is_not_tried_again() -> None:
    size = PageSize(25, rows=200)
    size.shrink(200, TOO_DEAR)
    size.learn(100, cost(20))
    assert size.rows == 100


def test_two_threads_that_were_refused_the_same_page_shrink_it_once() -> None:
    size = PageSize(25, rows=200)
    size.shrink(200, TOO_DEAR)
    size.shrink(200, TOO_DEAR)
    assert size.rows == 100


def test_at_last_the_records_bring_fewer_lines() -> None:
    size = PageSize(4, rows=2)
    size.shrink(2, TOO_DEAR)
    assert (size.rows, size.lines) == (1, 4)
    size.shrink(1, TOO_DEAR)
    size.shrink(1, TOO_DEAR)
    assert (size.rows, size.lines) == (1, 1)
    with pytest.raises(Rejected):
        size.shrink(1, TOO_DEAR)
