"""One stream of logs: whatever a daemon or a library says is a line of JSON, and says no secret."""

import json
import logging

import psycopg
import pytest
import structlog
from fleet import PROMPT

from storelink.cli import logs
from storelink.config import Settings


def test_every_line_of_a_daemon_is_json(fleet, shop):
    fleet.add_woo(shop)
    process = fleet.serve(STORELINK_LOG_LEVEL="debug")
    fleet.wait_until_read("shop")
    assert process.get("/healthz").status_code == 200
    assert process.terminate() < PROMPT
    said = process.log.read_text()
    lines = [json.loads(line) for line in said.splitlines()]
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    libraries = {line["logger"] for line in lines if "logger" in line}
    assert {"uvicorn.error", "procrastinate.worker"} <= {name for name in libraries if "access" not in name}
    assert "/healthz" not in said, "requests are logged"
    assert not any(secret in said for secret in (shop.key, shop.secret, "Authorization"))


@pytest.fixture
def said(capsys, home):
    """Logs as JSON; what was said since one last asked."""
    levels = {
        name: logging.getLogger(name).level for name in (*logs.LIBRARIES, *logs.TIGHT_LIPPED, "procrastinate")
    }
    held, handlers = structlog.get_config(), list(logging.getLogger().handlers)
    logs.configure_logs(Settings(home=home, log_format="json"))
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    logging.captureWarnings(False)
    structlog.configure(**held)
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_what_libraries_say_comes_out_in_our_form_and_what_we_say_better_does_not(said):
    library = logging.getLogger("procrastinate.worker")
    library.warning("ran late")
    assert said() == []
    try:
        raise ValueError("a bug")
    except ValueError:
        library.exception("job %s broke", 7)
    (line,) = said()
    assert (line["event"], line["level"], line["logger"]) == ("job 7 broke", "error", "procrastinate.worker")
    assert "ValueError: a bug" in line["exception"]
    try:
        try:
            raise psycopg.OperationalError("server closed the connection")
        except psycopg.OperationalError as error:
            raise RuntimeError("database error") from error
    except RuntimeError:
        library.exception("the main loop broke")
    assert said() == [], "an outage is said once, by us"


def test_what_could_hold_secrets_says_nothing_below_a_warning(said, home):
    logs.configure_logs(Settings(home=home, log_format="json", log_level="debug"))
    for name in ("httpcore.http11", "httpx", "sqlalchemy.engine.Engine", "uvicorn.access"):
        logging.getLogger(name).info("Authorization: Basic secret")
    assert said() == []
    logging.getLogger("procrastinate.worker").info("heard")
    assert [line["event"] for line in said()] == ["heard"], "a second set-up added a second handler"
