"""Who calls the API: the bearer token, its role, its stores and its rate."""

import math
import time
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlmodel import col, select

from storelink.access import token
from storelink.access.role import Caller, Right
from storelink.models import ConnectorConfig
from storelink.web.api.frame import SPENT
from storelink.web.api.problem import Problem
from storelink.web.services import Services, Use, remote_address

_BEARER = HTTPBearer(auto_error=False, description="A token made with `storelink tokens create`, shown once.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


class Rates:
    """Requests of each token in this process within a minute."""

    def __init__(self, most: int) -> None:
        self._item = RateLimitItemPerMinute(most)
        self._windows = MovingWindowRateLimiter(MemoryStorage())
        self.most = most

    def spend(self, request: Request, key: str) -> None:
        """Count a request, and note for its answer how many are left. Raises `Problem` 429."""
        allowed = self._windows.hit(self._item, key)
        stats = self._windows.get_window_stats(self._item, key)
        wait = max(math.ceil(stats.reset_time - time.time()), 1)
        request.scope.get(SPENT, {}).update(
            {
                "RateLimit-Limit": str(self.most),
                "RateLimit-Remaining": str(max(stats.remaining, 0)),
                "RateLimit-Reset": str(wait),
            }
        )
        if not allowed:
            raise Problem(
                429, "rate", f"A token may ask {self.most} times a minute. Ask again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )  # fmt: skip


def caller_of(request: Request, services: Use, bearer: Bearer) -> Caller:
    """Whose token came with the request. Raises `Problem` 401 or 429."""
    caller = None
    if bearer is not None:
        with services.database.session() as session:
            caller = token.accept(session, bearer.credentials)
            session.commit()
    if caller is None:
        request.app.state.rates.spend(request, f"from:{remote_address(request)}")
        words = "Send a token that works: `Authorization: Bearer slk_…`."
        raise Problem(401, "token", words, headers={"WWW-Authenticate": 'Bearer realm="storelink"'})
    request.app.state.rates.spend(request, caller.actor)
    return caller


Known = Annotated[Caller, Depends(caller_of)]


class Needs:
    """A route's demand for a right; tests list the routes by it."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, caller: Known) -> Caller:
        """The caller. Raises `Problem` 403."""
        if not caller.may(self.right):
            words = f"The role {caller.role!r} may not do this: it has no right to {self.right.value}."
            raise Problem(403, "role", words)
        return caller


Reader = Annotated[Caller, Depends(Needs(Right.READ))]
Actor = Annotated[Caller, Depends(Needs(Right.ACT))]
Operator = Annotated[Caller, Depends(Needs(Right.OPERATE))]
Admin = Annotated[Caller, Depends(Needs(Right.ADMINISTER))]

Name = Annotated[str, Path(description="The store's name.", examples=["shop"], max_length=63)]


def store_for(services: Services, caller: Caller, name: str) -> ConnectorConfig:
    """The store of this name. Raises `Problem` 404, for one that the caller may not see too."""
    with services.database.session() as session:
        known = select(ConnectorConfig).where(ConnectorConfig.name == name.replace("\0", ""))
        row = session.exec(known).first()
    if row is None or row.name != name or row.status == "uninstalled" or not caller.sees(row.id):
        raise Problem(404, "not_found", f"No store is called {name!r}.")
    return row


def stores_for(services: Services, caller: Caller, names: list[str] | None = None) -> list[ConnectorConfig]:
    """The stores that the caller may see, or those of them that are named. Raises `Problem` 404."""
    if names:
        return [store_for(services, caller, name) for name in names]
    query = select(ConnectorConfig).where(col(ConnectorConfig.status) != "uninstalled")
    with services.database.session() as session:
        rows = session.exec(query.order_by(ConnectorConfig.name)).all()
    return [row for row in rows if caller.sees(row.id)]
