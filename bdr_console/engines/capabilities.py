"""What each engine and version can do, and why it cannot do the rest. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.engines.bdr1 import capabilities as bdr1
from bdr_console.engines.bdr3 import capabilities as bdr3
from bdr_console.engines.bucardo import capabilities as bucardo
from bdr_console.engines.capability import Act, Capability, Unavailable, Version, placeholders, render
from bdr_console.engines.native import capabilities as native
from bdr_console.engines.pgactive import capabilities as pgactive
from bdr_console.engines.pglogical import capabilities as pglogical
from bdr_console.engines.plain import capabilities as plain
from bdr_console.engines.spock import capabilities as spock

_ENGINES: Mapping[str, Callable[[Version], Iterable[Capability | Unavailable]]] = {
    "bdr1": bdr1.capabilities,
    "bdr3": bdr3.capabilities,
    "pgactive": pgactive.capabilities,
    "pglogical": pglogical.capabilities,
    "spock": spock.capabilities,
    "native": native.capabilities,
    "bucardo": bucardo.capabilities,
    "plain": plain.capabilities,
}


def parse_version(text: str | None) -> Version:
    """`1.0.3.1-2018-...` or `16.4 (Debian ...)` as numbers; empty when there are none."""
    found = re.match(r"\d+(\.\d+)*", text or "")
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def capabilities(word: str, version: str | None) -> Mapping[Act, Capability | Unavailable]:
    """Every act of the engine of that word: how it is done, or why it is not available.

    `version` is the engine's own word for it, or the server's where the engine is PostgreSQL itself. While it
    is not known, acts that differ between versions are not available.
    """
    known = _ENGINES.get(word)
    if known is None:
        return {act: Unavailable(act, f"the console knows no statements for {word}") for act in Act}
    found = {item.act: item for item in known(parse_version(version))}
    return {act: found.get(act) or Unavailable(act, f"{word} has nothing of the kind") for act in Act}


def with_resume_statements(word: str, facts: NodeFacts) -> NodeFacts:
    """Return the same facts with the engine's own statement for all apply that somebody stopped."""
    if not (facts.apply_paused or any(one.is_off for one in facts.subscriptions)):
        return facts
    # Of no version: Spock 6 resumes a whole node that way, and what is disabled is a subscription.
    resume = capabilities(word, None)[Act.RESUME]
    if isinstance(resume, Unavailable):
        return facts
    text = next(statement.text for statement in resume.statements if not statement.until)
    if set(placeholders(text)) - {"subscription"}:
        return facts  # a sync of Bucardo: paused or deactivated, each has its own way back
    by_name = "subscription" in placeholders(text)

    def enabled(one: Subscription) -> Subscription:
        return replace(one, enable=render(text, {"subscription": one.name})) if one.is_off else one

    return replace(
        facts,
        resume_apply="" if by_name or not facts.apply_paused else text,
        subscriptions=tuple(enabled(one) for one in facts.subscriptions),
    )
