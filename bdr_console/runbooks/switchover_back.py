"""The steps that hold a node out of service, check it, and bring it back."""

from datetime import UTC, datetime

from bdr_console.cluster.lag import lag_level, lag_text
from bdr_console.cluster.proxies import ProxyServer, ServerState
from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.traffic_takers import node_refusal
from bdr_console.cluster.verdict import Level, Thresholds
from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.routes import switch_back_target
from bdr_console.runbooks.seen import error_of, state_line, traffic
from bdr_console.runbooks.session_count import SessionCount
from bdr_console.runbooks.step import Act, CutSessions, Observation, Proof, Step, StepPlan, World


class Ready(Step):
    """The node is a ready member, and replication streams and has caught up in both directions."""

    def __init__(self, plan: StepPlan, node: str, limits: Thresholds) -> None:
        super().__init__(plan)
        self._node = node
        self._limits = limits

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Part.NODES)
        return ready(reading, self._node, self._limits)


def ready(reading: Reading, node: str, limits: Thresholds) -> Observation:
    """Whether `node` could take traffic: reached, writable, a ready member, lag small both ways. Pure."""
    facts = reading.node(node)
    if facts is None:
        return Observation(Proof.UNMET, (f"{node}: {error_of(reading, node)}",))
    # An engine without membership of its own (plain PostgreSQL) says nothing; the links below still count.
    why = node_refusal(node, reading.present())
    missing = [f"{node}: {why}"] if why else []
    unknown: list[str] = []
    fine: list[str] = []
    now = max((n.seen_at for n in reading.snapshot.nodes if n.seen_at), default=datetime.now(UTC))
    for link in links(reading.snapshot, now):
        if node not in link.key:
            continue
        peer = link.target if link.origin == node else link.origin
        text, good = _link(link, limits)
        if reading.node(peer) is None:
            unknown.append(
                f"{peer} does not answer ({error_of(reading, peer)}): its replication cannot be judged"
            )
        else:
            (fine if good else missing).append(text)
    proof = Proof.UNMET if missing else Proof.UNKNOWN if unknown else Proof.MET
    return Observation(proof, (*missing, *dict.fromkeys(unknown), *fine))


def _link(link: Link, limits: Thresholds) -> tuple[str, bool]:
    """(evidence, whether it is good enough)."""
    name = f"{link.origin} -> {link.target}"
    if link.state is not LinkState.STREAMING:
        return f"{name}: {link.state.value}: {link.reason}", False
    # One reading alone seldom knows the lag in time: what it leaves open is no obstacle by itself.
    good = link.lag_bytes is not None and lag_level(link, limits) <= Level.UNKNOWN
    return f"{name}: streaming, lags {lag_text(link)}", good


class Enable(Step):
    """The servers that this run disabled are out of maintenance and UP on every HAProxy."""

    def __init__(self, plan: StepPlan, node: str, disabled: Step, *, had_traffic: bool | None = None) -> None:
        super().__init__(plan)
        self._node = node
        self._disabled = disabled
        self._had_traffic = had_traffic
        self._open: tuple[Act, ...] = plan.acts
        self._count = SessionCount()

    def _ours(self) -> tuple[Act, ...]:
        """We do not enable what this run did not disable."""
        taken = {(act.target, act.subject) for act in self._disabled.taken}
        return tuple(act for act in self.plan.acts if (act.target, act.subject) in taken)

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Part.PROXIES)
        self._count.look(reading, self.taken)
        ours = self._ours()
        states = {act: reading.server(act.target, act.subject) for act in ours}
        self._open = tuple(act for act, server in states.items() if server and server.in_maintenance)
        lines = [state_line(reading, (act.target, act.subject)) for act in ours]
        left = [act for act in self._disabled.plan.acts if (act.target, act.subject) not in {
            (mine.target, mine.subject) for mine in ours}]  # fmt: skip
        lines += [
            f"{act.target}: {act.subject} was in maintenance before this run and is left so" for act in left
        ]
        where = traffic(reading, tuple((act.target, act.subject) for act in self._disabled.plan.acts))
        self.closing = (
            f"{self._node} is back in service. {where}" if ours else f"Nothing was enabled. {where}"
        )
        other = switch_back_target(reading.snapshot, self._node, had_traffic=self._had_traffic)
        if ours and other:
            self.closing += (
                f" To switch back: the same runbook with {other} as the leaving node, once all is well."
            )
        if any(server is None for server in states.values()):
            return Observation(Proof.UNKNOWN, tuple(lines))
        if all(server and not server.in_maintenance and _is_up(server) for server in states.values()):
            return Observation(Proof.MET, (*lines, where))
        return Observation(Proof.UNMET, tuple(lines))

    async def guard(self, world: World) -> tuple[str, ...]:
        reading = await world.read(Part.NODES | Part.PROXIES)
        self._count.look(reading, self.taken)
        if reading.node(self._node) is None:
            return (f"{self._node} does not answer ({error_of(reading, self._node)})",)
        why = node_refusal(self._node, reading.present())
        return (f"{self._node} {why}",) if why else ()

    def needed(self) -> tuple[Act, ...]:
        return self._open

    def take_cuts(self) -> tuple[CutSessions, ...]:
        return self._count.take()


def _is_up(server: ProxyServer) -> bool:
    """Fully up: `UP 1/3` right after enabling only means that one more failed check would take it down."""
    return server.state is ServerState.UNCHECKED or server.status == "UP"
