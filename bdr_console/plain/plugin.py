"""A cluster's state in the form that Nagios, Icinga and their relatives take from a plugin. Pure."""

import re

from bdr_console.cluster.verdict.findings import Finding, Thresholds
from bdr_console.cluster.verdict.headline import next_step, sentence
from bdr_console.plain.status_reader import StatusReport
from bdr_console.plain.words import EXIT_CODES, UNKEPT

_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def plugin_lines(report: StatusReport, limits: Thresholds) -> list[str]:
    """The line with its performance data, then a line for each finding: the plugin's long output."""
    state = _STATES[EXIT_CODES[report.verdict.level]]
    do = next_step(report.verdict)
    said = _safe(
        f"{state} - {report.snapshot.cluster}: {report.headline.partition(': ')[2]}"
        + (f". {do}" if do else "")
    )
    data = " ".join(_performance(report, limits))
    lines = [_line(finding, report) for finding in report.verdict.findings]
    if report.unkept:
        lines.append(f"{UNKEPT}: {report.unkept}")
    return [f"{said} | {data}", *map(_safe, lines)]


def _line(finding: Finding, report: StatusReport) -> str:
    if finding.root is not None:
        return f"- {finding.sentence}"
    return f"{sentence(finding, None, report.now)}. {finding.remedy}"


def _safe(text: str) -> str:
    """A plugin's text ends at the first bar, and so do its lines."""
    return text.replace("|", "/").replace("\n", " ")


def _performance(report: StatusReport, limits: Thresholds) -> list[str]:
    """Figures that were read lately; what could not be read is left out, as plugins do, never 0."""
    snapshot, now = report.snapshot, report.now
    fresh = [node for node in snapshot.nodes if node.is_fresh(now, snapshot.refresh)]
    found = [f"nodes_up={len(fresh)};;;0;{len(snapshot.nodes)}"]
    for node in fresh:
        if node.facts and node.facts.sessions:
            limit = node.facts.sessions.max_connections
            warn = int(limits.connections_warn * limit)
            found.append(f"{_label('sessions', node.name)}={node.facts.sessions.total};{warn};;0;{limit}")
    for link in report.links:
        name = f"{link.origin}-{link.target}"
        if link.fresh and link.lag_bytes is not None:
            limit_text = f"{limits.lag_bytes_warn};{limits.lag_bytes_crit};0"
            found.append(f"{_label('lag', name)}={max(0, link.lag_bytes)}B;{limit_text}")
        if link.fresh and link.lag_seconds is not None:
            limit_text = f"{limits.lag_seconds_warn:g};{limits.lag_seconds_crit:g};0"
            found.append(f"{_label('lag_time', name)}={link.lag_seconds:.3f}s;{limit_text}")
    for pooler in snapshot.poolers:
        if pooler.facts and pooler.is_fresh(now, snapshot.refresh):
            waiting = sum(pool.clients_waiting for pool in pooler.facts.pools)
            longest = max((pool.max_wait for pool in pooler.facts.pools if pool.clients_waiting), default=0.0)
            limit_text = f"{limits.client_wait_warn:g};{limits.client_wait_crit:g};0"
            found.append(f"{_label('waiting', pooler.name)}={waiting};;;0")
            found.append(f"{_label('wait', pooler.name)}={longest:.3f}s;{limit_text}")
    return found


def _label(figure: str, name: str) -> str:
    """Without the characters that performance data give a meaning."""
    return f"{figure}_{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}"
