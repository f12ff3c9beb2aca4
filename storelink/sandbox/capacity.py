"""How much work the store can do at once: a queue in front of a few cores."""

import asyncio


class Capacity:
    """`latency` is on the way and costs nothing; `service_time` holds one of `cores` meanwhile.

    More requests at once than cores only wait longer, as on a real store (facts §9). All in
    seconds; `cores` None is no limit. May be changed while the store runs.
    """

    def __init__(self, latency: float = 0.0, service_time: float = 0.0, cores: int | None = None) -> None:
        self.latency = latency
        self.service_time = service_time
        self.cores = cores
        self._busy = 0
        self._waiting: list[asyncio.Future[None]] = []

    async def pass_through(self) -> None:
        """Return when the request has been served as far as time goes."""
        if self.latency > 0:
            await asyncio.sleep(self.latency)
        if self.service_time <= 0:
            return
        await self._take()
        try:
            await asyncio.sleep(self.service_time)
        finally:
            self._give()

    async def _take(self) -> None:
        while self.cores is not None and self._busy >= self.cores:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise
        self._busy += 1

    def _give(self) -> None:
        self._busy -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                return
