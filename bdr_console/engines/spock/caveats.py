"""What Spock's own rules make of a reading. Pure."""

from bdr_console.cluster.nodes import Caveat
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import moment
from bdr_console.links.postgres import Rows


def exception_caveats(exceptions: Rows, settings: Rows) -> list[Caveat]:
    """The row of `exceptions`: data that differ, whatever the links say."""
    if not exceptions:
        return []
    row = exceptions[0]
    count, newest = row["transactions"], moment(row["newest_at"])
    done = {
        "discard": "were skipped in part",
        "transdiscard": "were thrown away",
        "sub_disable": "stopped apply",
    }
    behaviour = settings[0]["exception_behaviour"] if settings else None
    what = "1 transaction of other nodes" if count == 1 else f"{count} transactions of other nodes"
    fate = done.get(behaviour or "", "failed").replace("were", "was" if count == 1 else "were")
    text = f"{what} {fate} here: this node's rows differ (spock.exception_log: "
    text += f"{clean(row['what'] or '?', 200)}, {clean(row['message'] or 'no message', 300)}"
    text += f", last {newest:%Y-%m-%d %H:%M}Z)" if newest else ")"
    return [Caveat(True, text)]


def read_only_caveats(readonly: str | None) -> list[Caveat]:
    """spock.readonly = all refuses the apply workers as well."""
    if readonly != "all":
        return []
    text = "spock.readonly is all: apply is refused too, so peers keep WAL for this node"
    return [Caveat(True, text)]
