"""A private directory for the sockets that libpq is given a path to; it goes with this process."""

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from pathlib import Path

from bdr_console import paths
from bdr_console.errors import ConsoleError
from bdr_console.paths import open_private, unusable

_LIMIT = 107
"""Bytes of a UNIX socket's path that the system takes."""
_ROOM = len("/tunnels-12345678/999999/.s.PGSQL.65535")
_PREFIX = "tunnels-"
_LOCK = "lock"


class SocketDirectory:
    """`tunnels-XXXX`, mode 0700, below the state directory (below /tmp when that path is too long)."""

    def __init__(self) -> None:
        base = _base()
        _sweep(base)
        try:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        except OSError as error:
            raise unusable(base, error) from None
        # A lock and not a pid: it ends with this process, whatever becomes of the number.
        self._lock = open_private(self.path / _LOCK, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._numbers = itertools.count(1)

    def fresh(self) -> Path:
        """A new directory for one socket, mode 0700."""
        path = self.path / str(next(self._numbers))
        path.mkdir(mode=0o700)
        return path

    def close(self) -> None:
        """Remove it with everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._lock)


def _base() -> Path:
    base = paths.state_dir() / "ssh"
    if len(os.fsencode(base)) + _ROOM > _LIMIT:
        base = Path(tempfile.gettempdir()) / f"bdr-console-{os.getuid()}"
    paths.private_dir(base)
    seen = base.lstat()
    if seen.st_uid != os.getuid() or seen.st_mode & 0o077 or not base.is_dir() or base.is_symlink():
        raise ConsoleError(
            f"{base} is not private to this user: the sockets to the servers would not be either",
            f"chmod 700 {base}, or remove it if it is not yours.",
        )
    return base


def _sweep(base: Path) -> None:
    """Remove what dead processes have left."""
    for path in base.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(path / _LOCK, os.O_RDWR)
        except OSError:
            continue  # another process is just making it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # its process lives
        else:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)
