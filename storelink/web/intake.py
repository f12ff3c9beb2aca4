"""Webhooks in: `POST /webhooks/{connector}`, the one async route.

A delivery is answered when it is on disk, and no sooner. All that wait are written in one
transaction by one writer, so that a thousand a second cost as many commits as fit into one. What a
delivery means is found out elsewhere: nothing is read from a store here.

    200  written down (or said before), or an unsigned greeting
    401  not signed by the store; nothing is kept of it
    404  no such store · 410 it was removed · 413 the body is too long
    503  the database does not answer, or too many wait; the store tries again, or polling finds out

A paused store's deliveries are written down, and followed when it is resumed.
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

import psycopg
import structlog
from fastapi import APIRouter, Request, Response
from sqlmodel import select
from starlette.requests import ClientDisconnect

from storelink.connectors import registry
from storelink.connectors.hook import Webhooks, webhooks_of
from storelink.db import Database
from storelink.errors import DatabaseAway, Misconfigured
from storelink.models import ConnectorConfig
from storelink.secrets.keyring import Keyring
from storelink.sync import account, delivery, signing
from storelink.sync.delivery import Arrival
from storelink.sync.entry import NAME
from storelink.sync.lane import Psycopg

LONGEST = 4 * 1024 * 1024
"""Longest body taken, in bytes. Shopify's largest orders come near 1 MB."""
FRESH = 5.0
"""Seconds for which a store's status and secrets are taken for granted; then they are read anew."""
LAST = 10.0
"""Seconds for which they still do while that goes on: only after a pause does a delivery wait for it."""
PREPARED = 100
"""Stores read before the first delivery is taken: a restart is no reason to be late."""
READS = 2
"""Stores read at once; the other connections are for others."""
PAUSE = 0.1
"""Least seconds between two looks that signatures which do not fit make us take."""
UNKNOWN = 10.0
"""Seconds for which a store that is not there stays unknown."""
MOST_WAITING = 20_000
BATCH = 2_000
"""Deliveries in one transaction."""
REMEMBERED = 10_000
"""Stores kept in mind, those that do not exist among them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a store."""

    id: uuid.UUID
    name: str
    status: str
    webhooks: Webhooks
    resources: tuple[str, ...]
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found under a name, and when; `store` is None where nothing delivers to it."""

    store: Known | None
    at: float


class Stores:
    """Status and secrets of stores, by name or id, read anew every few seconds."""

    def __init__(self, database: Database, keyring: Keyring, clock: Callable[[], float] = time.monotonic):
        self._database, self._keyring, self.now = database, keyring, clock
        self._known: dict[str, Looked] = {}
        self._reading: dict[str, asyncio.Task[Looked]] = {}
        self._turn = asyncio.Semaphore(READS)

    def prepare(self) -> None:
        """Do what the first deliveries would wait for: imports, a connection, the keys, the first stores."""
        registry.find_all()
        with suppress(DatabaseAway, Misconfigured):
            with self._database.session() as session:
                living = select(ConnectorConfig.id).where(ConnectorConfig.status != "uninstalled")
                names = [str(one) for one in session.exec(living.limit(PREPARED))]
            for name in names:
                self._known[name] = self._read(name)

    async def find(self, name: str, *, read_after: float | None = None) -> Looked:
        """What is under a name, read in the last seconds, or after this time of our clock.

        Raises `DatabaseAway`, and `Misconfigured` where the store's master key is not here.
        """
        held = self._known.get(name)
        if held is not None and read_after is not None:
            # whoever sends forgeries cannot make us ask the database more often
            await asyncio.sleep(held.at + PAUSE - self.now())
            held = self._known.get(name)
        if held is not None and self._does(held, read_after, FRESH):
            return held
        task = self._reading.get(name)
        if task is None:
            task = self._reading[name] = asyncio.create_task(self._look(name))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait
        if held is not None and self._does(held, read_after, LAST):
            return held
        return await asyncio.shield(task)

    def _does(self, held: Looked, read_after: float | None, age: float) -> bool:
        """Whether what is held is young enough."""
        if read_after is not None:
            return held.at >= read_after
        return held.at >= self.now() - (age if held.store is not None else UNKNOWN)

    async def _look(self, name: str) -> Looked:
        try:
            async with self._turn:
                found = await asyncio.to_thread(self._read, name)
        finally:
            del self._reading[name]
        if len(self._known) >= REMEMBERED and name not in self._known:
            self._known.pop(next(iter(self._known)))
        self._known[name] = found
        return found

    def _read(self, name: str) -> Looked:
        at = self.now()
        with self._database.session() as session:
            try:
                row = account.find(session, name)
            except Misconfigured:
                return Looked(None, at)
            connector = registry.get(row.platform)
            webhooks = webhooks_of(connector)
            if webhooks is None:
                return Looked(None, at)
            secrets = signing.accepted(session, self._keyring, row, webhooks)
            return Looked(
                Known(row.id, row.name, row.status, webhooks, tuple(connector.resources), secrets), at
            )


class Writer:
    """The one writer of a process: whatever waits goes into one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Sequence[Arrival], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pooled: object | None = None
        self.batches = 0
        """Transactions so far."""

    def start(self) -> None:
        """Begin to write. Needs a running loop."""
        self._task = asyncio.create_task(self._run(), name="webhook writer")

    async def stop(self) -> None:
        """Write what waits, then end."""
        task, self._task = self._task, None
        if task is None:
            return
        self._wake.set()
        await task
        await asyncio.to_thread(self._let_go)

    async def write(self, rows: Sequence[Arrival]) -> None:
        """Returns when they are on disk. Raises `DatabaseAway` if they are not, `Full`."""
        if self._task is None or len(self._waiting) >= MOST_WAITING:
            raise Full
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((rows, done))
        self._wake.set()
        await done

    async def _run(self) -> None:
        while self._task is not None or self._waiting:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._write(batch)

    async def _write(self, batch: list[tuple[Sequence[Arrival], asyncio.Future[None]]]) -> None:
        rows = [row for part, _ in batch for row in part]
        problem: Exception | None = None
        try:
            await asyncio.to_thread(self._commit, rows)
        except Exception as error:
            problem = error
        for _, done in batch:
            if done.done():  # whoever asked has gone
                continue
            if problem is None:
                done.set_result(None)
            else:
                done.set_exception(problem)

    def _commit(self, rows: list[Arrival]) -> None:
        """One transaction, on a connection that is kept; on a new one where that has died."""
        kept = self._pooled is not None
        try:
            self._record(rows)
        except (DatabaseAway, psycopg.Error):
            self._let_go(broken=True)
            if not kept:
                raise
            self._record(rows)

    def _record(self, rows: list[Arrival]) -> None:
        with self._database.translated():
            if self._pooled is None:
                self._pooled = self._database.borrow()
            delivery.record(cast(Psycopg, self._pooled.driver_connection), rows)  # type: ignore[attr-defined]
            self.batches += 1

    def _let_go(self, *, broken: bool = False) -> None:
        pooled, self._pooled = self._pooled, None
        if pooled is not None:
            with suppress(Exception):
                if broken:
                    pooled.invalidate()  # type: ignore[attr-defined]
                pooled.close()  # type: ignore[attr-defined]


