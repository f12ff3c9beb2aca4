"""Logs: one stream on standard error, ours and the libraries', as console lines or JSON.

We use structlog; uvicorn, procrastinate, APScheduler, Alembic and the pools use the standard library's
logging, and are put into the same form here.
"""

import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

if TYPE_CHECKING:
    from storelink.config import Settings

LIBRARIES = ("uvicorn.error", "procrastinate", "apscheduler", "alembic", "psycopg", "sqlalchemy.pool")
"""Those whose errors are worth a line, and at level debug all but their own debugging."""
TIGHT_LIPPED = ("httpcore", "httpx", "sqlalchemy.engine", "uvicorn.access")
"""Those that below a warning write headers, addresses and parameters: never."""


def configure_logs(settings: "Settings") -> None:
    """Logs go to standard error, as the settings say; tracebacks show no variables."""
    as_json, level = settings.log_format == "json", settings.log_level
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shown: list[Any] = [*([structlog.processors.format_exc_info] if as_json else []), _renderer(as_json)]
    structlog.configure(
        processors=[*shared, *shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _named],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
    )
    _route(formatter, verbose=level == "debug")


def _renderer(as_json: bool) -> Any:
    if as_json:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _named(logger: Any, _method: str, event: Any) -> Any:
    """Which library says it."""
    record = event.get("_record")
    return event | {"logger": record.name if record is not None else getattr(logger, "name", "")}


class _ToStandardError(logging.StreamHandler[Any]):
    """Writes where standard error is now, as tests and shells redirect it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr


def _route(formatter: logging.Formatter, *, verbose: bool) -> None:
    handler = _ToStandardError()
    handler.setFormatter(formatter)
    if not verbose:
        handler.addFilter(_no_outage)
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _ToStandardError)]:
        root.removeHandler(old)
    root.addHandler(handler)
    logging.captureWarnings(True)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.INFO if verbose else logging.ERROR)
    for name in TIGHT_LIPPED:
        logging.getLogger(name).setLevel(logging.WARNING)


def _no_outage(record: logging.LogRecord) -> bool:
    """That the database is away is said by us, in words and once; not by each library with a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    return not any(isinstance(one, psycopg.OperationalError) for one in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
