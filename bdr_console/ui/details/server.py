"""Everything known about one server of an HAProxy, or about one of its backends. Pure."""

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer, ServerFigures
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.ui.details.block import Block, Field, Goto, Part, Table, Words
from bdr_console.ui.details.shared import (
    answers,
    count,
    faded,
    findings_block,
    gone_block,
    span,
    unseen_block,
)
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import QUESTION, Cell, Subject, SubjectKind
from bdr_console.ui.text.words import server_cell
from bdr_console.ui.theming.styles import Tone

_ADMIN = {
    0x01: "maintenance, set by command",
    0x02: "maintenance, inherited from the server it tracks",
    0x04: "maintenance, from the configuration",
    0x08: "drain, set by command",
    0x10: "drain, inherited from the server it tracks",
    0x20: "maintenance: its name cannot be resolved",
    0x40: "its name was set by command",
}
"""Bits of srv_admin_state (HAProxy management guide, show servers state)."""
_OPERATION = {0: "stopped", 1: "starting", 2: "running", 3: "stopping"}
_ENTRIES = 20


def server_blocks(key: tuple[str, ...], judged: JudgedSnapshot, _width: int) -> tuple[Block, ...]:
    """State by administration and by checks, sessions, errors, stick entries, the node behind it."""
    name, backend, server = key
    proxy = next((proxy for proxy in judged.snapshot.proxies if proxy.name == name), None)
    if proxy is None:
        return (gone_block(f"HAProxy {name}"),)
    if proxy.facts is None:
        return unseen_block(proxy, judged), findings_block(judged, name)
    if not server:
        found = _backend(proxy, proxy.facts, backend, judged)
    else:
        one = next((s for s in proxy.facts.servers if (s.backend, s.name) == (backend, server)), None)
        if one is None:
            return (gone_block("/".join(key)),)
        found = _server(proxy, proxy.facts, one, judged)
    return found if proxy.is_fresh(judged.now, judged.snapshot.refresh) else faded(found)


def _server(
    proxy: Observed[ProxyFacts], facts: ProxyFacts, one: ProxyServer, judged: JudgedSnapshot
) -> tuple[Block, ...]:
    age = proxy.age(judged.now)
    figures = one.figures or ServerFigures()
    subjects = (proxy.name, f"{proxy.name}/{one.backend}", f"{proxy.name}/{one.backend}/{one.name}")
    behind: tuple[Part, ...] = (Words(Cell("no configured node is known behind it", Tone.UNKNOWN)),)
    if one.node:
        behind = (
            Goto(Subject(SubjectKind.NODE, (one.node,)), Cell(f"node {one.node}, which stands behind it")),
        )
    backend = Subject(SubjectKind.SERVER, (proxy.name, one.backend, ""))
    return (
        Block("State", _state(proxy, facts, one, figures, judged), "show stat, show servers state", age),
        findings_block(judged, *subjects),
        Block("Behind it", (*behind, Goto(backend, Cell(f"the whole backend {one.backend}")))),
        Block("Checks", _checks(one, figures), "show stat", age),
        Block("Sessions", _sessions(one, figures), "show stat", age),
        Block("Errors", _errors(figures), "show stat", age),
        Block("Stick entries", _stick(facts, one.backend, one.name), f"show table {one.backend}", age),
    )


def _state(
    proxy: Observed[ProxyFacts],
    facts: ProxyFacts,
    one: ProxyServer,
    figures: ServerFigures,
    judged: JudgedSnapshot,
) -> tuple[Part, ...]:
    bits = one.admin_state
    admin = QUESTION if bits is None else Cell(", ".join(w for b, w in _ADMIN.items() if bits & b) or "ready")
    operation = QUESTION if one.op_state is None else Cell(_OPERATION.get(one.op_state, str(one.op_state)))
    weight = "?" if one.weight is None else str(one.weight)
    if figures.configured_weight is not None and figures.configured_weight != one.weight:
        weight += f" (configured {figures.configured_weight})"
    if figures.throttle is not None and figures.throttle < 100:
        weight += f", warming up: {figures.throttle} %"
    return (
        Field("state", server_cell(one.state, judged.glyphs)),
        Field("HAProxy says", Cell(one.status)),
        Field("by administration", admin),
        Field("by checks", operation),
        Field("since", span(one.since)),
        Field("address", Cell(one.address) if one.address else QUESTION),
        Field("role", Cell("backup" if one.backup else "active")),
        Field("weight", Cell(weight)),
        Field("HAProxy", Cell(f"{facts.version}, pid {facts.pid}, up {format_seconds(facts.uptime)}")),
        Field("socket", Cell(proxy.address)),
        Field("contact", answers(proxy, judged)),
    )


