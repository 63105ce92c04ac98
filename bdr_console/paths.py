"""What the console has on this machine: its directories, its private files, and the user it runs as.

Nobody else may read these files, and none that somebody else has planted is written. The rules are those of
the kernel's fs.protected_symlinks, _hardlinks, _regular and _fifos, held everywhere and not only in sticky
directories: no symbolic link is followed, and what is there already must be a plain file of this user.
Everything the console writes goes through here.
"""

import contextlib
import errno
import os
import pwd
import socket
import stat
import tempfile
from pathlib import Path

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ELSEWHERE = "or name another place (for runs and logs: BDR_CONSOLE_STATE)."


def state_dir() -> Path:
    """The directory for runs and logs: `$BDR_CONSOLE_STATE`, else the XDG state directory. Always absolute.

    Raises ConsoleError where none can be named: no home directory, or a working directory that is gone.
    """
    if own := os.environ.get("BDR_CONSOLE_STATE"):
        try:
            return Path(own).absolute()
        except OSError:
            raise ConsoleError(
                f"BDR_CONSOLE_STATE={own} leads nowhere: the working directory is gone",
                "Name an absolute path in it, or change to a directory that is there.",
            ) from None
    base = Path(os.environ.get("XDG_STATE_HOME", ""))  # a relative one has to be ignored, says its standard
    return (base if base.is_absolute() else _home() / ".local" / "state") / "bdr-console"


def _home() -> Path:
    named = os.environ.get("HOME", "")
    if named.startswith("/"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise ConsoleError(
            f"HOME is not set and user {os.getuid()} has no home directory: "
            "there is no place for runs and logs",
            "Name a directory of your own in BDR_CONSOLE_STATE.",
        ) from None


def shipped(name: str) -> Path:
    """A shipped file or directory: in the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / name
    return installed if installed.exists() else package.parent / name


def private_dir(path: Path) -> Path:
    """Create `path` readable by nobody else, and return it; below the state directory every level of it is
    looked at. Raises ConsoleError: see `make_private_dir`."""
    root = state_dir()
    if root in path.parents:
        for level in reversed([each for each in path.parents if each == root or root in each.parents]):
            make_private_dir(level)
    return make_private_dir(path)


def runs_dir() -> Path:
    """One directory per run of a runbook: its journal and its control socket."""
    return private_dir(state_dir() / "runs")


def make_private_dir(path: Path) -> Path:
    """Create `path` (and its parents) readable by nobody else, and return it.

    Raises ConsoleError when it cannot be made, is not a directory, belongs to somebody else, or others may
    put files into it.
    """
    try:
        for missing in reversed([each for each in (path, *path.parents) if not os.path.lexists(each)]):
            missing.mkdir(mode=0o700, exist_ok=True)  # the mode of mkdir's own parents would be the umask's
        link, found = path.lstat(), path.stat()
    except OSError as error:
        raise unusable(path, error) from None
    if not stat.S_ISDIR(found.st_mode):
        raise ConsoleError(f"{clean(path)} is not a directory", _remedy(errno.ENOTDIR))
    for owner in (link.st_uid, found.st_uid):
        if owner not in (os.geteuid(), 0):
            raise ConsoleError(
                f"{clean(path)} belongs to {_name(owner)}, who could read or replace what is kept there",
                "Name a directory of your own (for runs and logs: BDR_CONSOLE_STATE).",
            )
    if found.st_mode & 0o022:
        raise ConsoleError(
            f"others may write to {clean(path)}, where the console keeps files of its own",
            f"chmod go-w {clean(path)}, {_ELSEWHERE}",
        )
    return path


def open_private(path: Path, flags: int) -> int:
    """Open a file of this user's own, made with mode 0600 where `flags` create it; returns the descriptor.

    O_TRUNC takes effect only after the file has proved to be ours. Raises FileExistsError with O_EXCL, and
    ConsoleError for everything else: a full disk, a symbolic link, another user's file.
    """
    safe = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # without O_NONBLOCK a planted pipe would block
    try:
        descriptor = os.open(path, flags & ~os.O_TRUNC | safe, 0o600)
    except FileExistsError:
        raise
    except OSError as error:
        raise unusable(path, error) from None
    try:
        _refuse_foreign(descriptor, path)
        if flags & os.O_TRUNC:
            os.ftruncate(descriptor, 0)
    except OSError as error:
        os.close(descriptor)
        raise unusable(path, error) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def write_private(path: Path, content: str | bytes) -> Path:
    """Write the whole of `path`, mode 0600: at any instant it is the old file or the new one, on disk.

    Raises ConsoleError; what was there before is whole then.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        with contextlib.suppress(FileNotFoundError):
            _refuse_other_kinds(path.lstat().st_mode, path)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise unusable(path, error) from None
    return path


def require_room(directory: Path, size: int) -> None:
    """Raise ConsoleError unless `size` more bytes can be written below `directory` now.

    Quotas and limits of the process count too: the bytes are reserved in a file, which is removed again.
    """
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise unusable(directory, error) from None


def unusable(path: Path, error: OSError) -> ConsoleError:
    """What is said of a path that the system refuses: which, why, and what helps."""
    if error.errno == errno.ELOOP:
        return ConsoleError(f"{clean(path)} is a symbolic link", "Name the file or directory itself.")
    why = error.strerror or str(error)
    return ConsoleError(f"cannot use {clean(path)}: {why}", _remedy(error.errno))


def _refuse_foreign(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    _refuse_other_kinds(found.st_mode, path)
    if found.st_uid not in (os.geteuid(), 0):
        raise ConsoleError(
            f"{clean(path)} belongs to {_name(found.st_uid)} and is not written to",
            f"Remove it if it is not wanted, {_ELSEWHERE}",
        )
    if found.st_nlink > 1 and path.parent.stat().st_mode & 0o002:
        raise ConsoleError(
            f"{clean(path)} has a second name (a hard link), and its directory is open to others",
            f"Remove it if it is not wanted, {_ELSEWHERE}",
        )


def _refuse_other_kinds(mode: int, path: Path) -> None:
    if stat.S_ISLNK(mode):
        raise ConsoleError(f"{clean(path)} is a symbolic link", "Name the file itself.")
    if not stat.S_ISREG(mode):
        raise ConsoleError(f"{clean(path)} is no file", "Name a plain file.")


def _remedy(number: int | None) -> str:
    if number in _FULL:
        return f"Make room on its disk, {_ELSEWHERE}"
    if number in (errno.ENOTDIR, errno.EEXIST):
        return f"Move away the file that stands where a directory is needed, {_ELSEWHERE}"
    return f"Make it one that you may write to, {_ELSEWHERE}"


def _name(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def who() -> str:
    """user@host, the sudo user where there is one, and where the SSH session came from."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    sudo = os.environ.get("SUDO_USER")
    named = f"{sudo} as {user}" if sudo and sudo != user else user
    client = (os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_CLIENT", "")).split(" ")[0]
    return f"{named}@{socket.gethostname()}" + (f" from {client}" if client else "")
