"""Any PostgreSQL: its slots. Who is a member of what, it cannot say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.engines.core.facts import Answers, Reading, common_seldom, common_statements
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import CORE, statement
from bdr_console.engines.engine import Identity, Kind

__all__ = ["KIND", "Plain", "plain_name"]


@dataclass(frozen=True, slots=True)
class Plain:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int

    def statements(self) -> Mapping[str, str]:
        """Slots."""
        version = self.server_version_num
        return {**common_statements(version), "slots": statement(CORE, "slots", version)}

    def seldom(self) -> Mapping[str, str]:
        """Nothing of its own."""
        return common_seldom(self.server_version_num)

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(CORE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types; slots name no node, because their names mean nothing we know."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        return replace(node, unread=tuple(reading.unread))


def plain_name(found: Identity) -> str:
    """`PostgreSQL 15.18`, and the engines' extensions that are there without being used."""
    name = f"PostgreSQL {found.server_version}"
    if found.extensions:
        name += " with " + ", ".join(f"{extension} {at}" for extension, at in found.extensions.items())
    return name


def _make(found: Identity, _version: str | None) -> Plain:
    return Plain(plain_name(found), found.server_version, found.server_version_num)


KIND = Kind("plain", lambda _: True, _make)