def _checks(one: ProxyServer, figures: ServerFigures) -> tuple[Part, ...]:
    told: list[Part] = []
    if one.check is None:
        told.append(Words(Cell("no check runs now", Tone.STALE)))
    else:
        code = f" {figures.check_code}" if figures.check_code else ""
        took = "" if figures.check_ms is None else f" in {figures.check_ms} ms"
        good = one.check.endswith("OK")
        told.append(Field("last check", Cell(f"{one.check}{code}{took}", Tone.PLAIN if good else Tone.BAD)))
        if one.check_text:
            told.append(Field("it said", Cell(one.check_text)))
    if figures.check_health is not None and figures.check_rise is not None and figures.check_fall is not None:
        full = figures.check_rise + figures.check_fall - 1
        rule = f"up after {figures.check_rise} good ones, down after {figures.check_fall} bad ones"
        told.append(Field("health", Cell(f"{figures.check_health} of {full}: {rule}")))
    downs = "?" if figures.downs is None else f"{figures.downs} times"
    told.append(Field("failed checks", count(figures.failed_checks)))
    told.append(Field("went down", Cell(f"{downs}, {format_seconds(figures.downtime)} in all")))
    return tuple(told)


def _sessions(one: ProxyServer, figures: ServerFigures) -> tuple[Part, ...]:
    limit = "no limit" if figures.sessions_limit is None else f"limit {figures.sessions_limit}"
    most = "?" if figures.sessions_most is None else str(figures.sessions_most)
    rate = "?" if figures.rate is None else str(figures.rate)
    rate_most = "?" if figures.rate_most is None else str(figures.rate_most)
    last = "never" if figures.last_session is None else f"{format_seconds(figures.last_session)} ago"
    return (
        Field("now", Cell(f"{one.sessions}, at most {most} at one time, {limit}")),
        Field("since the start", Cell(str(one.total_sessions))),
        Field("new per second", Cell(f"{rate}, at most {rate_most}")),
        Field("last one", Cell(last)),
        Field(
            "queue",
            Cell(f"{one.queue} wait" + (f", at most {figures.queue_most}" if figures.queue_most else "")),
        ),
        Field("connecting takes", span(None if figures.connect_ms is None else figures.connect_ms / 1000)),
        Field("a session takes", span(None if figures.session_ms is None else figures.session_ms / 1000)),
        Field("traffic", Cell(f"{format_bytes(figures.bytes_in)} in, {format_bytes(figures.bytes_out)} out")),
    )


def _errors(figures: ServerFigures) -> tuple[Part, ...]:
    counts = (
        ("connecting failed", figures.connect_errors),
        ("responses failed", figures.response_errors),
        ("retries", figures.retries),
        ("sent elsewhere", figures.redispatches),
        ("client broke off", figures.aborted_by_client),
        ("server broke off", figures.aborted_by_server),
    )
    return tuple(Field(label, count(value)) for label, value in counts)


def _stick(facts: ProxyFacts, backend: str, server: str | None) -> tuple[Part, ...]:
    if facts.stick is None:
        return (Words(Cell("the level of the socket does not show them", Tone.UNKNOWN)),)
    found = [e for e in facts.stick if e.table == backend and (server is None or e.server == server)]
    if not found:
        return (Words(Cell("none")),)
    rows = tuple((Cell(entry.key), Cell(entry.server or "?")) for entry in found[:_ENTRIES])
    more = (Words(Cell(f"and {len(found) - _ENTRIES} more")),) if len(found) > _ENTRIES else ()
    return (Table(("key", "server"), rows), *more)


def _backend(
    proxy: Observed[ProxyFacts], facts: ProxyFacts, backend: str, judged: JudgedSnapshot
) -> tuple[Block, ...]:
    servers = [server for server in facts.servers if server.backend == backend]
    if not servers:
        return (gone_block(f"{proxy.name}/{backend}"),)
    age = proxy.age(judged.now)
    goes = []
    for server in servers:
        state = server_cell(server.state, judged.glyphs)
        role = ", backup" if server.backup else ""
        text = f"{server.name}: {state.text}{role}, {server.sessions} sessions, node {server.node or '?'}"
        goes.append(
            Goto(Subject(SubjectKind.SERVER, (proxy.name, backend, server.name)), Cell(text, state.tone))
        )
    about = (
        Field("HAProxy", Cell(f"{facts.version}, pid {facts.pid}, up {format_seconds(facts.uptime)}")),
        Field("socket", Cell(proxy.address)),
        Field("contact", answers(proxy, judged)),
    )
    return (
        Block("Servers", tuple(goes), "show stat, show servers state", age),
        findings_block(judged, proxy.name, *(f"{proxy.name}/{backend}{s}" for s in _endings(servers))),
        Block("Stick entries", _stick(facts, backend, None), f"show table {backend}", age),
        Block("Proxy", about, "show info", age),
    )


def _endings(servers: list[ProxyServer]) -> list[str]:
    return ["", *(f"/{server.name}" for server in servers)]
