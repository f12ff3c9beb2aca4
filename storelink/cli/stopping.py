"""Ctrl-C that is obeyed at once, though a thread waits for a slow store."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def closing_when_stopped(close: Callable[[], None]) -> Iterator[None]:
    """In here a signal that ends us also calls `close`, so that no reader is waited for.

    In a thread of its own: what the signal interrupts may hold the locks that `close` needs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, _closing(close, handler))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _closing(close: Callable[[], None], then: Any) -> Callable[[int, FrameType | None], Any]:
    def stop(number: int, frame: FrameType | None) -> Any:
        threading.Thread(target=close, name="close", daemon=True).start()
        return then(number, frame)

    return stop
