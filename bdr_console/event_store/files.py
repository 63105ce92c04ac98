"""How files are shared by several consoles: one writes at a time, and nobody waits for ever."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bdr_console.paths import open_private, private_dir, state_dir

_PATIENCE = 2.0
"""Seconds to wait for another console that writes; it takes milliseconds, unless its host hangs."""


def home_of(cluster: str) -> Path:
    """The directory of one cluster's files, made when it is not there. Raises ConsoleError, OSError."""
    return private_dir(state_dir() / "clusters" / cluster)


@contextmanager
def alone(lock: Path) -> Iterator[bool]:
    """Hold the lock file; False when another held it for too long. Raises OSError, ConsoleError."""
    handle = open_private(lock, os.O_RDWR | os.O_CREAT)
    try:
        yield _taken(handle)
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        else:
            return True
