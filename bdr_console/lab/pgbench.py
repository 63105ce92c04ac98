"""What pgbench writes: its per-transaction log, and which clients gave up. Pure but for `read`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_ABORTED = re.compile(r"client (\d+) (?:script \d+ )?aborted")
_NOT_CONNECTED = re.compile(r"could not create connection for client (\d+)")


@dataclass(frozen=True, slots=True)
class LoadTransaction:
    """One line of the log."""

    client: int
    began: float
    """Seconds since 1970 (UTC)."""
    ended: float
    failed: bool
    """It ended with an error that pgbench survived (serialization, deadlock)."""

    @property
    def seconds(self) -> float:
        """How long the client waited for it, not counting the time it stood in pgbench's own schedule."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Stall:
    """The longest time that a client waited for one transaction."""

    seconds: float
    began: datetime
    ended: datetime


def parse(lines: Iterable[str]) -> Iterator[LoadTransaction]:
    """The transactions of a log: `client_id transaction_no time script_no time_epoch time_us [schedule_lag]`.

    `time` counts from the scheduled start when pgbench runs with --rate, so the lag is taken off it
    (PostgreSQL manual, pgbench, "Per-Transaction Logging"). A line cut short by the end of the file is left
    out. A failed transaction has a word instead of a time: its start is unknown and taken as its end.
    """
    for line in lines:
        if not line.endswith("\n"):
            continue
        fields = line.split()
        if len(fields) < 6:
            continue
        ended = int(fields[4]) + int(fields[5]) / 1e6
        if not fields[2].isdigit():
            if fields[2] != "skipped":
                yield LoadTransaction(int(fields[0]), ended, ended, failed=True)
            continue
        lag = int(fields[6]) if len(fields) > 6 else 0
        yield LoadTransaction(int(fields[0]), ended - (int(fields[2]) - lag) / 1e6, ended, failed=False)


def read(directory: Path, pooler: str = "*") -> tuple[LoadTransaction, ...]:
    """Every transaction (through that PgBouncer) that the logs in `directory` hold so far, by their end."""
    found: list[LoadTransaction] = []
    for path in directory.glob(f"transactions.{pooler}.*"):
        with path.open(encoding="ascii", errors="replace") as file:
            found += parse(file)
    return tuple(sorted(found, key=lambda transaction: transaction.ended))


def longest(transactions: Iterable[LoadTransaction], since: float, until: float) -> Stall | None:
    """The longest transaction that touches the window [since, until] (seconds since 1970), or None."""
    touching = [t for t in transactions if not t.failed and t.ended >= since and t.began <= until]
    if not touching:
        return None
    worst = max(touching, key=lambda transaction: transaction.seconds)
    return Stall(
        worst.seconds, datetime.fromtimestamp(worst.began, UTC), datetime.fromtimestamp(worst.ended, UTC)
    )


def aborted_clients(output: str) -> int:
    """How many clients gave up (or never connected), from what pgbench wrote to its error output."""
    return len({match[1] for pattern in (_ABORTED, _NOT_CONNECTED) for match in pattern.finditer(output)})
