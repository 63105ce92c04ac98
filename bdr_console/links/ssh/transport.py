"""paramiko's transport, with channels to UNIX sockets of the other side and the words of a refusal."""

import threading
from typing import Any

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN

from bdr_console.links.errors import NotReached

_STREAMLOCAL = "direct-streamlocal@openssh.com"
_ANEW = "It is made anew by itself, as soon as the host answers."
_REMEMBERED = 10_000
"""Channels for which late messages may still come."""
_PROHIBITED = 1
"""SSH_OPEN_ADMINISTRATIVELY_PROHIBITED."""


class Refused(Exception):  # noqa: N818 - callers may have another way
    """The host did not open a channel; its text is the host's own reason, if it gave one."""

    def __init__(self, reason: str, *, prohibited: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.prohibited = prohibited


class Transport(paramiko.Transport):
    """One SSH connection. paramiko has no channels to UNIX sockets and drops the words of a refusal; both
    are added in the two places where messages pass, which are private: their tests watch over them."""

    def __init__(self, host: str, sock: Any) -> None:
        self._host = host
        self._opening = threading.local()
        self._refusals: dict[int, tuple[int, str]] = {}
        super().__init__(sock)

    def open_tcp(self, host: str, port: int, deadline: float) -> paramiko.Channel:
        """A channel to HOST:PORT as the other side sees it. Raises Refused, or NotReached when the
        connection is gone or silent for `deadline` seconds."""
        return self._open("direct-tcpip", deadline, target=(host, port))

    def open_unix(self, path: str, deadline: float) -> paramiko.Channel:
        """A channel to a UNIX socket of the other side; raises as `open_tcp`."""
        self._opening.path = path
        try:
            return self._open(_STREAMLOCAL, deadline)
        finally:
            self._opening.path = None

    def open_exec(self, command: str, deadline: float) -> paramiko.Channel:
        """A channel with a command's input and output; raises as `open_tcp`."""
        channel = self._open("session", deadline)
        channel.settimeout(deadline)
        try:
            channel.exec_command(command)
        except (paramiko.SSHException, OSError, EOFError):
            channel.close()
            raise Refused("it runs no commands for this user", prohibited=True) from None
        channel.settimeout(None)  # it may be silent for as long as it likes
        return channel

    def _open(self, kind: str, deadline: float, target: tuple[str, int] | None = None) -> paramiko.Channel:
        try:
            source = ("127.0.0.1", 0) if target else None
            channel = self.open_channel(kind, target, source, timeout=deadline)
        except (paramiko.SSHException, EOFError, OSError) as error:
            code, words = self._refusals.pop(getattr(self._opening, "number", -1), (0, ""))
            if not self.is_active():
                raise NotReached(f"{self._host}: the SSH connection broke off", _ANEW) from None
            if code == 0 and "Timeout" in str(error):
                raise NotReached(
                    f"{self._host}: no answer through SSH within {deadline:.1f} s", _ANEW
                ) from None
            raise Refused(words or "connect failed", prohibited=code == _PROHIBITED) from None
        channel.settimeout(None)
        # paramiko remembers every channel there ever was: a console that runs for weeks opens millions.
        self.channels_seen.pop(getattr(self._opening, "number", 0) - _REMEMBERED, None)
        return channel

    def _send_user_message(self, data: paramiko.Message) -> None:
        if data.asbytes()[:1] == cMSG_CHANNEL_OPEN:
            seen = paramiko.Message(data.asbytes()[1:])
            seen.get_text()
            self._opening.number = seen.get_int()
            if path := getattr(self._opening, "path", None):
                data.add_string(path)
                data.add_string("")
                data.add_int(0)
        super()._send_user_message(data)  # type: ignore[misc]

    def _parse_channel_open_failure(self, m: paramiko.Message) -> None:
        seen = paramiko.Message(m.get_remainder())
        number, code, words = seen.get_int(), seen.get_int(), seen.get_text()
        self._refusals[number] = (code, " ".join(words.split())[:200].lower())
        super()._parse_channel_open_failure(m)  # type: ignore[misc]
