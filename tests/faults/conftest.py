"""Labs for the matrix, and its table when it was run."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, up
from tests.conftest import lab_directory, settle

_FAILED, _NOT_TRIED = "FAILED", "NOT TRIED"
CELL, ENDED = "cell", "ended"
"""Properties of a test's report: which cell it is, and how it ended. Reports also come from other workers."""


class Labs:
    """A lab for each number of HAProxies, made when it is first needed."""

    def __init__(self) -> None:
        self._made: dict[int, Lab] = {}

    def whole(self, proxies: int) -> Lab:
        """That lab without load and faults; one that a cell has left beyond mending is made anew."""
        if lab := self._made.get(proxies):
            try:
                settle(lab)
            except ConsoleError:
                self._made.pop(proxies).down()
            else:
                return lab
        self._made[proxies] = up(lab_directory(f"matrix{proxies}"), proxies=proxies)
        return self._made[proxies]

    def down(self) -> None:
        """Take every one of them down."""
        for lab in self._made.values():
            with suppress(ConsoleError):
                lab.down()


@pytest.fixture(scope="session")
def labs() -> Iterator[Labs]:
    """The labs of this worker."""
    made = Labs()
    try:
        yield made
    finally:
        made.down()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table: a line for each cell, with how it ended, why it failed, or that it was not tried."""
    cells: dict[str, str] = {}
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            if isinstance(report, pytest.TestReport) and (told := dict(report.user_properties)).get(CELL):
                cells[str(told[CELL])] = _ended(report, told) or cells.get(str(told[CELL]), "")
    if not cells:
        return
    terminalreporter.section("fault matrix")
    for cell, ended in sorted(cells.items()):
        terminalreporter.write_line(f"{cell:<62} {ended}")
    tried = [ended for ended in cells.values() if not ended.startswith(_NOT_TRIED)]
    held = [ended for ended in tried if not ended.startswith(_FAILED)]
    terminalreporter.write_line(f"cells {len(cells)}, tried {len(tried)}, held {len(held)}")


def _ended(report: pytest.TestReport, told: dict[str, object]) -> str:
    """Of a report that says how the cell ended; what comes before and after a cell says it by failing."""
    if report.when == "call" and report.passed:
        return str(told.get(ENDED, ""))
    if not report.failed:
        return ""
    why = report.longreprtext.strip().splitlines() or [""]
    said = next((line[2:].strip() for line in why if line.startswith("E ")), why[-1])
    return f"{_FAILED if report.when == 'call' else _NOT_TRIED}: {said[:200]}"
