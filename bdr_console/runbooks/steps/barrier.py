"""The barrier: every other node has applied the leaving node's last commit before a client goes on.

After the last transaction the position of the leaving node's WAL is taken; a peer whose walsender is told a
replay position at or past it has applied everything before. That word would come once a second when there is
nothing new to apply, so the step writes a logical message: measured, 817 ms without it, 2-6 ms with it. A
peer seldom says nothing all the same and takes that second, so the message is written again ten times in it.
The confirmed (flushed) position is not waited for: it lags by up to a second just when traffic has stopped.
"""

import asyncio
import time

from bdr_console.cluster.nodes import WalPositions, engine_name
from bdr_console.cluster.text import format_seconds
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import lsn
from bdr_console.runbooks.model.step import Act, Observation, Proof, Step, StepPlan, World
from bdr_console.runbooks.steps.quiesce import Pause


class Barrier(Step):
    """Every peer that answered before the pause, and every other one that is connected, has applied all."""

    def __init__(self, plan: StepPlan, node: str, pause: Pause) -> None:
        super().__init__(plan)
        self._node = node
        self._pause = pause
        self._mark: str | None = None
        self._peers: frozenset[str] | None = None
        """The peers that are waited for, by the names of the engine; None where slots name no node."""

    def begin(self) -> None:
        self._mark, self._peers = None, None

    async def observe(self, world: World) -> Observation:
        try:
            now, resumed = await asyncio.gather(world.positions(self._node), self._resumed(world))
        except ConsoleError as error:
            return Observation(Proof.UNKNOWN, (error.problem,))
        if self._mark is None:
            # The first look of this step comes after the proof that no transaction is left.
            self._mark = now.insert_lsn
            self._peers = waited_for(now, self._node, self._pause.known)
        proof, lines = applied(now, self._mark, self._peers, _expected(self._pause.known, self._node))
        if resumed:
            return Observation(Proof.UNMET, lines, failed=resumed)
        return Observation(proof, lines)

    def answered(self, act: Act, *, undo: bool, error: str = "") -> bool:
        """The message only hurries the proof: where it is refused, the proof takes up to a second more."""
        return False

    async def _resumed(self, world: World) -> str:
        """Somebody else's RESUME would let clients write before the barrier holds."""
        reading = await world.read(Area.LOADS)
        for act in self._pause.plan.acts:
            load = reading.load(act.target, act.subject)
            if load is not None and load.paused is False:
                return f"somebody resumed {act.subject} on {act.target}"
        return ""


class Rehearse(Step):
    """The barrier once while nobody waits: every other node applies a message, and how long that takes is how
    long clients would wait. What cannot end now must not be begun under a pause."""

    def __init__(self, plan: StepPlan, node: str) -> None:
        super().__init__(plan)
        self._node = node
        self._sent_at: float | None = None
        self._mark: str | None = None
        self._known: Reading | None = None

    def begin(self) -> None:
        self._sent_at, self._mark, self._known = None, None, None

    async def observe(self, world: World) -> Observation:
        if self._known is None:
            self._known = await world.read(Area.NODES)
        if self._sent_at is None and self.plan.acts:
            return Observation(Proof.UNMET, ("nothing is written yet",))
        self._sent_at = self._sent_at or time.monotonic()
        try:
            now = await world.positions(self._node)
        except ConsoleError as error:
            return Observation(Proof.UNKNOWN, (error.problem,))
        self._mark = self._mark or now.insert_lsn
        proof, lines = rehearsed(now, self._mark, self._node, self._known)
        if proof is Proof.MET:
            took = format_seconds(time.monotonic() - self._sent_at)
            lines = (f"it took {took}: so long clients will wait, besides the oldest transaction", *lines)
        return Observation(proof, lines)

    def answered(self, act: Act, *, undo: bool, error: str = "") -> bool:
        """The message only hurries the proof, as in the barrier itself."""
        self._sent_at = self._sent_at or time.monotonic()
        return False


def rehearsed(now: WalPositions, mark: str, node: str, known: Reading) -> tuple[Proof, tuple[str, ...]]:
    """Whether every peer that answers, or is connected, has applied what `node` had written at `mark`."""
    return applied(now, mark, waited_for(now, node, known), _expected(known, node))


def waited_for(now: WalPositions, node: str, known: Reading | None) -> frozenset[str] | None:
    """Who must have applied all: the peers that answered before the pause, and those that are connected."""
    if any(peer.target is None for peer in now.peers):
        return None
    return _answering(known, node) | {peer.target for peer in now.peers if peer.active and peer.target}


def _answering(known: Reading | None, node: str) -> frozenset[str]:
    nodes = known.snapshot.nodes if known else ()
    return frozenset(
        engine_name(peer) for peer in nodes if peer.name != node and peer.facts and not peer.error
    )


def _expected(known: Reading | None, node: str) -> int:
    return len(_answering(known, node))


def applied(
    now: WalPositions, mark: str, peers: frozenset[str] | None, expected: int
) -> tuple[Proof, tuple[str, ...]]:
    """Whether every peer is at or past `mark`. Where slots name no node, all that are active must be, and
    they must be at least as many as the `expected` peers. Pure."""
    if peers is None:
        active = [peer for peer in now.peers if peer.active]
        behind = [peer for peer in active if not _past(peer.replay_lsn, mark)]
        if len(active) < expected:
            return Proof.UNKNOWN, (f"{len(active)} of {expected} peers are connected",)
        if behind:
            return Proof.UNMET, (f"{len(behind)} of {len(active)} peers have not applied {mark} yet",)
        return Proof.MET, (f"all {len(active)} connected peers have applied everything up to {mark}",)
    found = {peer.target: peer.replay_lsn for peer in now.peers if peer.active}
    waiting = sorted(name for name in peers if not _past(found.get(name), mark))
    if waiting:
        lines = tuple(
            f"{name}: has applied {found[name]}, waiting for {mark}"
            if found.get(name)
            else f"{name}: is not connected, so how far it has come is not known"
            for name in waiting
        )
        unknown = any(not found.get(name) for name in waiting)
        return (Proof.UNKNOWN if unknown else Proof.UNMET), lines
    return Proof.MET, (f"{', '.join(sorted(peers))}: everything up to {mark} is applied",)


def _past(position: str | None, mark: str) -> bool:
    return position is not None and lsn(position) >= lsn(mark)
