"""The command line, killed by itself at a chosen instruction: `crash_runner.py commit 17 sync shop`.

With the moment `never` it is only run. LARGE_SHOP in the environment is the number of orders above
which several bulk operations read a Shopify store.

The moments are the calls that reach Postgres: before and after every statement and every commit of
the pass. SIGKILL lets nothing be tidied up.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import psycopg

MOMENTS = ("before execute", "after execute", "before commit", "after commit", "copy")


def arm(moment: str, number: int) -> None:
    """Die at the `number`-th such moment from now."""
    left = iter(range(number - 1, -1, -1))

    def pass_or_die(name: str) -> None:
        if name == moment and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(owner: Any, name: str, *moments: str | None) -> None:
        call: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            if moments[0]:
                pass_or_die(moments[0])
            outcome = call(*args, **named)
            if moments[1]:
                pass_or_die(moments[1])
            return outcome

        setattr(owner, name, watched)

    watch(psycopg.Cursor, "execute", "before execute", "after execute")
    watch(psycopg.Connection, "commit", "before commit", "after commit")
    watch(psycopg.Copy, "write", None, "copy")


if __name__ == "__main__":
    from storelink.cli.main import main
    from storelink.connectors.shopify import windows
    from storelink.sync import backfill, helped

    windows.LARGE = int(os.environ.get("LARGE_SHOP", windows.LARGE))
    if int(sys.argv[2]) % 2:
        backfill.WAITING = 1  # every page by itself: more moments at which something is half done
    if int(sys.argv[2]) % 3:
        helped.LARGE = 1  # the helper must end with us, and what it was given comes again
    arm(sys.argv[1], int(sys.argv[2]))
    sys.argv[:] = ["storelink", *sys.argv[3:]]
    main()
