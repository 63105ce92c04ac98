"""Made-up reports: the scenes of the screen's tests, judged for plain text."""

from collections.abc import Sequence
from datetime import datetime

from bdr_console.cluster.history import History
from bdr_console.cluster.replication import links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.links.advisory import Holder
from bdr_console.plain.status_reader import StatusReport
from bdr_console.runbooks.model.run import RunView
from tests.ui.scenes import NOW


def report(
    snapshot: Snapshot, now: datetime = NOW, *, runs: Sequence[RunView] = (), lock: Holder | None = None
) -> StatusReport:
    """What a look would have seen."""
    history = History()
    remember(history, snapshot)
    verdict = judge(snapshot, Thresholds(), now, history)
    return StatusReport(snapshot, now, verdict, links(snapshot, now), 3, tuple(runs), lock)
