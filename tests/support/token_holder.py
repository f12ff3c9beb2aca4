"""A process that renews the token of a store: `token_holder.py NAME STALE [die]`.

STALE is JSON. On standard output it says `asked KEPT` when it asks the platform, which answers on
standard input with the token; then `has TOKEN`. With `die` it is killed when it has the answer and
has kept nothing yet.
"""

import json
import os
import signal
import sys
from typing import Any

from storelink.config import Settings
from storelink.db import open_database
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import EnvironmentProvider
from storelink.sync import account
from storelink.sync.token import Keeper


def ask(kept: Any) -> Any:
    print("asked", json.dumps(kept), flush=True)
    return json.loads(sys.stdin.readline())


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    settings = Settings()
    assert settings.master_keys is not None
    keyring = Keyring(EnvironmentProvider(settings.master_keys))
    with open_database(settings, migrate=False) as database:
        with database.session() as session:
            opened = account.open_account(session, keyring, sys.argv[1], database=database)
        if "die" in sys.argv:
            Keeper._keep = die  # type: ignore[method-assign]
        assert opened.tokens is not None
        print("has", json.dumps(opened.tokens.renew(json.loads(sys.argv[2]), ask)), flush=True)
