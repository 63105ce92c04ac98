"""Nodes that are out of service on purpose: what the runs under way are about, handed to the judgement."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from bdr_console.cluster.addresses import machine_of, split
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, listed
from bdr_console.cluster.traffic import traffic
from bdr_console.cluster.verdict.findings import Finding, Impact, Key, Level, Verdict, with_remedies


@dataclass(frozen=True, slots=True)
class Work:
    """One run that is under way on one node."""

    node: str
    run: str
    """Its id, short: what a command takes."""
    who: str
    """user@host."""
    holds: bool = False
    """Whether it waits for the operator with the node out of service; else it is on its way there or back."""


_ANSWERED = ("refused", "No such file", "no such file", "password", "authentication", "permission", "FATAL")
"""Words of an error that a living host gave."""


def hosts_gone(found: Sequence[Finding], snapshot: Snapshot) -> Mapping[Key, Finding]:
    """By the key of each unreachable target: the finding about its host, or about the way to it, where
    nothing else there answers either. Two at least must be silent: one alone says nothing of its host."""
    silent = {
        (f.code, f.subject): f for f in found if f.code.endswith(".unreachable") and f.level is Level.CRIT
    }
    if len(silent) < 2:
        return {}
    places: dict[str, list[tuple[str, str]]] = {}
    targets = 0
    for code, kind in (
        ("node.unreachable", snapshot.nodes),
        ("proxy.unreachable", snapshot.proxies),
        ("pooler.unreachable", snapshot.poolers),
    ):
        for target in kind:
            targets += 1
            for place in _places(target.address):
                places.setdefault(place, []).append((code, target.name))
    gone: dict[Key, Finding] = {}
    if len(silent) == targets > 2 and len(places) > 1 and not any(_answered(f) for f in silent.values()):
        kinds = (
            counted(len(snapshot.nodes), "node"),
            counted(len(snapshot.proxies), "HAProxy").replace("HAProxys", "HAProxies"),
            counted(len(snapshot.poolers), "PgBouncer"),
        )
        text = f"nothing answers, {listed(kinds)}: this host may be cut off from all of them"
        network = Finding(Level.CRIT, "network", text, "network.unreachable", impact=Impact.OTHER)
        return {finding.key: network for finding in silent.values()}
    for place, there in places.items():
        if len(there) < 2 or not all(one in silent and not _answered(silent[one]) for one in there):
            continue
        text = f"does not answer: {listed([name for _, name in there])} cannot be reached"
        host = Finding(Level.CRIT, f"host {place}", text, "host.unreachable")
        for one in there:
            gone.setdefault(silent[one].key, host)
    return gone


def _places(address: str) -> list[str]:
    """The machines that a target is not reached without; none where that is this one."""
    direct, _, via = address.partition(" via ")
    host = "" if direct.startswith("/") else split(direct)[0]
    return [place for place in dict.fromkeys((via, machine_of(host, via))) if place]


def _answered(finding: Finding) -> bool:
    return any(word in finding.text for word in _ANSWERED)


WORK = "run.work"
_POOLS = ("pooler.paused", "pooler.throttled", "pool.waiting")


def verdict_of(
    found: Sequence[Finding],
    snapshot: Snapshot,
    now: datetime,
    works: Sequence[Work] = (),
    *,
    keys: bool = True,
) -> Verdict:
    """The findings as a verdict: each under its root, ordered by who is hurt. `keys` as in `judge`."""
    hosts = hosts_gone(found, snapshot)
    found = (*found, *dict.fromkeys(hosts.values()), *_cut_off(found, snapshot))
    found = (*found, *_work_findings(snapshot, works))
    return ordered(with_remedies(_Causes(found, hosts, snapshot, now, works).folded(), snapshot, keys=keys))


def ordered(found: Iterable[Finding]) -> Verdict:
    """The verdict of findings that know their roots; one whose root is not among them stands for itself."""
    found = tuple(found)
    keys = {finding.key for finding in found}
    below: dict[Key, list[Finding]] = {}
    roots = []
    for finding in found:
        if finding.root is None or finding.root not in keys or finding.root == finding.key:
            roots.append(replace(finding, root=None) if finding.root else finding)
        else:
            below.setdefault(finding.root, []).append(finding)
    roots = [_with_what_follows(root, below.get(root.key, ())) for root in roots]
    roots.sort(key=rank)
    shown = [
        finding
        for root in roots
        for finding in (root, *sorted(below.get(root.key, ()), key=lambda child: -child.level))
    ]
    return Verdict(max((root.level for root in roots), default=Level.OK), tuple(shown))


def rank(finding: Finding) -> tuple[bool, bool, int, int, int]:
    """Where a root stands: clients that are hurt first; of the rest the critical before warnings,
    data before redundancy; what is only unknown last."""
    unknown, clients = finding.level is Level.UNKNOWN, finding.hurts is Impact.CLIENTS
    return unknown, not clients, -finding.level, -finding.hurts, -(finding.clients or 0)


def _with_what_follows(root: Finding, children: Sequence[Finding]) -> Finding:
    """The root as bad as the worst that it causes, and with the clients that this hurts."""
    real = [child for child in children if not child.expected and child.level is not Level.UNKNOWN]
    if not real:
        return root
    return replace(
        root,
        level=max(root.level, *(child.level for child in real)),
        impact=max(root.hurts, *(child.hurts for child in real)),
        clients=max((f.clients for f in (root, *real) if f.clients is not None), default=None),
        longest_wait=max((f.longest_wait for f in (root, *real) if f.longest_wait is not None), default=None),
    )


def _cut_off(found: Sequence[Finding], snapshot: Snapshot) -> Iterator[Finding]:
    """Nodes that answer us and have no working link with any of several peers, while others have."""
    down = [tuple(f.subject.split(" -> ", 1)) for f in found if f.code in ("link.down", "link.lost")]
    if len(down) < 4:
        return
    dead = {f.subject for f in found if f.code == "node.unreachable"}
    names = [node.name for node in snapshot.nodes if node.name not in dead and node.facts]
    peers: dict[str, set[str]] = {name: set() for name in names}
    pairs = set(down)
    for origin, target in pairs:
        if (target, origin) in pairs and origin in peers and target in peers:
            peers[origin].add(target)
    alone = [name for name in names if len(names) > 2 and len(peers[name]) == len(names) - 1]
    for name in alone if len(alone) == 1 else ():
        others = [other for other in names if other != name]
        text = f"is cut off from {listed(others)}: no link works in either direction"
        yield Finding(Level.CRIT, name, text, "node.cut_off")


def _work_findings(snapshot: Snapshot, works: Sequence[Work]) -> Iterator[Finding]:
    for work in works:
        servers = [server for _, server in snapshot.servers_of(work.node)]
        by = f"(run {work.run} by {work.who})"
        if work.holds or (servers and all(server.in_maintenance for server in servers)):
            yield Finding(Level.WARN, work.node, f"is out of service {by}", WORK)
        else:
            yield Finding(Level.WARN, work.node, f"is being switched over {by}", WORK)


class _Causes:
    """What the findings of one moment have to do with each other."""

    def __init__(
        self,
        found: Sequence[Finding],
        hosts: Mapping[Key, Finding],
        snapshot: Snapshot,
        now: datetime,
        works: Sequence[Work],
    ) -> None:
        self._found = found
        self._hosts = {key: host.key for key, host in hosts.items()}
        self._snapshot = snapshot
        self._now = now
        self._moving = any(not work.holds for work in works)
        self._by_code: dict[str, dict[str, Key]] = {}
        for finding in found:
            code = finding.code.partition(":")[0]
            self._by_code.setdefault(code, {}).setdefault(finding.subject, finding.key)
        self._dead = {
            f.subject: f.key for f in found if f.code == "node.unreachable" and f.level is Level.CRIT
        }
        self._works = self._of("run.work")

    def folded(self) -> list[Finding]:
        """Every finding with its root, the end of its chain of causes."""
        parents = {finding.key: self._cause(finding) for finding in self._found}
        works = set(self._works.values())
        folded = []
        for finding in self._found:
            root = _end(finding.key, parents)
            expected = root in works
            if root is None or (expected and _stands_out(finding)):
                folded.append(finding)
            else:
                folded.append(replace(finding, root=root, expected=expected))
        explained = {finding.root for finding in folded}
        # A run that brings nothing along is no finding: nothing is wrong, and the head shows the run.
        return [finding for finding in folded if finding.code != WORK or finding.key in explained]

    def _of(self, code: str) -> dict[str, Key]:
        return self._by_code.get(code, {})

    def _cause(self, finding: Finding) -> Key | None:
        """The finding right above this one."""
        code, subject = finding.code.partition(":")[0], finding.subject
        if code == WORK:
            return None
        if code.startswith("link."):
            return self._of_link(code, subject)
        if code.startswith("server."):
            backend = subject.rpartition("/")[0]
            return self._of_node(self._node_of.get(subject)) or self._of("backend.none").get(backend)
        if code in ("backend.last", "backend.none"):
            return self._of_backend(code, subject)
        if code in _POOLS:
            return self._of_pool(finding, code)
        if code in ("lock", "raft.leaderless"):
            return next(iter(self._dead.values()), None)
        if (host := self._hosts.get(finding.key)) is not None:
            return host
        return self._works.get(subject)

    def _of_node(self, node: str | None) -> Key | None:
        """A node that is down, that is worked on, or that a run left out of service."""
        if node is None:
            return None
        return self._dead.get(node) or self._works.get(node) or self._of("run.left").get(node)

    def _of_link(self, code: str, subject: str) -> Key | None:
        origin, _, target = subject.partition(" -> ")
        ends = (target, origin)
        # What is broken without anybody's will explains more than what is worked on.
        for end in ends:
            if end in self._dead and end not in self._works:
                return self._dead[end]
        for known in (self._dead, self._of("node.cut_off"), self._works):
            for end in ends:
                if end in known:
                    return known[end]
        if code == "link.stuck":
            return self._of("conflict.stops").get(target)
        return self._of("apply.paused").get(target)

    def _of_backend(self, code: str, subject: str) -> Key | None:
        """The nodes and servers that leave a backend with one server, or none."""
        nodes = [(name, node) for name, node in self._node_of.items() if name.rpartition("/")[0] == subject]
        for causes in (
            (self._dead[node] for _, node in nodes if node in self._dead and node not in self._works),
            (key for _, node in nodes if (key := self._of_node(node))),
        ):
            if (cause := next(causes, None)) is not None:
                return cause
        if code == "backend.none":
            return None
        servers = (
            f.key
            for f in self._found
            if f.code.startswith("server.") and f.subject.rpartition("/")[0] == subject
        )
        return next(servers, None)

    def _of_pool(self, finding: Finding, code: str) -> Key | None:
        subject = finding.subject
        if code == "pool.waiting" and (paused := self._of("pooler.paused").get(subject)):
            return paused
        if code != "pool.waiting":
            if self._moving and finding.level is not Level.CRIT:
                return next(iter(self._works.values()))
            return next(iter(self._of("run.left").values()), None)
        if self._moving and finding.level is not Level.CRIT:
            return next(iter(self._works.values()))
        proxies = self._ways.get(subject, ())
        for proxy in proxies:
            if key := self._of("proxy.unreachable").get(proxy):
                return key
        for proxy in proxies:
            for node in self._takers.get(proxy, ()):
                if node in self._dead:
                    return self._dead[node]
            for backend, key in self._of("backend.none").items():
                if backend.partition("/")[0] == proxy:
                    return key
        return next((self._dead[n] for n in self._takers.get(subject, ()) if n in self._dead), None)

    @cached_property
    def _node_of(self) -> dict[str, str]:
        """The node behind every server, by `proxy/backend/server`."""
        return {
            f"{proxy.name}/{server.backend}/{server.name}": server.node
            for proxy in self._snapshot.proxies
            if proxy.facts
            for server in proxy.facts.servers
            if server.node is not None
        }

    @cached_property
    def _ways(self) -> dict[str, tuple[str, ...]]:
        """The HAProxies that each database of a PgBouncer leads to, by `pooler/database`."""
        return {
            f"{pooler.name}/{database.name}": database.proxies
            for pooler in self._snapshot.poolers
            if pooler.facts
            for database in pooler.facts.databases
        }

    @cached_property
    def _takers(self) -> dict[str, set[str]]:
        """The nodes behind each HAProxy, or each database that leads to a node, that have its clients."""
        found: dict[str, set[str]] = {}
        for route in traffic(self._snapshot, self._now).routes:
            direct = route.via in self._ways
            found.setdefault(route.via if direct else route.via.partition("/")[0], set()).add(route.node)
        return found


def _stands_out(finding: Finding) -> bool:
    """Whether no run may do that, whatever it is at: data at risk, clients that wait for too long."""
    return finding.hurts is Impact.DATA or (finding.hurts is Impact.CLIENTS and finding.level is Level.CRIT)


def _end(key: Key, parents: dict[Key, Key | None]) -> Key | None:
    """The root of a finding; None for a root. A circle ends where it began."""
    seen = {key}
    at = key
    while (above := parents.get(at)) is not None and above not in seen:
        seen.add(above)
        at = above
    return at if at != key else None
