"""`storelink sandbox`: a store in the foreground, and the commands it prints do work."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

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


def test_what_it_prints_can_be_pasted(sandbox: Any, process: Any) -> None:
    child = sandbox("--orders", "30")
    lines = []
    while not (lines and "verify" in lines[-1]):
        line = child.stdout.readline()
        assert line, child.stderr.read()
        lines.append(line.strip())
    env = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    assert set(env) == {"STORELINK_API_KEY", "STORELINK_SECRET"}
    commands = [line.removeprefix("storelink ") for line in lines if line.startswith("storelink ")]
    assert len(commands) == 3
    for command in commands:
        done = process(*command.split(), env=env)
        assert done.code == 0, done.err
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (0, "")


def test_as_json_and_the_same_seed_the_same_keys(sandbox: Any) -> None:
    told = []
    for _ in range(2):
        child = sandbox("--orders", "5", "--seed", "9", "--json")
        text = ""
        while "}" not in text:
            text += child.stdout.readline()
        told.append(json.loads(text))
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)
    assert told[0]["consumer_key"] == told[1]["consumer_key"]
    assert told[0]["url"].startswith("http://127.0.0.1:")


def test_a_port_that_is_taken(sandbox: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        child = sandbox("--orders", "5", "--woocommerce-port", str(taken.getsockname()[1]))
        out, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "cannot use port" in err
    assert "Traceback" not in err and out == ""
