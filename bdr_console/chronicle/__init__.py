"""What is kept of a cluster's story between consoles: the event log, and who acknowledged which alarm.

Files only, private to the user. Nothing here loads the screen or speaks to a server.
"""

from bdr_console.chronicle.acks import AckFile
from bdr_console.chronicle.chronicle import Chronicle
from bdr_console.chronicle.log import EventLog
from bdr_console.chronicle.record import Record

__all__ = ["AckFile", "Chronicle", "EventLog", "Record"]
