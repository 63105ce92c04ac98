"""Where the console keeps its own files, all of them private to the user (0700)."""

import os
from pathlib import Path


def state_dir() -> Path:
    """The directory for runs and logs: `$BDR_CONSOLE_STATE`, else the XDG state directory."""
    if own := os.environ.get("BDR_CONSOLE_STATE"):
        return Path(own)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "bdr-console"


def private_dir(path: Path) -> Path:
    """Create `path` (and its parents) readable by nobody else, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def runs_dir() -> Path:
    """One directory per run of a runbook: its journal and its control socket."""
    return private_dir(state_dir() / "runs")
