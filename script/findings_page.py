"""The page of all findings, made from the table that the program judges by."""

import re

import click

from bdr_console.cluster.verdict.finding_kinds import KINDS, FindingKind, Impact

_HEAD = """\
# Findings

This page is written by `script/findings`. Each finding of the verdict has a code, which stays the same
whatever the figures: alarms and acknowledgements know a finding by its code and its subject, and
`bdr-console status --json` shows it as `code`.

## Order

The verdict line shows the finding that hurts most, and how many others there are:

1. A finding that another one causes is folded under it. Links, servers and pools fold under the node,
   the host or the HAProxy that is down, and what a run brings along folds under the run.
2. Of those that are left, findings that hurt clients come first, and findings that are only unknown
   last.
3. Then the worst level comes first: CRITICAL before DEGRADED.
4. Within a level, data at risk come before lost redundancy, and that before the rest; more clients
   before fewer.

The tables show who is hurt as a rule. A finding that knows better says so itself: a node that does not
answer and has clients hurts clients, another one costs redundancy. What the lag of a link means is in
[lag.md](lag.md).
"""
_TITLES = {
    Impact.CLIENTS: ("Clients", "Clients are cut off, refused, or wait."),
    Impact.DATA: ("Data", "Data are lost, differ between nodes, or soon will."),
    Impact.REDUNDANCY: ("Redundancy", "Nobody is hurt yet; the next fault would hurt."),
    Impact.OTHER: ("The rest", "Nobody is known to be hurt."),
}


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(_table(impact) for impact in sorted(Impact, reverse=True))])


def _table(impact: Impact) -> str:
    title, what = _TITLES[impact]
    rows = [_row(code, kind) for code, kind in sorted(KINDS.items()) if kind.impact is impact]
    return "\n".join(
        [f"## {title}", "", what, "", "| code | meaning | next step |", "|---|---|---|", *rows, ""]
    )


def _row(code: str, kind: FindingKind) -> str:
    """Return one line of a table. Places that are filled from the subject are in capitals, as in the help."""
    step = re.sub(r"\{(\w+)\}", lambda place: place[1].upper(), kind.remedy)
    return f"| `{code}` | {kind.reason} | {step} |".replace("{", "\\{")


if __name__ == "__main__":
    click.echo(page(), nl=False)
