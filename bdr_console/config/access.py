"""Who else could change a configuration: whoever can, can have the console run its commands elsewhere."""

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path


def warnings(files: Iterable[Path]) -> tuple[str, ...]:
    """One sentence for each file or directory that others than its owner may write to, with the remedy."""
    found: list[str] = []
    for file in files:
        found += [_file(file), _directory(file.absolute().parent)]
    return tuple(dict.fromkeys(filter(None, found)))


def _file(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return ""
    if stat.S_IMODE(state.st_mode) & 0o022:
        return f"{path} may be changed by others: chmod go-w {shlex.quote(str(path))}"
    if state.st_uid not in (0, os.geteuid()) and os.geteuid() != 0:
        return f"{path} belongs to another user (uid {state.st_uid}), who may change it"
    return ""


def _directory(path: Path) -> str:
    """In a directory with the sticky bit (/tmp) nobody can replace another's file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return ""
    if mode & 0o022 and not mode & stat.S_ISVTX:
        remedy = f"chmod go-w {shlex.quote(str(path))}"
        return f"{path} may be changed by others, who could replace the file: {remedy}"
    return ""
