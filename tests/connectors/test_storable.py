"""JSON as it is stored."""

import tracemalloc

from storelink.connectors.storable import json_text


def test_it_takes_no_more_room_than_it_has_characters() -> None:
    """Pages of it wait in memory; orjson's own bytes keep the room they were written in."""
    value = {"text": "x" * 3_000}
    json_text(value)
    tracemalloc.start()
    try:
        found = json_text(value)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) < taken < 2 * len(found)
