"""Replication engines: what to ask a node, and what the rows mean. One folder each, its .sql beside it."""

from bdr_console.engines.core.positions import BARRIER
from bdr_console.engines.probe import Probe

__all__ = ["BARRIER", "Probe"]
