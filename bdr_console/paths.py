"""Where the console keeps its own files, all of them private to the user (0700)."""

import os
from pathlib import Path

from bdr_console.errors import ConsoleError


def state_dir() -> Path:
    """The directory for runs and logs: `$BDR_CONSOLE_STATE`, else the XDG state directory."""
    if own := os.environ.get("BDR_CONSOLE_STATE"):
        return Path(own)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "bdr-console"


def shipped(name: str) -> Path:
    """A shipped file or directory: in the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / name
    return installed if installed.exists() else package.parent / name


def private_dir(path: Path) -> Path:
    """Create `path` (and its parents) readable by nobody else, and return it.

    Raises ConsoleError when it is there and others may put files into it.
    """
    for missing in reversed([p for p in (path, *path.parents) if not p.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)  # the mode of mkdir's own parents would be the umask's
    found = path.stat()
    if found.st_mode & 0o022 or (found.st_uid != os.geteuid() and os.geteuid() != 0):
        raise ConsoleError(
            f"others may write to {path}, where the console keeps its journals and plans",
            f"chmod go-w {path}, or name another directory in BDR_CONSOLE_STATE.",
        )
    return path


def runs_dir() -> Path:
    """One directory per run of a runbook: its journal and its control socket."""
    return private_dir(state_dir() / "runs")
