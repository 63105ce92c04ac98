"""Both files of one cluster, and the name under which this console writes to them."""

import os

from bdr_console.event_store.acks import AckFile
from bdr_console.event_store.log import EventLog
from bdr_console.paths import who


class EventStore:
    """What is kept of one cluster's story; its methods and those of its parts may block for a moment."""

    def __init__(self, cluster: str, *, whose: str | None = None) -> None:
        """`whose`: user@host, this user's when left out."""
        self.who = whose if whose is not None else who()
        self.by = f"{self.who}:{os.getpid()}"
        self.log = EventLog(cluster)
        self.acks = AckFile(cluster)
