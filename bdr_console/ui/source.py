"""Where snapshots come from, as the screen sees it: a monitor, a recording, or a test's list."""

from collections.abc import AsyncIterator
from typing import Protocol

from bdr_console.cluster.snapshot import Snapshot


class SnapshotSource(Protocol):
    """Hands out snapshots; the screen asks it nothing else."""

    def updates(self) -> AsyncIterator[Snapshot]:
        """Snapshots as they become known; the first ones may hold targets that were not read yet."""

    def refresh_now(self) -> None:
        """Read every target now instead of at its next turn."""

    def set_refresh(self, seconds: float) -> None:
        """Read every target this often from now on."""

    async def close(self) -> None:
        """Stop reading; returns promptly even when a server is silent."""
