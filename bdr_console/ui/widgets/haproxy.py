"""The pane of HAProxy: which server takes traffic, and where a new connection goes."""

from collections.abc import Sequence
from dataclasses import replace

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer
from bdr_console.cluster.snapshot import present
from bdr_console.cluster.traffic import taker, takers_of
from bdr_console.cluster.verdict.findings import Finding
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, PaneColumn, Row, Subject, SubjectKind
from bdr_console.ui.text.words import coarse, figure, server_cell, unseen, unseen_for
from bdr_console.ui.theming.styles import Tone
from bdr_console.ui.widgets.pane import Pane, empty_row

_SERVER = PaneColumn("server", "Server", 18, fits_names=True)
_STATE = PaneColumn("state", "State", 16)
_SESSIONS = PaneColumn("sessions", "Sess", 4, "right")
_CHECK = PaneColumn("check", "Check", 7)
_NODE = PaneColumn("node", "Node", 6, fits_names=True)
_SINCE = PaneColumn("since", "Since", 5, "right")
_STICKY = PaneColumn("sticky", "Sticky", 19)


class HAProxy(Pane):
    """Each backend of each HAProxy with its servers; `<- sticky` marks where new connections go."""

    NUMBER, TITLE, SHORT = 4, "HAProxy", "HAProxy"
    COLUMNS = (
        (
            _SERVER,
            _NODE,
            _STATE,
            PaneColumn("check", "Check", 15),
            _SESSIONS,
            PaneColumn("weight", "Weight", 6, "right"),
            PaneColumn("role", "Role", 6),
            _SINCE,
            _STICKY,
        ),
        (_SERVER, _NODE, _STATE, _CHECK, _SESSIONS, _SINCE, _STICKY),
        (_SERVER, _NODE, _STATE, _CHECK, _SESSIONS, _STICKY),
        (_SERVER, _STATE, _CHECK, _SESSIONS, _STICKY),
        (_SERVER, _STATE, _SESSIONS, _STICKY),
    )

    def rows(self, judged: JudgedSnapshot) -> Sequence[Row]:
        """For each backend one row of its own, then its servers."""
        found = [row for proxy in judged.snapshot.proxies for row in rows(proxy, judged)]
        return found or [empty_row("server", "no HAProxy is configured")]

    def findings(self, judged: JudgedSnapshot) -> Sequence[Finding]:
        """What is wrong with proxies, backends and servers."""
        names = {proxy.name for proxy in judged.snapshot.proxies}
        return [finding for finding in judged.verdict.findings if finding.subject.split("/")[0] in names]


def rows(proxy: Observed[ProxyFacts], judged: JudgedSnapshot) -> list[Row]:
    """One HAProxy as rows: a line for each backend, and its servers under it."""
    old = unseen(proxy, judged.now, judged.snapshot.refresh, judged.glyphs)
    facts = proxy.facts
    if facts is None:
        state = old or unseen_for(None, failed=False, glyphs=judged.glyphs)
        cells = {"server": Cell(proxy.name), "state": state, "sessions": QUESTION, "check": QUESTION}
        return [Row(proxy.name, cells, f"{proxy.name} ({proxy.address}): {judged.reasons(proxy.name)}")]
    found = []
    for backend in facts.backends():
        servers = [server for server in facts.servers if server.backend == backend]
        found.append(_backend_row(proxy, facts, backend, servers, old, judged))
        for server in servers:
            line = _server_row(proxy.name, facts, server, judged)
            found.append(_aged(line, old, server) if old else line)
    return found or [
        Row(proxy.name, {"server": Cell(proxy.name), "state": old or Cell("no backend", Tone.BAD)})
    ]


def _backend_row(
    proxy: Observed[ProxyFacts],
    facts: ProxyFacts,
    backend: str,
    servers: list[ProxyServer],
    old: Cell | None,
    judged: JudgedSnapshot,
) -> Row:
    subject = f"{proxy.name}/{backend}"
    takers = takers_of(facts, backend, present(judged.snapshot, judged.now))
    usable = sum(bool(one.takes) for one in takers)
    tone = Tone.BAD if not usable else Tone.LAG if usable == 1 < len(takers) else Tone.UP
    symbol = {Tone.BAD: judged.glyphs.bad, Tone.LAG: judged.glyphs.lag}.get(tone, judged.glyphs.up)
    cells = {
        "server": Cell(subject),
        "state": old or Cell(f"{symbol} {usable}/{len(takers)} available", tone),
        "sessions": figure(sum(server.sessions for server in servers)),
    }
    detail = f"{subject} ({proxy.address}), HAProxy {facts.version}"
    if reasons := judged.reasons(proxy.name, subject):
        detail += f": {reasons}"
    line = Row(f"{subject}/", cells, detail, subject=Subject(SubjectKind.SERVER, (proxy.name, backend, "")))
    return line.aged("state") if old else line


def _server_row(proxy: str, facts: ProxyFacts, server: ProxyServer, judged: JudgedSnapshot) -> Row:
    subject = f"{proxy}/{server.backend}/{server.name}"
    check = server.check_text or server.check
    cells = {
        "server": Cell(f"  {server.name}"),
        "node": Cell(server.node) if server.node else QUESTION,
        "state": server_cell(server.state, judged.glyphs),
        "check": Cell(server.check) if server.check else Cell("none", Tone.STALE),
        "sessions": figure(server.sessions),
        "weight": figure(server.weight),
        "role": Cell("backup") if server.backup else BLANK,
        "since": QUESTION if server.since is None else Cell(coarse(server.since), rank=server.since),
        "sticky": _sticky(facts, server, judged),
    }
    detail = f"{subject} ({server.address or 'address not known'}): {server.status}"
    detail += f", check {check}" if check else ", no check runs"
    detail += f", {server.sessions} sessions now, {server.total_sessions} since start"
    taking = taker(server, present(judged.snapshot, judged.now))
    if taking.takes is False and server.state.accepts:
        # HAProxy's word alone is green; the operator is about to rely on it.
        cells["state"] = Cell(f"{judged.glyphs.lag} cannot take", Tone.LAG)
        detail += f": cannot take the traffic: {taking.why}"
    about = Subject(SubjectKind.SERVER, (proxy, server.backend, server.name))
    return Row(subject, cells, detail, server.node, about, under=f"{proxy}/{server.backend}/")


def _sticky(facts: ProxyFacts, server: ProxyServer, judged: JudgedSnapshot) -> Cell:
    if facts.stick is None:
        return QUESTION
    keys = [
        entry.key for entry in facts.stick if entry.table == server.backend and entry.server == server.name
    ]
    if not keys:
        return BLANK
    more = f" +{len(keys) - 1}" if len(keys) > 1 else ""
    return Cell(f"{judged.glyphs.arrow} sticky {keys[0]}{more}", Tone.UP)


def _aged(line: Row, old: Cell, server: ProxyServer) -> Row:
    """A server whose proxy went silent: how long ago, and what it was then in the place of its check."""
    cells = dict(line.cells) | {"state": old, "check": Cell(f"was {server.state.value}")}
    return replace(line, cells=cells, detail=f"{line.detail} (old)").aged("state")
