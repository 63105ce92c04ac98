"""What is kept of a cluster's story between consoles: the event log, and who acknowledged which alarm.

Files only, private to the user. Nothing here loads the screen or speaks to a server.
"""

from bdr_console.event_store.acks import AckFile
from bdr_console.event_store.log import EventLog
from bdr_console.event_store.record import Record
from bdr_console.event_store.store import EventStore

__all__ = ["AckFile", "EventLog", "EventStore", "Record"]
