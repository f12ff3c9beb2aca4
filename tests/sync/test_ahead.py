"""Reading ahead: what waits is taken at once, within a limit, and errors come in their place."""

import threading

import pytest

from storelink.sync import ahead as reading_ahead
from storelink.sync.ahead import ahead


def _weight(item):
    return item


def test_everything_that_waits_is_taken_at_once():
    reached = threading.Event()

    def source():
        yield from (1, 1, 1)
        reached.set()
        yield 1

    with ahead(source(), _weight, 3) as batches:
        assert reached.wait(60)
        first = next(batches)
        assert first == [1, 1, 1]
        assert [item for batch in batches for item in batch] == [1]


def test_no_more_waits_than_the_limit_but_always_one_item():
    made = []
    full = threading.Event()

    def source():
        for weight in (2, 2, 9, 2):
            made.append(weight)
            if len(made) == 3:
                full.set()
            yield weight

    with ahead(source(), _weight, 4) as batches:
        assert full.wait(60)
        assert next(batches) == [2, 2]
        assert next(batches) == [9], "heavier than the limit: it goes alone"
        assert [item for batch in batches for item in batch] == [2]
    assert made == [2, 2, 9, 2]


def test_where_writing_is_faster_it_waits_for_a_few_more(monkeypatch):
    monkeypatch.setattr(reading_ahead, "LINGER", 60)
    taken = threading.Event()

    def source():
        for _ in range(4):
            yield 1
            threading.Event().wait(0.01)  # so that the first alone would be taken
        assert taken.wait(60)

    with ahead(source(), _weight, 8) as batches:
        assert next(batches) == [1, 1, 1, 1], "half of what may wait"
        taken.set()
        assert list(batches) == []


@pytest.mark.parametrize("weights", [(1, 100), (1,)], ids=["no room", "the end"])
def test_nobody_waits_for_what_cannot_come(monkeypatch, weights):
    monkeypatch.setattr(reading_ahead, "LINGER", 3600)
    with ahead(iter_of(weights), _weight, 10) as batches:
        assert next(batches) == [1]


def iter_of(weights):
    yield from weights


def test_an_error_comes_after_what_was_read_before_it():
    def source():
        yield 1
        yield 2
        raise LookupError("gone")

    seen = []
    with pytest.raises(LookupError), ahead(source(), _weight, 100) as batches:
        for batch in batches:
            seen.extend(batch)
    assert seen == [1, 2]


def test_leaving_early_closes_the_source_and_ends_its_thread():
    closed = threading.Event()

    def source():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    before = set(threading.enumerate())  # those of other tests may end meanwhile
    with ahead(source(), _weight, 5) as batches:
        next(batches)
    assert closed.is_set()
    assert set(threading.enumerate()) <= before
