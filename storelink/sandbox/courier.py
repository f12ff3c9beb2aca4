"""Deliveries of webhooks on their way out: posted by a few threads, with mishaps as scripted.

Only to this machine: a sandbox must never post to anybody else's server.
"""

import heapq
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from random import Random
from typing import Any
from urllib.parse import urlsplit

_HERE = frozenset(("127.0.0.1", "::1", "localhost"))
_KEPT = 10_000
#: what a delivery came to: its HTTP status, None where there was no answer
Done = Callable[[int | None], None]


@dataclass(slots=True)
class Mishaps:
    """How often (0 to 1) deliveries go wrong, chosen by `seed`.

    lose     never sent, though the store believes it
    double   sent twice
    late     sent `late_seconds` later
    shuffle  sent up to so many seconds later, so that the order changes
    forge    a forged copy goes along: another body under the same signature
    """

    lose: float = 0.0
    double: float = 0.0
    late: float = 0.0
    late_seconds: float = 2.0
    shuffle: float = 0.0
    forge: float = 0.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery. `about` is for the log: its topic and the record."""

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    about: str = ""
    timeout: float = 60.0
    done: Done = field(default=lambda _: None, repr=False)
    forged: bool = False


class Courier:
    """Sends parcels when they are due. Any thread may give it some."""

    def __init__(self, threads: int = 4) -> None:
        self.mishaps = Mishaps()
        self.sent: list[dict[str, Any]] = []
        """What happened to each: about, status, forged, lost; the last ten thousand."""
        self._chance = Random("mishaps 1")  # noqa: S311
        self._heap: list[tuple[float, int, Parcel]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._busy = 0
        self._stopped = False
        self._most = threads
        self._threads: list[threading.Thread] = []

    def script(self, **values: Any) -> None:
        """Replace the mishaps. Raises ValueError for one that there is not."""
        unknown = sorted(set(values) - {part.name for part in fields(Mishaps)})
        if unknown:
            raise ValueError(f"deliveries know no mishap {', '.join(unknown)}")
        self.mishaps = Mishaps(**values)
        self._chance = Random(f"mishaps {self.mishaps.seed}")  # noqa: S311

    def send(self, parcel: Parcel, after: float = 0.0) -> None:
        """Post it in `after` seconds, unless something happens to it."""
        script, chance = self.mishaps, self._chance
        if script.lose and chance.random() < script.lose:
            self._log(parcel, None, lost=True)
            parcel.done(200)
            return
        if script.late and chance.random() < script.late:
            after += script.late_seconds
        if script.shuffle:
            after += chance.random() * script.shuffle
        self._put(parcel, after)
        if script.double and chance.random() < script.double:
            self._put(replace(parcel, done=lambda _: None), after + chance.random())
        if script.forge and chance.random() < script.forge:
            body = parcel.body.replace(b'"id":', b'"id":9', 1) + b" "
            self._put(replace(parcel, body=body, done=lambda _: None, forged=True), after)

    def repeat(self, parcel: Parcel, after: float) -> None:
        """Post it again, as it is."""
        self._put(parcel, after)

    def _put(self, parcel: Parcel, after: float) -> None:
        with self._changed:
            if self._stopped:
                return
            heapq.heappush(self._heap, (time.monotonic() + after, next(self._count), parcel))
            if len(self._threads) < self._most:
                thread = threading.Thread(target=self._work, name="sandbox courier", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()

    def idle(self) -> bool:
        """Whether nothing is under way."""
        with self._changed:
            return not self._heap and not self._busy

    def waiting(self) -> int:
        """How many parcels are not sent yet."""
        with self._changed:
            return len(self._heap) + self._busy

    def close(self) -> None:
        """Drop what has not been sent."""
        with self._changed:
            self._stopped = True
            self._heap.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(70)

    def _work(self) -> None:
        lines: dict[tuple[str, int, bool], http.client.HTTPConnection] = {}
        try:
            while (parcel := self._next()) is not None:
                status = _post(parcel, lines)
                self._log(parcel, status)
                try:
                    parcel.done(status)
                finally:
                    with self._changed:
                        self._busy -= 1
        finally:
            for line in lines.values():
                line.close()

    def _next(self) -> Parcel | None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                if self._heap and self._heap[0][0] <= now:
                    self._busy += 1
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(self._heap[0][0] - now if self._heap else None)
        return None

    def _log(self, parcel: Parcel, status: int | None, *, lost: bool = False) -> None:
        self.sent.append(
            {"about": parcel.about, "status": status, "forged": parcel.forged, "lost": lost,
             "headers": dict(parcel.headers), "body": parcel.body.decode("utf-8", "replace")}
        )  # fmt: skip
        del self.sent[:-_KEPT]


def _post(parcel: Parcel, lines: dict[tuple[str, int, bool], http.client.HTTPConnection]) -> int | None:
    parts = urlsplit(parcel.url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    if host not in _HERE or secure:
        return None
    place = (host, parts.port or 80, secure)
    for _ in range(2):  # a kept connection may have been closed meanwhile
        line, fresh = lines.pop(place, None), False
        if line is None:
            line, fresh = http.client.HTTPConnection(host, place[1], timeout=parcel.timeout), True
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            line.request("POST", path or "/", parcel.body, dict(parcel.headers))
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            line.close()
            if fresh or isinstance(error, TimeoutError):
                return None
            continue
        if answer.will_close:
            line.close()
        else:
            lines[place] = line
        return answer.status
    return None
