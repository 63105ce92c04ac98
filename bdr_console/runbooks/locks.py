"""File locks (flock): they vanish with the process that holds them, however it ends."""

import contextlib
import fcntl
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from bdr_console import paths
from bdr_console.paths import open_private, unusable


class Busy(Exception):  # noqa: N818 - it is an answer, not a failure
    """Somebody else holds the lock; `holder` is what they wrote about themselves."""

    def __init__(self, holder: dict[str, Any]) -> None:
        super().__init__("the lock is held")
        self.holder = holder


def hold(path: Path, holder: dict[str, Any]) -> int:
    """Take the lock and write who holds it; returns the descriptor to keep open.

    Raises Busy, and ConsoleError where the file cannot be used.
    """
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Busy(_holder(path)) from None
    except OSError as error:
        os.close(descriptor)
        raise unusable(path, error) from None
    with contextlib.suppress(OSError):  # on a full disk the lock holds, and its holder goes unnamed
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    return descriptor


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. Looks with a shared lock, so two lookers do not meet."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def cluster_locks(addresses: tuple[str, ...]) -> tuple[Path, ...]:
    """One lock file for each HAProxy address: two runs that share a proxy exclude each other, whatever
    name their configurations give the cluster."""
    directory = paths.private_dir(paths.state_dir() / "locks")
    return tuple(
        directory / f"{sha256(address.encode()).hexdigest()[:16]}.lock" for address in sorted(set(addresses))
    )


def holder_of(path: Path) -> dict[str, Any] | None:
    """What the living holder of the lock wrote about itself; None when nobody holds it."""
    return _holder(path) if is_held(path) else None


def _holder(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8") or "{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
