"""The SSH connections of this process: one per host, ended when the last who needs it lets go."""

import threading

from bdr_console.links.ssh.connection import SshConnection
from bdr_console.links.ssh.hosts import SshHost
from bdr_console.links.ssh.keys import KeyRing

_turn = threading.RLock()
_held: dict[SshHost, tuple[SshConnection, int]] = {}
RING = KeyRing()
"""The keys that this process has unlocked."""


def take(host: SshHost) -> SshConnection:
    """The connection to a host, with those to its jump hosts; not made before it is used. Whoever takes it
    gives it back with `let_go`."""
    with _turn:
        connection, count = _held.get(host, (None, 0))
        if connection is None:
            before = take(host.through) if host.through else None
            connection = SshConnection(host, RING, before)
        _held[host] = (connection, count + 1)
        return connection


def let_go(connection: SshConnection) -> None:
    """One who took it needs it no longer."""
    with _turn:
        known, count = _held.get(connection.host, (None, 0))
        if known is not connection:
            return
        if count > 1:
            _held[connection.host] = (connection, count - 1)
            return
        del _held[connection.host]
        connection.close()
        if connection.before is not None:
            let_go(connection.before)
