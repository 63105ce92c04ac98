"""A rehearsal cluster of real PostgreSQL, HAProxy and PgBouncer on loopback."""

from bdr_console.lab.pgbench import Stall
from bdr_console.lab.processes import ProcessState
from bdr_console.lab.running_lab import Lab, temporary, up
from bdr_console.lab.workload import LoadResult, NodeCount

__all__ = ["Lab", "LoadResult", "NodeCount", "ProcessState", "Stall", "temporary", "up"]
