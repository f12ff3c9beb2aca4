"""`storelink demo`: it ends well, it leaves nothing behind, and it fails when what it says is not so."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from places import quickest

STORELINK = Path(sys.executable).parent / "storelink"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where the demo's home is made; short, for the database's socket."""
    folder = Path(tempfile.mkdtemp(prefix="sl-demo-", dir=quickest())).resolve()
    folder.chmod(0o755)  # the user that runs the database for root passes through
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def environment(scratch: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("STORELINK_")}
    return own | {"TMPDIR": str(scratch)}


def left_behind(scratch: Path) -> list[list[str]]:
    """Processes that know the scratch folder by argument or by environment."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        try:
            knows = str(scratch) in process.environ().get("TMPDIR", "")
        except psutil.Error:
            knows = False
        if knows or any(str(scratch) in word for word in words):
            found.append(words)
    return found


def test_it_ends_well_and_leaves_nothing(scratch: Path) -> None:
    ended = subprocess.run(
        [STORELINK, "demo", "--orders", "60"], check=False, capture_output=True, text=True, timeout=180,
        env=environment(scratch) | {"STORELINK_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
                                    "STORELINK_MASTER_KEYS": "not for the demo"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    assert "All of it proved to be so: 14 claims checked" in ended.stdout
    for command in (
        "connectors add woocommerce woo", "connectors add shopify shopify", "sync woo", "sync shopify",
        "verify woo", "verify woo --fix", "quarantine list woo", "quarantine retry woo",
        "verify woo --deep", "verify shopify --deep", "status",
    ):  # fmt: skip
        assert f"$ storelink {command}" in ended.stdout
    assert "1 order differs" in ended.stdout
    assert re.search(r"platform_order +\d+ +\d+$", ended.stdout, re.M), "both are in one table"
    history = ended.stdout.partition("has ordered in both")[0].rpartition("refunded\n")[2]
    assert {"woo", "shopify"} <= set(history.split())
    ledgers = re.findall(r"^all +([\d,]+) +([\d,]+) +(\d+) +(\d+) +(\d+) +(\d+)$", ended.stdout, re.M)
    assert [set(ledger[2:]) for ledger in ledgers[-2:]] == [{"0"}, {"0"}], "both end at zero"
    assert not any(letter in ended.stdout for letter in "\x1b━\r"), "it is read in a pipe"
    assert left_behind(scratch) == []
    assert list(scratch.iterdir()) == []


def test_keep_lets_a_person_into_the_console_until_it_is_stopped(scratch: Path) -> None:
    running = subprocess.Popen(
        [STORELINK, "demo", "--orders", "50", "--keep"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment(scratch),
    )  # fmt: skip
    said = ""
    try:
        assert running.stdout is not None
        while "Ctrl-C ends all of it" not in (line := running.stdout.readline()):
            assert line, said + running.communicate()[1]
            said += line
        look_around(said)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=120)
    finally:
        running.kill()
    assert (running.returncode, err) == (0, "")
    assert "are gone" in out
    assert left_behind(scratch) == []
    assert list(scratch.iterdir()) == []


def look_around(said: str) -> None:
    """What the viewer does first: choose a password, see the overview; the other store's keys work."""
    told = dict(re.findall(r"^(store address|client id|client secret) +(\S+)$", said, re.M))
    link = re.search(r"^ +(http://127\.0\.0\.1:\d+)(/console/welcome\?key=(\S+))$", said, re.M)
    assert link is not None
    chosen = {"key": link[3], "password": "a sentence of ours", "again": "a sentence of ours"}
    with httpx.Client(base_url=link[1], follow_redirects=True, timeout=30) as browser:
        assert "Choose" in browser.get(link[2]).text
        assert browser.post("/console/welcome", data=chosen).url.path == "/console/overview"
        assert browser.get(link[2]).status_code == 404, "it works once"
    with httpx.Client(base_url=link[1], follow_redirects=True, timeout=30) as browser:
        page = browser.post("/console/sign-in", data={"name": "admin", "password": "a sentence of ours"})
        assert page.url.path == "/console/overview"
        assert "woo" in page.text
        assert told["store address"] not in page.text, "that one is left to be connected"
    grant = {"grant_type": "client_credentials", "client_id": told["client id"],
             "client_secret": told["client secret"]}  # fmt: skip
    answer = httpx.post(told["store address"] + "/admin/oauth/access_token", data=grant)
    assert answer.json()["access_token"]


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_it_leaves_nothing(scratch: Path, number: int, code: int) -> None:
    running = subprocess.Popen(
        [STORELINK, "demo", "--orders", "2000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(scratch),
    )  # fmt: skip
    assert running.stdout is not None
    while "$ storelink sync" not in (line := running.stdout.readline()):
        assert line
    running.send_signal(number)
    _, err = running.communicate(timeout=120)
    assert running.returncode == code
    assert "Traceback" not in err
    deadline = time.monotonic() + 90
    while left_behind(scratch):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert list(scratch.iterdir()) == []


def test_it_fails_when_what_it_says_is_not_so(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from typer.main import get_command

    from storelink.cli.main import app
    from storelink.cli.story import Story

    def forgetful(self: Story, *_: Any) -> bool:
        return False

    monkeypatch.setattr(Story, "_arrived", forgetful)
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(SystemExit) as ended:
        get_command(app)(["demo", "--orders", "50"], prog_name="storelink")
    assert ended.value.code == 1
    assert "This is not so: All but one arrived" in capsys.readouterr().err
    assert left_behind(scratch) == []
