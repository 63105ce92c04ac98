"""How far a node's WAL reaches, and how far its peers have applied it; every engine gives the same. Pure."""

import re
from pathlib import Path

from bdr_console.cluster.nodes import PeerPosition, WalPositions
from bdr_console.engines.core.facts import Answers, text_or_none
from bdr_console.engines.core.statements import statement
from bdr_console.links.postgres import Unreadable

_HERE = Path(__file__).parent


def barrier_statement(server_version: str) -> str:
    """The one statement that a barrier sends to a server of that version (`15.4`, `9.4.12`); announced and
    journaled as it is here."""
    parts = re.match(r"(\d+)(?:\.(\d+))?", server_version)
    major, minor = (int(parts[1]), int(parts[2] or 0)) if parts else (10, 0)
    number = major * 10_000 + (minor * 100 if major < 10 else 0)
    lines = statement(_HERE, "barrier", number).splitlines()
    return " ".join(line for line in lines if not line.startswith("--")).removesuffix(";")


def position_statements(folder: Path, server_version: int) -> dict[str, str]:
    """The position of the WAL first, then the engine's own statement for its peers."""
    return {
        "wal": statement(_HERE, "wal", server_version),
        "positions": statement(folder, "positions", server_version),
    }


def wal_positions(answers: Answers) -> WalPositions | str:
    """The answers as types, or why they could not be read."""
    wal, peers = answers["wal"], answers["positions"]
    if isinstance(wal, Unreadable):
        return f"its WAL position could not be read: {wal.why}"
    if isinstance(peers, Unreadable):
        return f"the positions of its peers could not be read: {peers.why}"
    return WalPositions(
        str(wal[0]["insert_lsn"]),
        tuple(
            PeerPosition(
                text_or_none(row["target_name"]), bool(row["active"]), text_or_none(row["replay_lsn"])
            )
            for row in peers
        ),
    )
