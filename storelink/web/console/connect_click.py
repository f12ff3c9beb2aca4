"""Connecting by clicking: out to the store's own page of consent, and back with keys or a token.

The store's answer to a request for keys comes to a route without a session, as the store itself sends it.
It is not signed: nothing of it is believed but the random text that only this store's page was given, and
that is good once. What it brings is tested like keys that were pasted.
"""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from storelink.connectors import registry
from storelink.connectors.key_grant import key_grant_of
from storelink.errors import Misconfigured, NotFound, StorelinkError
from storelink.sync import pending
from storelink.sync.opening import limits, measure_clock
from storelink.web.api.caller import store_for
from storelink.web.api.problem import Problem
from storelink.web.console.connect import Which, find, look, place, public_url, redirect_url
from storelink.web.console.signed import Operator
from storelink.web.services import Services, Use, remote_address

router = APIRouter(include_in_schema=False)

LONGEST = 16_384
"""Bytes of an answer that are read."""
_EACH_MINUTE = RateLimitItemPerMinute(30)
"""Answers that are taken from one address; a person connects a store or two."""
_WINDOWS = MovingWindowRateLimiter(MemoryStorage())


@router.get("/connect/{pending_id}/go")
def go(request: Request, caller: Operator, services: Use, which: Which) -> Response:
    """Out to the store. By GET: the browser lets no form of ours lead to another site."""
    with services.database.session() as session:
        row = find(session, which, caller)
        connector = registry.get(row.platform)
        reference = pending.ask(session, row)
        base, grant = public_url(request, services), key_grant_of(connector)
        if grant is not None:
            if base is None:
                raise Problem(409, "no_public_url", "STORELINK_PUBLIC_URL is not set: no store can answer.")
            to = grant.address(
                row.store_url, reference, f"{base}{place(row)}/returned",
                f"{base}/console/connect/{row.platform}/callback/{reference}",
            )  # fmt: skip
        elif connector.authorization is not None and connector.authorization.mode == row.auth_mode:
            candidate = pending.open_candidate(session, services.keyring, row)
            back = redirect_url(request, services, row.platform)
            to = connector.authorization.address(candidate, back, reference)
        else:
            raise Problem(409, "no_consent", "This store is not let into by clicking: enter its keys.")
        session.commit()
    return RedirectResponse(to, 303)


async def _body(request: Request) -> bytes:
    """What was sent; empty for what is too long to be an answer."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LONGEST:
            return b""
        parts.append(part)
    return b"".join(parts)


@router.post("/connect/{platform}/callback/{reference}")
def take_keys(
    request: Request, services: Use, platform: Annotated[str, Path(max_length=40)],
    reference: Annotated[str, Path(max_length=100)], body: Annotated[bytes, Depends(_body)],
) -> Response:  # fmt: skip
    """The keys that a store made. Open by design: the store has no session. Exactly 200 keeps them."""
    if not _WINDOWS.hit(_EACH_MINUTE, remote_address(request)):
        return PlainTextResponse("Too many answers. Try again in a minute.", 429)
    try:
        grant = key_grant_of(registry.get(platform))
        if grant is None:
            raise NotFound("No keys come from stores of this platform.")
        with services.database.session() as session:
            row = pending.answered(session, platform, reference)
            values = grant.accept(body, reference)
            pending.enter(session, services.keyring, row, grant.mode, values)
            session.commit()
    except (NotFound, Misconfigured):
        return PlainTextResponse("Nobody asked for this.", 404)
    return PlainTextResponse("Kept.", 200)


@router.get("/connect/{pending_id}/returned")
def returned(caller: Operator, services: Use, which: Which, success: str = "") -> Response:
    """Back from the store's page; its keys came before, and are tested now."""
    with services.database.session() as session:
        row = find(session, which, caller)
        if success != "1" and row.data_key is None:
            row.answer_digest, row.trouble = (
                None,
                "The store says that you did not agree. Nothing was made there.",
            )
            session.add(row)
            session.commit()
        ready = row.data_key is not None and row.findings is None
    if ready:
        look(services, row)
    return RedirectResponse(place(row), 303)


@router.get("/stores/{store}/install")
def install_again(
    request: Request, caller: Operator, services: Use, store: Annotated[str, Path(max_length=63)]
) -> Response:
    """Out to a registered store, whose owner lets the app in once more; what is read goes on meanwhile."""
    kept = store_for(services, caller, store)
    grant = registry.get(kept.platform).authorization
    if grant is None or grant.mode != kept.auth_mode:
        raise Problem(404, "no_consent", f"{kept.name} is not let into by clicking: enter new keys.")
    with services.database.session() as session:
        row = pending.begin_again(session, services.keyring, kept, actor=caller.actor)
        reference = pending.ask(session, row)
        candidate = pending.open_candidate(session, services.keyring, row)
        to = grant.address(candidate, redirect_url(request, services, kept.platform), reference)
        session.commit()
    return RedirectResponse(to, 303)


@router.get("/connect/{platform}/return")
def take_consent(
    request: Request, caller: Operator, services: Use, platform: Annotated[str, Path(max_length=40)],
    state: str = "",
) -> Response:  # fmt: skip
    """Back from the platform's page of consent, with a code that is exchanged for a token."""
    with services.database.session() as session:
        try:
            row = pending.answered(session, platform, state)
        except NotFound as error:
            raise Problem(404, "not_found", str(error)) from None
        row = find(session, row.id, caller)
        again = pending.registered(session, row)
        session.commit()
    try:
        _exchange(request, services, row.id, caller.actor)
    except StorelinkError as error:
        if again is not None:
            words = (
                f"The store did not let us in. {error} Nothing changed: {again.name} keeps the keys it has."
            )
            raise Problem(409, "consent", words) from None
        with services.database.session() as session:
            kept = find(session, row.id, caller)
            kept.trouble = str(error)
            session.add(kept)
            session.commit()
        return RedirectResponse(place(row), 303)
    with services.database.session() as session:
        row = find(session, row.id, caller)
    if again is not None:
        works = pending.replace_keys(
            services.database, services.keyring, services.settings, row, actor=caller.actor,
            more={"redirect_url": redirect_url(request, services, platform)},
        )  # fmt: skip
        to = f"/console/stores/{again.name}?done={'installed' if works else 'unreadable'}#access"
        return RedirectResponse(to, 303)
    look(services, row)
    return RedirectResponse(place(row), 303)


def _exchange(request: Request, services: Services, which: uuid.UUID, actor: str) -> None:
    """Have the connector check what came, and keep the token that it gets for it."""
    with services.database.session() as session:
        row = pending.find(session, which, actor=actor)
        candidate = pending.open_candidate(session, services.keyring, row)
    grant = registry.get(row.platform).authorization
    if grant is None or grant.mode != row.auth_mode:
        raise Misconfigured("This store is not let into by consent.")
    token = grant.accept(
        candidate, request.url.query, request.query_params.get("state", ""),
        limits(services.settings, candidate), measure_clock(services.database),
    )  # fmt: skip
    with services.database.session() as session:
        row = pending.find(session, which, actor=actor)
        pending.keep_token(session, services.keyring, row, token)
        session.commit()
