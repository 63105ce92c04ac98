"""Where the console keeps its own files, all of them private to the user (0700)."""

import os
import pwd
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.private_files import make_private_dir


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
