"""BDR 1.0 as a stand-in over pglogical, set up through BDR's own functions."""

from bdr_console.lab.meshes.pglogical import Pglogical


class Bdr1(Pglogical):
    """Schema `bdr` with BDR 1.0's names; what replicates beneath is pglogical."""

    name = "BDR 1.0 (stand-in over pglogical 2)"
