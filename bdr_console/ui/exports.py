"""What an operator takes along: text on the terminal's clipboard, or in a file of the state directory."""

import re
from datetime import datetime
from functools import partial
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.paths import private_dir, state_dir, write_private
from bdr_console.ui.base_app import BaseApp
from bdr_console.ui.workers import in_background

_SHOWN = 60
_COPIED = 64 * 1024
"""Characters that go to a clipboard: terminals drop OSC 52 sequences that are much longer."""


def copy(app: BaseApp, text: str) -> None:
    """Put `text` on the terminal's clipboard by OSC 52, and say what was put there."""
    app.copy_to_clipboard(text[:_COPIED])
    first = text.splitlines()[0] if text else ""
    shown = first if len(first) <= _SHOWN else first[: _SHOWN - 1] + app.glyphs.ellipsis
    app.notify(
        f"copied: {shown}\n(a terminal or tmux that refuses OSC 52 copies nothing: Y writes a file)",
        timeout=4,
        markup=False,
    )


def export_text(app: BaseApp, cluster: str, name: str, text: str) -> None:
    """Write `text`, which tells of `cluster`, to a file of its own, and say where or why not."""
    app.begin_work(_write(app, cluster, name, text), "writing a file")


async def _write(app: BaseApp, cluster: str, name: str, text: str) -> None:
    now = app.now()
    head = f"bdr-console, cluster {cluster}, {now.astimezone():%Y-%m-%d %H:%M:%S %Z}\n\n"
    try:
        path = await in_background(partial(write_export, name, head + text, now))
    except ConsoleError as error:
        app.notify(f"{error.problem}. {error.remedy}", severity="error", timeout=8, markup=False)
    else:
        app.notify(f"written to {path}", timeout=8, markup=False)


def write_export(name: str, text: str, now: datetime) -> Path:
    """Write `text` to a new file that only its owner can read, and return where. Raises ConsoleError."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:80]
    directory = private_dir(state_dir() / "written")
    return write_private(directory / f"{now.astimezone():%Y%m%dT%H%M%S}-{plain}.txt", text)
