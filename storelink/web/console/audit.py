"""Who did what: the audit log, the latest first."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from storelink.web.api.caller import stores_for
from storelink.web.api.tokens import list_deeds
from storelink.web.console.page import show
from storelink.web.console.signed import Operator
from storelink.web.services import Use

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Query(max_length=200)]
_WORDS = {
    "connector.add": "connected the store", "connector.remove": "removed the store",
    "connector.pause": "paused reading", "connector.resume": "resumed reading",
    "connector.set": "changed how often it is read", "connector.set_credentials": "entered new keys",
    "connector.sync_now": "had it read at once", "connector.verify_now": "had it checked at once",
    "webhooks.install": "had webhooks installed", "webhooks.remove": "had webhooks removed",
    "token.create": "made a token", "token.revoke": "revoked a token",
    "user.create": "made an account", "user.invite": "made a one-time link", "user.sign_in": "signed in",
    "user.set_password": "chose a password", "user.set_role": "changed a role",
    "user.disable": "disabled an account", "user.enable": "enabled an account",
    "privacy.erase": "erased a person", "privacy.export": "handed out what is held of a person",
}  # fmt: skip


@router.get("/audit")
def log(
    request: Request, caller: Operator, services: Use, store: Text = "", who: Text = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:  # fmt: skip
    """Every deed of a person or of storelink itself."""
    names = [row.name for row in stores_for(services, caller)]
    actor = who.strip().replace("\0", "")
    found = list_deeds(
        caller, services, store=[store] if store in names else None, actor=actor or None, before=before,
        limit=50,
    )  # fmt: skip
    rows = [one | {"words": in_words(one["action"])} for one in found["data"]]
    kept = {name: value for name, value in (("store", store), ("who", actor)) if value}
    older = f"/console/audit?{urlencode(kept | {'before': found['next']})}" if found["next"] else None
    first = "/console/audit" + (f"?{urlencode(kept)}" if kept else "") if before else None
    return show(
        request, "audit.html", caller, rows=rows, names=names, store=store, who=actor, older=older,
        newer=first,
    )  # fmt: skip


def in_words(action: str) -> str:
    """The deed as a person would say it: `refund.settled` is `refund: settled`."""
    kind, _, deed = action.partition(".")
    return _WORDS.get(action) or f"{kind.replace('_', ' ')}: {deed.replace('_', ' ')}"
