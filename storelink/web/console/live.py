"""Server-sent events: a page that is open hears when something that it shows has changed.

A stream carries no data, only which part of the page is another one now; the page asks for that part as
for any other, with its own rights. What is watched is looked at once a second, by one look for all streams
together (`sync.marks`), and so is whether their sessions still hold. A stream holds no thread.

    of=<topic>@<mark>   what to watch, and the mark with which the page was drawn
    event: change       data is the topic whose mark is another one; at most one a second
    event: beat         looked, and all is as it was; without it for a while, the page is not live
    event: over         the session ended; nobody should ask again

Every frame is preceded by a comment, and without a look (the database is away) there are comments alone, so
that proxies keep the connection.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import text
from sqlmodel import Session

from storelink.access import session as browser
from storelink.access.role import Caller, Right
from storelink.access.token import digest_of
from storelink.errors import NotFound, StorelinkError
from storelink.models import AddressUpdateRequest, RefundRequest
from storelink.sync import pending
from storelink.sync.marks import ADDRESS, PENDING, REFUND, STORE, Topic, mark_of, read_marks, topic_of
from storelink.web.api.caller import store_for
from storelink.web.api.problem import Problem
from storelink.web.console.signed import COOKIE, Reader
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

EVERY = 1.0
"""Seconds from one look to the next; no part of a page is replaced more often."""
BEAT = 10.0
"""Seconds after which a stream without news says that it is there."""
MOST, EACH, TOPICS = 200, 12, 12
"""Streams of a process and of a session, and topics of a stream."""
_LOOK_ENDS = "SET LOCAL statement_timeout = '5s'"

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Stream:
    """One open page: whose session it is, and the marks of what it shows."""

    digest: bytes
    role: str
    seen: dict[Topic, str]
    changed: dict[Topic, None] = field(default_factory=dict)
    over: bool = False
    looked: bool = False
    """Whether there was a look since it last said something."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, marks: Mapping[Topic, str], roles: Mapping[bytes, str]) -> None:
        """Take what a look found."""
        self.looked = True
        self.over = self.over or roles.get(self.digest) != self.role
        for topic, seen in self.seen.items():
            if (mark := marks.get(topic, seen)) != seen:
                self.seen[topic] = mark
                self.changed[topic] = None
        if self.over or self.changed:
            self.woken.set()

    def frames(self) -> str:
        """What is to be said now."""
        if self.over:
            return _frame("over")
        said = "".join(_frame("change", str(topic)) for topic in self.changed)
        self.changed.clear()
        said = said or (_frame("beat") if self.looked else ": nobody could look\n\n")
        self.looked = False
        self.woken.clear()
        return said


def _frame(event: str, data: str = "-") -> str:
    return f": storelink\nevent: {event}\ndata: {data}\n\n"


class Lookout:
    """The streams that are open in this process, and the task that looks for all of them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._streams: set[Stream] = set()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._one = CapacityLimiter(1)
        self._closed = False
        self._failing = False

    def __len__(self) -> int:
        return len(self._streams)

    def check_room(self, digest: bytes) -> None:
        """Raises `Problem` 503 where there is none for one more stream."""
        mine = sum(one.digest == digest for one in self._streams)
        if self._closed or len(self._streams) >= MOST or mine >= EACH:
            words = "Too many pages are open at once. This one stays as it is until it is loaded again."
            raise Problem(503, "streams", words)

    async def follow(self, stream: Stream) -> AsyncIterator[str]:
        """What the stream says, until its session ends, its reader leaves, or we stop."""
        self._loop = asyncio.get_running_loop()
        self._streams.add(stream)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._watch(), name="live")
        try:
            yield ": storelink\n\n"
            while not self._closed and not stream.over:
                try:
                    async with asyncio.timeout(BEAT):
                        await stream.woken.wait()
                except TimeoutError:
                    pass
                if not self._closed:
                    yield stream.frames()
        finally:
            self._streams.discard(stream)

    def close(self) -> None:
        """End all streams, for good; from any thread."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for stream in self._streams:
            stream.woken.set()

    async def _watch(self) -> None:
        while self._streams and not self._closed:
            topics = {topic for stream in self._streams for topic in stream.seen}
            digests = {stream.digest for stream in self._streams}
            try:
                marks, roles = await to_thread.run_sync(
                    self._look, topics, digests, limiter=self._one, abandon_on_cancel=True
                )
            except StorelinkError:
                pass  # the database is away: streams fall silent, and their pages say so
            except Exception:
                if not self._failing:  # once, not every second
                    log.exception("live_look_failed")
                self._failing = True
            else:
                self._failing = False
                for stream in self._streams:
                    # one that came meanwhile is looked at next time: nobody asked for its session
                    if stream.digest in digests and stream.seen.keys() <= topics:
                        stream.hear(marks, roles)
            await asyncio.sleep(EVERY)

    def _look(self, topics: set[Topic], digests: set[bytes]) -> tuple[Mapping[Topic, str], dict[bytes, str]]:
        with self._services.database.session() as session:
            session.execute(text(_LOOK_ENDS))
            return read_marks(session, topics), browser.roles_of(session, digests)


# -- the route ---------------------------------------------------------------------------------------


def _wanted(
    caller: Reader, services: Use, of: Annotated[list[str], Query(max_length=TOPICS)] = []  # noqa: B006
) -> dict[Topic, str]:  # fmt: skip
    """What the page shows, each with its mark. Raises `Problem` for what is not for this caller."""
    found: dict[Topic, str] = {}
    for one in of:
        written, _, mark = one.partition("@")
        topic = topic_of(written)
        if topic is None:
            raise Problem(404, "not_found", "There is nothing of this name to be followed.")
        found[topic] = mark
    if not found:
        raise Problem(404, "not_found", "Pages say what they follow, and this says nothing.")
    for topic in found:
        _permit(services, caller, topic)
    return found


def _permit(services: Services, caller: Caller, topic: Topic) -> None:
    if topic.kind == STORE:
        store_for(services, caller, topic.name)
    elif topic.kind in (REFUND, ADDRESS):
        which = uuid.UUID(topic.name)
        row: RefundRequest | AddressUpdateRequest | None
        with services.database.session() as session:
            if topic.kind == REFUND:
                row = session.get(RefundRequest, which)
            else:
                row = session.get(AddressUpdateRequest, which)
        if row is None or not caller.sees(row.connector_id):
            raise Problem(404, "not_found", "There is no such request.")
    elif topic.kind == PENDING:
        if not caller.may(Right.OPERATE):
            raise Problem(403, "role", f"Your role, {caller.role}, may not connect stores.")
        with services.database.session() as session:
            _find_pending(session, topic, caller)


def _find_pending(session: Session, topic: Topic, caller: Caller) -> None:
    try:
        pending.find(session, uuid.UUID(topic.name), actor=caller.actor)
    except NotFound as error:
        raise Problem(404, "not_found", str(error)) from None


@router.get("/live")
async def live(
    request: Request, caller: Reader, wanted: Annotated[dict[Topic, str], Depends(_wanted)]
) -> Response:
    """The stream of an open page."""
    lookout: Lookout = request.app.state.lookout
    digest = digest_of(request.cookies.get(COOKIE, ""))
    lookout.check_room(digest)
    stream = Stream(digest, caller.role, wanted)
    return StreamingResponse(
        lookout.follow(stream), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


def marked(services: Services, topic: str) -> str:
    """The mark with which a page is drawn; read before what the page shows, so that nothing is missed."""
    wanted = topic_of(topic)
    assert wanted is not None, topic
    with services.database.session() as session:
        return mark_of(session, wanted)
