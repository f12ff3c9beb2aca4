"""What every command reads first, and where its logs go."""

import json

import pytest
import structlog

from storelink.cli import context, logs
from storelink.config import Settings
from storelink.errors import Misconfigured


def test_a_wrong_setting_is_named_without_its_value(monkeypatch):
    monkeypatch.setenv("STORELINK_HTTP_TIMEOUT", "hunter2")
    monkeypatch.setenv("STORELINK_LOG_FORMAT", "hunter3")
    with pytest.raises(Misconfigured) as caught:
        context.read_settings()
    assert "STORELINK_HTTP_TIMEOUT: " in str(caught.value)
    assert "STORELINK_LOG_FORMAT: " in str(caught.value)
    assert "hunter" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("form", ["console", "json"])
def test_logs_go_to_standard_error_and_show_no_variables(home, capsys, form):
    logs.configure_logs(Settings(home=home, log_format=form))
    try:
        password = "hunter2"
        structlog.get_logger().info("quiet")
        try:
            len(password) / 0
        except ZeroDivisionError:
            structlog.get_logger().exception("broken", store="shop")
    finally:
        structlog.reset_defaults()
    out, err = capsys.readouterr()
    assert out == ""
    assert "broken" in err and "ZeroDivisionError" in err and "shop" in err
    assert "quiet" not in err
    assert password not in err.replace('password = "hunter2"', "")
    if form == "json":
        assert json.loads(err)["event"] == "broken"
