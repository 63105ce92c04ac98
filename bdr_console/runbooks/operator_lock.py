"""One operator at a time, from whatever bastion: an advisory lock on every node that can be reached.

It needs nothing installed, waits for nobody, and vanishes with the process that holds it. What the holder is
doing stands in its `application_name` on the nodes: `bdr-console run 3f2a alice@bastion1 step wait_close`.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.advisory import AdvisoryLink, Grip, Holder, holders_on
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.postgres import PostgresReader
from bdr_console.runbooks.model.run import LOCKED

_LONGEST_NAME = 63
"""NAMEDATALEN - 1: the server cuts application_name there."""
_TRIES, _AGAIN_AFTER = 4, 0.1


@dataclass(frozen=True, slots=True)
class Loss:
    """The lock was lost on one node, or got back."""

    node: str
    text: str
    grave: bool
    """Nothing keeps a second operator out any more, or there is one already."""


class OperatorLock:
    """The lock of one run (or command) on every reachable node of a cluster."""

    def __init__(
        self, settings: ClusterSettings, doing: str, who: str, *, without: frozenset[str] = frozenset()
    ) -> None:
        """`without` are nodes that are not asked: one that is dead would hold up what is done about it."""
        self._doing, self._who = doing, who
        self._step = ""
        self._factory = Links(settings, application_name=self.name)
        links = self._factory.nodes(AdvisoryLink)
        self._links = {name: link for name, link in sorted(links.items()) if name not in without}
        self._held: set[str] = set()
        self._own: set[int] = set()
        self.unlocked: dict[str, str] = dict.fromkeys(sorted(without), "it is not asked")
        """Nodes without the lock, and why."""
        self.lost: list[str] = []
        """Every loss so far, a sentence each; a gap that closed again is one too."""
        self.broken: list[str] = []
        """Of these the ones that left the lock held nowhere, or in another's hands."""

    @property
    def name(self) -> str:
        """What the nodes show of us."""
        return shown_name(self._doing, self._who, self._step)

    @property
    def held(self) -> tuple[str, ...]:
        """The nodes that hold the lock for us."""
        return tuple(sorted(self._held))

    def at(self, step: str) -> None:
        """Where the run stands, for the others to see with the next look."""
        self._step = step

    async def take(self) -> None:
        """Take the lock on every node that answers, or on none. Raises ConsoleError (exit code 11) that names
        the holder."""
        # Connecting may take a frozen node's whole deadline: all at the same time. Locking goes one by one in
        # one order everywhere, so that of two who come at once one gets the first node and with it the rest.
        await asyncio.gather(*(self._reach(name) for name in self._links))
        try:
            for name in self._links:
                if name not in self.unlocked:
                    await self._take_one(name)
        except BaseException:
            await self.close()
            raise

    async def _reach(self, name: str) -> None:
        try:
            await self._links[name].holders()
        except LinkError as error:
            self.unlocked[name] = error.reason

    async def _take_one(self, name: str) -> None:
        others: tuple[Holder, ...] = ()
        for _ in range(_TRIES):  # a holder that has just ended may be seen for a moment still
            try:
                grip = await self._links[name].grip(self.name)
            except LinkError as error:
                self.unlocked[name] = error.reason
                return
            if others := self._foreign(grip):
                await asyncio.sleep(_AGAIN_AFTER)
                continue
            if grip.held:
                self._held.add(name)
                self._own.add(grip.pid)
                return
            if grip.others:  # the same node under a second name in the configuration: we hold it already
                self.unlocked[name] = "it is locked under another name"
                return
            await asyncio.sleep(_AGAIN_AFTER)  # let go between our try and our look
        if others:
            raise held_by(others[0])
        raise ConsoleError(
            f"somebody else is taking the operators' lock on {name} just now", "Try again.", LOCKED
        )

    def _foreign(self, grip: Grip) -> tuple[Holder, ...]:
        mine = shown_name(self._doing, self._who, "")
        return tuple(
            h for h in grip.others if not (h.pid in self._own and h.application.startswith(mine[:40]))
        )

    async def look(self) -> tuple[Loss, ...]:
        """Make sure of the lock on every node; what changed since the last look. Takes it again where it was
        lost and is free; one deadline bounds it, whatever the nodes do."""
        found = await asyncio.gather(*(self._look_at(name) for name in self._links))
        return tuple(loss for loss in found if loss is not None)

    async def _look_at(self, name: str) -> Loss | None:
        had = name in self._held
        try:
            grip = await self._links[name].grip(self.name)
        except LinkError as error:
            self._held.discard(name)
            self.unlocked[name] = error.reason
            return self._lost(name, f"the operators' lock on {name} is lost: {error.reason}") if had else None
        if others := self._foreign(grip):
            self._held.discard(name)
            await self._links[name].close()
            first = self.unlocked.get(name) != (why := describe(others[0]))
            self.unlocked[name] = why
            return self._lost(name, f"another operator holds the lock: {why}", True) if first else None
        if not grip.held:
            return None
        self._held.add(name)
        self._own.add(grip.pid)
        self.unlocked.pop(name, None)
        if had and not grip.already:
            return self._lost(name, f"the operators' lock on {name} was lost for a moment and is held again")
        return None if had else Loss(name, f"the operators' lock on {name} is held", grave=False)

    def _lost(self, name: str, text: str, grave: bool = False) -> Loss:
        grave = grave or not self._held
        self.lost.append(text)
        if grave:
            self.broken.append(text)
        return Loss(name, text, grave)

    async def close(self) -> None:
        """Let go everywhere, at once."""
        self._held.clear()
        await asyncio.gather(*(link.close() for link in self._links.values()))
        await self._factory.close()


