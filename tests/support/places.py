"""Where tests keep what they write."""

import os
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 3 * 1024**3


def quickest() -> Path:
    """A folder for databases: in memory where there is plenty, else on the disk.

    A database is some 700 files, and hundreds are made and dropped: most of that is the disk's. The
    path is short, for sockets; the system user that runs the server for root can enter it, which is
    not so of pytest's own folder.
    """
    try:
        memory = os.statvfs(_MEMORY)
    except OSError:
        return Path("/tmp")
    usable = not memory.f_flag & os.ST_NOEXEC and os.access(_MEMORY, os.W_OK) and _MEMORY.stat().st_mode & 0o1
    return _MEMORY if usable and memory.f_bavail * memory.f_frsize >= _ROOM else Path("/tmp")
