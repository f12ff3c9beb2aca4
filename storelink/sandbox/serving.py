"""Building a store and putting it on a port: in this process or, as `-m`, as one of its own."""

import atexit
import gc
import json
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import uvicorn

from storelink.sandbox.certificate import make_certificate
from storelink.sandbox.setup import Opened, Setup
from storelink.sandbox.shop import Plan
from storelink.sandbox.web import Web

HOST = "127.0.0.1"
#: platform → the module that has its `Options`, `Keys` and `open_store`
PLATFORMS = {
    "woocommerce": "storelink.sandbox.woocommerce.opening",
    "shopify": "storelink.sandbox.shopify.opening",
}


class Service:
    """A store on a bound port, not yet running."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.ca_file: Path | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, setup.port))
        except OSError:
            self._socket.close()
            raise
        self._socket.listen(512)  # whoever is told the address may connect at once
        port = self._socket.getsockname()[1]
        self.url = f"{'https' if setup.https else 'http'}://{HOST}:{port}"
        try:
            self._opened: Opened = import_module(PLATFORMS[setup.platform]).open_store(setup, self.url)
            self.keys = self._opened.keys
            self.server = uvicorn.Server(self._config(self._opened.web))
        except BaseException:
            self._socket.close()
            raise

    def _config(self, web: Web) -> uvicorn.Config:
        certificate, key = None, None
        if self.setup.https:
            self._folder = tempfile.TemporaryDirectory(prefix="storelink-sandbox-")
            self.ca_file, certificate, key = make_certificate(Path(self._folder.name))
        return uvicorn.Config(
            web,
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            backlog=512,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )

    def described(self) -> dict[str, Any]:
        """What whoever starts a store needs to reach it."""
        return {
            "url": self.url,
            "keys": asdict(self.keys),
            "ca_file": None if self.ca_file is None else str(self.ca_file),
        }

    def run(self) -> None:
        """Serve until `server.should_exit`; then close everything."""
        try:
            self.server.run(sockets=[self._socket])
        finally:
            self.close()

    def close(self) -> None:
        self._socket.close()
        self._opened.close()
        if self._folder is not None:
            self._folder.cleanup()


def serve_forever(ready: Callable[[str, Any, Path | None], None], **options: Any) -> None:
    """Run a WooCommerce store in this thread until it is interrupted.

    `options` are those of `running.start`. `ready` is called once with the address, the keys and
    (https) the file with the authority's certificate; nothing is printed.
    """
    from storelink.sandbox.running import make_setup

    service = Service(make_setup(**options))
    ready(service.url, service.keys, service.ca_file)
    service.run()


def serve_all(setups: Sequence[Setup], ready: Callable[[Sequence[Service]], None]) -> None:
    """Run several stores until interrupted: the first in this thread, the others beside it.

    `ready` is called once, when all are bound and may be spoken to. Raises OSError, with the port as
    `filename`, for a port that cannot be had.
    """
    services: list[Service] = []
    try:
        for setup in setups:
            try:
                services.append(Service(setup))
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(setup.port)) from None
    except BaseException:
        for service in services:
            service.close()
        raise
    with _beside(services[1:]):
        ready(services)
        services[0].run()


@contextmanager
def _beside(services: Sequence[Service]) -> Iterator[None]:
    threads = [threading.Thread(target=service.run, name="sandbox store") for service in services]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for service in services:
            service.server.should_exit = True
        for thread in threads:
            thread.join(30)


def main() -> None:
    """The store as its own process: its setup comes on standard input, which closing ends it."""
    atexit.register(gc.freeze)  # it ends at once, without a last look for rubbish
    asked = json.loads(sys.stdin.readline())
    setup = Setup(plan=Plan(**asked.pop("plan")), **asked)
    service = Service(setup)
    sys.stdout.write(json.dumps(service.described()) + "\n")
    sys.stdout.flush()

    def watch() -> None:
        sys.stdin.read()
        service.server.should_exit = True

    threading.Thread(target=watch, daemon=True).start()
    service.run()


if __name__ == "__main__":
    main()
