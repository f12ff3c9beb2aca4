"""The HTTP application of `storelink serve`."""

from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import text

from storelink.errors import DatabaseAway
from storelink.web import api, console, metrics
from storelink.web.api import problem
from storelink.web.intake import Intake
from storelink.web.services import Services


def create_app(services: Services) -> FastAPI:
    """The application: webhooks, what machines look at, the API and the console, each by itself."""
    intake = Intake(services.database, services.keyring)
    figures = metrics.Metrics(services.database, intake.counts)
    app = FastAPI(
        title="storelink", docs_url=None, redoc_url=None, openapi_url=None,
        lifespan=lambda _: intake.running(),
    )  # fmt: skip
    app.state.services, app.state.intake = services, intake
    problem.install(app)
    app.include_router(intake.router())
    app.mount("/v1", api.create(services))
    pages = console.create(services)
    app.state.lookout = pages.state.lookout
    app.mount("/console", pages)

    @app.get("/", include_in_schema=False)
    def begin() -> Response:
        """People who type the address want the console."""
        return RedirectResponse("/console/")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers. It says nothing of the database, so that nobody restarts us for that."""
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz(response: Response) -> dict[str, Any]:
        """Whether work gets done here: 200, or 503 and why not."""
        missing = _missing(services)
        response.status_code = 503 if missing else 200
        return {"ready": not missing, "missing": missing}

    @app.get("/metrics")
    def answer_metrics() -> Response:
        """For Prometheus; see docs/operations.md."""
        return Response(figures.render(), media_type=metrics.CONTENT_TYPE)

    return app


def _missing(services: Services) -> list[str]:
    found = []
    try:
        with services.database.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseAway:
        found.append("the database does not answer")
    if not services.running():
        found.append("the clock or the worker does not run")
    return found
