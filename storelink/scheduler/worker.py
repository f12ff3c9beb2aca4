"""The worker: takes jobs from the queue and runs them in threads, until it is told to stop.

Long reads have places of their own, so that four first reads of hours do not keep a thousand small
passes waiting; and refunds and changes of address have one more, so that a thousand passes do not keep
a person waiting. A worker shows that it lives; whoever finds one silent runs its jobs again.
"""

import asyncio
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import procrastinate
import structlog
from procrastinate import JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import DeleteJobCondition, Job, Status
from procrastinate.worker import Worker as Runner

from storelink.errors import DatabaseAway
from storelink.scheduler.acting import ACTS
from storelink.scheduler.queue import ACT, POLL, READ, SCHEMA, Kind, enqueue
from storelink.scheduler.work import KINDS, Work

log = structlog.get_logger(__name__)

POLL_EVERY = 5.0
"""Seconds between looks at the queue where nobody notified us."""
SILENT = 3
"""A worker is taken for dead after so many signs of life that did not come."""
LETTING_GO = 5.0
"""Seconds that running jobs have to end by themselves, if the worker must be begun anew."""
AGAIN = (1.0, 15.0)
"""Seconds before a worker that broke down is begun anew, doubling from the first to the last."""


class Worker:
    """Runs in a thread of its own. `concurrency` jobs at once, of all kinds, and one that people wait for."""

    def __init__(self, work: Work, concurrency: int) -> None:
        self._work, self._concurrency = work, concurrency
        self._pulse = work.settings.worker_pulse
        self._thread = threading.Thread(target=self._serve, name="worker", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runners: list[Runner] = []
        self._running: set[int] = set()
        self.up = threading.Event()
        """Whether it takes jobs now."""

    def start(self) -> None:
        """Begin taking jobs."""
        self._thread.start()

    def wake(self) -> None:
        """`work.stopping` was set: take no more jobs."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(self._stop_runners)

    def join(self, timeout: float) -> bool:
        """Wait for the jobs in hand; False if some have not ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _stop_runners(self) -> None:
        for runner in self._runners:
            runner.stop()  # type: ignore[no-untyped-call]

    def _serve(self) -> None:
        """Run, and begin anew after the database was away, until told to stop."""
        stopping, wait = self._work.stopping, AGAIN[0]
        while not stopping.is_set():
            try:
                parameters = self._parameters()
                asyncio.run(self._take_jobs(parameters))
                wait = AGAIN[0]
            except (DatabaseAway, ConnectorException):
                pass  # said by the database itself, once
            except Exception:
                log.exception("worker.broke")
            finally:
                self._loop = None
                self.up.clear()
            stopping.wait(wait)
            wait = min(wait * 2, AGAIN[1])

    def _parameters(self) -> dict[str, Any]:
        """How procrastinate reaches the database we reach, its own schema first."""
        engine = self._work.database.engine
        with self._work.connection() as connection:
            host = connection.info.host
        _, given = engine.dialect.create_connect_args(engine.url)
        if str(given.get("host", "")).startswith("/"):
            given["host"] = host  # a private server that was started again may have moved
        # what a crash of the server forgets of the queue is found again in the tables that are the truth
        options = f"-c timezone=UTC -c jit=off -c synchronous_commit=off -c search_path={SCHEMA}"
        return {
            "application_name": "storelink worker", "connect_timeout": 10, "keepalives_idle": 30,
            "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000,
            "prepare_threshold": None, **given, "options": options,
        }  # fmt: skip

    async def _take_jobs(self, parameters: dict[str, Any]) -> None:
        loop = self._loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._concurrency + 3, "job"))
        connector = PsycopgConnector(kwargs=parameters, min_size=1, max_size=1, timeout=30.0)
        app = procrastinate.App(connector=connector)
        for kind in (*KINDS, ACTS):
            app.task(name=kind.name, queue=kind.queue, pass_context=True)(self._task(kind))
        async with app.open_async():
            self._runners = [self._runner(app, queues, places) for queues, places in self._places()]
            beside = [asyncio.create_task(self._tend(app)), asyncio.create_task(self._hear(app))]
            running = [asyncio.create_task(_serve(runner)) for runner in self._runners]
            try:
                self.up.set()
                if self._work.stopping.is_set():
                    loop.call_soon(self._stop_runners)
                await asyncio.wait([*running, *beside], return_when=asyncio.FIRST_COMPLETED)
                self._stop_runners()  # one without the others does a part of the work
                await asyncio.gather(*running)
            finally:
                for task in beside:
                    task.cancel()
                    with suppress(asyncio.CancelledError, ConnectorException):
                        await task

    def _places(self) -> list[tuple[list[str], int]]:
        """Queues, and how many jobs of them at once."""
        if self._concurrency == 1:
            return [([ACT, POLL, READ], 1)]
        long = self._concurrency // 2
        return [([ACT], 1), ([ACT, POLL], self._concurrency - long), ([READ], long)]

    async def _hear(self, app: procrastinate.App) -> None:
        """Tell the runners of what is enqueued: one connection listens for them all."""

        async def told(*, channel: str, notification: Any) -> None:
            for runner in self._runners:
                if any(channel.endswith(f"#{queue}") for queue in runner.queues or ()):
                    await runner._handle_notification(channel=channel, notification=notification)

        await app.job_manager.listen_for_jobs(on_notification=told, queues=[ACT, POLL])

    def _runner(self, app: procrastinate.App, queues: list[str], places: int) -> Runner:
        return Runner(
            app, queues=queues, name="+".join(queues), concurrency=places,
            fetch_job_polling_interval=POLL_EVERY, abort_job_polling_interval=60.0,
            shutdown_graceful_timeout=LETTING_GO, listen_notify=False,
            delete_jobs=DeleteJobCondition.ALWAYS, install_signal_handlers=False,
            update_heartbeat_interval=self._pulse, stalled_worker_timeout=SILENT * self._pulse,
        )  # fmt: skip

    def _task(self, kind: Kind) -> Callable[..., None]:
        def run(context: JobContext, connector: str, order: str | None = None) -> None:
            job = context.job.id or 0
            self._running.add(job)
            try:
                self._do(kind, uuid.UUID(connector), order, context.should_abort)
            finally:
                self._running.discard(job)

        return run

    def _do(
        self, kind: Kind, connector_id: uuid.UUID, order: str | None, aborted: Callable[[], bool]
    ) -> None:
        stopping = self._work.stopping
        about = () if order is None else (order,)
        try:
            again = kind.run(self._work, connector_id, lambda: stopping.is_set() or aborted(), *about)
            if again is not None:
                with self._work.connection() as connection:
                    enqueue(connection, kind, [connector_id], delay=again, order=order)
        except DatabaseAway:
            return  # what was due is due still, and the clock finds it when the database is back
        except Exception:
            log.exception("job.broke", kind=kind.name, connector=str(connector_id))

    # -- jobs that nobody runs ---------------------------------------------------------------------

    async def _tend(self, app: procrastinate.App) -> None:
        """Run the jobs of silent workers again, and those of ours that we know nothing of."""
        suspects: set[int] = set()
        while True:
            await asyncio.sleep(self._pulse)
            try:
                stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT * self._pulse)
                for job in stalled:
                    log.warning("job.stalled", kind=job.task_name, **job.task_kwargs)
                    await _again(app, job)
                await app.job_manager.prune_stalled_workers(SILENT * self._pulse)
                suspects = await self._tend_own(app, suspects)
            except ConnectorException:
                continue

    async def _tend_own(self, app: procrastinate.App, suspects: set[int]) -> set[int]:
        """Jobs marked as ours that do not run: their end could not be written down. Seen twice, freed."""
        found: set[int] = set()
        for runner in self._runners:
            if runner.worker_id is None:
                continue
            for job in await app.job_manager.list_jobs_async(status="doing", worker_id=runner.worker_id):
                assert job.id is not None
                if job.id in self._running:
                    continue
                found.add(job.id)
                if job.id in suspects:
                    log.warning("job.forgotten", kind=job.task_name, **job.task_kwargs)
                    await _again(app, job)
        return found


async def _serve(runner: Runner) -> None:
    await runner.run()  # type: ignore[no-untyped-call]


async def _again(app: procrastinate.App, job: Job) -> None:
    """Put it back in the queue; where another of its kind and store waits already, that one will do."""
    try:
        await app.job_manager.retry_job(job)
    except UniqueViolation:
        await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
    except ConnectorException:
        return  # somebody else has done so
