"""The states of one direction between two nodes."""

from enum import StrEnum


class LinkState(StrEnum):
    """The state of one direction between two nodes."""

    STREAMING = "streaming"
    CATCHUP = "catching up"
    PAUSED = "paused"
    DOWN = "down"
    UNKNOWN = "unknown"