class Full(Exception):
    """More deliveries wait than may."""


class Intake:
    """Takes deliveries in; see the module. Start it within the loop that serves."""

    def __init__(self, database: Database, keyring: Keyring, *, longest: int = LONGEST) -> None:
        self.stores = Stores(database, keyring)
        self.writer = Writer(database)
        self.longest = longest
        self.counts: Counter[tuple[str, str]] = Counter()
        """(store's name, or "" where it is not known; what became of it) → how many: accepted,
        unknown_topic, greeting, unsigned, gone, no_store, too_long, refused (503)."""
        self._said: dict[str, float] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For the application's lifespan; what waits at the end is written first."""
        await asyncio.to_thread(self.stores.prepare)
        self.writer.start()
        try:
            yield
        finally:
            await self.writer.stop()

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter()

        async def deliver(request: Request) -> Response:
            return Response(status_code=await self.take(request.path_params["connector"], request))

        # Starlette's plain route: FastAPI's own works out parameters for every request
        router.add_route("/webhooks/{connector}", deliver, methods=["POST"], include_in_schema=False)
        return router

    async def take(self, connector: str, request: Request) -> int:
        """The status for one delivery."""
        try:
            body = await read_body(request, self.longest)
        except ClientDisconnect:
            return 400  # nobody is there to read it
        if body is None:
            return self._counted("", "too_long", 413)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            return await self._take(connector, headers, body)
        except (DatabaseAway, Misconfigured, psycopg.Error, Full) as error:
            if self._may_say("refused"):
                log.error("webhook.refused", error=str(error) or type(error).__name__)
            return self._counted("", "refused", 503)

    async def _take(self, connector: str, headers: Mapping[str, str], body: bytes) -> int:
        began = self.stores.now()
        known = await self._find(connector)
        if known is None:
            return self._counted("", "no_store", 404)  # not by name: names that nobody has are endless
        if known.status == "uninstalled":
            return self._counted(known.name, "gone", 410)
        if not known.webhooks.verify(headers, body, known.secrets):
            if known.webhooks.greets(headers, body):
                return self._counted(known.name, "greeting", 200)
            # perhaps a secret that is younger than what we know
            known = await self._find(connector, began) or known
            if not known.webhooks.verify(headers, body, known.secrets):
                return self._unsigned(known.name)
        rows = delivery.arrivals(known.id, known.webhooks.parse(headers, body), known.resources)
        await self.writer.write(rows)
        ignored = all(row.status == "ignored" for row in rows)
        return self._counted(known.name, "unknown_topic" if ignored else "accepted", 200)

    async def _find(self, connector: str, read_after: float | None = None) -> Known | None:
        if not is_name(connector):
            return None
        return (await self.stores.find(connector, read_after=read_after)).store

    def _counted(self, name: str, what: str, status: int) -> int:
        self.counts[name, what] += 1
        return status

    def _unsigned(self, name: str) -> int:
        if self._may_say(f"unsigned {name}"):
            log.warning("webhook.unsigned", store=name)
        return self._counted(name, "unsigned", 401)

    def _may_say(self, what: str) -> bool:
        """Once a minute."""
        now = time.monotonic()
        if now - self._said.get(what, -60.0) < 60.0:
            return False
        self._said[what] = now
        return True


def is_name(text: str) -> bool:
    """Whether a store could be found under this: a name or an id."""
    try:
        return bool(NAME.fullmatch(text)) or bool(uuid.UUID(text))
    except ValueError:
        return False


async def read_body(request: Request, longest: int) -> bytes | None:
    """The raw bytes; None if they are too many, and then they are not read to their end."""
    told = request.headers.get("content-length")
    if told is not None and told.isdecimal() and int(told) > longest:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > longest:
            return None
        parts.append(part)
    return b"".join(parts)
