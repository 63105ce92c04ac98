"""Nodes that are out of service on purpose: what the runs under way are about, handed to the judgement."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """One run that is under way on one node."""

    node: str
    run: str
    """Its id, short: what a command takes."""
    who: str
    """user@host."""
    holds: bool = False
    """Whether it waits for the operator with the node out of service; else it is on its way there or back."""
