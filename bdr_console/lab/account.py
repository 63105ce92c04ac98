"""The unprivileged account that everything in a lab runs as, and the private files it owns."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdr_console.errors import ConsoleError


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine."""

    name: str
    uid: int
    gid: int

    @classmethod
    def current(cls) -> "Account":
        """Who the lab runs as: the caller, or for root the `postgres` account, else `nobody`."""
        if os.geteuid() != 0:
            entry = pwd.getpwuid(os.geteuid())
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)
        raise ConsoleError(
            "the lab does not run servers as root, and there is neither a 'postgres' nor a 'nobody' account",
            "Run it as an ordinary user.",
        )

    @classmethod
    def owner_of(cls, path: Path) -> "Account":
        """The account that owns `path`."""
        uid = path.stat().st_uid
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(str(uid), uid, path.stat().st_gid)
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    @property
    def is_other(self) -> bool:
        """Whether programs have to be started as another account than the caller's."""
        return self.uid != os.geteuid()

    @property
    def spawn(self) -> dict[str, Any]:
        """The arguments that have `subprocess` start a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def make_dir(self, path: Path) -> Path:
        """Create the directory `path`, private to this account; raises FileExistsError."""
        path.mkdir(mode=0o700)
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        return path

    def write(self, path: Path, text: str) -> Path:
        """Write `path` anew, private to this account. A link standing there is replaced, never followed."""
        spare = path.with_name(f".{path.name}.{os.getpid()}")
        spare.unlink(missing_ok=True)
        fd = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            if self.is_other:
                os.fchown(fd, self.uid, self.gid)
            file.write(text)
        spare.replace(path)
        return path

    def open_log(self, path: Path) -> int:
        """A descriptor that appends to `path`, private to this account; the caller closes it."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        if self.is_other and stat.S_ISREG(os.fstat(fd).st_mode):
            os.fchown(fd, self.uid, self.gid)
        return fd
