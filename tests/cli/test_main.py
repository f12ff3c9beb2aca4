"""The entry point, where no command is involved."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = """
import os, weakref

class Thing: pass

def called(_): os.kill(os.getpid(), {number})  # what is raised in here is lost

thing = Thing()
watched = weakref.ref(thing, called)
del thing
"""
COMMAND = """
import importlib, signal, sys, time
from storelink.cli import main

for number in (signal.SIGTERM, signal.SIGHUP):  # whoever runs the tests may ignore one: nohup does
    signal.signal(number, signal.SIG_DFL)
sys.path.insert(0, {folder!r})
main.app = lambda: (importlib.import_module("asked"), time.sleep(60))
main.main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_midst_of_an_import_is_not_lost(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "asked.py").write_text(ASKED.format(number=int(number)))
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(folder=str(tmp_path))],
        capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode == 128 + number
