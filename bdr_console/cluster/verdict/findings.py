"""What a judgement is made of: levels, limits, findings, the verdict."""

import re
from dataclasses import dataclass, fields, replace
from enum import IntEnum

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.finding_kinds import FindingKind, Impact, kind_of

__all__ = ["Finding", "Impact", "Key", "Level", "Thresholds", "Verdict", "key_of"]


class Level(IntEnum):
    """How bad a finding is; the worst one names the cluster."""

    OK = 0
    UNKNOWN = 1
    WARN = 2
    CRIT = 3

    @property
    def word(self) -> str:
        """The word that the header shows."""
        return {0: "HEALTHY", 1: "UNKNOWN", 2: "DEGRADED", 3: "CRITICAL"}[self.value]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits from the configuration: bytes, seconds, counts, one share (connections_warn, 0-1)."""

    lag_bytes_warn: int = 10 * 1024**2
    lag_bytes_crit: int = 100 * 1024**2
    lag_seconds_warn: float = 30.0
    lag_seconds_crit: float = 300.0
    client_wait_warn: float = 1.0
    client_wait_crit: float = 10.0
    transaction_age_warn: float = 60.0
    connections_warn: float = 0.85
    lock_wait_warn: float = 10.0
    lock_wait_crit: float = 60.0
    clock_skew_warn: float = 2.0
    clock_skew_crit: float = 5.0
    orphan_slot_crit: int = 1024**3
    conflicts_warn: int = 1
    single_writer: bool = True
    """All clients are meant to write on one node at a time."""

    def eased(self, margin: float) -> "Thresholds":
        """The limits that a figure must fall below to end what it raised: lower by that share (0-1)."""
        kept = {
            field.name: getattr(self, field.name) * (1 - margin)
            for field in fields(self)
            if field.name not in ("conflicts_warn", "single_writer")
        }
        return replace(self, **kept)


Key = tuple[str, str]
"""What a finding is known by from one reading to the next: its kind and its subject."""
_ONE_STATE = frozenset({"link", "server"})
"""Kinds of which a subject has one at a time: a link that lagged and is down now is the same trouble."""


def key_of(code: str, subject: str) -> Key:
    """The key of a finding, or of a change that tells of the same trouble."""
    kind = code.partition(".")[0]
    return (kind if kind in _ONE_STATE else code, subject)


_VERBS = (
    "is ",
    "has ",
    "lags ",
    "hangs",
    "does not ",
    "cannot ",
    "waits ",
    "knows ",
    "runs ",
    "was ",
    "calls ",
    "lacks ",
)
"""How texts begin that read on from their subject."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    level: Level
    subject: str
    """What it is about: a node, `a -> b`, `proxy/backend/server`, a pooler, a group, `conflicts`."""
    text: str
    """The fact, in words a DBA would use; neither the remedy nor the number of clients."""
    code: str = ""
    """What sort of thing, whatever the figures: `link.lag`, `node.unreachable`, `slot.orphan:name`. Each has
    a row in `finding_kinds.KINDS`."""
    remedy: str = ""
    """What to do next, a key or a command; empty until `judge` takes it from the kind."""
    command: str = ""
    """The same where there are no keys, if `remedy` names one; empty for that of the kind."""
    impact: Impact | None = None
    """Who is hurt, where the case differs from its kind; None until `judge` takes it from the kind."""
    clients: int | None = None
    """Clients that are cut off or hang by it; None where that is not known, or none can be."""
    longest_wait: float | None = None
    """Seconds that the first of them has waited."""
    root: Key | None = None
    """The key of the finding that causes this one; None for one that stands for itself."""
    expected: bool = False
    """Whether it belongs to a run or a hold that is under way."""

    @property
    def key(self) -> Key:
        """Its kind and its subject."""
        return key_of(self.code, self.subject)

    @property
    def kind(self) -> FindingKind:
        """What its code stands for."""
        return kind_of(self.code)

    @property
    def hurts(self) -> Impact:
        """Who is hurt; nobody is known to be by what is only unknown."""
        if self.impact is not None:
            return self.impact
        return Impact.OTHER if self.level is Level.UNKNOWN else self.kind.impact

    @property
    def sentence(self) -> str:
        """`node2 -> node3 lags 48 MiB, 35 s`: what reads on from its subject stands there without a colon."""
        colon = "" if self.text.startswith(_VERBS) else ":"
        return f"{self.subject}{colon} {self.text}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The overall judgement; findings are sorted: who is hurt most first, then the worst, each followed by
    what it causes."""

    level: Level
    findings: tuple[Finding, ...]

    @property
    def roots(self) -> tuple[Finding, ...]:
        """The findings that no other one causes."""
        return tuple(finding for finding in self.findings if finding.root is None)

    def caused_by(self, root: Finding) -> tuple[Finding, ...]:
        """The findings that fold under `root`."""
        return tuple(finding for finding in self.findings if finding.root == root.key)


_PLACE = re.compile(r"\{([a-z_]+)\}")


def with_remedies(findings: list[Finding], snapshot: Snapshot, *, keys: bool) -> list[Finding]:
    """Return the same, each with its own remedy or that of its kind; places in braces are filled. `keys`:
    whether who reads it has those of the console; else a remedy is a command."""
    addresses = {
        target.name: target.address
        for targets in (snapshot.nodes, snapshot.proxies, snapshot.poolers)
        for target in targets
    }
    return [replace(one, remedy=_filled(_remedy(one, keys=keys), one, addresses)) for one in findings]


def _remedy(finding: Finding, *, keys: bool) -> str:
    if keys:
        return finding.remedy or finding.kind.remedy
    return finding.command or finding.remedy or finding.kind.command or finding.kind.remedy


def _filled(remedy: str, finding: Finding, addresses: dict[str, str]) -> str:
    """What is not known stays out of the way: a name stands where there is no address."""
    places = _places(finding.subject, finding.code.partition(":")[2], addresses)
    return _PLACE.sub(lambda match: places.get(match[1], match[0]), remedy)


def _places(subject: str, detail: str, addresses: dict[str, str]) -> dict[str, str]:
    def at(name: str) -> str:
        return f"{name} ({addresses[name]})" if addresses.get(name) else name

    found = {"subject": subject, "detail": detail}
    origin, arrow, target = subject.partition(" -> ")
    if arrow:
        found |= {"origin": origin, "target": target, "origin_at": at(origin), "target_at": at(target)}
    first, _, rest = subject.partition("/")
    backend, _, server = rest.partition("/")
    found |= {"at": at(first), "proxy": at(first), "backend": backend, "server": server}
    return found | {"pooler": at(first), "database": rest}
