"""Replication engines: what to ask a node, and what the rows mean. One folder each, its .sql beside it."""

from bdr_console.engines.core.positions import barrier_statement
from bdr_console.engines.probe import Probe

__all__ = ["Probe", "barrier_statement"]
