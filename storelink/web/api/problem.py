"""Refusals of the API, in the form of RFC 9457: one shape, whatever went wrong."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from storelink.errors import (
    AuthFailed,
    DatabaseAway,
    LaneHeld,
    Misconfigured,
    NeedsDecision,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    StorelinkError,
)
from storelink.sync.request import Refused

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "The request cannot be read",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not there",
    405: "Not done here",
    409: "Not as things stand",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Not in this form",
    422: "Something in it is wrong",
    428: "Say which state you saw",
    429: "Too many requests",
    500: "storelink broke",
    502: "The store refuses",
    503: "Not now",
}


class ProblemDocument(BaseModel):
    """RFC 9457, with a `code` for programs and, where fields are wrong, `errors`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not there",
                    "status": 404,
                    "code": "not_found",
                    "detail": "No store is called 'shop'.",
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="One word for programs; it stays the same when the words change.")
    detail: str = Field(description="What happened and what to do, for people.")
    errors: list[dict[str, Any]] | None = Field(None, description="`{field, detail}` for each wrong field.")


class Problem(Exception):
    """Raised by a route: the answer is this refusal."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers, self.errors = headers, errors


def answer(problem: Problem) -> Response:
    """The problem as an answer."""
    document = ProblemDocument(
        title=_TITLES.get(problem.status, "Refused"),
        status=problem.status,
        code=problem.code,
        detail=problem.detail,
        errors=problem.errors,
    )
    return JSONResponse(
        document.model_dump(exclude_none=True),
        problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside what it is for, for the OpenAPI document."""
    return {
        status: {"description": _TITLES[status], "model": ProblemDocument, "content": {MEDIA_TYPE: {}}}
        for status in statuses
    }


_BY_KIND: tuple[tuple[type[StorelinkError], int, str], ...] = (
    (NotFound, 404, "not_found"),
    (Refused, 409, "refused"),
    (NeedsDecision, 409, "needs_decision"),
    (LaneHeld, 409, "busy"),
    (Misconfigured, 422, "unusable"),
    (AuthFailed, 502, "store_refuses_credentials"),
    (Rejected, 502, "store_refuses"),
    (OutcomeUnknown, 502, "outcome_unknown"),
    (Retryable, 503, "store_away"),
    (DatabaseAway, 503, "database_away"),
)
"""The first kind that fits decides."""


def problem_of(error: StorelinkError) -> Problem:
    """What one of our errors is to a client."""
    for kind, status, code in _BY_KIND:
        if isinstance(error, kind):
            own = error.code if isinstance(error, Misconfigured) and status == 422 else None
            after = error.after if isinstance(error, Retryable) else 5
            headers = {"Retry-After": str(round(after or 30))} if status == 503 else None
            return Problem(status, own or code, str(error), headers=headers)
    return Problem(500, "broke", "storelink could not do this; its log says why.")


_OF_FRAMEWORK = {
    404: ("not_found", "Nothing is at this address."),
    405: ("method_not_allowed", "This is not done here; `Allow` says what is."),
    413: ("too_large", "The body is too long."),
    415: ("media_type", "Send the body as JSON, with `Content-Type: application/json`."),
}
"""Refusals before any route of ours was reached."""


def install(app: FastAPI) -> None:
    """Turn what routes raise into answers."""

    @app.exception_handler(Problem)
    async def on_problem(_request: Request, error: Problem) -> Response:
        return answer(error)

    @app.exception_handler(StorelinkError)
    async def on_error(request: Request, error: StorelinkError) -> Response:
        found = problem_of(error)
        if found.status == 500:
            log.error("http.broke", path=request.url.path, error=str(error))
        return answer(found)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_request: Request, error: RequestValidationError) -> Response:
        errors = [{"field": _field(one["loc"]), "detail": str(one["msg"])} for one in error.errors()]
        words = "; ".join(f"{one['field']}: {one['detail']}" for one in errors[:5])
        return answer(Problem(422, "invalid", words, errors=errors))

    @app.exception_handler(HTTPException)
    async def on_http(_request: Request, error: HTTPException) -> Response:
        code, words = _OF_FRAMEWORK.get(error.status_code, ("refused", str(error.detail)))
        headers = dict(error.headers) if error.headers else None
        return answer(Problem(error.status_code, code, words, headers=headers))

    @app.exception_handler(Exception)
    async def on_defect(request: Request, error: Exception) -> Response:
        log.error("http.broke", path=request.url.path, exc_info=error)
        return answer(problem_of(StorelinkError()))


def _field(place: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in place if part not in ("body", "query", "path")) or "body"
