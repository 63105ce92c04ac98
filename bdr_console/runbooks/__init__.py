"""Guided changes: a plan of steps, checked, carried out by a process of its own, and journaled."""

__all__ = ["locks", "operator_lock"]
"""The modules that other rooms may use."""