@dataclass(frozen=True, slots=True)
class LockHolderName:
    """What a holder says of itself in its application_name, as far as 63 bytes let it."""

    doing: str
    """`run ab12`, or `lock vacuumdb` for another program; the whole name where it is not one of ours."""
    who: str
    step: str


def lock_holder_name(application: str) -> LockHolderName:
    """The parts of a name that `shown_name` made. Pure."""
    name = re.fullmatch(r"bdr-console (\w+ \S+)(?: (?!step )(.*?))?(?: step (\S+))?", application.strip())
    if name is None:
        return LockHolderName(application.strip(), "", "")
    return LockHolderName(name[1], name[2] or "", name[3] or "")


class LockWatch:
    """Looks who holds the lock, again and again, through sessions that are open for other reading anyway."""

    def __init__(self, readers: Iterable[PostgresReader]) -> None:
        self._readers = tuple(readers)

    async def holders(self) -> tuple[Holder, ...]:
        """Who holds it now, by node; takes nothing, connects nowhere, and passes over silent nodes."""
        connected = (reader for reader in self._readers if reader.server_version)
        return await _seen_by(connected)


async def _seen_by(readers: Iterable[PostgresReader]) -> tuple[Holder, ...]:
    async def one(reader: PostgresReader) -> tuple[Holder, ...]:
        try:
            return await holders_on(reader)
        except LinkError:
            return ()

    return tuple(holder for found in await asyncio.gather(*map(one, readers)) for holder in found)


async def holders(settings: ClusterSettings) -> tuple[Holder, ...]:
    """Who holds the lock of this cluster now, by node; takes nothing, and passes over silent nodes."""
    factory = Links(settings, application_name="bdr-console look")
    links = factory.nodes(AdvisoryLink).values()
    try:
        return await _seen_by(links)
    finally:
        await asyncio.gather(*(link.close() for link in links))
        await factory.close()


def shown_name(doing: str, who: str, step: str) -> str:
    """`bdr-console run 3f2a alice@bastion1 step hold` in plain ASCII and within the 63 bytes that a server
    keeps; of `who` as much as fits."""
    before, after = f"bdr-console {doing} ", f" step {step}" if step else ""
    person = who.split(" from ", 1)[0]
    room = _LONGEST_NAME - len(before) - len(after)
    return re.sub(r"[^ -~]|['\\]", "_", f"{before}{person[: max(0, room)]}{after}")[:_LONGEST_NAME]


def describe(holder: Holder) -> str:
    """One line: what it is, from where, since when, and where that was seen."""
    doing = holder.application or f"a session of role {holder.role or 'unknown'}"
    return f"{doing}, from {holder.client}, since {holder.since} (pid {holder.pid} on {holder.node})"


def held_by(holder: Holder) -> ConsoleError:
    """The refusal of the second operator."""
    return ConsoleError(
        f"another operator is at work on this cluster: {describe(holder)}",
        "Let that run end, or abort it where it was started. The lock ends with its holder; if that host is "
        f"gone for good: SELECT pg_terminate_backend({holder.pid}) on {holder.node}.",
        LOCKED,
    )
