"""Counting the sessions that end in HAProxy when a server is disabled or enabled. Pure.

No counter of HAProxy names sessions that it has cut itself: what ended is what was there, and came, and is
not there any more (scur and stot), from the last look before the command showed to the first one after it.
"""

from collections.abc import Iterable, Iterator, Sequence

from bdr_console.cluster.proxies import ProxyFacts, ProxyServer
from bdr_console.runbooks.reading import Reading
from bdr_console.runbooks.step import Act, CutSessions


class SessionCount:
    """Compares each look at the HAProxies with the one before it."""

    def __init__(self) -> None:
        self._before: Reading | None = None
        self._found: list[CutSessions] = []

    def look(self, reading: Reading, acts: Iterable[Act]) -> None:
        """Count for each of these acts whose server has changed between in service and in maintenance."""
        before, self._before = self._before, reading
        if before is not None:
            self._found += (cut for act in acts for cut in _compare(before, reading, act))

    def take(self) -> tuple[CutSessions, ...]:
        """What was found since this was asked last."""
        found, self._found = tuple(self._found), []
        return found


def _compare(before: Reading, now: Reading, act: Act) -> Iterator[CutSessions]:
    proxy, subject = act.target, act.subject
    was, server = before.server(proxy, subject), now.server(proxy, subject)
    facts_before, facts = before.proxy(proxy), now.proxy(proxy)
    if was is None or server is None or facts is None or facts_before is None:
        return
    if was.in_maintenance == server.in_maintenance:
        return
    if server.in_maintenance:
        old, new = [was], [server]
    else:
        old, new = _others(facts_before, was), _others(facts, server)
    known = {one.name: one for one in new}
    pairs = [(one, known[one.name]) for one in old if one.name in known]
    if not pairs:
        return
    word = "disable" if server.in_maintenance else "enable"
    yield CutSessions(
        proxy,
        f"{word} server {subject}",
        ", ".join(f"{one.backend}/{one.name}" for one, _ in pairs),
        sum(one.sessions for one, _ in pairs),
        None if facts.replaces(facts_before.pid, facts_before.uptime) else _ended(pairs),
    )


def _others(facts: ProxyFacts, server: ProxyServer) -> list[ProxyServer]:
    return [
        one
        for one in facts.servers
        if one.backend == server.backend and one.name != server.name and not one.in_maintenance
    ]


def _ended(pairs: Sequence[tuple[ProxyServer, ProxyServer]]) -> int | None:
    came = [now.total_sessions - before.total_sessions for before, now in pairs]
    if any(count < 0 for count in came):
        return None  # `clear counters`
    return sum(before.sessions + more - now.sessions for (before, now), more in zip(pairs, came, strict=True))
