"""How much a test does: little in `make test`, much in `make soak`."""

import os

SOAK = os.environ.get("STORELINK_SOAK") == "1"


def scaled(quick: int, soak: int) -> int:
    """`scaled(10, 100)` is 10 in `make test` and 100 in `make soak`."""
    return soak if SOAK else quick
