"""What a DBA would say of every captured state: a table beside the captures, `state | level | finding`."""

import re
from pathlib import Path

from bdr_console.cluster.verdict.finding_kinds import KINDS
from bdr_console.cluster.verdict.findings import Verdict

Row = tuple[str, str, tuple[str, ...]]


def verdicts(folder: Path) -> list[Row]:
    """(state, level, how each finding begins); a line without a state continues the one before it."""
    found: list[Row] = []
    for line in (folder / "verdicts.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        state, level, *told = (part.strip() for part in line.split(" | ", 2))
        if state:
            found.append((state, level, tuple(told)))
        else:
            last = found.pop()
            found.append((last[0], last[1], (*last[2], *told)))
    return found


def assert_told(verdict: Verdict, level: str, told: tuple[str, ...]) -> None:
    """The verdict has that level and those findings, and no others; each says what to do next."""
    found = [f"{finding.subject}: {finding.text}" for finding in verdict.findings]
    missed = [text for text in told if not any(line.startswith(text) for line in found)]
    assert (verdict.level.name, missed, len(found)) == (level, [], len(told)), found
    for finding in verdict.findings:
        assert finding.code.partition(":")[0] in KINDS, f"{finding.code} has no row in finding_kinds.py"
        assert finding.remedy, finding
        assert not re.search(r"\{[a-z_]+\}", finding.remedy), finding.remedy
