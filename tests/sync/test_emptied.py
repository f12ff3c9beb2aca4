"""What a deleted product leaves behind in an order, told apart from any other change."""

from copy import deepcopy

import pytest

from storelink.sync.emptied import is_emptied

ORDER, LINE, REFUND, STATE = (
    ("platform_order", "1"),
    ("order_item", "1", "5"),
    ("order_refund", "9"),
    ("trashed",),
)
HELD = {
    STATE: {"record_id": "1", "trashed": False},
    ORDER: {
        "total_amount": 20,
        "line_items": [
            {"id": "g/5", "product": {"id": "g/Product/77"}, "variant": {"id": "g/78"},
             "title": "Mug", "image": {"src": "x"}},
            {"id": "g/6", "product": None, "title": "Tip", "note": "thanks"},
        ],
        "metadata": {"note": "ring twice", "refunds": [{"lines": [{"product_id": 77, "total": "-1.00"}]}]},
    },
    LINE: {"sku": "MUG", "product_id": "77", "variant_id": "78", "quantity": 2},
    REFUND: {"amount": 1, "items": [{"item_id": "5"}]},
}  # fmt: skip


def emptied_order():
    new = deepcopy(HELD)
    new[ORDER]["line_items"][0] |= {"product": None, "variant": None, "image": {"src": ""}}
    new[ORDER]["metadata"]["refunds"][0]["lines"][0]["product_id"] = 0
    new[LINE] |= {"product_id": None, "variant_id": None}
    return new


def test_a_line_that_lost_its_product_is_as_it_should_be():
    assert is_emptied(emptied_order(), HELD)


def test_nothing_lost_is_no_such_order():
    assert not is_emptied(deepcopy(HELD), HELD)


@pytest.mark.parametrize(
    "place, name, value",
    [
        (ORDER, "total_amount", 21),
        (LINE, "quantity", 1),
        (LINE, "sku", "CUP"),
        (REFUND, "amount", 2),
        (STATE, "trashed", True),
    ],
)
def test_another_column(place, name, value):
    new = emptied_order()
    new[place][name] = value
    assert not is_emptied(new, HELD)


@pytest.mark.parametrize(
    "change",
    [
        lambda order: order["metadata"].update(note=""),
        lambda order: order["metadata"].pop("note"),
        lambda order: order["line_items"].pop(),
        lambda order: order["line_items"][0].update(title="Cup"),
        lambda order: order["line_items"][1].update(note=""),
        lambda order: order["metadata"]["refunds"][0]["lines"][0].update(total="-2.00"),
    ],
)
def test_another_change_of_the_raw_record(change):
    new = emptied_order()
    change(new[ORDER])
    assert not is_emptied(new, HELD)


@pytest.mark.parametrize("place", [LINE, REFUND])
def test_a_row_more_or_less(place):
    new = emptied_order()
    row = new.pop(place)
    assert not is_emptied(new, HELD)
    new |= {place: row, (place[0], "1", "x"): row}
    assert not is_emptied(new, HELD)
