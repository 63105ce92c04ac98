"""Prints the matrix when it was run."""

import pytest

HELD: dict[tuple[str, str], str] = {}
"""(fault, mode: step) -> how the run ended, or FAILED."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table: a line for each fault and step."""
    if not HELD:
        return
    held = sum(ended != "FAILED" for ended in HELD.values())
    terminalreporter.section("fault matrix")
    for (fault, step), ended in sorted(HELD.items()):
        terminalreporter.write_line(f"{fault:<26} {step:<19} {ended}")
    terminalreporter.write_line(f"cells tried {len(HELD)}, cells held {held}")
