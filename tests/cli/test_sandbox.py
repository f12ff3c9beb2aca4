"""`storelink sandbox`: stores in the foreground, and the commands it prints do work."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest


@pytest.fixture
def sandbox(storelink: Any) -> Iterator[Any]:
    """`sandbox(words)` starts one; all end with the test."""
    started = []

    def run(*words: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            [storelink, "sandbox", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(child)
        return child

    yield run
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()


def pasted(sandbox: Any, process: Any, *words: str) -> None:
    """Run what it prints as it is printed, and end it with Ctrl-C."""
    child = sandbox("--orders", "30", *words)
    lines = []
    while not (lines and "Ctrl-C" in lines[-1]):
        line = child.stdout.readline()
        assert line, child.stderr.read()
        lines.append(line.strip())
    env: dict[str, str] = {}
    commands = 0
    for line in lines:
        if line.startswith("export "):
            env.update([line.removeprefix("export ").split("=", 1)])
        elif line.startswith("storelink "):
            assert set(env) == {"STORELINK_API_KEY", "STORELINK_SECRET"}
            done = process(*line.removeprefix("storelink ").split(), env=env)
            assert done.code == 0, done.err
            commands += 1
    assert commands == 3
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (0, "")


def test_what_it_prints_for_woocommerce_can_be_pasted(sandbox: Any, process: Any) -> None:
    pasted(sandbox, process, "--no-shopify")


def test_what_it_prints_for_shopify_can_be_pasted(sandbox: Any, process: Any) -> None:
    pasted(sandbox, process, "--no-woocommerce")


def told_as_json(child: Any) -> Any:
    text = ""
    while not text.endswith("\n}\n"):
        line = child.stdout.readline()
        assert line, child.stderr.read()
        text += line
    return json.loads(text)


def test_both_stores_and_the_same_seed_the_same_keys(sandbox: Any) -> None:
    told = []
    for _ in range(2):
        child = sandbox("--orders", "5", "--seed", "9", "--json")
        told.append(told_as_json(child))
        for keys in told[-1].values():
            assert keys["url"].startswith("http://127.0.0.1:")
            assert httpx.get(keys["url"]).status_code in (200, 404)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)
    assert set(told[0]) == {"shopify", "woocommerce"}
    for one, two in zip(told[0].values(), told[1].values(), strict=True):
        assert {**one, "url": ""} == {**two, "url": ""}


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_a_port_that_is_taken(sandbox: Any, platform: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        child = sandbox("--orders", "5", f"--{platform}-port", port)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert f"cannot use port {port}" in err
    assert "Traceback" not in err and out == ""


def test_nothing_to_serve(sandbox: Any) -> None:
    child = sandbox("--no-shopify", "--no-woocommerce")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 2 and "nothing to serve" in err
