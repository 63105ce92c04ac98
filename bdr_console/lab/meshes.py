"""What the rest of the lab asks of whatever replicates between its nodes, and which engine offers it."""

from collections.abc import Mapping
from typing import Protocol

from bdr_console.errors import ConsoleError
from bdr_console.lab.bucardo_mesh import BucardoMesh
from bdr_console.lab.layout import Layout, NodeLayout
from bdr_console.lab.native_mesh import NativeMesh
from bdr_console.lab.pglogical_mesh import Bdr1Mesh, Bdr3Mesh, PglogicalMesh


class LabMesh(Protocol):
    """Multi-master replication between all nodes, both ways."""

    name: str
    """What it is, for people."""
    control: str | None
    """The server with a control database, where there is one."""
    per_link: bool
    """Whether one link can be paused alone; else all are paused together."""

    def install(self, layout: Layout, node: NodeLayout) -> None:
        """Make `node` ready to replicate, before any other is asked for anything. Its roles and its database
        are there."""

    def form(self, layout: Layout) -> None:
        """Connect the nodes, create the load's tables everywhere; it may return before their rows arrive."""

    def troubles(self, layout: Layout) -> str:
        """What the nodes say is wrong with replication; empty when every link replicates."""

    def pause(self, layout: Layout, origin: str, receiver: str) -> None:
        """Have nothing applied on that link, and return when it is so."""

    def resume(self, layout: Layout, origin: str, receiver: str) -> None:
        """End that; harmless when nothing is paused."""

    def set_delay(self, layout: Layout, origin: str, receiver: str, milliseconds: int) -> None:
        """Apply everything so late on that link (0: at once); raises ConsoleError where that cannot be."""

    def end_delays(self, layout: Layout) -> None:
        """End every delay."""

    def restart(self, layout: Layout) -> None:
        """Enable what is disabled and restart what is down, on every node."""

    def forget_conflicts(self, layout: Layout) -> None:
        """Set aside what the servers keep of conflicts so far; they are repaired or were made on purpose."""

    def caught_up(self, layout: Layout, node: NodeLayout) -> bool:
        """Whether every peer is connected and has applied all but the last moment of what `node` wrote."""


MESHES: Mapping[str, LabMesh] = {
    "bdr3": Bdr3Mesh(),
    "bdr1": Bdr1Mesh(),
    "pglogical": PglogicalMesh(),
    "native": NativeMesh(),
    "bucardo": BucardoMesh(),
}


def mesh_of(engine: str) -> LabMesh:
    """The mesh of that engine; raises ConsoleError that lists the known ones."""
    if engine not in MESHES:
        raise ConsoleError(f"the lab knows no engine '{engine}'", f"Known: {', '.join(MESHES)}.")
    return MESHES[engine]
