"""The real program in a real terminal: a tmux server of its own, ended with it."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import wait_until


class Tmux:
    """One program in one tmux window of a given size."""

    def __init__(
        self, command: Sequence[str], columns: int, lines: int, environment: Mapping[str, str] | None = None
    ) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="bdr-tmux-")
        self._socket = str(Path(self._directory.name) / "tmux")
        exports = "".join(f"{key}={shlex.quote(value)} " for key, value in (environment or {}).items())
        # The window outlives the program, so that its last words can be read.
        shell = f"{exports}{shlex.join(command)}; code=$?; echo; echo exit status $code; exec sleep 600"
        self._run(
            "-f", os.devnull, "new-session", "-d", "-x", str(columns), "-y", str(lines), "sh", "-c", shell
        )  # fmt: skip

    def _run(self, *arguments: str) -> str:
        command = ["tmux", "-S", self._socket, *arguments]
        # pytest's readline exports COLUMNS and LINES behind Python's back, and a worker of it inherits them.
        environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout

    def screen(self) -> str:
        """What a person would read now."""
        return self._run("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Send keys by tmux's names: `s`, `Enter`, `Escape`, `C-p`."""
        self._run("send-keys", *keys)

    def write(self, text: str) -> None:
        """Send text letter by letter, as it is."""
        self._run("send-keys", "-l", text)

    def resize(self, columns: int, lines: int) -> None:
        """Change the window's size, as a user's terminal does."""
        self._run("resize-window", "-x", str(columns), "-y", str(lines))

    def child(self) -> int:
        """The pid of the program, the only child of the window's shell."""
        shell = self._run("display-message", "-p", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def wait_for(self, *texts: str, seconds: float = 20.0) -> str:
        """The first screen that shows every text; fails with the last screen when none does in time."""
        return self._until(lambda screen: all(text in screen for text in texts), f"shown: {texts}", seconds)

    def wait_gone(self, text: str, seconds: float = 20.0) -> str:
        """The first screen without the text."""
        return self._until(lambda screen: text not in screen, f"gone: {text}", seconds)

    def _until(self, holds: Callable[[str], bool], what: str, seconds: float) -> str:
        screen = ""

        def seen() -> bool:
            nonlocal screen
            screen = self.screen()
            return holds(screen)

        wait_until(seen, lambda: f"{what}\n{screen}", seconds=seconds, pause=0.05)
        return screen

    def close(self) -> None:
        """End the window and its tmux server."""
        command = ["tmux", "-S", self._socket, "kill-server"]
        subprocess.run(command, capture_output=True, timeout=10, check=False)
        self._directory.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
