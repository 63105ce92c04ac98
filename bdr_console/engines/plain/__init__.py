"""Any PostgreSQL: its slots and native subscriptions. Who is a member of what, it cannot say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Answers, Reading, common_statements
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement
from bdr_console.engines.engine import Kind
from bdr_console.engines.identity import Identity

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Plain:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int

    def statements(self) -> Mapping[str, str]:
        """Slots, and from PostgreSQL 10 on subscriptions."""
        names = ("slots", "subscriptions") if self.server_version_num >= 100000 else ("slots",)
        own = {name: statement(_HERE, name, self.server_version_num) for name in names}
        return {**common_statements(self.server_version_num), **own}

    def seldom(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types; slots name no node, because their names mean nothing we know."""
        reading = Reading(answers)
        return replace(
            reading.node(self.name, self.server_version),
            subscriptions=tuple(_subscription(row) for row in reading.rows("subscriptions")),
            unread=tuple(reading.unread),
        )


def _subscription(row: Mapping[str, Any]) -> Subscription:
    status = "disabled" if not row["subenabled"] else "replicating" if row["pid"] else "down"
    return Subscription(
        clean(row["subname"], 200), "unknown", row["subenabled"], status, apply_pid=row["pid"]
    )


def _make(found: Identity, _version: str | None) -> Plain:
    name = f"PostgreSQL {found.server_version}"
    if found.extensions:
        name += " with " + ", ".join(f"{extension} {at}" for extension, at in found.extensions.items())
    return Plain(name, found.server_version, found.server_version_num)


KIND = Kind("plain", lambda _: True, _make)
