"""A rehearsal cluster of real PostgreSQL, HAProxy and PgBouncer on loopback."""

from bdr_console.lab.lab import Lab, temporary, up
from bdr_console.lab.load import LoadResult, NodeCount
from bdr_console.lab.pgbench import Stall
from bdr_console.lab.processes import ProcessState

__all__ = ["Lab", "LoadResult", "NodeCount", "ProcessState", "Stall", "temporary", "up"]
