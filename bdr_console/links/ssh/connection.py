"""One SSH connection to one host: made when it is needed, made anew after a loss, watched while it lives."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable

import paramiko

from bdr_console import logs
from bdr_console.links.errors import NotReached, plain_words, remedy_for
from bdr_console.links.ssh.hosts import SshHost
from bdr_console.links.ssh.keys import KeyRing, offers, open_agent
from bdr_console.links.ssh.known import check, known
from bdr_console.links.ssh.transport import Refused, Transport
from bdr_console.links.ssh_route import Login

# What matters is raised; without a handler the rest would be written across the screen.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_FIRST = 12.0
"""Seconds that targets wait for the first connection to their host; later their own deadline holds."""
_CONNECT, _HELLO, _AUTHENTICATE = 6.0, 8.0, 10.0
_BACK_OFF = (1.0, 2.0, 5.0, 10.0)
"""Seconds before the next attempt after one, two, ... failures in a row."""
_ASK_EVERY, _ANSWER_WITHIN = 5.0, 5.0
"""Seconds between two signs of life asked for, and until the host counts as dead."""


class SshConnection:
    """The connection that all targets behind one host share. Every method may be called from any thread;
    those that wait say so."""

    def __init__(self, host: SshHost, ring: KeyRing, before: "SshConnection | None" = None) -> None:
        self.host = host
        self.before = before
        """The jump host's connection."""
        self.login: Login | None = None
        """How the host let us in last; None before the first time."""
        self.methods: dict[str, str] = {}
        """How UNIX sockets of the host are reached, by path; empty again after each connection."""
        self._ring = ring
        self._turn = threading.Condition()
        self._transport: Transport | None = None
        self._connecting = False
        self._doing = "connecting"
        self._closed = False
        self._met = False
        self._failure = NotReached("not connected yet")
        self._failures = 0
        self._again_at = 0.0

    def transport(self, patience: float) -> Transport:
        """The living connection; connects when there is none and waits, `patience` seconds or for the first
        time longer. Raises NotReached with what went wrong, at once while it waits for the next attempt."""
        with self._turn:
            if self._transport is not None and self._transport.is_active():
                return self._transport
            if self._closed:
                raise NotReached("the SSH connection was closed from here")
            if not self._connecting:
                if time.monotonic() < self._again_at:
                    raise self._failed()
                self._connecting, self._transport = True, None
                threading.Thread(target=self._connect, name=f"ssh {self.host.name}", daemon=True).start()
            patience = patience if self._met else max(patience, _FIRST)
            until = time.monotonic() + patience
            while self._connecting and (left := until - time.monotonic()) > 0:
                self._turn.wait(left)
            if self._transport is not None and self._transport.is_active():
                return self._transport
            if self._connecting:
                reason = f"{self.host.name}: still {self._doing} after {patience:.0f} s"
                raise NotReached(reason, f"Try `ssh {self.host.name}` by hand.")
            raise self._failed()

    def _failed(self) -> NotReached:
        """Anew each time: an exception that is raised again and again keeps every place it came by."""
        return NotReached(self._failure.reason, self._failure.remedy)

    def close(self) -> None:
        """End the connection with everything that goes through it. Waits for nobody."""
        with self._turn:
            self._closed = True
            transport, self._transport = self._transport, None
            self._turn.notify_all()
        if transport is not None:
            transport.close()

    def _connect(self) -> None:
        made: Transport | None = None
        try:
            made = self._made()
        except NotReached as error:
            failure = error
        except Exception as error:  # paramiko lets through what a strange server makes of it
            failure = NotReached(f"{self.host.name}: SSH failed: {type(error).__name__}: {error}"[:300])
            logs.swallowed(error, f"SSH to {self.host.name}")
        with self._turn:
            self._connecting = False
            if made is not None and not self._closed:
                self._transport, self._met, self._failures = made, True, 0
                self.methods = {}
                threading.Thread(
                    target=self._watch, args=(made,), name=f"ssh {self.host.name} alive", daemon=True
                ).start()
            elif made is None:
                self._failure = failure
                self._again_at = time.monotonic() + _BACK_OFF[min(self._failures, len(_BACK_OFF) - 1)]
                self._failures += 1
            self._turn.notify_all()
        if made is not None and self._closed:
            made.close()

    def _made(self) -> Transport:
        """A connection whose host is known and that has let us in; raises NotReached."""
        self._doing = "connecting"
        known_keys = known(self.host)
        transport = Transport(self.host.name, self._dialled())
        transport.banner_timeout = transport.handshake_timeout = _HELLO
        transport.auth_timeout = transport.channel_timeout = _AUTHENTICATE
        try:
            _prefer(transport, known_keys.types)
            self._hello(transport)
            check(self.host, transport.get_remote_server_key(), known_keys)
            self._let_in(transport)
        except BaseException:
            transport.close()
            transport.sock.close()
            raise
        return transport

    def _dialled(self) -> object:
        name = self.host.name
        if self.before is not None:
            try:
                return self.before.transport(_FIRST).open_tcp(self.host.host, self.host.port, _CONNECT)
            except Refused as error:
                reason = (
                    f"{name}: {self.before.host.name} did not connect to {self.host.host}: {error.reason}"
                )
                raise NotReached(reason, "Look whether it may (AllowTcpForwarding) and reaches it.") from None
        try:
            made = socket.create_connection((self.host.host, self.host.port), timeout=_CONNECT)
        except OSError as error:
            reason = (
                "timed out" if isinstance(error, TimeoutError) else (error.strerror or str(error)).lower()
            )
            raise NotReached(f"{name}: SSH to {self.host.address}: {reason}", remedy_for(reason)) from None
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return made

    def _hello(self, transport: Transport) -> None:
        try:
            transport.start_client(timeout=_HELLO)
        except (paramiko.SSHException, EOFError, OSError) as error:
            what = plain_words(str(error).strip().rstrip(".")) or "it hung up"
            raise NotReached(
                f"{self.host.name}: {self.host.address} does not speak SSH with us: {what.lower()}"[:300],
                f"Look what listens there, and try `ssh {self.host.name}` by hand.",
            ) from None

    def _let_in(self, transport: Transport) -> None:
        self._doing = "asking the SSH agent"
        agent = open_agent()
        tried = []
        try:
            for offer in offers(self.host, self._ring, agent):
                self._doing = "authenticating"
                try:
                    left = transport.auth_publickey(self.host.user, offer.key)
                except paramiko.BadAuthenticationType as error:
                    raise self._shut_out(f"it takes {' or '.join(error.allowed_types)}, no keys") from None
                except (paramiko.AuthenticationException, paramiko.SSHException, EOFError) as error:
                    tried.append(offer.login.source)
                    if not transport.is_active():
                        raise self._shut_out(f"it hung up after {', '.join(tried)} ({error})") from None
                    continue
                if left:
                    raise self._shut_out(f"besides a key it wants {' and '.join(left)}")
                self.login = offer.login
                return
        finally:
            if agent is not None:
                agent.close()
        raise self._shut_out(f"it accepted no key ({', '.join(tried) or 'there was none to offer'})")

    def _shut_out(self, why: str) -> NotReached:
        return NotReached(
            f"{self.host.name}: {self.host.address} did not let us in: {why}"[:300],
            "Name the right user and identity_file, load the key with ssh-add, or add its public half to "
            "authorized_keys there. Passwords are not used.",
        )

    def _watch(self, transport: Transport) -> None:
        """End a connection whose host does not answer any more: paramiko itself would wait for ever."""
        while transport.is_active():
            transport.join(_ASK_EVERY)
            if not transport.is_active():
                break
            answered = threading.Event()
            question = _Question(transport, answered.set)
            question.start()
            if not answered.wait(_ANSWER_WITHIN) and transport.is_active():
                transport.close()


class _Question(threading.Thread):
    """Asks the host for any answer; a refusal is one."""

    def __init__(self, transport: Transport, answered: Callable[[], None]) -> None:
        super().__init__(name="ssh question", daemon=True)
        self._transport, self._answered = transport, answered

    def run(self) -> None:
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._transport.global_request("keepalive@openssh.com", wait=True)
            self._answered()


def _prefer(transport: Transport, types: tuple[str, ...]) -> None:
    """Ask first for the kinds of host key that can be compared."""
    options = transport.get_security_options()
    wanted = [name for kind in types for name in _spellings(kind) if name in options.key_types]
    options.key_types = (*wanted, *(kind for kind in options.key_types if kind not in wanted))


def _spellings(kind: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)
