"""The HTTP API under `/v1`, for programs. Thin: what is done stands in `sync` and `access`."""

from fastapi import FastAPI

import storelink
from storelink.web.api import changes, connectors, problem, quarantine, records, requests, runs, tokens
from storelink.web.api.caller import Rates
from storelink.web.api.frame import Frame
from storelink.web.api.openapi import described
from storelink.web.services import Services

DESCRIPTION = """\
Stores, their unified records, the feed of changes, and what is done back in the stores.

Send `Authorization: Bearer slk_…`; `storelink tokens create` makes a token. Times are ISO 8601 with their
zone, money is decimal text. Refusals have the form of RFC 9457 with a `code` that stays the same.
"""


def create(services: Services) -> FastAPI:
    """The application that is mounted at `/v1`; its description is at `/v1/openapi.json`."""
    app = FastAPI(
        title="storelink", version=storelink.__version__, description=DESCRIPTION,
        docs_url=None, redoc_url=None, separate_input_output_schemas=False,
    )  # fmt: skip
    app.state.services, app.state.rates = services, Rates(services.settings.api_rate)
    problem.install(app)
    app.add_middleware(Frame)
    app.openapi = described(app)  # type: ignore[method-assign]
    for part in (connectors, runs, quarantine, records, requests, changes, tokens):
        app.include_router(part.router)
    return app
