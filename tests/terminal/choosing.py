"""Choices on the plan screen that several tests make."""

from tests.terminal.tmux import Tmux


def choose_gradual(terminal: Tmux) -> None:
    """On the plan, which starts with auto."""
    for shown in ("mode auto", "mode quiesce"):
        terminal.wait_for(shown, seconds=30)
        terminal.press("C-o")
    terminal.wait_for("mode gradual", "type the node's name: node1", seconds=30)
