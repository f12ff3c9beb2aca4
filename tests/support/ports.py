"""Ports for what starts later, or never."""

import socket
from pathlib import Path
from random import SystemRandom

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000


def free_port() -> int:
    """A port that nobody listens on and that stays so: below those that the kernel gives out.

    One that the kernel chose is given to the next connection that any process makes, and then whoever
    comes back to it finds it taken, or whoever knocks there is answered.
    """
    try:
        end = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError):
        end = 32_768
    for _ in range(200):
        port = SystemRandom().randrange(_LOWEST, max(end, _LOWEST + 1000))
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no port from {_LOWEST} to {end} is free")
